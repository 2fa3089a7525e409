"""Templates of this program, compiled once and kept as Python keeps its modules, in ``__pycache__``.

Compiling all of them takes as long as half a start, and leaves holes of megabytes in memory.  A template that was
changed, another Python or Jinja, and other code round it (``of``) make it anew; where nothing can be written each
process does.  What a market wrote itself is not kept: that is compiled where its mistakes are told.
"""

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import jinja2
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket

NOT_KEPT = ""


class Compiled(BytecodeCache):
    """``folder`` has the templates; ``of`` are the modules whose functions and rules are compiled into them."""

    def __init__(self, folder: Path, of: Iterable[str]) -> None:
        self._folder = folder
        self._kept = folder.parent / "__pycache__"
        changed = "-".join(str(Path(module).stat().st_mtime_ns) for module in of)
        self._salt = f"{jinja2.__version__}|{changed}|"

    def get_bucket(self, environment: Environment, name: str, filename: str | None, source: str) -> Bucket:
        ours = filename is not None and Path(filename).parent == self._folder
        key = f"{self._folder.name}.{name}.{sys.implementation.cache_tag}" if ours else NOT_KEPT
        bucket = Bucket(environment, key, self.get_source_checksum(f"{filename}|{self._salt}{source}"))
        self.load_bytecode(bucket)
        return bucket

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key != NOT_KEPT:
            with suppress(OSError, EOFError, ValueError, TypeError), self._file(bucket).open("rb") as file:
                bucket.load_bytecode(file)

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.key == NOT_KEPT or sys.dont_write_bytecode:
            return
        file = self._file(bucket)
        new = file.with_name(f"{file.name}.{os.getpid()}")
        with suppress(OSError):
            self._kept.mkdir(exist_ok=True)
            new.write_bytes(bucket.bytecode_to_string())
            new.replace(file)

    def _file(self, bucket: Bucket) -> Path:
        return self._kept / f"{bucket.key}.jinja"
