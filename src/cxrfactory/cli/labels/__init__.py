"""Commands that make labelled sets: `python -m cxrfactory label ...`."""
