"""One device is never taken for another: real ptys behind names that are re-pointed as udev does."""

import logging
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from decimal import Decimal
from functools import partial
from itertools import pairwise
from queue import Empty
from types import SimpleNamespace

import pytest

from drivers.transports import LinkLost, open_port
from drivers.transports.adapters import Identity, Naming, System
from edge.between.inbox import Inbox, PortChanged, PortFound, Refused, Weighed
from edge.ports.doorkeeper import Doorkeeper
from edge.ports.port import Port
from edge.records.ledger import Ledger, LedgerFull
from edge.state.known_devices import KnownDevices, recall, remembered
from protocol.link import Link
from protocol.scales import st_gs
from simulator.scales._pan import Pan, find
from simulator.wires.line import Line, Pty

SECONDS = 10.0
LINK = Link(9600)
ONE, TWO = Decimal("1.110"), Decimal("2.220")


class Counter:
    """A counter with two scales that can be plugged into its sockets."""

    def __init__(self, folder, machine, stack):
        self.machine = machine
        self.system = System(machine.dev, machine.sys)
        self._lines = {kg: Line(scale(kg), Pty(folder / f"scale-{kg}")) for kg in (ONE, TWO)}
        for line in self._lines.values():
            stack.enter_context(line)
        self._plugged = {}

    def plug(self, kg, socket, **kind):
        self._lines[kg].replug()
        self._plugged[kg] = self.machine.plug(self._lines[kg].address, socket, **kind)
        return self._plugged[kg]

    def unplug(self, kg):
        self.machine.unplug(self._plugged.pop(kg))
        self._lines[kg].unplug()


def scale(kg):
    pan = Pan(settle=0.0)
    pan.put(kg, 0.0)
    return find("st_gs")(pan)


@pytest.fixture
def counter(tmp_path, machine):
    with ExitStack() as stack:
        yield Counter(tmp_path, machine, stack)


