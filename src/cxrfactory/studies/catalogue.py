"""All studies by name. Each is one module of this folder, whose ``STUDY`` it is."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from cxrfactory import studies
from cxrfactory.errors import CxrError
from cxrfactory.studies.study import Study


@cache
def all_studies() -> dict[str, Study]:
    """Return all studies by name, in the order of their names."""
    found = {}
    for each in iter_modules(studies.__path__):
        study = getattr(import_module(f"{studies.__name__}.{each.name}"), "STUDY", None)
        if study is not None:
            found[study.name] = study
    return dict(sorted(found.items()))


def study_of(name: str) -> Study:
    """Return a study by name.

    Raises
    ------
    CxrError
        If there is no such study.
    """
    if name not in all_studies():
        raise CxrError(f"no study '{name}'; expected one of {', '.join(all_studies())}")
    return all_studies()[name]
