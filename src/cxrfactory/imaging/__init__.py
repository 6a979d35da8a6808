"""Radiograph files to arrays, reversible geometry, intensity, overlays."""
