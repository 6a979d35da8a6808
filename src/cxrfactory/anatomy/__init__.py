"""Landmark graphs, contours and masks."""
