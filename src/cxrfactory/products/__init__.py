"""Packing of results into published formats, with a check of every invariant."""
