"""Labelled radiographs to weights."""
