"""Files that only the service may read: 0600, in folders of 0700, whatever the umask."""

import os
from collections.abc import Iterable
from pathlib import Path

FILE, FOLDER = 0o600, 0o700
OTHERS = 0o077


def make_folder(path: Path) -> None:
    """Make a folder, unless it is there; its parents are made as the system makes folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.mkdir(FOLDER)
    except FileExistsError:
        if not path.is_dir():
            raise
        return
    path.chmod(FOLDER)


def open_file(path: Path) -> int:
    """Open a file for reading and writing, made when it is not there; answers its descriptor."""
    try:
        made = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, FILE)
    except FileExistsError:
        return os.open(path, os.O_RDWR)
    os.fchmod(made, FILE)
    return made


def write_new(path: Path, data: bytes) -> None:
    """Write a file that does not exist yet, to the disk; raises FileExistsError."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE), "wb") as out:
        os.fchmod(out.fileno(), FILE)
        out.write(data)
        out.flush()
        os.fsync(out.fileno())


def replace(path: Path, data: bytes) -> None:
    """Put a file in the place of what is there: after a power cut it is the old one or the new one, whole."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    write_new(draft, data)
    draft.rename(path)


def readable_by_others(path: Path) -> bool:
    """Whether others than the owner have any right to it; False when there is nothing."""
    try:
        return bool(path.stat().st_mode & OTHERS)
    except OSError:
        return False


def tighten(paths: Iterable[Path]) -> list[Path]:
    """Take the rights of others away from what exists; answers what was changed.

    What belongs to somebody else, or lies where the system keeps no rights, stays as it is.
    """
    changed = []
    for path in paths:
        if not readable_by_others(path):
            continue
        try:
            path.chmod(FOLDER if path.is_dir() else FILE)
        except OSError:
            continue
        if not readable_by_others(path):
            changed.append(path)
    return changed
