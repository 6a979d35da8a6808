"""Commands that only rules call: `python -m cxrfactory stage ...`."""
