"""python-escpos' printer classes, imported without the scratch folder that it makes and forgets.

A module of its own, so that Python's own import lock lets one of several printers' threads load it and the others wait.
"""

import os
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")  # a full disk must not keep papers from being printed
PICKLES = "ESCPOS_CAPABILITIES_PICKLE_DIR"

with tempfile.TemporaryDirectory(prefix="marketedge-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None) as _folder:
    _before, tempfile.tempdir = tempfile.tempdir, _folder
    os.environ[PICKLES] = _folder
    try:
        from escpos import printer
    finally:
        tempfile.tempdir = _before
        del os.environ[PICKLES]  # the folder is gone, and processes we start would look for it

__all__ = ["printer"]
