"""List a folder of one's own, with or without a table, as the rows of a manifest."""
