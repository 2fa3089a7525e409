"""A repository that apt and unattended-upgrades take: packages in ``pool/``, their lists in ``dists/stable``, signed.

One suite serves Debian 12 and 13, for one package does.
"""

import gzip
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from email.utils import formatdate
from pathlib import Path

from edge.packaging.wheels import MACHINES, CannotBuild

ORIGIN, SUITE, COMPONENT = "marketedge", "stable", "main"
POOL = Path("pool") / COMPONENT / "m" / "marketedge"
PUBLIC_KEY = "marketedge.gpg"  # beside dists/, for Signed-By


def publish(packages: Iterable[Path], folder: Path, key: str, now: float) -> None:
    """Add packages to the repository in a folder, and sign its lists anew with a key of gpg's keyring.

    What is there stays there, so that a box can go back. Whoever reads meanwhile finds the old lists or the new ones.
    Raises CannotBuild.
    """
    pool = folder / POOL
    pool.mkdir(parents=True, exist_ok=True)
    for package in packages:
        place = pool / package.name
        if place.exists() and place.read_bytes() != package.read_bytes():
            raise CannotBuild(f"{package.name} is published already, with other contents: raise its version")
        if not place.exists():
            draft = place.with_name(f".{place.name}.new")
            shutil.copyfile(package, draft)
            draft.rename(place)
    suite = folder / "dists" / SUITE
    with tempfile.TemporaryDirectory(dir=folder) as made:
        new = Path(made) / SUITE
        for arch in MACHINES:
            _write_list(folder, new, arch)
        (new / "Release").write_text(release(new, now), "utf-8")
        for name, how in (("InRelease", ["--clearsign"]), ("Release.gpg", ["--armor", "--detach-sign"])):
            _gpg("--local-user", key, *how, "--output", str(new / name), str(new / "Release"))
        new.chmod(0o755)
        suite.parent.mkdir(parents=True, exist_ok=True)
        old = Path(made) / "old"
        if suite.exists():
            suite.rename(old)
        new.rename(suite)
    _gpg("--yes", "--output", str(folder / PUBLIC_KEY), "--export", key)


def release(lists: Path, now: float) -> str:
    """What is signed: who this is, and the hash of every list."""
    rows = []
    for file in sorted(path for path in lists.rglob("*") if path.is_file()):
        data = file.read_bytes()
        rows.append(f" {hashlib.sha256(data).hexdigest()} {len(data)} {file.relative_to(lists)}")
    return (
        f"Origin: {ORIGIN}\nLabel: {ORIGIN}\nSuite: {SUITE}\nCodename: {SUITE}\n"
        f"Date: {formatdate(now, usegmt=True)}\nArchitectures: {' '.join(MACHINES)}\nComponents: {COMPONENT}\n"
        "Description: marketedge for Debian 12 and 13\nAcquire-By-Hash: no\nSHA256:\n" + "\n".join(rows) + "\n"
    )


def _write_list(folder: Path, suite: Path, arch: str) -> None:
    place = suite / COMPONENT / f"binary-{arch}"
    place.mkdir(parents=True)
    text = "\n".join(_entries(folder, arch)).encode()
    (place / "Packages").write_bytes(text)
    (place / "Packages.gz").write_bytes(gzip.compress(text, 9, mtime=0))


def _entries(folder: Path, arch: str) -> Iterator[str]:
    for file in sorted((folder / POOL).glob(f"*_{arch}.deb")):
        about = _said(["dpkg-deb", "--field", str(file)])
        data = file.read_bytes()
        yield (
            f"{about}Filename: {file.relative_to(folder)}\nSize: {len(data)}\n"
            f"SHA256: {hashlib.sha256(data).hexdigest()}\n"
        )


def _gpg(*words: str) -> None:
    _said(["gpg", "--batch", *words])


def _said(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
    if done.returncode:
        raise CannotBuild(f"{command[0]}: {done.stderr.strip()}")
    return done.stdout
