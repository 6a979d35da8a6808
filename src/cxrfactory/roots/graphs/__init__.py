"""From the masks of plates to graphs over time, and their files."""
