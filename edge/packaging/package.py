"""The Debian package: what lies where, what the system is told, and what apt is told."""

import gzip
import hashlib
import os
import re
import shutil
import subprocess
from email.message import Message
from pathlib import Path

from edge.cli.main import main
from edge.packaging.manual import completions, manuals
from edge.packaging.wheels import PYTHONS, CannotBuild, installed
from protocol.frozen import frozen

HERE = Path(__file__).parent / "debian"
ROOT = Path(__file__).parents[2]
HOME = "usr/lib/marketedge"
SITE = f"{HOME}/lib/python3/site-packages"
DOC = "usr/share/doc/marketedge"
MAINTAINER = "marketedge maintainers <maintainers@marketedge.example>"
REPOSITORY = "https://apt.example.cn/marketedge"
KEYRING = "usr/share/keyrings/marketedge.gpg"

AS_THEY_ARE = {  # of debian/
    "marketedge@.service": "usr/lib/systemd/system/marketedge@.service",
    "sysusers.conf": "usr/lib/sysusers.d/marketedge.conf",
    "tmpfiles.conf": "usr/lib/tmpfiles.d/marketedge.conf",
    "lintian-overrides": "usr/share/lintian/overrides/marketedge",
    "apt.conf": f"{DOC}/examples/52marketedge",
    "night.conf": f"{DOC}/examples/apt-daily-upgrade.timer.conf",
}
SOURCES = f"{DOC}/examples/marketedge.sources"
PROGRAMS = {
    "program": f"{HOME}/bin/marketedge",
    "compile": f"{HOME}/compile",
    "rtupdate": "usr/share/python3/runtime.d/marketedge.rtupdate",
}
PAGES = ("edge/ledger.md", "edge/keys.md", "edge/people.md", "edge/packaging/box.md")
SCRIPTS = ("preinst", "postinst", "prerm", "postrm")

DEPENDS = (
    "python3 (>= 3.11)",
    "python3 (<< 3.12) | python3 (>= 3.13)",
    "python3 (<< 3.14)",
    "libc6 (>= 2.34)",
    "libgcc-s1",
    "libstdc++6",
    "libusb-1.0-0",
    "systemd",
    "udev",
)
RECOMMENDS = ("ca-certificates", "fonts-wqy-microhei", "systemd-timesyncd | time-daemon")
DESCRIPTION = """\
 marketedge reads electronic scales and rapid-test analyzers, prints slips with
 QR codes, keeps every record in a signed local ledger and delivers each one to
 a city's traceability platform over MQTT.
 .
 It is for the box under the counter of a food market, rapid-test room or
 school canteen. The modules that it needs come with it, under
 /usr/lib/marketedge; a station is a folder of /var/lib/marketedge and an
 instance of the unit marketedge@.service."""


@frozen
class About:
    """One package. ``epoch`` is the time that all its files bear, in seconds;
    ``steps`` are those of the ledger's schema, which a version that lacks one is not to follow.
    ``repository`` is the address that boxes get new versions from, ``keyring`` the public key of it, as gpg exports it.
    """

    version: str
    arch: str
    epoch: int
    steps: tuple[str, ...]
    maintainer: str = MAINTAINER
    repository: str = REPOSITORY
    keyring: bytes | None = None

    @property
    def file(self) -> str:
        return f"marketedge_{self.version}_{self.arch}.deb"


def steps_of(source: Path) -> tuple[str, ...]:
    """The steps of the ledger's schema in a tree of the program, in their order."""
    files = sorted((source / "edge/records").glob("*migrations.py"))  # the first ones, and those that go on
    text = "\n".join(file.read_text("utf-8") for file in files)
    return tuple(re.findall(r"^@ledger\(\)\ndef (m\d+\w*)\(", text, re.MULTILINE))


def build(about: About, site: Path, work: Path, out: Path) -> Path:
    """Make the package of a folder of modules; answers its file. Raises CannotBuild."""
    tree = work / f"tree-{about.arch}"
    shutil.rmtree(tree, ignore_errors=True)
    lay_out(about, site, tree)
    _control(about, tree)
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or _runs(path, tree) else 0o644)
            os.utime(path, (about.epoch, about.epoch))
    out.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["dpkg-deb", "--root-owner-group", "--build", str(tree), str(out / about.file)],
        env={**os.environ, "SOURCE_DATE_EPOCH": str(about.epoch)},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise CannotBuild(f"dpkg-deb: {done.stderr.strip()}")
    shutil.rmtree(tree)
    return out / about.file


