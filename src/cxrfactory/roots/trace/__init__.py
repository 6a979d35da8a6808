"""Single pictures of plates to graphs of roots: RSML, traits and overlays."""
