"""Segmentation networks: tensors in, tensors out."""
