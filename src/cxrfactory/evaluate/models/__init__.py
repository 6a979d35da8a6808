"""Evaluation of trained models on labelled images: measures, comparisons, audits."""
