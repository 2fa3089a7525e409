"""python-escpos' printer classes, imported without the scratch folder that it makes and forgets.

A module of its own, so that Python's own import lock lets one of several printers' threads load it and the others wait.
"""

import os
import tempfile

PICKLES = "ESCPOS_CAPABILITIES_PICKLE_DIR"

with tempfile.TemporaryDirectory(prefix="marketedge-") as _folder:
    _before, tempfile.tempdir = tempfile.tempdir, _folder
    os.environ[PICKLES] = _folder
    try:
        from escpos import printer
    finally:
        tempfile.tempdir = _before
        del os.environ[PICKLES]  # the folder is gone, and processes we start would look for it

__all__ = ["printer"]
