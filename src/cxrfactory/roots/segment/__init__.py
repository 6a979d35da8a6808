"""Finding of roots in the pictures of plates."""
