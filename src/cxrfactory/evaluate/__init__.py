"""Comparisons of predictions with the truth: tables and plots."""
