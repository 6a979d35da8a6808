"""The Python door: what ``import cxrfactory`` offers. Each public object is imported when it is first used."""
