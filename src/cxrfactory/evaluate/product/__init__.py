"""Comparison of products with the truth, and the distribution of their RCA scores."""
