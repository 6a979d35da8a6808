"""What a config names and this machine lacks: roots, tables and weights that no rule makes."""

import os
from collections.abc import Iterator
from pathlib import Path

from cxrfactory.config.whole import Config


def missing_paths(config: Config) -> list[str]:
    """Return one sentence for each path of a config that is not here, and that the run itself does not make.

    Only keys that the config file gives are looked at. A relative path starts at the working folder, as in a run.
    """
    made = [os.path.abspath(each) for each in (config.results, config.cohort.folder)]
    return [
        f"{key}: '{path}': no such {kind} here{_hint(path)}"
        for key, path, kind in _named(config)
        if not (Path(path).is_dir() if kind == "folder" else Path(path).exists())
        and not any(Path(os.path.abspath(path)).is_relative_to(folder) for folder in made)
    ]


def _named(config: Config) -> Iterator[tuple[str, str, str]]:
    """Yield the key, the path and the kind of each input that the config file gives."""
    for section in ("datasets", "scans"):
        if section in config.model_fields_set:
            for name, entry in getattr(config, section).items():
                yield f"{section}.{name}.root", entry.root, "folder"
                for field in ("exclude", "labels"):
                    value = getattr(entry, field, None)
                    if value is not None and (section, field) != ("scans", "labels"):
                        yield f"{section}.{name}.{field}", value, "file"
                if (reports := getattr(entry, "reports", None)) is not None:
                    yield f"{section}.{name}.reports.source", reports.source, "file or folder"
    for section in sorted(config.model_fields_set):
        settings = getattr(config, section)
        if isinstance(root := getattr(settings, "root", None), str):
            yield f"{section}.root", root, "folder"
        weights = getattr(settings, "weights", None)
        if isinstance(weights, str) and weights.endswith(".safetensors"):  # others are names of the package's weights
            yield f"{section}.weights", weights, "file"


def _hint(path: str) -> str:
    return "; '$' is not replaced in paths: write the path itself, or ~ for the home folder" if "$" in path else ""
