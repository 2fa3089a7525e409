"""A backup of the ledger: one file with everything that a new card needs to go on from it.

    backup.json     what it is of, and how far: read first
    ledger.db       the whole ledger, also what was in the write-ahead log
    station.pub     the station's public key, which the ledger is checked by
    station.mark    how far the ledger is, as beside the key
    station.key     only where it was asked for: whoever has it can sign as this station
    photos/HASH     the photos that records name

It is a plain tar archive, so that it can be looked into anywhere.  Under its name there is all of it or nothing: it is
made beside, put on the disk, and then takes the name.
"""

import errno
import hashlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, field
from pathlib import Path
from typing import Any

from edge.between.tongue import said
from edge.records import mark, private
from edge.records.identity import public_key_in
from edge.records.ledger import FILE, LedgerBroken, LedgerUnusable, body_of, last_of, reading, why_unusable
from edge.records.photos import FOLDER, PhotoFiles
from edge.records.serials import serials_of
from edge.records.verify import verify_folder
from protocol.city import envelope
from protocol.city.photos import LARGEST, SHA256
from protocol.city.token import kid_of
from protocol.ed25519 import PublicKey, public_pem
from protocol.frozen import frozen

FORMAT = 1
ABOUT, PUBLIC, MARK, KEY = "backup.json", "station.pub", "station.mark", "station.key"
SMALL = 64 * 1024  # bytes of a member that is read whole
PAGES = 2000  # copied at once, between two words of progress
PART = ".part"  # what is made, beside the name it will have
Progress = Callable[[str, int, int], None]
"""A word of ``PHASES``, how much is done, of how much."""
PHASES = {"copy": ("复制账本", "copying"), "check": ("检查记录", "checking"), "photos": ("复制照片", "copying photos")}
UNWRITTEN = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_TRUNCATE}
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}


class BadBackup(ValueError):
    """Not a backup that can be used; the message says why, and what to do."""


@frozen
class About:
    """What a backup is of: the station, and the end of its ledger. ``broken`` is what is wrong with it, or empty."""

    station: str = ""
    kid: str = ""
    records: int = 0
    hash: str = envelope.FIRST_PREVHASH
    serials: dict[str, int] = field(default_factory=dict)
    photos: int = 0
    photos_missing: int = 0
    broken: str = ""
    format: int = FORMAT


def make(
    data: Path,
    key: PublicKey,
    station: str,
    target: Path,
    progress: Progress,
    *,
    private_key: Path | None = None,
    replace: bool = False,
    earlier: tuple[PublicKey, ...] = (),
) -> About:
    """Back up the ledger of this data folder, which a station may be writing meanwhile.

    ``station`` is what people call it: node and terminal.  A ledger that does not hold is backed up as it is, and
    ``broken`` says so.  Raises BadBackup, OSError and what ``reading`` raises; then there is no file.
    """
    with beside(target, replace) as part:
        with reading(data) as db:
            _see_to_room(target, data, db.conn)
            _copy(db.conn, part / FILE, lambda done, total: progress("copy", done, total))
        try:
            return write(part, data, key, station, target, progress, private_key=private_key, earlier=earlier)
        except OSError as error:
            if error.errno in NO_ROOM:
                raise _not_written(target.parent, str(error.strerror)) from error
            raise
        except LedgerUnusable as error:  # the copy is as damaged as what it is of
            if isinstance(error.__cause__, sqlite3.Error):
                raise LedgerUnusable(why_unusable(data / FILE, error.__cause__)) from error
            raise