def lay_out(about: About, site: Path, tree: Path) -> None:
    """Everything that comes to lie under ``/``."""
    shutil.copytree(site, tree / SITE)
    home = tree / HOME
    (home / "bin").mkdir()
    (home / "bin/python3").symlink_to("/usr/bin/python3")
    for python in PYTHONS:
        (home / f"lib/python{python}").symlink_to("python3")
    (home / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n", "ascii")
    (home / "ledger.steps").write_text("".join(f"{step}\n" for step in about.steps), "ascii")
    for name, place in (AS_THEY_ARE | PROGRAMS).items():
        _put(tree / place, (HERE / name).read_bytes())
    sources = (HERE / "marketedge.sources").read_text("ascii")
    _put(tree / SOURCES, sources.replace("@REPOSITORY@", about.repository).encode())
    if about.keyring is not None:
        _put(tree / KEYRING, about.keyring)
    _put(tree / "usr/lib/udev/rules.d/60-marketedge.rules", (ROOT / "drivers/60-marketedge.rules").read_bytes())
    (tree / "usr/bin").mkdir(parents=True)
    (tree / "usr/bin/marketedge").symlink_to(f"../{HOME.removeprefix('usr/')}/bin/marketedge")
    template = ROOT / "edge/config/template.toml"
    for place, page in manuals(main, "marketedge", about.version, template).items():
        _put(tree / place, page)
    for place, text in completions(main, "marketedge").items():
        _put(tree / place, text.encode())
    for name in PAGES:
        _put(tree / DOC / Path(name).name, (ROOT / name).read_bytes())
    _put(tree / DOC / "NEWS.md.gz", _gzip((ROOT / "CHANGELOG.md").read_bytes()))
    _put(tree / DOC / "changelog.gz", _gzip(changelog(about).encode()))
    _put(tree / DOC / "copyright", licences(installed(site)).encode())


def control(about: About, kibibytes: int) -> str:
    """What apt is told."""
    return (
        f"Package: marketedge\nVersion: {about.version}\nArchitecture: {about.arch}\n"
        f"Maintainer: {about.maintainer}\nInstalled-Size: {kibibytes}\n"
        f"Depends: {', '.join(DEPENDS)}\nRecommends: {', '.join(RECOMMENDS)}\n"
        "Section: misc\nPriority: optional\n"
        f"Description: station of a food market, test room or school canteen\n{DESCRIPTION}\n"
    )


def changelog(about: About) -> str:
    """In Debian's form: one entry, that names where the changes stand."""
    from email.utils import formatdate

    return (
        f"marketedge ({about.version}) stable; urgency=medium\n\n"
        "  * What changed for a station stands in NEWS.md.gz.\n\n"
        f" -- {about.maintainer}  {formatdate(about.epoch)}\n"
    )


def licences(bundled: dict[str, Message]) -> str:
    """The program's licence, and those of the modules that came with it, as they state them."""
    rows = []
    for name, said in sorted(bundled.items()):
        if name == "marketedge":
            continue
        classified = [
            one.rpartition(" :: ")[2] for one in said.get_all("Classifier", []) if one.startswith("License ::")
        ]
        licence = said["License-Expression"] or ", ".join(classified) or (said["License"] or "").split("\n")[0]
        rows.append(f"  {name} {said['Version']}: {licence or 'see its folder'}")
    return (
        "marketedge is under the Apache License, Version 2.0; on Debian systems its text is in\n"
        "/usr/share/common-licenses/Apache-2.0.\n\nCopyright: the marketedge maintainers\n\n"
        f"Bundled under /{SITE}, each with its\nown licence in its .dist-info folder:\n\n" + "\n".join(rows) + "\n"
    )


def _control(about: About, tree: Path) -> None:
    files = sorted(path for path in tree.rglob("*") if path.is_file() and not path.is_symlink())
    sums = "".join(f"{hashlib.md5(file.read_bytes()).hexdigest()}  {file.relative_to(tree)}\n" for file in files)
    kibibytes = sum(-(-file.stat().st_size // 1024) for file in files)
    place = tree / "DEBIAN"
    _put(place / "control", control(about, kibibytes).encode())
    _put(place / "md5sums", sums.encode())
    for name in SCRIPTS:
        text = (HERE / name).read_text("utf-8")
        _put(place / name, text.replace("@VERSION@", about.version).replace("@STEPS@", " ".join(about.steps)).encode())


def _runs(path: Path, tree: Path) -> bool:
    place = str(path.relative_to(tree))
    return place in PROGRAMS.values() or place in (f"DEBIAN/{name}" for name in SCRIPTS)


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, 9, mtime=0)
