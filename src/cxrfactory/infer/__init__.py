"""Image shards, files or folders to landmarks with uncertainty."""
