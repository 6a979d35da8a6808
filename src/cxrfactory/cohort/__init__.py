"""The embedded default: a virtual cohort from one real chest CT, written as releases and a labelled set."""
