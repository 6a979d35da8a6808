"""Networks that find roots in pictures, their application in tiles, and the dense conditional random field."""
