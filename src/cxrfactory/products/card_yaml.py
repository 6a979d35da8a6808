"""Write the head of a card: YAML by which the Hugging Face libraries load a product, and the lines that show how.

The keys are those of dataset cards (huggingface.co/docs/hub/datasets-cards). ``configs`` says which files each name
loads, ``dataset_info`` gives the type of every column, so that no reader has to guess them. YAML is written by PyYAML,
which quotes names that would otherwise be numbers, dates or truth values, such as ``1.0`` or ``no``.
"""

from typing import Any

import pyarrow as pa
import yaml

from cxrfactory.products.described import PICTURE, DescribedTable, Description

# Upper ends of the classes of size that the Hub knows, with their names.
_SIZES = (
    (1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"), (10_000_000, "1M<n<10M"),
)  # fmt: skip
_LARGEST = "10M<n<100M"


class _Dumper(yaml.SafeDumper):
    """Writer without anchors, and with lists indented below their keys."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        return super().increase_indent(flow, False)


def front_matter(description: Description) -> str:
    """Return the YAML head of a card, between two lines of three dashes.

    The licence is always ``other``: a product is derived from releases whose licences bind it, and the card names them.
    """
    configs = [each for each in description.configs if each.rows]
    head: dict[str, Any] = {
        "pretty_name": description.title,
        "license": "other",
        "license_name": "licences-of-the-sources",
        "task_categories": ["image-segmentation"],
        "tags": list(description.tags),
        "size_categories": [_size(max((each.rows for each in configs), default=0))],
    }
    if configs:
        head["configs"] = [_config(each, default=number == 0) for number, each in enumerate(configs)]
        head["dataset_info"] = [{"config_name": each.name, "features": features(each.schema)} for each in configs]
    text = yaml.dump(head, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return f"---\n{text}---\n\n"


def load_section(description: Description) -> str:
    """Return the section of a card that shows how to load the product; it is empty for a product without rows."""
    configs = [each for each in description.configs if each.rows]
    if not configs:
        return ""
    lines = ["", "## Load", "", "```python", "from datasets import load_dataset", ""]
    for each in configs:
        lines.append(f'load_dataset("path/to/{description.kind}", "{each.name}")  # {each.rows:,} rows')
    for each in (table for table in description.tables if table.rows):
        path = next(iter(each.splits.values()))
        lines.append(f'load_dataset("parquet", data_files="path/to/{description.kind}/{path}")  # {each.rows:,} rows')
    named = (each for each in (*configs, *description.tables) if each.rows)
    lines += ["```", "", *(f"- `{each.name}`: {each.purpose}" for each in named)]
    lines += ["", "`croissant.json` describes the same tables for programs that read Croissant 1.1.", ""]
    return "\n".join(lines)


def features(schema: pa.Schema) -> list[dict[str, Any]]:
    """Return the columns of a table as a card lists them: name and type, pictures as ``image``."""
    found = []
    for column in schema:
        name = column.name.removesuffix(PICTURE)
        kind = {"dtype": "image"} if name != column.name else _kind(column.type)
        found.append({"name": name, **kind})
    return found


def _kind(of: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(of):
        inner = _kind(of.value_type)
        return {"list": inner.get("dtype", inner.get("struct", inner))}
    if pa.types.is_struct(of):
        return {"struct": [{"name": each.name, **_kind(each.type)} for each in of]}
    return {"dtype": {"double": "float64", "float": "float32"}.get(str(of), str(of))}


def _config(table: DescribedTable, default: bool) -> dict[str, Any]:
    config: dict[str, Any] = {"config_name": table.name}
    if default:
        config["default"] = True
    if table.pictures:
        config["metadata_filenames"] = [path.rpartition("/")[2] for path in table.splits.values()]
    config["data_files"] = [
        {"split": split, "path": [path, *table.pictures] if table.pictures else path}
        for split, path in table.splits.items()
    ]
    return config


def _size(rows: int) -> str:
    return next((name for end, name in _SIZES if rows < end), _LARGEST)
