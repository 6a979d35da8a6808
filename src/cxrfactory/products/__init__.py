"""Results to published formats, with every invariant checked."""
