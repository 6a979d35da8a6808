"""Conversion of radiograph files to arrays: reading, screening, grey values and preparation."""
