"""The examples in docstrings of the exports run and give what they say."""

import doctest
import importlib

import pytest

MODULES = (
    *("export.chosen", "export.coco", "export.label_studio", "export.cvat", "workflow.closing"),
    *("export.nrrd", "export.nifti", "export.mask_layers", "export.colours", "export.dicom_source", "anatomy.snomed"),
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module_run(name, chexmask, tmp_path):
    module = importlib.import_module(f"cxrfactory.{name}")
    names = {"results": chexmask, "folder": tmp_path}
    tests = [test for test in doctest.DocTestFinder().find(module, globs=names) if test.examples]
    assert tests, f"{name} has no example"
    runner, report = doctest.DocTestRunner(verbose=False, optionflags=doctest.NORMALIZE_WHITESPACE), []
    for test in tests:
        runner.run(test, out=report.append)
    assert not runner.failures, "".join(report)
