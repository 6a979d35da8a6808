"""The product `results/roots`."""
