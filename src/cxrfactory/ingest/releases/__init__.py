"""Release layouts, one module each: paths of the tables, conversion of rows to manifest rows, and frontal views."""
