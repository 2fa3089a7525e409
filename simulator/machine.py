"""The /dev and /sys of a machine, in a folder: serial adapters are plugged into its USB sockets as kernel and udev do.

    machine = Machine(tmp_path)
    adapter = machine.plug("/tmp/scale", "1.3")        # a pty plays the device node
    System(machine.dev, machine.sys)                    # for drivers in this process
    machine.environ                                     # for a station in another one

udev gives the name ``by-id`` of two adapters alike to the one that came last, and takes it away with it only.
"""

import contextlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CONTROLLER = "pci0000:00/0000:00:14.0"
DEV, SYS = "MARKETEDGE_DEV", "MARKETEDGE_SYS"


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter in a socket, under its names."""

    node: Path
    by_id: Path
    by_path: Path
    char: Path
    usb: Path
    links: tuple[Path, ...]


class Machine:
    """``dev`` and ``sys`` are the folders to hand in; ``environ`` says the same to another process."""

    def __init__(self, folder: Path) -> None:
        self.dev, self.sys = folder / "dev", folder / "sys"
        for name in ("by-id", "by-path"):
            (self.dev / "serial" / name).mkdir(parents=True)
        for name in ("class/tty", "dev/char", "bus/usb/devices", "devices"):
            (self.sys / name).mkdir(parents=True)

    @property
    def environ(self) -> Mapping[str, str]:
        return {DEV: str(self.dev), SYS: str(self.sys)}

    def plug(
        self,
        device: str | Path,
        socket: str,
        *,
        usb: str = "1a86:7523",
        serial: str = "",
        product: str = "USB Serial",
        part: int = 0,
        bus: int = 1,
    ) -> Adapter:
        """Plug in an adapter whose serial port is ``device`` (a pty). ``part`` is the interface of one with several."""
        rdev = Path(device).stat().st_rdev
        number = f"{os.major(rdev)}:{os.minor(rdev)}"
        vendor, _, kind = usb.partition(":")
        place = f"{bus}-{socket}"
        folder = self.sys / "devices" / CONTROLLER / f"usb{bus}" / place.partition(".")[0]
        if "." in socket:
            folder /= place
        name = self._free_name()
        port = folder / f"{place}:1.{part}" / name
        tty = port / "tty" / name
        _write(folder, idVendor=vendor, idProduct=kind, product=product, **({"serial": serial} if serial else {}))
        _write(port.parent, bInterfaceNumber=f"{part:02x}")
        _write(port, port_number="0")
        _write(tty, dev=number)
        (tty / "device").symlink_to(port)
        links = (self.sys / "class" / "tty" / name, self.sys / "dev" / "char" / number)
        known = self.sys / "bus" / "usb" / "devices" / place
        for link, target in ((links[0], tty), (links[1], tty), (known, folder)):
            link.unlink(missing_ok=True)
            link.symlink_to(target)
        node = self.dev / name
        node.symlink_to(Path(device).resolve())
        said = "_".join(filter(None, (vendor, product.replace(" ", "_"), serial)))
        by_id = self.dev / "serial" / "by-id" / f"usb-{said}-if{part:02x}-port0"
        by_path = self.dev / "serial" / "by-path" / f"pci-0000:00:14.0-usb-0:{socket}:1.{part}-port0"
        for link in (by_id, by_path):
            link.unlink(missing_ok=True)
            link.symlink_to(node)
        return Adapter(node, by_id, by_path, links[1], folder, (*links, known))

    def unplug(self, adapter: Adapter) -> None:
        """The device node goes first, as in the kernel; then its names, as udev does."""
        adapter.node.unlink(missing_ok=True)
        for link in adapter.links:
            link.unlink(missing_ok=True)
        shutil.rmtree(adapter.usb, ignore_errors=True)
        for link in (adapter.by_id, adapter.by_path):
            with contextlib.suppress(FileNotFoundError):
                if link.readlink() == adapter.node:
                    link.unlink()

    def _free_name(self) -> str:
        number = 0
        while (self.dev / f"ttyUSB{number}").is_symlink():
            number += 1
        return f"ttyUSB{number}"


def _write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(f"{text}\n", "utf-8")
