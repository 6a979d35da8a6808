"""Hospital releases and labelled sets to manifests: every row kept or excluded with its reason."""
