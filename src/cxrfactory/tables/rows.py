"""The type of a table row before it is written."""

Row = dict[str, float | int | str | bool | None]  # column to value; None is an empty cell
