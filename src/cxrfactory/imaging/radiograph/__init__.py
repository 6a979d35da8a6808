"""Radiograph files to arrays: reading, screening, grey values, preparation."""
