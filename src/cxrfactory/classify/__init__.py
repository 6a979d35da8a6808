"""Classifiers on original and on lung-segmented radiographs: does cutting out the lungs help? (CXLSeg, section VI)."""
