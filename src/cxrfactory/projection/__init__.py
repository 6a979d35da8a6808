"""Projection of CT volumes to radiographs, on NumPy arrays and PyTorch tensors."""
