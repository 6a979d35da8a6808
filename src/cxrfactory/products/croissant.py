"""Write a product's description in Croissant 1.1 (mlcommons.org/croissant/1.1), a vocabulary over schema.org.

A program that reads Croissant finds the files and the columns of each table by ``croissant.json``. The tables are file
sets without a container whose patterns are relative to the file itself, so that they load from a local copy. Node names
(``@id``) hold no white space. Columns of records are left out, because Croissant has no type for a list of records
inside a Parquet cell; the Parquet file describes them itself.
"""

import json
import re
from typing import Any

import pyarrow as pa

import cxrfactory
from cxrfactory.products.described import DescribedFiles, DescribedTable, Description

CROISSANT = "croissant.json"
PARQUET = "application/x-parquet"

# The context of the specification, version 1.1.
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def croissant_text(description: Description) -> str:
    """Return the text of ``croissant.json``; it depends on the description alone, not on time or place."""
    tables = [each for each in (*description.configs, *description.tables) if each.rows]
    document = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": description.title,
        "description": description.summary,
        "version": cxrfactory.__version__,
        "license": "The licences of the sources bind this dataset; README.md names the sources.",
        "keywords": list(description.tags),
        "isLiveDataset": False,
        "distribution": [*map(_table_files, tables), *map(_other_files, description.files)],
        "recordSet": [_record_set(each, description.columns) for each in tables],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def node_name(text: str) -> str:
    """Return a text as part of a node's name: letters, digits, ``.``, ``_`` and ``-``; others become ``_``."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text)


def has_type(of: pa.DataType) -> bool:
    """Return whether Croissant has a type for the cells of a column."""
    return not pa.types.is_struct(of) and not (pa.types.is_list(of) and not has_type(of.value_type))


def _files_name(name: str) -> str:
    return f"files/{node_name(name)}"


def _table_files(table: DescribedTable) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": _files_name(table.name),
        "name": f"{table.name}: tables",
        "description": f"Parquet files of the rows of {table.name}.",
        "encodingFormat": PARQUET,
        "includes": list(table.splits.values()),
    }


def _other_files(files: DescribedFiles) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": _files_name(files.name),
        "name": files.name,
        "description": files.purpose,
        "encodingFormat": files.encoding,
        "includes": list(files.includes),
    }


def _record_set(table: DescribedTable, columns: Any) -> dict[str, Any]:
    where = node_name(table.name)
    return {
        "@type": "cr:RecordSet",
        "@id": where,
        "name": table.name,
        "description": table.purpose,
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{where}/{node_name(column.name)}",
                "name": column.name,
                "description": columns[column.name],
                **_type(column.type),
                "source": {"fileSet": {"@id": _files_name(table.name)}, "extract": {"column": column.name}},
            }
            for column in table.schema
            if has_type(column.type)
        ],
    }


def _type(of: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(of):
        return {**_type(of.value_type), "isArray": True, "arrayShape": "-1"}
    if pa.types.is_boolean(of):
        return {"dataType": "sc:Boolean"}
    if pa.types.is_integer(of):
        return {"dataType": "sc:Integer"}
    if pa.types.is_floating(of):
        return {"dataType": {16: "cr:Float16", 32: "cr:Float32", 64: "cr:Float64"}[of.bit_width]}
    return {"dataType": "sc:Text"}
