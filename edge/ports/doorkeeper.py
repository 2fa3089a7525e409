"""Lets a port read only the device that its name has meant so far.  Of the port's thread alone."""

from dataclasses import replace

from drivers.discover import naming
from drivers.transports.adapters import Identity, Naming, Stranger, System

TWIN = "another adapter with the same serial number is plugged in; this one is now identified by its USB socket"
TAKEN = "its name now leads to another device, which is not read; the one already open still is"


class Doorkeeper:
    """``known`` is empty until the first device comes: that one is remembered."""

    def __init__(self, address: str = "", known: Identity | None = None, system: System | None = None) -> None:
        self.known = known or Identity()
        self.naming = Naming()
        self._address = address
        self._system = system or System()
        self._now: Identity | None = None
        self._seen: tuple[int, int] | None = None

    def admit(self, now: Identity) -> None:
        """For ``open_port``: raises Stranger when this is another device than the known one."""
        before, self._now = self._now, now
        if before is None or (now, now.shared) != (before, before.shared):
            self.naming = naming(self._address, self._system)
        if self.known and not self.known.stays(now):
            raise Stranger(self._address, self.known, now)

    def opened(self) -> None:
        """The admitted device was opened: it is the known one from now on."""
        if self._now:
            self._know(self._now)
        self._seen = None

    def confirm(self, identity: Identity) -> None:
        """A person said that this is the one."""
        self.known = identity

    def still(self) -> bool:
        """Whether the device that is open is the known one."""
        return not self._now or self.known.stays(self._now)

    def look_round(self) -> str:
        """Called now and then while the port is open: what has come since then that may be taken for it."""
        if not self.known.usb:
            return ""
        seen = (self._system.stamp(), self._system.number(self._address))
        if seen == self._seen:
            return ""
        self._seen = seen
        if not self.known.shared and self._system.twins(self.known.usb, self.known.serial):
            self._know(replace(self.known, shared=True))
            self.naming = naming(self._address, self._system)
            return TWIN
        now = self._system.identity(seen[1])
        return TAKEN if now and now != self._now else ""

    def _know(self, identity: Identity) -> None:
        """What once was told by its socket stays so: its twin may be in a drawer."""
        self.known = replace(identity, shared=identity.shared or self.known.shared)
