"""Convert radiograph files to image shards with one reversible geometry record per image."""
