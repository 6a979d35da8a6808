"""The product `results/chexmask`: landmarks, masks and quality scores of every frontal radiograph."""
