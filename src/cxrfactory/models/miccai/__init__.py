"""The first HybridGNet (Gaggion et al., MICCAI 2021), its dual models, and the autoencoders that they start from."""
