"""Estimates of the true Dice of a model's own masks from signals of the model, with intervals for a new hospital."""
