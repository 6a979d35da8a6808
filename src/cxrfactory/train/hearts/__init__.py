"""Training of the networks that predict meshes of hearts."""
