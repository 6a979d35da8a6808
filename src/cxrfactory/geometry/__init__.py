"""Measurements of anatomy from masks and landmarks: ratios, angles and distances, each with its points.

Nothing here is learned, and every result depends on its arguments alone. The masks are runs of pixels
(:mod:`cxrfactory.geometry.runs`), so a table of run-length texts is measured without unpacking it.
"""
