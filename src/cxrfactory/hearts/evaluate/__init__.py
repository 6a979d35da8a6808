"""Compare the meshes of networks with true meshes: nodes, masks in the slices, volumes, quality of the tetrahedra."""
