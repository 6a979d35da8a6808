"""Training of the registration network of deep RCA."""
