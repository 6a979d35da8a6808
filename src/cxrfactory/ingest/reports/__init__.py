"""Reports of a release to one table of sections, a row a study."""
