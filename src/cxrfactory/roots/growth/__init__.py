"""Growth over time, and comparison of groups of plants."""
