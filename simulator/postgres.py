"""A real PostgreSQL of one's own, for tests and for trying a large city: made in a temporary folder, gone afterwards.

It comes from the distribution (Debian: ``postgresql``), is reached by a socket in its folder alone, and syncs to the
disk as any other.  PostgreSQL does not run as root: root lends it the user that the package made.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

_USERS = ("postgres", "nobody")
_START_SECONDS = 30.0
_QUICK_STOP = signal.SIGINT  # breaks off what runs, keeps what was committed


class PostgresFailed(RuntimeError):
    """The server did not come up; the message says what it said."""


def find_postgres() -> Path | None:
    """The folder of the newest installed server's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda one: int(one.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).resolve().parent if on_path else None


def lent_user() -> dict[str, Any]:
    """What ``subprocess`` needs to start something that does not run as root."""
    if os.geteuid() != 0:
        return {}
    for name in _USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    return {}


class Postgres:
    """A running server between ``with`` and its end. ``settings`` are lines of ``postgresql.conf``; it lies within
    ``folder``."""

    def __init__(self, settings: Sequence[str] = (), folder: Path | None = None) -> None:
        programs = find_postgres()
        if programs is None:
            raise PostgresFailed("PostgreSQL is not installed; on Debian: apt install postgresql")
        self._programs = programs
        self._settings, self._within = settings, folder
        self._user = lent_user()
        self.folder = Path()
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql:///postgres?host={self.folder}&user=city"

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="city-pg-", dir=self._within))
        if self._user:
            os.chown(self.folder, self._user["user"], self._user["group"])
        self._run("initdb", "-D", "data", "-U", "city", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        with (self.folder / "data/postgresql.conf").open("a", encoding="utf-8") as conf:
            conf.writelines(f"{line}\n" for line in (
                "listen_addresses = ''",
                f"unix_socket_directories = '{self.folder}'",
                "shared_buffers = 64MB",
                *self._settings,
            ))  # fmt: skip
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start and wait until it answers; raises PostgresFailed."""
        with (self.folder / "log").open("ab") as out:
            self._child = subprocess.Popen(
                [self._programs / "postgres", "-D", "data"], cwd=self.folder, stdout=out, stderr=out, **self._user
            )
        end = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._child.poll() is not None or time.monotonic() > end:
                raise PostgresFailed((self.folder / "log").read_text("utf-8", "replace")[-2000:])
            time.sleep(0.05)

    def stop(self) -> None:
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(_QUICK_STOP)
            try:
                self._child.wait(20)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()

    def kill(self) -> None:
        """As a power cut would: at once, with all its processes."""
        if self._child is not None:
            self._child.send_signal(signal.SIGQUIT)
            self._child.wait()

    def _answers(self) -> bool:
        command = [str(self._programs / "pg_isready"), "-q", "-h", str(self.folder), "-U", "city"]
        return subprocess.run(command, check=False).returncode == 0

    def _run(self, program: str, *words: str) -> None:
        done = subprocess.run(
            [self._programs / program, *words], cwd=self.folder, capture_output=True, check=False, **self._user
        )
        if done.returncode:
            raise PostgresFailed(f"{program}: {done.stderr.decode(errors='replace')[-2000:]}")
