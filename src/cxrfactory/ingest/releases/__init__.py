"""One small module a release: where its table is, how rows become manifest rows, which are frontal."""
