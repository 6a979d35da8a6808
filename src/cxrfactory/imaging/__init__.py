"""Imaging: reading of radiographs and volumes, reversible geometry, grey values and drawing."""
