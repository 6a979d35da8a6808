"""The landmark models that HybridGNet is compared with: fully connected, PCA, multi-atlas."""
