"""Support for the Snakefile: the map of results, and the plan that a config describes."""
