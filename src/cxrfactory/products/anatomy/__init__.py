"""Masks of anatomical structures of real films, as ``segment --anatomy`` writes them, opened for reading."""
