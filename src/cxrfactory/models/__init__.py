"""Segmentation networks, from input tensors to output tensors, and the objects that run them on images."""

from cxrfactory.models.registry import ModelKind, build_model, model_kind, model_names

__all__ = ["ModelKind", "build_model", "model_kind", "model_names"]
