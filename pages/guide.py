"""Guide: what the pictures and figures mean, a page per topic."""

from __future__ import annotations

import streamlit as st

from mka.studio import guide_view, session
from mka.studio.guide import topics

session.guard("pages/guide.py")
known = topics()
topic = guide_view.choose(known)
st.title(topic.title, anchor=False)
guide_view.show(topic)
