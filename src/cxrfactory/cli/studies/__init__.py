"""Commands that run studies: `python -m cxrfactory study ...`."""
