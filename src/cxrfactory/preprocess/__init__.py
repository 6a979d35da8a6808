"""Radiograph files to image shards, with one reversible geometry record an image."""
