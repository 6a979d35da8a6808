"""Prediction of landmarks with uncertainty for image shards, files or folders."""
