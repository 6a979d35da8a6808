"""Commands of studies: `python -m cxrfactory study ...`."""
