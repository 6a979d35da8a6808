"""Predictions against truth: tables and plots."""
