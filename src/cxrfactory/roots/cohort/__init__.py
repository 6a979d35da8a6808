"""Virtual plates: growth of root systems, and pictures of them with exact masks, graphs and traits."""
