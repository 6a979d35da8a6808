"""Measurements of masks: rows with value, unit, points, grade and interval (results/measure)."""