def write(
    part: Path,
    data: Path,
    key: PublicKey,
    station: str,
    target: Path,
    progress: Progress,
    *,
    private_key: Path | None = None,
    earlier: tuple[PublicKey, ...] = (),
) -> About:
    """Make the backup of a ledger that lies in the folder ``part`` and that nobody writes; photos are ``data``'s."""
    broken = ""
    try:
        verify_folder(part, key, lambda done, total: progress("check", done, total), earlier=earlier)
    except LedgerUnusable:
        raise
    except LedgerBroken as error:
        broken = str(error)
    with reading(part) as db:
        there, missing = _photos(db.conn, PhotoFiles(data))
        about = _about(db.conn, station, key, len(there), missing, broken)
    _sqlite_leaves(part)
    archive = part / "backup.tar"
    with (
        os.fdopen(private.open_file(archive), "wb") as out,
        tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        _add(tar, ABOUT, json.dumps(asdict(about), ensure_ascii=False, indent=2).encode() + b"\n")
        _add(tar, PUBLIC, public_pem(key))
        counts = {int(kind): serial for kind, serial in about.serials.items()}
        _add(tar, MARK, mark.encode(mark.Mark(about.records, about.hash, counts)))
        if private_key:
            _add(tar, KEY, private_key.read_bytes())
        with (part / FILE).open("rb") as file:
            info = _member(FILE, (part / FILE).stat().st_size)
            tar.addfile(info, file)
        for number, sha256 in enumerate(there, 1):
            _add(tar, f"{FOLDER}/{sha256}", PhotoFiles(data).read(sha256))
            progress("photos", number, len(there))
        tar.close()
        out.flush()
        os.fsync(out.fileno())
    archive.rename(target)
    sync(target.parent)
    return about


@contextmanager
def beside(target: Path, replace: bool) -> Iterator[Path]:
    """A folder to make a file in; it is gone afterwards. Raises BadBackup where the name is taken."""
    if target.exists() and not replace:
        raise BadBackup(
            said(f"{target}：已存在，未覆盖。换一个文件名，或加 --replace", f"{target} is there; --replace replaces it")
        )
    part = target.with_name(target.name + PART)
    if part.is_dir():
        shutil.rmtree(part)  # of one that was cut off
    part.mkdir(private.FOLDER)
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _see_to_room(target: Path, data: Path, conn: sqlite3.Connection) -> None:
    """Twice the ledger, since it is copied and then packed, and the photos."""
    pages, size = (conn.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    photos = sum(file.stat().st_size for file in (data / FOLDER).iterdir()) if (data / FOLDER).is_dir() else 0
    see_to_room(target.parent, 2 * pages * size + photos)


def see_to_room(folder: Path, needed: int) -> None:
    """Raises BadBackup where a disk has less than so many bytes."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise BadBackup(
            said(
                f"{folder}：剩余空间不够：需要 {needed / 1e6:.0f} MB，只有 {free / 1e6:.0f} MB",
                f"{folder}: not enough room: {needed / 1e6:.0f} MB are needed, {free / 1e6:.0f} MB are free",
            )
        )


def _copy(conn: sqlite3.Connection, to: Path, progress: Callable[[int, int], None]) -> None:
    """The database as it is at this moment; the station goes on writing behind it."""
    os.close(private.open_file(to))
    copy = sqlite3.connect(to)
    conn.execute("BEGIN")  # one moment for all steps: without it each write of the station begins the copy anew
    try:
        conn.execute("SELECT seq FROM events LIMIT 1").fetchall()
        conn.backup(copy, pages=PAGES, progress=lambda _, left, total: progress(total - left, total))
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode in UNWRITTEN:
            raise _not_written(to.parent.parent, str(error)) from error
        raise
    finally:
        conn.execute("ROLLBACK")
        copy.close()


def _not_written(folder: Path, why: str) -> BadBackup:
    return BadBackup(
        said(
            f"{folder}：备份没有写成（{why}），没有留下半个文件。请腾出空间或换一个磁盘",
            f"{folder}: the backup was not written ({why}), and no half of it is left; make room, or use another disk",
        )
    )


def _photos(conn: sqlite3.Connection, files: PhotoFiles) -> tuple[list[str], int]:
    """Photos that records name and that are there whole; and how many are not."""
    named = [sha256 for (sha256,) in conn.execute("SELECT sha256 FROM photos WHERE seq IS NOT NULL ORDER BY sha256")]
    there = [sha256 for sha256 in named if _is_whole(files, sha256)]
    return there, len(named) - len(there)


def _is_whole(files: PhotoFiles, sha256: str) -> bool:
    try:
        return hashlib.sha256(files.read(sha256)).hexdigest() == sha256
    except OSError:
        return False


def _about(conn: sqlite3.Connection, station: str, key: PublicKey, photos: int, missing: int, broken: str) -> About:
    last = last_of(conn)
    serials: dict[str, int] = {}
    for (text,) in conn.execute("SELECT serials FROM events WHERE seq = ?", (last,)):
        serials = {str(kind): serial for kind, serial in serials_of(text).items()}
    hashed = envelope.hash_of(body_of(conn, last)) if last else envelope.FIRST_PREVHASH
    return About(station, kid_of(key).hex(), last, hashed, serials, photos, missing, broken)


def _sqlite_leaves(part: Path) -> None:
    """What reading left beside the file: nothing that is not in it, since nobody wrote."""
    for ending in ("-wal", "-shm"):
        (part / f"{FILE}{ending}").unlink(missing_ok=True)


def _member(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, private.FILE
    return info


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    tar.addfile(_member(name, len(content)), io.BytesIO(content))


def sync(folder: Path) -> None:
    """The names in a folder outlast a power cut, where its file system can promise that."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    except OSError:
        pass  # a stick's FAT, for example, cannot
    finally:
        os.close(opened)


# --- reading ----------------------------------------------------------------------------------------------------------


@frozen
class Unpacked:
    """A backup that was unpacked into a folder: ``ledger.db`` and photos lie there. ``key`` is the private one."""

    about: About
    public: PublicKey
    key: bytes
    aside: bytes = b""


def unpack(file: Path, into: Path, progress: Progress) -> Unpacked:
    """Unpack a backup into an empty folder, on the disk when this returns. Raises BadBackup and OSError.

    Nothing is taken from it but the members there are by name, and no photo that is another file than its name says.
    """
    small: dict[str, bytes] = {}
    photos, taken = PhotoFiles(into), 0
    try:
        with tarfile.open(file, "r:") as tar:
            for info in tar:
                content = tar.extractfile(info) if info.isreg() else None
                if content is None:
                    continue
                if info.name in (ABOUT, PUBLIC, MARK, KEY) and info.size <= SMALL:
                    small[info.name] = content.read()
                elif info.name == FILE:
                    _write_out(into / FILE, content, info.size, progress)
                elif SHA256.fullmatch(info.name.removeprefix(f"{FOLDER}/")) and info.size <= LARGEST:
                    taken += _take_photo(photos, info.name.removeprefix(f"{FOLDER}/"), content.read())
        about = _read_about(small[ABOUT])
        public = public_key_in(small[PUBLIC])
        if taken != about.photos:
            raise ValueError(f"{taken}/{about.photos} {FOLDER}")
    except (tarfile.TarError, KeyError, ValueError, TypeError, EOFError) as error:
        raise _bad(file, f"{type(error).__name__}: {error}") from None
    if not (into / FILE).is_file() or public is None:
        raise _bad(file, FILE)
    sync(into)
    return Unpacked(about, public, small.get(KEY, b""))


def _bad(file: Path, why: str) -> BadBackup:
    return BadBackup(
        said(
            f"{file}：不是完整的备份（{why}）。请用 marketedge ledger backup 或 salvage 做出的文件",
            f"{file}: no whole backup ({why}). Take a file that marketedge ledger backup or salvage made",
        )
    )


def _read_about(content: bytes) -> About:
    """Raises ValueError, KeyError, TypeError."""
    read: dict[str, Any] = json.loads(content)
    if read["format"] != FORMAT:
        raise ValueError(f"format {read['format']}")
    return About(**{name: read[name] for name in About.__dataclass_fields__ if name in read})


def _write_out(path: Path, content: Any, size: int, progress: Progress) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, private.FILE), "wb") as out:
        done = 0
        while piece := content.read(1 << 20):
            out.write(piece)
            progress("copy", done := done + len(piece), size)
        out.flush()
        os.fsync(out.fileno())


def _take_photo(photos: PhotoFiles, sha256: str, content: bytes) -> bool:
    return hashlib.sha256(content).hexdigest() == sha256 and photos.keep(sha256, content)
