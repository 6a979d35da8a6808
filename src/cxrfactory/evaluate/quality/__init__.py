"""Calibrated estimates of mask quality: fitted to several hospitals, and sharpened with films of one's own."""
