"""The public Python interface, which ``import cxrfactory`` offers. Each object is imported when it is first used."""
