"""Train the registration network of deep RCA."""
