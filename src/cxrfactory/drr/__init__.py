"""Project CT studies to PA and lateral radiographs with the masks of every structure."""
