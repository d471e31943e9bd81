"""The studio's router: page config, navigation, shared sidebar. Run by `mka studio` or `streamlit run app.py`."""

from __future__ import annotations

import streamlit as st

from mka.assets import asset
from mka.studio.frame.job_strip import job_strip
from mka.studio.frame.sidebar import sidebar
from mka.studio.frame.style import own_rules
from mka.studio.visits import session
from mka.studio.visits.address import said
from mka.studio.visits.browser import address_bar, copy_link

ICON = str(asset("icon.png"))


def first_page() -> None:
    """The address without a page: go to the picture. Every screen keeps an address of its own this way."""
    st.switch_page("pages/explore.py")


def lost_page() -> None:
    """An address of no page: say so on the first one."""
    session.notify("refused", f"There is no page {said(asked)} here; this is the Explore page.")
    first_page()


st.set_page_config(page_title="MKA studio", page_icon=ICON, layout="wide")
st.logo(str(asset("logo.svg")), size="large", icon_image=ICON)
session.begin()

pages = [
    st.Page(first_page, title="Start", default=True, visibility="hidden"),
    st.Page("pages/model.py", title="Model", icon=":material/deployed_code:", url_path="model"),
    st.Page("pages/explore.py", title="Explore", icon=":material/grid_on:", url_path="explore"),
    st.Page("pages/manifold.py", title="Manifold", icon=":material/scatter_plot:", url_path="manifold"),
    st.Page("pages/layers.py", title="Layers", icon=":material/conversion_path:", url_path="layers"),
    st.Page("pages/plan.py", title="Plan", icon=":material/call_merge:", url_path="plan"),
    st.Page("pages/evaluate.py", title="Evaluate", icon=":material/query_stats:", url_path="evaluate"),
    st.Page("pages/runs.py", title="Runs", icon=":material/leaderboard:", url_path="runs"),
    st.Page("pages/export.py", title="Export", icon=":material/file_export:", url_path="export"),
    st.Page("pages/guide.py", title="Guide", icon=":material/menu_book:", url_path="guide"),
]
asked = session.unknown_page(page.url_path for page in pages)
if asked:
    pages.append(st.Page(lost_page, title="Lost", url_path=asked, visibility="hidden"))
navigation = st.navigation(pages)
wanted = st.session_state.pop(session.WANTED, None)
if wanted is not None:
    page, query = wanted
    st.switch_page(page, query_params=session.here().among(query))
if not asked:
    session.arrive(navigation.url_path)
own_rules()
address_bar()
sidebar()
copy_link()
job_strip()  # last in the sidebar, so that nothing there moves when a job begins or ends
navigation.run()
