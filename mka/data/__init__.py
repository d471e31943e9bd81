"""Calibration text and four-choice questions."""
