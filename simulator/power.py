"""The power of a simulated box: each time it comes on, a machine of its own starts, with whatever its clock says.

The station runs on this machine, whose clock nobody may set and which does not restart.  So a program that is started
by ``PowerSupply.up`` hears of another clock: ``time.time`` and ``time.time_ns`` go as this machine's do, from where
the box's clock stands; the boot has another id, and its seconds begin when the power came.  Its kernel says that a time
service keeps the clock when that is right, else that none does.  ``set`` puts the clock of a running box elsewhere.
"""

import ctypes
import json
import runpy
import secrets
import sys
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

BOOT_ID = "/proc/sys/kernel/random/boot_id"
STATUS_AT, UNSYNCED, TIME_OK, TIME_ERROR = 40, 0x40, 0, 5  # adjtimex(2), struct timex on 64-bit Linux


class PowerSupply:
    """Of one box. ``folder`` holds the state of its clock."""

    def __init__(self, folder: Path, at: datetime | None = None) -> None:
        self._state = folder / "power.json"
        self._ahead = 0.0
        self.set(at)

    def set(self, at: datetime | None) -> None:
        """The clock stands at this moment and goes on from there, also when the power comes again; None is the right
        time."""
        self._ahead = 0.0 if at is None else at.timestamp() - time.time()
        self._write(self._known().get("boot", ""))

    @property
    def right(self) -> bool:
        """Whether the clock is."""
        return not self._ahead

    def up(self) -> list[str]:
        """The power comes: the command that starts a Python module, whose name and words follow, on that machine."""
        self._write(str(uuid.uuid4()))
        return [sys.executable, "-m", __name__, str(self._state)]

    def _known(self) -> dict[str, Any]:
        known: dict[str, Any] = json.loads(self._state.read_text("ascii")) if self._state.exists() else {}
        return known

    def _write(self, boot: str) -> None:
        new = self._state.with_name(f"power.{secrets.token_hex(4)}")
        new.write_text(json.dumps({"ahead": self._ahead, "boot": boot}), "ascii")
        new.replace(self._state)


class _Ahead:
    """How many seconds the box's clock is ahead; read again when somebody set it."""

    def __init__(self, state: str) -> None:
        self._state, self._seen, self._seconds = Path(state), 0, 0.0

    def __call__(self) -> float:
        seen = self._state.stat().st_mtime_ns
        if seen != self._seen:
            self._seen, self._seconds = seen, float(json.loads(self._state.read_bytes())["ahead"])
        return self._seconds


def run(state: str, module: str, words: list[str]) -> None:
    """Be that module, started with these words, on the machine whose state this is."""
    ahead = _Ahead(state)
    boot = str(json.loads(Path(state).read_text("ascii"))["boot"])
    wall, wall_ns, ask, read = time.time, time.time_ns, time.clock_gettime, Path.read_text
    since = ask(time.CLOCK_BOOTTIME)
    libc: Any = ctypes.CDLL

    def clock_gettime(clock: int) -> float:
        return ask(clock) - (since if clock == time.CLOCK_BOOTTIME else 0.0)

    def read_text(path: Path, *how: Any, **more: Any) -> str:
        return f"{boot}\n" if str(path) == BOOT_ID else read(path, *how, **more)

    def adjtimex(timex: Any) -> int:
        status = ctypes.c_int.from_address(ctypes.addressof(timex._obj) + STATUS_AT)
        status.value = UNSYNCED if ahead() else 0
        return TIME_ERROR if ahead() else TIME_OK

    class Libc(libc):  # type: ignore[misc]
        def __getattr__(self, name: str) -> Any:
            return adjtimex if name == "adjtimex" and self._name is None else super().__getattr__(name)

    replaced: tuple[tuple[Any, str, Callable[..., Any]], ...] = (
        (time, "time", lambda: wall() + ahead()),
        (time, "time_ns", lambda: wall_ns() + int(ahead() * 1e9)),
        (time, "clock_gettime", clock_gettime),
        (Path, "read_text", read_text),
        (ctypes, "CDLL", Libc),
    )
    for owner, name, other in replaced:
        setattr(owner, name, other)
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], sys.argv[3:])
