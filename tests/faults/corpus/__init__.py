"""Malformed and odd inputs made by code: one module a family, each with ``CASES``."""
