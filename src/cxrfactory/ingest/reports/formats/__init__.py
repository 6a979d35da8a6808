"""Formats of reports, one module each: its function ``read`` converts a source to studies with their sections."""
