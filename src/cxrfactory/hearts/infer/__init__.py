"""Prepare the pictures of hearts, and predict their meshes."""
