"""Meshes of cases: one row, masks and mesh files of each, from the positions that a network predicted."""
