"""Plates of roots over time to labelled graphs and traits (ChronoRoot): the stages behind `results/roots`."""
