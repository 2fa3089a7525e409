"""What a guest is given: the packages of two trees and of the next version, an apt repository, and programs to run."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

from edge.packaging.repository import publish

SIGNER = "box@marketedge.example"
ROOT = Path(__file__).parents[2]
CARRIED = (
    *("tests/box/seller.py", "tests/box/answers.py", "simulator/machine.py"),
    "edge/packaging/debian/marketedge.sources",
)


def packages(work: Path, older: str) -> dict[str, Path]:
    """That of this tree, and of this one again as the next version; of an ``older`` revision, where one is given."""
    source = work / "older"
    if older and not source.exists():
        source.mkdir(parents=True)
        tree = subprocess.run(["git", "-C", str(ROOT), "archive", older], check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x", "-C", str(source)], input=tree, check=True)
    made = {}
    before = ["--source", str(source), "--links", str(_links(work))] if older else []
    for name, out, more in (
        *((("before", work / "older-made", before),) if older else ()),
        ("now", work / "made", []),
        ("then", work / "made", []),
    ):
        command = [sys.executable, "-P", "-m", "edge.packaging", "deb", "--arch", "amd64", "--version", f"0.1~{name}"]
        quick = {**os.environ, "DPKG_DEB_COMPRESSOR_TYPE": "gzip"}
        subprocess.run([*command, "--out", str(out), *more], check=True, cwd=ROOT, env=quick)
        made[name] = out / f"marketedge_0.1~{name}_amd64.deb"
    return made


def _links(work: Path) -> Path:
    """Wheels of what older versions needed and PyPI has as source alone."""
    links = work / "links"
    if not links.exists():
        pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--wheel-dir", str(links)]
        subprocess.run([*pip, "sdnotify==0.3.2"], check=True)
    return links


def goods(work: Path, made: dict[str, Path]) -> Path:
    """A disk with the packages, an apt repository of the next version, and what is run in a guest."""
    folder = work / "goods"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for file in (*made.values(), *(ROOT / name for name in CARRIED)):
        shutil.copy(file, folder)
    with tempfile.TemporaryDirectory() as home, patch.dict(os.environ, GNUPGHOME=home):
        gpg = ["gpg", "--batch", "--quiet", "--passphrase", "", "--quick-gen-key"]
        subprocess.run([*gpg, SIGNER, "ed25519", "sign"], check=True)
        publish([made["then"]], folder / "apt", SIGNER, time.time())
        subprocess.run(["gpgconf", "--kill", "all"], check=False)
    disk = work / "goods.ext4"
    disk.unlink(missing_ok=True)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", str(folder), str(disk), "600M"], check=True)
    return disk


def before_the_last_step() -> str:
    """The commit before the newest step of the ledger's schema came: what a released version could have been."""
    text = (ROOT / "edge/records/migrations.py").read_text("utf-8")
    newest = text.rsplit("\ndef m", 1)[1].split("(")[0]
    log = ["git", "-C", str(ROOT), "log", "--format=%H", f"-Sdef m{newest}(", "--", "edge/records/migrations.py"]
    came = subprocess.run(log, check=True, capture_output=True, text=True).stdout.split()
    return f"{came[-1]}^"
