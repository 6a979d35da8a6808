"""Image registration on arrays."""
