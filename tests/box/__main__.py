"""`make box`: boxes from nothing to their end, in a Debian that boots (QEMU, or a container).

`life`: a package's life, from an older version to its removal. `stall`: a whole box by our image, with a USB scale and
a USB printer, and then with a read-only root. `stranger`: from a bare Debian to the first sale, in a container. In each
of them the ledger has every sale that was answered, and verifies.
"""

import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import click
from container import Container
from goods import before_the_last_step, goods, packages
from guest import Guest, runs_a_kernel
from images import asking, bare
from life import Box
from stall import Stall
from stranger import Stranger
from walk import Device, walked

from edge.packaging.image import SUITES, Image
from simulator.obstacles import free_port

WALKS = ("life", "stall", "stranger")


Made = dict[str, Path]


@click.command()
@click.option("--walk", "walks", type=click.Choice(WALKS), multiple=True, help="Left out: life.")
@click.option("--suite", "suites", type=click.Choice(SUITES), multiple=True, help="Left out: each.")
@click.option(
    "--before", default="", help="The git revision that is upgraded from. Left out: before the last step of the ledger."
)
@click.option("--work", type=click.Path(path_type=Path), default=Path("/var/tmp/marketedge-box"), show_default=True)
@click.option(
    "--how",
    type=click.Choice(["kvm", "tcg", "container"]),
    help="QEMU with the processor's help or without (hours), or systemd-nspawn: no devices, no power cut. Left out: "
    "QEMU, with that help where it works; stranger is always walked in a container.",
)
@click.option("--keep", is_flag=True, help="Leave images, packages and pictures there for the next run.")
def main(walks: tuple[str, ...], suites: tuple[str, ...], before: str, work: Path, keep: bool, how: str | None) -> None:
    """Walk a box through its life in a Debian that boots."""
    work.mkdir(parents=True, exist_ok=True)
    walks = walks or WALKS[:1]
    made = packages(work, (before or before_the_last_step()) if "life" in walks else "")
    disk = goods(work, made)
    failed = [
        (walk, suite)
        for suite in suites or SUITES
        for walk in walks
        if not {"life": _life, "stall": _stall, "stranger": _stranger}[walk](suite, work, disk, made, how)
    ]
    if not keep:
        shutil.rmtree(work)
    sys.exit(1 if failed else 0)


def _life(suite: str, work: Path, disk: Path, made: Made, how: str | None) -> bool:
    image = bare(suite, work / suite)
    with ExitStack() as stack:
        run = _folder(stack, work)
        scale = Device(
            stack, "scale", "mt_sics", "--capacity", "30", "--division", "0.01", "--tcp", "0", "--script", "-"
        )
        printer = Device(stack, "printer", "--out", str(run / "papers"), "--tcp", "0")
        guest = stack.enter_context(
            Container(image, disk, run) if how == "container" else Guest(image, disk, run, fast=_fast(how, image))
        )
        box = Box(guest, made, scale, printer)
        whole = walked(suite, guest, box.steps())
        papers = len(list((run / "papers").glob("*.bin")))
        click.echo(f"{suite}: {len(box.sold)} sales; {papers} slips")
    return whole


def _stall(suite: str, work: Path, disk: Path, made: Made, how: str | None) -> bool:
    if how == "container":
        raise click.UsageError("a container has no kernel of its own to plug a USB device into: --how kvm or tcg")
    image = asking(suite, work / f"{suite}-box", made["now"])
    with ExitStack() as stack:
        run = _folder(stack, work)
        scale = Device(stack, "usbip", "scale", "--port", "0", "--script", "-")
        printer = Device(stack, "usbip", "printer", "--port", "0", "--out", str(run / "papers"), "--script", "-")
        port = free_port()
        guest = stack.enter_context(Guest(image, disk, run, fast=_fast(how, image), page=port, second="512M"))
        stall = Stall(
            *(guest, f"http://127.0.0.1:{port}", scale, printer),
            papers=run / "papers",
            pictures=work / "pictures",
            later=made["then"],
        )
        return walked(suite, guest, stall.steps())


def _stranger(suite: str, work: Path, disk: Path, made: Made, how: str | None) -> bool:
    image = bare(suite, work / suite)
    with ExitStack() as stack:
        run = _folder(stack, work)
        scale = Device(stack, "scale", "st_gs", "--load", "1.25", "--pty", str(run / "scale"), "--script", "-")
        Device(stack, "printer", "--out", str(run / "papers"), "--pty", str(run / "printer"))
        wires = {name: str((run / name).resolve()) for name in ("scale", "printer")}
        guest = stack.enter_context(Container(image, disk, run, wires))
        return walked(suite, guest, Stranger(guest, scale, run / "papers").steps())


def _folder(stack: ExitStack, work: Path) -> Path:
    run = Path(tempfile.mkdtemp(prefix="run-", dir=work))
    stack.callback(shutil.rmtree, run)
    return run


def _fast(how: str | None, image: Image) -> bool:
    """Whether QEMU is to take the processor's help: asked for, or there."""
    if how is None:
        how = "kvm" if runs_a_kernel(image) else "tcg"
        click.echo(f"QEMU: {how}" + (", for /dev/kvm is not here or runs no kernel: slow" if how == "tcg" else ""))
    return how == "kvm"


if __name__ == "__main__":
    main()
