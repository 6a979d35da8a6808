"""Training of Post-DAE, which corrects the masks of any segmenter to plausible ones."""
