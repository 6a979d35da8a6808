"""Train Post-DAE, which makes masks of any segmenter plausible."""
