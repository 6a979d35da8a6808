"""Commands that write a product in other formats: `python -m cxrfactory export ...`."""
