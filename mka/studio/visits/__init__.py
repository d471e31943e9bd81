"""Whose work it is: the visit of one browser session, its address, and what lies on its desk."""
