"""What somebody elsewhere needs to see what is wrong with a station: one ZIP, without secrets and names of people.

It is made a part at a time, whatever is damaged: a part that cannot be made says why in its place.  Each part is cut to
``MOST`` bytes and cleaned (``masking.py``) before it is packed.  Nothing here writes to the station's files, and every
function may be called from any thread, while the service runs or not.
"""

import io
import json
import os
import platform
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import field
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from edge.care.masking import Mask, withheld
from edge.config.environment import PREFIX
from edge.config.sections import Config
from edge.records.clock import kernel_synced
from edge.records.ledger import FILE, fault, reading
from edge.state.ledger_status import ledger_status
from edge.state.names import names
from protocol.city.token import CHINA
from protocol.frozen import frozen

MOST = 512 * 1024  # bytes of a part
QUICK_BYTES = 64_000_000  # a ledger up to this size is looked through whole
JOURNAL_LINES, JOURNAL_SECONDS = 3000, 10.0
PASSWORD = "MARKETEDGE_CITY_PASSWORD"
INDEX = "INDEX.txt"
FOLDERS = 2000  # names that are listed, at most

Frames = Callable[[], Sequence[str]]


@frozen
class Part:
    """A file of the bundle, and what it is. ``tail``: of too much the end is kept. ``make`` may raise anything."""

    name: str
    zh: str
    en: str
    make: Callable[[], str]
    tail: bool = False
    clean: str = "text"  # which of ``Mask`` it goes through


