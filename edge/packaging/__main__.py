"""`python -m edge.packaging deb`: what `make deb` calls, from the source tree."""

import subprocess
import time
import tomllib
from pathlib import Path
from typing import TextIO

import click

from edge.packaging.image import SUITES, make
from edge.packaging.package import MAINTAINER, REPOSITORY, ROOT, About, build, steps_of
from edge.packaging.repository import PUBLIC_KEY, publish
from edge.packaging.wheels import MACHINES, CannotBuild, modules, own_wheel

BUILD = ROOT / "build/deb"


@click.group()
def main() -> None:
    """Build what a box is installed from."""


@main.command()
@click.option("--arch", "archs", type=click.Choice([*MACHINES]), multiple=True, help="Left out: each there is.")
@click.option("--version", default="", help="Left out: the one of pyproject.toml.")
@click.option(
    "--maintainer",
    envvar="DEB_MAINTAINER",
    show_envvar=True,
    default=MAINTAINER,
    show_default=True,
    help="Who answers for the package: NAME <ADDRESS>.",
)
@click.option(
    "--repository",
    envvar="DEB_REPOSITORY",
    show_envvar=True,
    default=REPOSITORY,
    show_default=True,
    help="Where boxes get new versions.",
)
@click.option(
    "--keyring",
    envvar="DEB_KEYRING",
    show_envvar=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The repository's public key, which boxes then have with the package.",
)
@click.option("--links", type=click.Path(path_type=Path, exists=True), multiple=True, help="Folder with more wheels.")
@click.option(
    "--source",
    type=click.Path(path_type=Path, exists=True),
    default=ROOT,
    help="Another tree of the program: an older one.",
)
@click.option("--out", type=click.Path(path_type=Path), default=BUILD, help="Where the packages go: build/deb.")
def deb(
    archs: tuple[str, ...],
    version: str,
    maintainer: str,
    repository: str,
    keyring: Path | None,
    links: tuple[Path, ...],
    source: Path,
    out: Path,
) -> None:
    """The Debian package, for Debian 12 and 13, a file a processor."""
    key = keyring.read_bytes() if keyring else None
    if key is not None and key.startswith(b"-----"):
        raise click.ClickException(
            f"{keyring}: apt reads no armoured key under this name: gpg --dearmor makes one it does"
        )
    project = tomllib.loads((source / "pyproject.toml").read_text("utf-8"))["project"]
    try:
        work = out / "work"
        own = own_wheel(source, work)
        for arch in archs or MACHINES:
            site = modules(own, source / "constraints.txt", arch, work, links)
            release = version or project["version"]
            about = About(release, arch, _epoch(), steps_of(source), maintainer, repository, key)
            click.echo(build(about, site, work, out))
    except CannotBuild as error:
        raise click.ClickException(str(error)) from None


@main.command()
@click.argument("packages", type=click.Path(path_type=Path, exists=True), nargs=-1, required=True)
@click.option("--folder", type=click.Path(path_type=Path), default=ROOT / "build/apt", help="Default: build/apt.")
@click.option("--key", required=True, help="Whose signature boxes believe: a key of gpg's keyring.")
def repository(packages: tuple[Path, ...], folder: Path, key: str) -> None:
    """Add PACKAGES to an apt repository, and sign its lists anew."""
    try:
        publish(packages, folder, key, time.time())
    except CannotBuild as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{folder}: serve it over http or https; {folder / PUBLIC_KEY} is the key for boxes")


@main.command()
@click.argument("package", type=click.Path(path_type=Path, exists=True))
@click.option("--suite", type=click.Choice(SUITES), default=SUITES[-1], show_default=True, help="Which Debian.")
@click.option("--settings", type=click.File("r"), help="What comes behind the station.toml that the box makes itself.")
@click.option("--ask", is_flag=True, help="Let the first start ask on a page, and find scale and printer.")
@click.option("--folder", type=click.Path(path_type=Path), default=ROOT / "build/image", help="Default: build/image.")
def image(package: Path, suite: str, settings: TextIO | None, ask: bool, folder: Path) -> None:
    """A whole box with PACKAGE as a disk image, as root. It makes its station, a stall, at the first start."""
    if ask and settings:
        raise click.UsageError("--ask writes the settings that were answered: there is no place for others")
    try:
        made = make(suite, folder, deb=package, settings=None if ask else settings.read() if settings else "")
    except CannotBuild as error:
        raise click.ClickException(str(error)) from None
    click.echo(
        f"qemu-system-x86_64 -m 512 -nodefaults -display none -serial stdio "
        f"-kernel {made.kernel} -initrd {made.initrd} "
        f"-append 'root=/dev/vda rw console=ttyS0' -drive file={made.disk},if=virtio,format=raw"
    )


def _epoch() -> int:
    """When the source was changed last, so that the same source is the same package."""
    done = subprocess.run(["git", "-C", str(ROOT), "log", "-1", "--format=%ct"], capture_output=True, text=True)
    return int(done.stdout) if done.returncode == 0 and done.stdout.strip() else int(time.time())


if __name__ == "__main__":
    main(prog_name="python -m edge.packaging")
