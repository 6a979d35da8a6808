"""Masks of many anatomical structures for files and folders of radiographs, written as a small product."""