class Reader:
    """A port's thread, and what it told."""

    def __init__(self, address, keeper, system):
        self.inbox = Inbox()
        self.keeper = keeper
        open_it = partial(open_port, str(address), LINK, keeper.admit, system)
        self.port = Port("scale-1", self.inbox, open_it, lambda: st_gs.session(st_gs.Options()), keeper=keeper)
        self.seen = []

    def until(self, wanted):
        """The first message that is wanted."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            try:
                self.seen.append(self.inbox.get(timeout=0.1))
            except Empty:
                continue
            if wanted(self.seen[-1]):
                return self.seen[-1]
        raise AssertionError(f"it did not come; there came: {[one for one in self.seen if not weighed(one)][-20:]}")

    @property
    def weights(self):
        return {message.weighing.value for message in self.seen if isinstance(message, Weighed)}


@contextmanager
def reader(counter, address, known=None):
    made = Reader(address, Doorkeeper(str(address), known, counter.system), counter.system)
    made.port.start()
    try:
        yield made
    finally:
        made.port.stop()
        made.port.join(5)
        assert not made.port.is_alive()


def weighed(message):
    return isinstance(message, Weighed)


def refused(message):
    return isinstance(message, PortChanged) and message.stranger is not None


def gone(message):
    return isinstance(message, PortChanged) and not message.up


def found(message):
    return isinstance(message, PortFound)


@pytest.mark.parametrize("serial", ["", "0001"])
def test_a_newcomer_that_takes_the_name_is_never_read_and_the_old_one_is_when_it_comes_back(counter, serial, caplog):
    caplog.set_level(logging.INFO, "port")
    name = counter.plug(ONE, "1.2", serial=serial).by_id
    with reader(counter, name) as here:
        here.until(weighed)
        counter.plug(TWO, "1.3", serial=serial)
        here.until(lambda _: any("its name now leads to another device" in line for line in caplog.messages))
        here.until(weighed)
        counter.unplug(ONE)
        told = here.until(refused)
        assert "1.2), now there is" in told.why and "1.3); nothing is read" in told.why
        assert told.stranger.place.endswith("usb-1.3")
        counter.plug(ONE, "1.2", serial=serial)
        here.until(lambda message: isinstance(message, PortChanged) and message.up)
        here.until(weighed)
        assert here.weights == {ONE}


def test_a_newcomer_at_a_restart_is_not_read_until_a_person_confirms_it(counter):
    name = counter.plug(ONE, "1.2").by_id
    with reader(counter, name) as here:
        known = here.until(found).identity
    counter.plug(TWO, "1.3")
    with reader(counter, name, known) as here:
        stranger = here.until(refused).stranger
        assert here.weights == set()
        here.port.confirm(stranger)
        here.until(weighed)
        assert here.weights == {TWO}
        assert next(filter(found, here.seen)).identity == stranger


def test_a_confirmed_device_is_not_any_device(counter):
    name = counter.plug(ONE, "1.2").by_id
    known = counter.system.named(str(name))
    counter.unplug(ONE)
    with reader(counter, name, known) as here:
        counter.plug(TWO, "1.3")
        stranger = here.until(refused).stranger
        counter.unplug(TWO)
        counter.plug(TWO, "1.4")
        here.port.confirm(stranger)
        assert here.until(lambda message: refused(message) and message.stranger.place[-3:] == "1.4")
        assert here.weights == set()


def test_a_confirmation_for_another_one_stops_the_one_that_is_open(counter):
    name = counter.plug(ONE, "1.2").by_id
    with reader(counter, name) as here:
        here.until(weighed)
        here.port.confirm(replace(here.keeper.known, socket="elsewhere"))
        here.until(refused)


def test_an_adapter_with_a_number_may_move_to_any_socket(counter):
    name = counter.plug(ONE, "1.2", serial="A50285BI").by_id
    with reader(counter, name) as here:
        here.until(weighed)
        counter.unplug(ONE)
        here.until(gone)
        counter.plug(ONE, "1.4", serial="A50285BI")
        assert here.until(found).identity.place.endswith("usb-1.4")
        here.until(weighed)
    assert not any(map(refused, here.seen))


def test_another_adapter_in_the_known_socket_is_not_read(counter):
    name = counter.plug(ONE, "1.2", serial="A50285BI").by_path
    with reader(counter, name) as here:
        here.until(weighed)
        counter.unplug(ONE)
        here.until(gone)
        counter.plug(TWO, "1.2", serial="B6012345")
        assert "number A50285BI), now there is USB Serial (1a86:7523, number B6012345)" in here.until(refused).why
        assert here.weights == {ONE}


def test_a_number_that_two_have_is_worth_nothing_from_then_on(counter):
    name = counter.plug(ONE, "1.2", serial="A50285BI").by_id
    with reader(counter, name) as here:
        assert here.until(found).naming == Naming("number")
        counter.plug(TWO, "1.3", serial="A50285BI")
        told = here.until(lambda said: found(said) and said.naming.by == "unsafe")  # its links come one by one
        assert told.identity.shared and "by-path" in told.naming.write
        counter.unplug(ONE)
        here.until(refused)
        assert here.weights == {ONE}
        known = here.keeper.known
    with reader(counter, name, known) as here:  # the one in the drawer is not forgotten at a restart
        here.until(refused)
        assert here.weights == set()


def test_two_with_one_number_are_told_apart_at_a_restart(counter):
    name = counter.plug(ONE, "1.2", serial="A50285BI").by_id
    with reader(counter, name) as here:
        known = here.until(found).identity
    counter.plug(TWO, "1.3", serial="A50285BI")
    with reader(counter, name, known) as here:
        here.until(refused)
        assert here.weights == set()


def test_the_reason_of_a_loss_is_the_newest_one_and_the_log_has_each_once(counter, caplog):
    caplog.set_level(logging.INFO, "port")
    name = counter.plug(ONE, "1.2").by_path
    with reader(counter, name) as here:
        here.until(weighed)
        counter.unplug(ONE)
        here.until(lambda message: gone(message) and "no such device" in message.why)
        counter.plug(TWO, "1.2", serial="B6012345")
        here.until(lambda message: gone(message) and "another device" in message.why)
        counter.unplug(TWO)
        here.until(lambda message: gone(message) and "no such device" in message.why and message.stranger is None)
    losses = [message for message in here.seen if gone(message)]
    assert all(one.why != other.why for one, other in pairwise(losses))
    told = [line for line in caplog.messages if "no such device" in line]
    assert len(told) == 1 and sum(" disconnected: " in line and "still" not in line for line in caplog.messages) == 1
    assert sum(" not read: " in line for line in caplog.messages) == 1


def test_looking_round_costs_two_looks_at_the_disk_while_nothing_changes(counter, monkeypatch):
    name = str(counter.plug(ONE, "1.2", serial="A50285BI").by_id)
    keeper = Doorkeeper(name, None, counter.system)
    open_port(name, LINK, keeper.admit, counter.system).close()
    keeper.opened()
    assert keeper.look_round() == ""
    monkeypatch.setattr(System, "twins", lambda *_: pytest.fail("nothing has changed"))
    monkeypatch.setattr(System, "identity", lambda *_: pytest.fail("nothing has changed"))
    for _ in range(5):
        assert keeper.look_round() == ""


def test_a_device_that_could_not_be_opened_is_not_remembered(counter):
    name = str(counter.plug(ONE, "1.2").by_id)
    keeper = Doorkeeper(name, None, counter.system)
    busy = open_port(name, LINK)
    with pytest.raises(LinkLost, match="another program"):
        open_port(name, LINK, keeper.admit, counter.system)
    busy.close()
    assert not keeper.known


# --- what the core keeps --------------------------------------------------------------------------------------------

KNOWN = Identity("1a86:7523", "00.0", "", "pci0000:00/0000:00:14.0-usb-1.2", what="USB Serial")
OTHER = replace(KNOWN, socket="pci0000:00/0000:00:14.0-usb-1.3")
PART = SimpleNamespace(name="scale-1", port="/dev/serial/by-id/usb-1a86_USB_Serial-if00-port0")


class Confirmed:
    def __init__(self):
        self.identities = []

    def confirm(self, identity):
        self.identities.append(identity)


class Station:
    """The core's part in it: batches, and what waits for the commit."""

    def __init__(self, ledger, clock):
        self.ledger, self.clock = ledger, clock
        self.after, self.undo = [], []
        self.port = Confirmed()
        self.devices = KnownDevices((PART,), ledger, clock, self.after, self.undo)

    def do(self, action):
        self.after.clear()
        self.undo.clear()
        with self.ledger.batch():
            answer = action()
        for effect in self.after:
            effect()
        return answer

    def confirm(self, person="王敏", seen="", device="scale-1"):
        return self.do(lambda: self.devices.confirm(device, person, seen, {"scale-1": self.port}))

    def row(self):
        return self.ledger.conn.execute("SELECT usb, socket, person FROM devices").fetchone()


