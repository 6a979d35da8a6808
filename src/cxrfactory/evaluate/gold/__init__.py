"""Technical validation, tier 1: a gold standard of manually corrected landmarks, and comparisons with it."""
