"""Technical validation, tier 1: a gold standard made by correcting the product's landmarks, and tables against it."""
