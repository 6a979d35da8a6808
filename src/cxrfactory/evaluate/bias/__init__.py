"""Differences in mask quality between patient groups, and whether RCA detects them."""
