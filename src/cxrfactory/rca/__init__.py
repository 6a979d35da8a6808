"""Reverse classification accuracy: mask quality without ground truth."""
