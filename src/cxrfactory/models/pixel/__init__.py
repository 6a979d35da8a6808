"""Pixel segmenters: from a radiograph to one map of logits per organ (independent sigmoids, not a softmax)."""
