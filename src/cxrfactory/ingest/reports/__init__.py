"""Convert the reports of a release to one table of sections with one row per study."""
