"""Differences of quality between groups of patients, and whether RCA finds them."""
