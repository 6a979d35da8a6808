"""Products against the truth, and the distribution of their RCA scores."""
