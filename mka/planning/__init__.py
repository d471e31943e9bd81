"""Strategies that propose merge plans, and what a plan saves."""
