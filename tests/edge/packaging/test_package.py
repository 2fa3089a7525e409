"""The package as dpkg reads it, and its scripts where the system is a folder of the test's own."""

import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.packaging.__main__ import deb
from edge.packaging.package import HERE, ROOT, SITE, SOURCES, About, build, control, licences, steps_of
from edge.packaging.repository import publish
from edge.packaging.wheels import CannotBuild, installed
from edge.records.migrations import ledger

ABOUT = About("1.2", "arm64", 1_790_000_000, steps_of(ROOT))
SAID = "Name: Mine\nVersion: 3\nLicense-Expression: MIT\n"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package with a module or two."""
    folder = tmp_path_factory.mktemp("package")
    site = folder / "site"
    (site / "mine-3.dist-info").mkdir(parents=True)
    (site / "mine-3.dist-info/METADATA").write_text(SAID, "utf-8")
    (site / "mine.py").write_text("ONE = 1\n", "utf-8")
    made = build(ABOUT, site, folder / "work", folder / "out")
    assert build(ABOUT, site, folder / "work", folder / "again").read_bytes() == made.read_bytes()
    return made


def said(*words: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(map(str, words)), capture_output=True, text=True, env={**os.environ, **more})


def test_everything_lies_where_the_system_looks_for_it_and_is_roots(package: Path) -> None:
    rows = said("dpkg-deb", "--contents", package).stdout.splitlines()
    assert {row.split()[1] for row in rows} == {"root/root"}
    rights = {row.split()[5].removeprefix("./"): row[:10] for row in rows}
    for place in (
        "usr/lib/systemd/system/marketedge@.service",
        "usr/lib/udev/rules.d/60-marketedge.rules",
        "usr/lib/sysusers.d/marketedge.conf",
        "usr/lib/tmpfiles.d/marketedge.conf",
        "usr/share/bash-completion/completions/marketedge",
        "usr/share/man/man1/marketedge-run.1.gz",
        "usr/share/man/man5/station.toml.5.gz",
        "usr/share/doc/marketedge/copyright",
        "usr/share/doc/marketedge/box.md",
        f"{SITE}/mine.py",
    ):
        assert rights[place] == "-rw-r--r--", place
    for place in ("usr/lib/marketedge/bin/marketedge", "usr/lib/marketedge/compile"):
        assert rights[place] == "-rwxr-xr-x", place
    links = {row.split()[5].removeprefix("./"): row.split()[7] for row in rows if row.startswith("l")}
    assert links["usr/lib/marketedge/lib/python3.13"] == links["usr/lib/marketedge/lib/python3.11"] == "python3"
    assert links["usr/bin/marketedge"] == "../lib/marketedge/bin/marketedge"
    assert not [place for place in rights if place.endswith(".pyc")]


def test_a_city_names_itself_its_repository_and_its_key_in_one_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "city.gpg"
    key.write_bytes(b"\x98\x33\x04")
    monkeypatch.setenv("DEB_MAINTAINER", "河市平台 <box@city.cn>")
    monkeypatch.setenv("DEB_REPOSITORY", "https://apt.city.cn/boxes")
    monkeypatch.setenv("DEB_KEYRING", str(key))
    given = deb.make_context("deb", []).params
    about = replace(ABOUT, maintainer=given["maintainer"], repository=given["repository"], keyring=key.read_bytes())
    assert given["keyring"] == key
    (tmp_path / "site").mkdir()
    made = build(about, tmp_path / "site", tmp_path / "work", tmp_path / "out")
    said("dpkg-deb", "--extract", made, tmp_path / "tree")
    assert "Maintainer: 河市平台 <box@city.cn>\n" in said("dpkg-deb", "--field", made).stdout
    sources = (tmp_path / "tree" / SOURCES).read_text("ascii")
    assert "URIs: https://apt.city.cn/boxes\n" in sources
    (signed,) = re.findall("^Signed-By: /(.*)$", sources, re.MULTILINE)
    assert (tmp_path / "tree" / signed).read_bytes() == key.read_bytes()


def test_a_key_that_apt_would_not_read_stops_the_build(tmp_path: Path) -> None:
    key = tmp_path / "city.asc"
    key.write_text("-----BEGIN PGP PUBLIC KEY BLOCK-----\n", "ascii")
    done = CliRunner().invoke(deb, ["--keyring", str(key), "--out", str(tmp_path / "out")])
    assert done.exit_code == 1
    assert "gpg --dearmor" in done.output
    assert not (tmp_path / "out").exists()


def test_apt_is_told_which_pythons_will_do(package: Path) -> None:
    about = said("dpkg-deb", "--field", package).stdout
    assert "python3 (<< 3.12) | python3 (>= 3.13)" in about
    assert "Architecture: arm64" in about
    assert control(ABOUT, 10).splitlines()[0] == "Package: marketedge"


def test_what_came_with_it_is_named_with_its_licence(tmp_path: Path) -> None:
    (tmp_path / "mine.dist-info").mkdir()
    (tmp_path / "mine.dist-info/METADATA").write_text(SAID, "utf-8")
    assert "mine 3: MIT" in licences(installed(tmp_path))


def test_the_steps_are_those_of_the_ledger() -> None:
    assert steps_of(ROOT) == tuple(ledger.names)


@pytest.mark.parametrize(
    ("installed_steps", "stations", "refused"),
    [
        (ABOUT.steps, True, False),
        (ABOUT.steps[:-1], True, False),
        ((*ABOUT.steps, "m999_later"), True, True),
        ((*ABOUT.steps, "m999_later"), False, False),
    ],
)
def test_a_version_that_does_not_know_the_ledgers_is_refused_before_anything_changes(
    package: Path, tmp_path: Path, installed_steps: tuple[str, ...], stations: bool, refused: bool
) -> None:
    said("dpkg-deb", "--control", package, tmp_path / "control")
    home, station = tmp_path / "root/usr/lib/marketedge", tmp_path / "root/var/lib/marketedge/stall"
    home.mkdir(parents=True)
    (home / "ledger.steps").write_text("".join(f"{step}\n" for step in installed_steps), "ascii")
    if stations:
        station.mkdir(parents=True)
        (station / "station.toml").touch()
    done = said(tmp_path / "control/preinst", "upgrade", "9.9", "1.2", DPKG_ROOT=str(tmp_path / "root"))
    assert done.returncode == refused, done.stderr
    if refused:
        assert "version 9.9 is installed" in done.stderr
        assert "m999_later" in done.stderr
        assert "1.2 版无法读取" in done.stderr


def test_nothing_of_the_scripts_deletes_a_station() -> None:
    for name in ("preinst", "postinst", "prerm", "postrm"):
        for line in (HERE / name).read_text("utf-8").splitlines():
            assert not ("rm " in line and "/var/lib" in line), line


def test_apt_takes_what_was_published_and_nothing_that_was_changed(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, repository, state = tmp_path / "keys", tmp_path / "apt", tmp_path / "state"
    keys.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(keys))
    said(
        "gpg", "--batch", "--quiet", "--passphrase", "", "--quick-gen-key", "box@marketedge.example", "ed25519", "sign"
    )
    publish([package], repository, "box@marketedge.example", 1_790_000_000)
    for name in ("lists/partial", "cache/archives/partial", "etc/preferences.d"):
        (state / name).mkdir(parents=True)
    (state / "status").touch()
    sources = state / "sources.list"
    sources.write_text(f"deb [signed-by={repository}/marketedge.gpg] file:{repository} stable main\n", "utf-8")
    apt = (
        *("-o", f"Dir::State={state}", "-o", f"Dir::State::status={state}/status", "-o", f"Dir::Cache={state}/cache"),
        *("-o", f"Dir::Etc::SourceList={sources}", "-o", "Dir::Etc::SourceParts=-", "-o", f"Dir::Etc={state}/etc"),
        *("-o", "APT::Architecture=arm64", "-o", "APT::Architectures=arm64", "-o", "APT::Sandbox::User=root"),
    )
    done = said("apt-get", *apt, "update")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "W:" not in done.stderr, done.stderr
    policy = said("apt-cache", *apt, "policy", "marketedge").stdout
    assert "Candidate: 1.2" in policy
    origin = said("apt-cache", *apt, "policy").stdout
    assert "o=marketedge" in origin
    assert "n=stable" in origin
    wanted = (HERE / "apt.conf").read_text("utf-8")
    assert '"origin=marketedge,codename=stable"' in wanted
    lists = repository / "dists/stable/main/binary-arm64/Packages"
    lists.write_bytes(lists.read_bytes().replace(b"1.2", b"6.6"))
    lists.with_name("Packages.gz").unlink()
    shutil.rmtree(state / "lists")
    (state / "lists/partial").mkdir(parents=True)
    assert said("apt-get", *apt, "update").returncode != 0


def test_a_published_file_is_never_another(package: Path, tmp_path: Path) -> None:
    pool = tmp_path / "apt/pool/main/m/marketedge"
    pool.mkdir(parents=True)
    (pool / package.name).write_bytes(b"another")
    with pytest.raises(CannotBuild, match="raise its version"):
        publish([package], tmp_path / "apt", "nobody", 0)
