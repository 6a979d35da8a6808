"""Registration of images given as arrays."""
