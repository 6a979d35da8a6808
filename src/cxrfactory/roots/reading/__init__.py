"""Reading of plates: pictures in the order of time, scale, shifts, plants and groups."""
