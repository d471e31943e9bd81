"""Open a model, find its decoder layers, describe it."""
