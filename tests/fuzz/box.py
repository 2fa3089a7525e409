"""The station that the tests of the core use."""

import importlib.util
from functools import cache
from types import ModuleType

from parts import ROOT


@cache
def box_of_the_tests() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz_box", ROOT / "tests" / "edge" / "conftest.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
