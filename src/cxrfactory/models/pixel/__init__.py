"""Pixel segmenters: a radiograph in, one map of logits an organ out, each organ on its own (sigmoid, not softmax)."""
