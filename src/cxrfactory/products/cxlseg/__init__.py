"""The product `results/cxlseg`: lung-segmented radiographs with reports and splits."""
