"""HybridVNet: from the image planes of a heart to the nodes of a surface or tetrahedral mesh."""