@frozen
class Bundle:
    """Of the station whose configuration is at ``path``; ``config`` is None when that cannot be used, for ``why``.

    A running service hands in its newest log lines (``log``) and the last frames of its devices by their names.
    ``unit`` is its name in the system's journal; left out, that of the Debian package, whose instances bear the name of
    the station's folder.
    """

    path: Path
    config: Config | None
    why: str = ""
    release: str = ""
    log: Callable[[], Iterable[str]] | None = None
    frames: Mapping[str, Frames] = field(default_factory=dict)
    unit: str = ""

    @property
    def data(self) -> Path:
        """The ledger's folder; where the configuration cannot be used, the one it seems to name."""
        return self.config.station.data if self.config else data_of(self.path)

    def stream(self, more: Iterable[Part] = ()) -> Iterator[bytes]:
        """The ZIP, in pieces as its parts are made; ``more`` are parts of whoever asks."""
        mask, told = self._mask(), []
        sink: Any = _Sink()
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as packed:
            for part in (*self._parts(), *more):
                text, failed = _made(part, mask)
                if text or failed:
                    name = f"{part.name}.failed.txt" if failed else part.name
                    _add(packed, name, text)
                    told.append((name, part, len(text.encode())))
                    yield sink.taken()
            _add(packed, INDEX, mask.text(self._index(told)))
        yield sink.taken()

    def with_journal(self, made: bytes) -> bytes:
        """What a running station made, and the journal, which it may not read itself and whoever asks for it may."""
        part = self._of_journal()
        with zipfile.ZipFile(io.BytesIO(made)) as theirs:
            files = {name: theirs.read(name).decode("utf-8") for name in theirs.namelist()}
        text, failed = _made(part, self._mask())
        if not text or failed or part.name in files:
            return made
        files[INDEX] += _row(part.name, part, len(text.encode()))
        sink = io.BytesIO()
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, one in (*files.items(), (part.name, text)):
                _add(packed, name, one)
        return sink.getvalue()

    def _index(self, told: Iterable[tuple[str, Part, int]]) -> str:
        now = datetime.now(CHINA).isoformat(timespec="seconds")
        lines = [
            f"marketedge 诊断包 / support bundle, {now}",
            "不含密钥、密码、PIN、令牌；人名、商户、电话已替换。发送前请自行查看。",
            "No key, password, PIN or token; names of people and businesses and telephone numbers are replaced.",
            "Look through it before you send it.",
            "",
        ]
        return "\n".join(lines) + "\n" + "".join(_row(*one) for one in told)

    def _mask(self) -> Mask:
        known: set[str] = set()
        secrets = {os.environ.get(PASSWORD, ""), os.environ.get("MARKETEDGE_TOKEN", "")}
        with suppress(OSError):
            known |= {*withheld(self.path.read_text("utf-8", "replace"))}
        if self.config is not None:
            seller = self.config.seller
            known |= {seller.name, seller.contact, seller.licence, seller.address, self.config.station.name}
            for seat in self.config.seat:
                known |= {seat.seller, seat.contact, seat.licence, seat.address}
            if self.config.city.password_file is not None:
                with suppress(OSError):
                    secrets.add(self.config.city.password_file.read_text("utf-8", "replace"))
        with suppress(OSError, ValueError, sqlite3.Error), reading(self.data) as db:
            known |= {*names(db.conn)}
        return Mask(known, secrets)

    def _parts(self) -> Iterator[Part]:
        yield Part(
            "versions.json", "程序、Python、软件包和系统版本", "versions of program, packages, system", self._versions
        )
        yield Part("box.json", "本机：内存、磁盘、时钟、运行时间", "the box: memory, disk, clock, uptime", self._box)
        if self.why:
            yield Part(
                "config/mistakes.txt", "配置为何不能用", "why the configuration cannot be used", lambda: self.why
            )
        yield Part(
            "config/station.toml",
            "配置，行号与原文件相同；… 为未显示的值，注释未包含",
            "the configuration, its lines numbered as in the file; … is a value not shown, comments are left out",
            lambda: self.path.read_text("utf-8", "replace"),
            clean="settings",
        )
        yield Part(
            "config/files.txt",
            "配置旁边的文件（仅名称、大小、权限）",
            "files beside it: names, sizes, rights",
            self._files,
        )
        yield Part("ledger.json", "账本状态", "the ledger's status", self._ledger)
        if self.log is not None:
            log = self.log
            yield Part(
                "log.txt", "启动以来的最新日志", "the newest log since the start", lambda: "\n".join(log()), tail=True
            )
        yield self._of_journal()
        for device, frames in self.frames.items():
            yield Part(
                f"frames/{device}.txt",
                "设备最近的通信数据（上次报告故障以来）",
                "the last frames of the device, since its last trouble was told",
                lambda frames=frames: "\n".join(frames()),  # type: ignore[misc]
                clean="frames",
            )

    def _of_journal(self) -> Part:
        return Part(
            "journal.txt", "系统日志中本服务的部分", "the service in the system's journal", self._journal, tail=True
        )

    def _versions(self) -> str:
        packages = {one.metadata["Name"]: one.version for one in distributions()}
        return _json(
            {
                "marketedge": self.release or packages.get("marketedge", ""),
                "python": sys.version,
                "sqlite": sqlite3.sqlite_version,
                "system": _os_name(),
                "kernel": " ".join((platform.system(), platform.release(), platform.machine())),
                "packages": dict(sorted(packages.items())),
            }
        )

    def _box(self) -> str:
        disks = {str(place): _disk(place) for place in {self.path.resolve().parent, self.data}}
        return _json(
            {
                "model": _first(Path("/proc/device-tree/model")),
                "time": datetime.now(UTC).isoformat(timespec="seconds"),
                "clock_synced": kernel_synced(),
                "uptime_seconds": int(time.clock_gettime(time.CLOCK_BOOTTIME)),
                "load": os.getloadavg(),
                "cores": os.cpu_count(),
                "memory": [line for line in _lines(Path("/proc/meminfo")) if line.startswith(("MemT", "MemA", "Swap"))],
                "disks": disks,
                "environment": sorted(name for name in os.environ if name.startswith(PREFIX)),
            }
        )

    def _files(self) -> str:
        base, lines = self.path.resolve().parent, []
        for folder in dict.fromkeys((base, base / "tls", self.data)):
            for file in sorted(folder.glob("*"))[:FOLDERS] if folder.is_dir() else ():
                found = file.lstat()
                changed = datetime.fromtimestamp(found.st_mtime, CHINA).isoformat(timespec="seconds")
                lines.append(f"{stat.filemode(found.st_mode)} {found.st_size:>12} {changed} {file}")
        return "\n".join(lines)

    def _ledger(self) -> str:
        file = self.data / FILE
        months = self.config.station.keep_months if self.config else 24
        said: dict[str, Any] = {"file": str(file), "bytes": file.stat().st_size}
        with reading(self.data) as db:
            if said["bytes"] <= QUICK_BYTES:
                said["damage"] = fault(db.conn)
            said |= ledger_status(db.conn, months, datetime.now(CHINA).date())
        return _json(said)

    def _journal(self) -> str:
        """Empty where there is no journal, or none that this user may read."""
        if shutil.which("journalctl") is None:
            return ""
        unit = self.unit or f"marketedge@{self.path.resolve().parent.name}.service"
        command = ["journalctl", "--no-pager", "--quiet", "-o", "short-iso", "-n", str(JOURNAL_LINES), "-u", unit]
        done = subprocess.run(command, capture_output=True, timeout=JOURNAL_SECONDS, check=False)
        return done.stdout.decode("utf-8", "replace")


