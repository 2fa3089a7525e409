"""One folder of modules for several Pythons: what goes together and what stops the build."""

import platform
import sys
from pathlib import Path

import pytest

from edge.packaging.wheels import CannotBuild, join, of_another_machine, platforms, unmet


def laid(folder: Path, **files: str) -> Path:
    """A folder of modules as pip lays them out; ``a__b`` is ``a/b``."""
    for name, text in files.items():
        place = folder / name.replace("__", "/").replace("_dot_", ".")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, "utf-8")
    return folder


def test_compiled_modules_of_two_pythons_stand_side_by_side_and_the_rest_is_one(tmp_path: Path) -> None:
    site = tmp_path / "site"
    for python in ("311", "313"):
        files = {
            f"pkg__fast_dot_cpython-{python}_dot_so": python,
            "pkg__same_dot_py": "x",
            "p_dot_dist-info__WHEEL": python,
        }
        join(site, laid(tmp_path / python, **files, **{"p_dot_dist-info__RECORD": python}))
    assert sorted(path.name for path in (site / "pkg").iterdir()) == [
        "fast.cpython-311.so",
        "fast.cpython-313.so",
        "same.py",
    ]
    assert not (site / "p.dist-info/RECORD").exists()


@pytest.mark.parametrize("name", ["pkg__same_dot_py", "p_dot_dist-info__METADATA"])
def test_one_file_with_two_contents_stops_the_build(tmp_path: Path, name: str) -> None:
    join(tmp_path / "site", laid(tmp_path / "one", **{name: "a"}))
    with pytest.raises(CannotBuild, match="another file for each Python"):
        join(tmp_path / "site", laid(tmp_path / "two", **{name: "b"}))


def test_what_a_module_needs_has_to_be_there_for_each_python_in_its_version(tmp_path: Path) -> None:
    needs = ("other>=2", 'old; python_version < "3.12"', 'extra-only; extra == "more"', "pip")
    said = "Name: mine\nVersion: 1\n" + "".join(f"Requires-Dist: {one}\n" for one in needs)
    laid(
        tmp_path,
        **{"mine_dot_dist-info__METADATA": said, "other_dot_dist-info__METADATA": "Name: Other\nVersion: 1.9\n"},
    )
    assert list(unmet(tmp_path, "3.11", "aarch64")) == [
        "mine needs other>=2",
        'mine needs old; python_version < "3.12"',
    ]
    assert list(unmet(tmp_path, "3.13", "aarch64")) == ["mine needs other>=2"]


def test_debian_12_runs_what_was_made_for_its_glibc_and_older() -> None:
    assert platforms("aarch64")[0] == "manylinux_2_36_aarch64"
    assert platforms("aarch64")[-2:] == ["manylinux_2_17_aarch64", "manylinux2014_aarch64"]


def test_what_was_compiled_for_another_processor_is_found(tmp_path: Path) -> None:
    own = Path(sys.executable).resolve().read_bytes()[:64]
    (tmp_path / "fast.so").write_bytes(own)
    (tmp_path / "script.so.txt").write_bytes(b"INPUT(fast.so)")
    machine = platform.machine()
    other = {"x86_64": "aarch64", "aarch64": "x86_64"}[machine]
    assert list(of_another_machine(tmp_path, machine)) == []
    assert list(of_another_machine(tmp_path, other)) == ["fast.so"]
