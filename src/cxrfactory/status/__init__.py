"""Progress of a product, and whether its existing files are intact; the results are read and never written."""
