"""Many overlapping structures from one pixel network: masks, the view of the film, and a confidence for each mask."""
