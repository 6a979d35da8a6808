"""Training of the networks that find roots."""
