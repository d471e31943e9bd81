"""Merging that lands: weights, receipts, checkpoints."""
