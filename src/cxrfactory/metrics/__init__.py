"""Overlap, distance and landmark metrics on arrays."""
