"""What stands behind a port's name: which adapter, told by its own serial number or by the socket it is plugged into.

The kernel says it in /sys, from the number of the device node downwards:

    /sys/dev/char/188:0 -> …/0000:00:14.0/usb1/1-1/1-1.3/1-1.3:1.0/ttyUSB0/tty/ttyUSB0
                             |                 |         interface, then the adapter's port
                             controller        the USB device: idVendor, idProduct, serial; 1.3 is its socket

A name with a serial number is worth as much as the number: many adapters have none (CH340), or one that they all have
(0001, 123456).  Such an adapter is told by its socket.  Bus numbers are left out: they depend on what starts first.
"""

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import field
from pathlib import Path

from drivers.transports.base import LinkLost
from protocol.frozen import frozen

DEV, SYS = "MARKETEDGE_DEV", "MARKETEDGE_SYS"
SEQUENCES = ("0123456789abcdef", "1234567890", "9876543210")
NO_NUMBERS = frozenset({"", "none", "na", "null", "serial", "serialnumber", "default", "defaultstring", "unknown"})
SHORTEST = 4
ROOT_HUB = re.compile(r"usb[0-9]+")
BY_ORDER = re.compile(r"(.*/)?(ttyUSB|ttyACM|ttyXRUSB|ttyAP|usb/lp)[0-9]+")  # Linux counts usb/lp and hiddev as one


def placeholder(serial: str) -> bool:
    """Whether this is what makers write who give their devices no numbers: 0, 0001, 1111, 123456, ABCDEF, empty."""
    text = re.sub("[^0-9a-z]", "", serial.lower())
    body = text.lstrip("0")
    small = body.isdigit() and len(body) < SHORTEST
    return text in NO_NUMBERS or len(set(body)) <= 1 or small or any(body in each for each in SEQUENCES)


@frozen
class Identity:
    """A device as it can be told from others. Empty for what is no device of its own: a pty, a file, the box's UART.

    ``usb`` is VID:PID, ``part`` which port of it, ``serial`` the number as stated, ``socket`` where it is plugged in.
    ``address`` is for what is reached over a network: it is taken at its word.  ``shared``: another device alike
    states the same number.  ``what`` is its name for people.
    """

    usb: str = ""
    part: str = ""
    serial: str = ""
    socket: str = ""
    address: str = ""
    shared: bool = field(default=False, compare=False)
    what: str = field(default="", compare=False)

    def __bool__(self) -> bool:
        return bool(self.usb or self.address)

    @property
    def number(self) -> str:
        """The serial number, if it is this device's alone."""
        return "" if self.shared or placeholder(self.serial) else self.serial

    @property
    def place(self) -> str:
        """The socket, short: controller and chain of hub ports."""
        return self.socket.rpartition("/")[2]

    def stays(self, now: "Identity") -> bool:
        """Whether ``now`` is still this device: its number, else an equal one in the same socket."""
        if (self.usb, self.part, self.serial, self.address) != (now.usb, now.part, now.serial, now.address):
            return False
        return bool(self.number and now.number) or self.socket == now.socket

    def __str__(self) -> str:
        if not self:
            return "no USB device"
        if self.address:
            return self.address
        number = f"number {self.number}" if self.number else f"no number of its own, socket {self.place}"
        return f"{self.what or 'USB device'} ({self.usb}, {number})"


class Stranger(LinkLost):
    """Another device stands where a known one stood."""

    def __init__(self, address: str, known: Identity, now: Identity) -> None:
        super().__init__(
            f"{address}: another device: there was {known}, now there is {now}; nothing is read from it until the old "
            "one is back, or a person confirms the new one on /status"
        )
        self.now = now


Admit = Callable[[Identity], None]  # raises Stranger for a device that is not to be read


def anyone(identity: Identity) -> None:
    """Every device may be opened."""


@frozen
class Naming:
    """How far a name leads to one device only.

    ``by``: ``number`` its own serial number; ``socket`` the place it is plugged into; ``own`` a name given by a rule of
    the technician's; ``unsafe`` whatever comes first; empty when there is nothing to take it for.  ``write`` is the
    better name, where there is one.
    """

    by: str = ""
    write: str = ""
    why: str = ""

    def __str__(self) -> str:
        better = f'; write port = "{self.write}"' if self.write else ""
        return f"{SAFETY[self.by]}{f': {self.why}' if self.why else ''}{better}"


SAFETY = {
    "": "",
    "number": "safe, the name holds the device's own serial number",
    "socket": "safe while the plug stays in its socket, which the name is",
    "own": "a name of your own: safe if its rule asks for a serial number or a socket",
    "unsafe": "not safe",
}


