"""Hearts: cardiac MR views to surface and tetrahedral meshes (HybridVNet; docs/hearts.md)."""
