"""Graphs of root systems: from masks to labelled graphs, their tracking over time, and traits."""
