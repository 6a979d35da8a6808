"""What the Snakefile asks: the map of results, and the plan that a config describes."""
