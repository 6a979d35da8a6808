"""Comparison of root systems with the truth."""