@pytest.fixture
def core(ledger, clock):
    made = Station(ledger, clock)
    made.devices.found(PortFound("scale-1", KNOWN, Naming("unsafe", "/dev/serial/by-path/x")))
    made.do(made.devices.save)
    return made


def stop(core, now=OTHER):
    core.devices.changed(PortChanged("scale-1", False, "another device", now))


def test_a_device_is_written_once_and_nothing_while_nothing_changes(core, ledger):
    assert core.row() == ("1a86:7523", KNOWN.socket, "")
    before = ledger.conn.total_changes
    for _ in range(3):
        core.devices.found(PortFound("scale-1", KNOWN, Naming()))
        core.devices.changed(PortChanged("scale-1", True))
        assert not core.devices.unsaved
        core.do(core.devices.save)
    assert ledger.conn.total_changes == before


@pytest.mark.parametrize("change", [{"shared": True}, {"socket": OTHER.socket}])
def test_what_a_port_learned_of_its_device_is_written(core, ledger, change):
    learned = replace(KNOWN, **change)
    core.devices.found(PortFound("scale-1", learned, Naming()))
    assert core.devices.unsaved
    core.do(core.devices.save)
    again = remembered(ledger.conn, (PART,))["scale-1"]
    assert (again, again.shared, again.what) == (learned, learned.shared, "USB Serial")


def test_what_a_full_disk_did_not_take_is_written_later(core):
    core.devices.found(PortFound("scale-1", OTHER, Naming()))
    core.devices.save()
    core.ledger.conn.rollback()
    core.devices.not_saved()
    assert core.devices.unsaved
    core.do(core.devices.save)
    assert core.row() == ("1a86:7523", OTHER.socket, "")


def test_a_person_confirms_the_other_device_by_name(core, ledger):
    stop(core)
    (view,) = core.devices.views()
    assert (view.was, view.now) == (KNOWN, OTHER)
    assert (view.port, view.by, view.write) == (PART.port, "unsafe", "/dev/serial/by-path/x")
    assert core.confirm(seen=str(view.now)) == OTHER
    assert core.port.identities == [OTHER]
    assert core.row() == ("1a86:7523", OTHER.socket, "王敏")
    assert core.devices.views()[0].now is None
    assert remembered(ledger.conn, (PART,)) == {"scale-1": OTHER}
    assert recall(ledger.path.parent, (PART,)) == {"scale-1": OTHER}


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"device": "scale-9"}, "no_device"),
        ({"seen": str(replace(OTHER, serial="A50285BI"))}, "device_changed"),
    ],
)
def test_a_confirmation_that_fits_nothing_is_refused(core, asked, code):
    stop(core)
    with pytest.raises(Refused) as refusal:
        core.confirm(**asked)
    assert refusal.value.code == code
    assert core.devices.views()[0].now == OTHER and core.port.identities == []


def test_nothing_is_to_be_confirmed_when_the_old_one_is_back_or_nothing_is_there(core):
    stop(core)
    core.devices.changed(PortChanged("scale-1", False, "no such device"))
    with pytest.raises(Refused) as refusal:
        core.confirm()
    assert refusal.value.code == "already_confirmed"


def test_a_confirmation_that_a_full_disk_did_not_take_lets_nobody_in(core):
    stop(core)
    core.undo.clear()
    with pytest.raises(LedgerFull), core.ledger.batch():
        core.devices.confirm("scale-1", "王敏", "", {"scale-1": core.port})
        raise LedgerFull("full")
    for take_back in reversed(core.undo):
        take_back()
    assert core.port.identities == [] and core.row() == ("1a86:7523", KNOWN.socket, "")
    (view,) = core.devices.views()
    assert (view.was, view.now) == (KNOWN, OTHER)
    core.confirm()
    assert core.port.identities == [OTHER]


def test_another_name_in_the_configuration_is_met_anew(core, ledger):
    moved = SimpleNamespace(name="scale-1", port="/dev/serial/by-path/x")
    assert remembered(ledger.conn, (moved,)) == {}


def test_without_a_ledger_nothing_is_remembered(tmp_path, signer):
    assert recall(tmp_path, (PART,)) == {}
    older = Ledger(tmp_path / "older", signer)
    older.conn.execute("DROP TABLE devices")
    older.close()
    assert recall(tmp_path / "older", (PART,)) == {}
