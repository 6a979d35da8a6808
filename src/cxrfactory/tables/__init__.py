"""Tables and their bytes: Parquet and CSV schemas, RLE, shards, atomic writing, weights files."""
