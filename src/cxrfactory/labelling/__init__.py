"""Masks, outlines and the factory's own output to labelled tables that training reads."""
