"""Training of a segmenter: the loop, its tasks, validation, early stopping and curves."""
