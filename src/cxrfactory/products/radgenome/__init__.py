"""The product `results/radgenome`: radiographs projected from CT, with masks of every structure."""
