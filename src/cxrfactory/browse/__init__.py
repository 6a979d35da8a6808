"""A browser for finished products: a page on this computer, and the server behind it."""
