"""Geometry of meshes: parts and their surfaces, quality, contraction, and cuts by image planes."""
