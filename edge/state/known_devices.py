"""Which device each port's name has meant so far: remembered over restarts, and another one is not read.

The port's thread asks its ``Doorkeeper`` before it opens anything; the core keeps what was met and confirmed.  What is
compared is what the system says of the adapter (``Identity``), not what the instrument says of itself: most say
nothing.
"""

import logging
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol

from drivers.transports.adapters import Identity, Naming
from edge.between.board import PortView
from edge.between.inbox import PortChanged, PortFound, Refused
from edge.config.sections import PortSection
from edge.records.clock import Clock
from edge.records.ledger import Ledger, open_reader

COLUMNS = "device, port, usb, part, serial, shared, socket, address, what"
log = logging.getLogger("devices")


def remembered(conn: sqlite3.Connection, parts: Iterable[PortSection]) -> dict[str, Identity]:
    """What these devices' names have meant. A name that is another in station.toml now is met anew."""
    rows = {row[0]: row[1:] for row in conn.execute(f"SELECT {COLUMNS} FROM devices")}
    found = {}
    for part in parts:
        port, usb, piece, serial, shared, socket, address, what = rows.get(part.name, ("",) * 8)
        if port == part.port:
            found[part.name] = Identity(usb, piece, serial, socket, address, shared=bool(shared), what=what)
    return found


def recall(folder: Path, parts: Iterable[PortSection]) -> dict[str, Identity]:
    """The same from outside the station; nothing where there is no ledger that can be read."""
    try:
        db = open_reader(folder)
    except FileNotFoundError:
        return {}
    try:
        return remembered(db.conn, parts)
    except sqlite3.Error:
        return {}
    finally:
        db.close()


class Confirmed(Protocol):
    """A port, to whom the word of a person about its device is told."""

    def confirm(self, identity: Identity) -> None:
        """This device is the right one."""


class KnownDevices:
    """Owned by the core thread; ``after`` and ``undo`` as the station has them.

    What a port met is written with the next record, or soon after; nothing while nothing
    changes."""

    def __init__(
        self,
        parts: Iterable[PortSection],
        ledger: Ledger,
        clock: Clock,
        after: list[Callable[[], None]],
        undo: list[Callable[[], None]],
    ) -> None:
        self._ports = {part.name: part.port for part in parts}
        self._ledger = ledger
        self._clock = clock
        self._after = after
        self._undo = undo
        self._known = remembered(ledger.conn, parts)
        self._strangers: dict[str, Identity] = {}
        self._naming: dict[str, Naming] = {}
        self._unsaved: set[str] = set()
        self._written: set[str] = set()

    @property
    def unsaved(self) -> bool:
        return bool(self._unsaved)

    def found(self, message: PortFound) -> None:
        """A port was opened, or learned more of its device."""
        device, identity = message.device, message.identity
        self._naming[device] = message.naming
        before = self._known.get(device, Identity())
        if identity and (identity, identity.shared) != (before, before.shared):
            self._known[device] = identity
            self._unsaved.add(device)

    def changed(self, message: PortChanged) -> None:
        if message.stranger is None:
            self._strangers.pop(message.device, None)
        else:
            self._strangers[message.device] = message.stranger

    def confirm(self, device: str, person: str, seen: str, ports: Mapping[str, Confirmed]) -> Identity:
        """The device that stands there now is the one this name is for, says a person who saw ``seen``; answers it.

        Raises Refused.
        """
        now = self._stranger(device, seen)
        was = self._known.get(device, Identity())

        def take_back() -> None:
            self._known[device], self._strangers[device] = was, now

        def let_in() -> None:
            log.info("%s: %s confirms %s in the place of %s", device, person, now, was)
            ports[device].confirm(now)

        self._undo.append(take_back)
        self._known[device] = now
        self._write(device, person)
        del self._strangers[device]
        self._after.append(let_in)
        return now

    def _stranger(self, device: str, seen: str) -> Identity:
        if device not in self._ports:
            raise Refused("no_device", f"没有设备 {device[:32]}", f"no device {device[:32]} on a port")
        now = self._strangers.get(device)
        if now is None:
            raise Refused(
                "already_confirmed", "该设备没有更换，无需确认", "no other device stands there: nothing to confirm"
            )
        if seen not in ("", str(now)):
            raise Refused("device_changed", "设备又变了，请重新核对", f"it is another one by now: {now}")
        return now

    # --- the table --------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Write what was met, inside the current transaction."""
        for device in self._unsaved:
            self._write(device, "")
        self._written, self._unsaved = self._unsaved, set()

    def not_saved(self) -> None:
        """The commit failed: it is to be written with the next one."""
        self._unsaved |= self._written

    def _write(self, device: str, person: str) -> None:
        one = self._known[device]
        facts = (one.usb, one.part, one.serial, one.shared, one.socket, one.address, one.what)
        self._ledger.conn.execute(
            f"INSERT OR REPLACE INTO devices ({COLUMNS}, person, since) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (device, self._ports[device], *facts, person, self._clock.now().text),
        )

    def views(self) -> tuple[PortView, ...]:
        return tuple(
            PortView(
                device,
                port,
                (said := self._naming.get(device, Naming())).by,
                said.write,
                self._known.get(device, Identity()) if device in self._strangers else None,
                self._strangers.get(device),
            )
            for device, port in self._ports.items()
        )
