"""The landmark models that HybridGNet is compared with: fully connected, PCA and multi-atlas."""
