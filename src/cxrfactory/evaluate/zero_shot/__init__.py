"""Test a network of structures on real films that it was not trained on: by drawn truth, and by plausibility."""
