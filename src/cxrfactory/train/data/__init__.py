"""What networks learn from: labelled images in memory, augmentation, balance, shapes of other people."""