def data_of(path: Path) -> Path:
    """The folder that a station.toml which cannot be used seems to name for the ledger."""
    text = ""
    with suppress(OSError):
        text = path.read_text("utf-8", "replace")
    for line in text.splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "data" and (quoted := value.split("#")[0].strip().strip("\"'")):
            return path.resolve().parent / quoted
    return path.resolve().parent / "data"


def _row(name: str, part: Part, size: int) -> str:
    return f"{name}  ({size} B)\n    {part.zh} / {part.en}\n"


def _made(part: Part, mask: Mask) -> tuple[str, bool]:
    """Its text as it may be given away, and whether it is but the reason why there is none."""
    failed = False
    try:
        text = part.make()
    except Exception as error:  # whatever is broken is what the bundle is made for
        text, failed = f"{type(error).__name__}: {error}\n", True
    text = _cut(text, part.tail)
    if failed or part.clean == "text":
        return mask.text(text), failed
    if part.clean == "frames":
        return "\n".join(map(mask.frame, text.splitlines())), False
    return mask.settings(text), False


def _cut(text: str, tail: bool) -> str:
    data = text.encode("utf-8", "replace")
    if len(data) <= MOST:
        return data.decode("utf-8")
    kept = data[-MOST:] if tail else data[:MOST]
    return kept.decode("utf-8", "ignore")


class _Sink:
    """Where a ZIP is written to that is taken away piece by piece."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes, /) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits here."""

    def taken(self) -> bytes:
        data, self._pieces = b"".join(self._pieces), []
        return data


def _add(packed: zipfile.ZipFile, name: str, text: str) -> None:
    now = max(datetime.now(CHINA), datetime(1980, 1, 1, tzinfo=CHINA))  # a ZIP knows no earlier one
    about = zipfile.ZipInfo(name, now.timetuple()[:6])
    about.compress_type = zipfile.ZIP_DEFLATED
    about.external_attr = 0o600 << 16
    packed.writestr(about, text)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, default=str) + "\n"


def _os_name() -> str:
    with suppress(OSError):
        return platform.freedesktop_os_release().get("PRETTY_NAME", "")
    return ""


def _disk(place: Path) -> dict[str, int] | str:
    try:
        used = shutil.disk_usage(place)
    except OSError as error:
        return str(error.strerror)
    return {"total": used.total, "free": used.free}


def _first(path: Path) -> str:
    return next(iter(_lines(path)), "").rstrip("\0")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
