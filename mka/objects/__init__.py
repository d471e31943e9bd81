"""The result objects of the steps: frozen dataclasses over numpy arrays, no torch, no streamlit.

Figures draw them, files hold them, the command line prints them.
"""
