"""The window to the city: nothing is forgotten, nothing holds up the rest."""

import json
from collections.abc import Callable

import pytest

from edge.clock import Clock
from edge.config import CityPart
from edge.ledger import ALARM, ORDINARY, Ledger
from edge.publisher import Publisher
from protocol.city.codes import CodeKind
from protocol.city.events import EntryRegistered, Goods
from protocol.city.topics import Ack, Rejected, Topics

TOPICS = Topics("410108", "410108001", "01")


class Wire:
    """Keeps what is published; message ids count up."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int]] = []
        self.ids: dict[int, str] = {}
        self.up = True

    def publish(self, topic: str, body: bytes) -> int | None:
        if not self.up:
            return None
        event = json.loads(body)
        self.sent.append((topic, int(event["sequence"])))
        self.ids[int(event["sequence"])] = event["id"]
        return len(self.sent)

    def sequences(self) -> list[int]:
        return [sequence for _, sequence in self.sent]


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def fill(ledger: Ledger, clock: Clock) -> Callable[..., None]:
    def some(count: int, lane: int = ORDINARY) -> None:
        with ledger.batch():
            for _ in range(count):
                code = str(ledger.next_code(CodeKind.TEST))
                goods = Goods(product="01040201", name="大白菜")
                entry = EntryRegistered(goods=goods, net_g=1, origin="河南", supplier="李四", sample="1")
                ledger.append("entry.registered", code, entry, clock.now(), clock.boot_id, lane=lane)

    return some


@pytest.fixture
def make(ledger: Ledger, wire: Wire) -> Callable[..., Publisher]:
    def publisher(**changes: object) -> Publisher:
        part = CityPart.model_validate({"brokers": ("mqtt://x",), "window": 4, **changes})
        made = Publisher(part, ledger, TOPICS, wire)
        made.link(True, 65535)
        return made

    return publisher


def ack(upto: int | None = None, **more: object) -> bytes:
    return Ack(upto, **more).encode()  # type: ignore[arg-type]


def test_a_window_is_sent_and_moves_with_the_citys_ack(
    make: Callable[..., Publisher], fill: Callable[..., None], wire: Wire
) -> None:
    fill(10)
    publisher = make()
    publisher.pump(0.0)
    assert wire.sequences() == [1, 2, 3, 4]
    publisher.pump(0.0)
    assert len(wire.sent) == 4
    publisher.acknowledged(ack(3))
    publisher.pump(0.0)
    assert wire.sequences() == [1, 2, 3, 4, 5, 6, 7]
    assert (publisher.upto, publisher.pending) == (3, 7)
    assert wire.sent[0][0] == "mkt/1/410108/410108001/01/evt/entry"


def test_a_brokers_ack_is_not_the_city(make: Callable[..., Publisher], fill: Callable[..., None], wire: Wire) -> None:
    fill(2)
    publisher = make()
    publisher.pump(0.0)
    publisher.answered(1, "", 0, 0.0)
    publisher.answered(2, "", 0, 0.0)
    assert publisher.pending == 2


def test_a_broker_may_confirm_for_a_city_that_cannot(
    make: Callable[..., Publisher], fill: Callable[..., None], wire: Wire
) -> None:
    fill(3)
    publisher = make(confirm="broker")
    publisher.pump(0.0)
    publisher.answered(2, "", 0, 0.0)
    publisher.answered(1, "", 0, 0.0)
    assert (publisher.upto, publisher.pending) == (2, 1)
    publisher.answered(3, "", 16, 0.0)  # nobody listens
    assert publisher.pending == 1


def test_alarms_go_before_the_backlog(make: Callable[..., Publisher], fill: Callable[..., None], wire: Wire) -> None:
    fill(6)
    fill(1, ALARM)
    publisher = make(window=3)
    publisher.pump(0.0)
    assert wire.sent[0] == ("mkt/1/410108/410108001/01/alm/entry", 7)
    assert wire.sequences() == [7, 1, 2]
    publisher.acknowledged(ack(ids=(wire.ids[7],)))
    publisher.acknowledged(ack(6))
    assert (publisher.upto, publisher.pending) == (7, 0)


def test_silence_is_answered_by_sending_again_ever_more_rarely(
    make: Callable[..., Publisher], fill: Callable[..., None], wire: Wire
) -> None:
    fill(2)
    publisher = make(resend_seconds=10)
    publisher.pump(0.0)
    publisher.pump(9.9)
    assert len(wire.sent) == 2
    assert publisher.deadline() == 10.0
    publisher.pump(10.0)
    assert wire.sequences() == [1, 2, 1, 2]
    publisher.pump(29.0)
    assert len(wire.sent) == 4
    publisher.pump(30.0)
    assert len(wire.sent) == 6


def test_a_lost_link_sends_everything_unsettled_again(
    make: Callable[..., Publisher], fill: Callable[..., None], wire: Wire
) -> None:
    fill(3)
    publisher = make()
    publisher.pump(0.0)
    publisher.link(False, 0)
    publisher.pump(1.0)
    assert len(wire.sent) == 3
    publisher.link(True, 2)
    publisher.pump(2.0)
    assert wire.sequences() == [1, 2, 3, 1, 2]  # the broker allows two in flight


def test_a_rejected_record_is_set_aside_and_holds_up_nothing(
    make: Callable[..., Publisher], fill: Callable[..., None], wire: Wire, ledger: Ledger
) -> None:
    fill(5)
    publisher = make()
    publisher.pump(0.0)
    publisher.acknowledged(ack(1))
    publisher.acknowledged(ack(rejected=(Rejected(wire.ids[2], "schema", "no such product"),)))
    assert publisher.upto == 2
    assert publisher.aside == {2: "schema: no such product"}
    publisher.acknowledged(ack(5))
    assert publisher.pending == 0
    with ledger.batch():
        publisher.save()
    again = make()
    assert (again.upto, again.aside) == (5, {2: "schema: no such product"})


def test_progress_survives_a_restart_once_saved(
    make: Callable[..., Publisher], fill: Callable[..., None], wire: Wire, ledger: Ledger
) -> None:
    fill(4)
    fill(1, ALARM)
    publisher = make()
    publisher.pump(0.0)
    publisher.acknowledged(ack(2))
    publisher.acknowledged(ack(ids=(wire.ids[5],)))
    assert publisher.unsaved
    with ledger.batch():
        publisher.save()
    assert not publisher.unsaved
    again = make()
    wire.sent.clear()
    again.pump(0.0)
    assert wire.sequences() == [3, 4]


def test_an_open_rejection_keeps_the_record_and_says_again_who_we_are(
    make: Callable[..., Publisher], fill: Callable[..., None], wire: Wire
) -> None:
    fill(1)
    publisher = make(resend_seconds=10)
    publisher.pump(0.0)
    publisher.acknowledged(ack(rejected=(Rejected(wire.ids[1], "unknown_key", "who are you"),)))
    assert (publisher.pending, publisher.aside, publisher.birth_due) == (1, {}, True)
    assert "unknown_key" in publisher.trouble
    publisher.pump(10.0)
    assert wire.sequences() == [1, 1]
    publisher.acknowledged(ack(1))
    assert (publisher.pending, publisher.trouble) == (0, "")


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b"{", b'{"upto": -1}', b'{"upto": 99}', b'{"upto": "x"}', b"9" * 70_000]
)
def test_a_forged_or_broken_ack_moves_nothing(
    make: Callable[..., Publisher], fill: Callable[..., None], payload: bytes
) -> None:
    fill(2)
    publisher = make()
    publisher.pump(0.0)
    publisher.acknowledged(payload)
    assert publisher.pending == 2


def test_a_brokers_refusals_by_reason(make: Callable[..., Publisher], fill: Callable[..., None], wire: Wire) -> None:
    fill(3)
    publisher = make(resend_seconds=10)
    publisher.pump(0.0)
    publisher.answered(1, "Packet too large", 149, 0.0)
    assert publisher.aside == {1: "broker: Packet too large"}
    publisher.answered(2, "Quota exceeded", 151, 0.0)
    publisher.pump(5.0)
    assert len(wire.sent) == 3
    publisher.pump(10.0)
    assert wire.sequences()[3:] == [2, 3]
    publisher.answered(4, "Not authorized", 135, 10.0)
    assert "rights" in publisher.trouble
    publisher.pump(60.0)
    assert len(wire.sent) == 5


def test_progress_whose_commit_failed_is_written_again(
    make: Callable[..., Publisher], fill: Callable[..., None], wire: Wire, ledger: Ledger
) -> None:
    fill(4)
    fill(1, ALARM)
    publisher = make()
    publisher.pump(0.0)
    publisher.acknowledged(ack(2))
    publisher.acknowledged(ack(ids=(wire.ids[5],)))
    with pytest.raises(RuntimeError), ledger.batch():
        publisher.save()
        raise RuntimeError
    assert not publisher.unsaved
    publisher.not_saved()
    with ledger.batch():
        publisher.save()
    again = make()
    wire.sent.clear()
    again.pump(0.0)
    assert wire.sequences() == [3, 4]
