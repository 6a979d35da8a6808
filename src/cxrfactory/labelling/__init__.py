"""Convert masks, outlines and the factory's own output to labelled tables for training."""
