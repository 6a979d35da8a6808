"""Study of CXLSeg, section VI: compare classifiers on original radiographs and on radiographs with segmented lungs."""
