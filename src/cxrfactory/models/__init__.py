"""Segmentation networks: tensors in, tensors out."""

from cxrfactory.models.registry import ModelKind, build_model, model_kind, model_names

__all__ = ["ModelKind", "build_model", "model_kind", "model_names"]
