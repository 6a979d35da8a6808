"""Commands that a person also types; rules call some of them."""
