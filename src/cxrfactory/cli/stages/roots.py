"""Commands of the steps to the graphs of roots."""
