"""Train a segmenter: the loop, its tasks, validation, early stopping, curves."""
