"""The program and what it needs, as one folder of modules for a processor and every Python that Debian has there.

Compiled modules carry their Python in their name (``_cffi_backend.cpython-311-aarch64-linux-gnu.so``), so those for
several stand side by side in one folder, and the rest is the same for all.  Nothing is compiled here: wheels of another
processor are fetched, and laid out, like our own.
"""

import email.message
import email.parser
import filecmp
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PYTHONS = {"3.11": "Debian 12", "3.13": "Debian 13"}
GLIBC = 36  # of Debian 12: 2.36
E_MACHINE = {"x86_64": b"\x3e\0", "aarch64": b"\xb7\0"}
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
# Named as needed by what we use, and used by commands of theirs alone that nobody calls here.
NOT_NEEDED = frozenset({"pip", "setuptools"})
# Programs, with this machine's Python in their first line; tests that a distribution forgot to keep at home.
LEFT_OUT = ("bin", "tests")
OURS = ("protocol", "drivers", "edge")
AT_HOME = ("packaging",)  # folders of edge/ that stay in the source tree
BY_PIP = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})  # where it was laid out, for pip alone
FETCHED = "fetched"  # beside the wheels: what they were fetched for


class CannotBuild(Exception):
    """Something is missing or contradicts itself; the message says what."""


def own_wheel(source: Path, work: Path) -> Path:
    """The program itself as a wheel, without the simulator and this builder. ``source`` is not written to."""
    copy = work / "source"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir(parents=True)
    left = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in OURS:
        shutil.copytree(source / name, copy / name, ignore=left)
    for name in AT_HOME:
        shutil.rmtree(copy / "edge" / name, ignore_errors=True)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(source / name, copy)
    folder = work / "own"
    shutil.rmtree(folder, ignore_errors=True)
    _pip("wheel", "--no-deps", "--wheel-dir", folder, copy)
    (wheel,) = folder.glob("marketedge-*.whl")
    return wheel


def platforms(machine: str) -> list[str]:
    """pip's names for what runs on a Debian 12 of this machine."""
    return [f"manylinux_2_{minor}_{machine}" for minor in range(GLIBC, 16, -1)] + [f"manylinux2014_{machine}"]


def _target(machine: str, python: str) -> list[str]:
    named = [word for name in platforms(machine) for word in ("--platform", name)]
    return ["--only-binary=:all:", "--implementation", "cp", "--python-version", python, *named]


def modules(own: Path, constraints: Path, arch: str, work: Path, links: Iterable[Path] = ()) -> Path:
    """The folder of modules for a processor (``amd64``, ``arm64``). Raises CannotBuild."""
    machine = MACHINES[arch]
    site = work / f"site-{arch}"
    shutil.rmtree(site, ignore_errors=True)
    found = [word for folder in links for word in ("--find-links", folder)]
    for python in PYTHONS:
        kept, laid = work / "wheels" / f"{arch}-{python}", work / f"laid-{arch}-{python}"
        shutil.rmtree(laid, ignore_errors=True)
        target = _target(machine, python)
        wanted = constraints.read_bytes() + "\n".join(_needs(own)).encode()
        if not (kept / FETCHED).exists() or (kept / FETCHED).read_bytes() != wanted:
            shutil.rmtree(kept, ignore_errors=True)
            _pip("download", *target, *found, "--constraint", constraints, "--dest", kept, own)
            (kept / FETCHED).write_bytes(wanted)
        wheels = [wheel for wheel in sorted(kept.glob("*.whl")) if _name(wheel) not in NOT_NEEDED | {"marketedge"}]
        _pip("install", *target, "--no-deps", "--no-index", "--no-compile", "--target", laid, *wheels, own)
        for name in LEFT_OUT:
            shutil.rmtree(laid / name, ignore_errors=True)
        join(site, laid)
        shutil.rmtree(laid)
    if strange := list(of_another_machine(site, machine)):
        raise CannotBuild(f"{arch}: made for another processor: {', '.join(strange)}")
    for python in PYTHONS:
        if missing := list(unmet(site, python, machine)):
            raise CannotBuild(f"{arch}, Python {python}: {', '.join(missing)}")
    return site


def join(site: Path, laid: Path) -> None:
    """Add one Python's files to the folder of all. Raises CannotBuild where one file has two contents."""
    for file in sorted(path for path in laid.rglob("*") if path.is_file() and path.name not in BY_PIP):
        place = site / file.relative_to(laid)
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, place)
        elif not _of_its_wheel(file) and not filecmp.cmp(file, place, shallow=False):
            raise CannotBuild(f"{file.relative_to(laid)} is another file for each Python: two packages are needed")


def _of_its_wheel(file: Path) -> bool:
    """Whether it tells how one wheel was made, and of what: nothing that a program reads."""
    return file.name != "METADATA" and any(folder.name.endswith(".dist-info") for folder in file.parents)


def of_another_machine(site: Path, machine: str) -> Iterator[str]:
    """Compiled files of a folder that this machine cannot load: what their ELF header says (elf(5), e_machine)."""
    for file in sorted(site.rglob("*.so*")):
        with file.open("rb") as compiled:
            head = compiled.read(20)
        if head[:4] == b"\x7fELF" and head[18:20] != E_MACHINE[machine]:
            yield str(file.relative_to(site))


def installed(site: Path) -> dict[str, email.message.Message]:
    """What each distribution in a folder says of itself, by its name as packages are compared."""
    parse = email.parser.HeaderParser().parsestr
    about = [parse(file.read_text("utf-8")) for file in sorted(site.glob("*.dist-info/METADATA"))]
    return {canonicalize_name(one["Name"]): one for one in about}


def unmet(site: Path, python: str, machine: str) -> Iterator[str]:
    """What distributions of a folder need on this Python and machine, and is not there or not in the right version."""
    there = installed(site)
    world = {"python_version": python, "python_full_version": f"{python}.0", "platform_machine": machine, "extra": ""}
    for name, about in there.items():
        for line in about.get_all("Requires-Dist", []):
            yield from _unmet(name, Requirement(line), there, world)


def _unmet(
    name: str, needed: Requirement, there: Mapping[str, email.message.Message], world: dict[str, str]
) -> Iterator[str]:
    if (needed.marker and not needed.marker.evaluate(world)) or canonicalize_name(needed.name) in NOT_NEEDED:
        return
    found = there.get(canonicalize_name(needed.name))
    if found is None or not needed.specifier.contains(found["Version"], prereleases=True):
        yield f"{name} needs {needed}"


def _needs(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as file:
        (name,) = (name for name in file.namelist() if name.endswith(".dist-info/METADATA"))
        said = email.parser.HeaderParser().parsestr(file.read(name).decode())
    return said.get_all("Requires-Dist", [])


def _name(wheel: Path) -> str:
    return canonicalize_name(wheel.name.partition("-")[0])


def _pip(*words: str | Path) -> None:
    command = [sys.executable, "-m", "pip", words[0], "--quiet", "--disable-pip-version-check", *words[1:]]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        raise CannotBuild(f"pip {words[0]}: {done.stderr.strip()}")