@frozen
class System:
    """The machine's folders; others are handed in where devices are simulated."""

    dev: Path = Path("/dev")
    sys: Path = Path("/sys")

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "System":
        return cls(Path(environ.get(DEV, "/dev")), Path(environ.get(SYS, "/sys")))

    # --- who is it --------------------------------------------------------------------------------------------------

    def identity(self, rdev: int) -> Identity:
        """The device with this number (``st_rdev``); empty for what is on no USB."""
        link = self.sys / "dev" / "char" / f"{os.major(rdev)}:{os.minor(rdev)}"
        if not rdev or not link.exists():
            return Identity()
        above = list(link.resolve().parents)
        usb = next((folder for folder in above if (folder / "idVendor").is_file()), None)
        if usb is None:
            return Identity()
        below = above[: above.index(usb)]
        numbers, serial = _numbers(usb), _read(usb / "serial")
        what = _read(usb / "product") or _read(usb / "manufacturer")
        part = ".".join(text for name in ("bInterfaceNumber", "port_number") if (text := _first(below, name)))
        return Identity(numbers, part, serial, self._socket(usb), shared=self.twins(numbers, serial), what=what)

    def number(self, name: str) -> int:
        """The number of the device that this name leads to now; 0 for none."""
        return _rdev(Path(name)) if name.startswith("/") else 0

    def named(self, name: str) -> Identity:
        """The device that this name leads to now; empty when there is none."""
        return self.identity(self.number(name))

    def twins(self, usb: str, serial: str) -> bool:
        """Whether several devices with these numbers are plugged in that all state this serial number."""
        if placeholder(serial):
            return False
        found = [each for each in self._usb_devices() if _numbers(each) == usb and _read(each / "serial") == serial]
        return len(found) > 1

    def socket(self, place: str) -> str:
        """The socket of the USB device at ``BUS-PORT``; that itself where the kernel says no more."""
        folder = self.sys / "bus" / "usb" / "devices" / place
        return self._socket(folder.resolve()) if folder.exists() else place

    def _socket(self, usb: Path) -> str:
        hub = next((folder for folder in usb.parents if ROOT_HUB.fullmatch(folder.name)), None)
        ports = usb.name.partition("-")[2]
        if hub is None or not ports:
            return usb.name
        controller = hub.parent
        with suppress(ValueError):
            controller = controller.relative_to((self.sys / "devices").resolve())
        return f"{controller}-usb-{ports}"

    def _usb_devices(self) -> Iterator[Path]:
        folder = self.sys / "bus" / "usb" / "devices"
        with suppress(OSError):
            yield from (each for each in sorted(folder.iterdir()) if (each / "idVendor").is_file())

    # --- what is there ----------------------------------------------------------------------------------------------

    def stamp(self) -> int:
        """Changes when a device comes or goes."""
        with suppress(OSError):
            return self.dev.stat().st_mtime_ns
        return 0

    def serial_nodes(self) -> list[tuple[Path, int]]:
        """The serial ports there are and their device numbers: those on USB first."""
        found = []
        for entry in _listed(self.sys / "class" / "tty"):
            number = _read(entry / "dev")
            if number and (entry / "device").exists() and _read(entry / "type") != "0":  # 0: a UART nobody fitted
                major, _, minor = number.partition(":")
                found.append((self.dev / entry.name, os.makedev(int(major), int(minor))))
        return sorted(found, key=lambda one: (not self.identity(one[1]), one[0]))

    # --- names ------------------------------------------------------------------------------------------------------

    def stable(self, rdev: int, identity: Identity) -> str:
        """The name that stays this device's: by its own number, else by its socket; empty when it has none."""
        kinds = ("by-id", "by-path") if identity.number else ("by-path",)
        for kind in kinds:
            for link in _listed(self.dev / "serial" / kind):
                if _rdev(link) == rdev:
                    return str(link)
        return ""

    def naming(self, name: str) -> Naming:
        """How far this file's name leads to one device only."""
        path = Path(name)
        folder, rdev = path.parent.name, _rdev(path)
        identity = self.identity(rdev)
        if folder == "by-path":
            return Naming("socket")
        if not identity:
            return Naming("unsafe", why=ORDER) if BY_ORDER.fullmatch(name) else Naming()
        write = self.stable(rdev, identity)
        if folder == "by-id":
            return Naming("number") if identity.number else Naming("unsafe", write, _no_number(identity))
        if path.is_symlink() and not BY_ORDER.fullmatch(name):
            return Naming("own", write)
        return Naming("unsafe", write, ORDER)


ORDER = "such names follow the order of plugging in"


def _no_number(identity: Identity) -> str:
    if identity.shared:
        return f"another adapter has the same number {identity.serial}, the name goes to whichever was plugged in last"
    said = (
        f"its number {identity.serial} is shared by many devices" if identity.serial else "it has no number of its own"
    )
    return f"{said}, the name goes to whichever of its kind was plugged in last"


def _numbers(usb: Path) -> str:
    return f"{_read(usb / 'idVendor')}:{_read(usb / 'idProduct')}"


def _first(folders: list[Path], name: str) -> str:
    return next((text for folder in folders if (text := _read(folder / name))), "")


def _read(file: Path) -> str:
    """A line of /sys; empty when it is not there."""
    try:
        return plain(file.read_text("utf-8", errors="replace"))
    except OSError:
        return ""


def plain(text: str) -> str:
    """What a device says of itself, without what prints nothing."""
    return "".join(letter for letter in text if letter.isprintable()).strip()


def _rdev(path: Path) -> int:
    """The number of the device behind a name, 0 for none."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return 0
    return found.st_rdev if stat.S_ISCHR(found.st_mode) else 0


def _listed(folder: Path) -> list[Path]:
    with suppress(OSError):
        return sorted(folder.iterdir())
    return []
