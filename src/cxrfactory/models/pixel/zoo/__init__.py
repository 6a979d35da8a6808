"""The 19 architectures of the RadGenome-Anatomy benchmark as pixel segmenters, one module each; weights are random."""
