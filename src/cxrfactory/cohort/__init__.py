"""The embedded default data: virtual patients from one real chest CT, written as releases and a labelled set."""
