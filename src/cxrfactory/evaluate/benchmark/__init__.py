"""The benchmark of many networks on projected anatomy: scores by image and structure, tables, pairs, figures."""
