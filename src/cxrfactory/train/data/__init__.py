"""Training data: labelled images in memory, augmentation, balancing, and shapes of other people."""
