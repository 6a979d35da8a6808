"""Commands that rules call: `python -m cxrfactory stage ...`."""
