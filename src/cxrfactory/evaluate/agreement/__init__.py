"""Agreement of two tables: grades of measurements with those of reports, and measured with true values."""
