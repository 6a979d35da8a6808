"""The product `results/chexmask`: landmarks, masks and quality of every frontal radiograph."""
