"""File formats: Parquet and CSV tables with their schemas, RLE, shards, atomic writing and weights files."""
