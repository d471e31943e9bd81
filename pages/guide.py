"""Guide: what the pictures and figures mean, a page per topic."""

from __future__ import annotations

import streamlit as st

from mka.studio.guide import guide_view
from mka.studio.guide.guide import topics
from mka.studio.visits import session

session.guard("pages/guide.py")
title = st.container()
topic = guide_view.choose(topics())
title.title(topic.title, anchor=False)
guide_view.show(topic)
