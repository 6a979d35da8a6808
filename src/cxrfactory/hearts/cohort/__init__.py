"""The virtual cohort of hearts: random shapes of the template, their contraction, and their MR images."""
