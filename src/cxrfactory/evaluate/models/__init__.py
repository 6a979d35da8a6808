"""Trained models against labelled images: measures, comparisons, audits."""
