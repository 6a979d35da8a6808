"""Convert hospital releases and labelled sets to manifests, in which every excluded row has a reason."""
