"""Training of networks on labelled radiographs."""
