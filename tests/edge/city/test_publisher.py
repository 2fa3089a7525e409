"""The window to the city: nothing is forgotten, nothing holds up the rest, and only the city's own word moves it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from edge.between.inbox import BrokerAnswer, Limits, LinkChanged
from edge.city.backlog import PAGE
from edge.city.publisher import PASSED_AT_ONCE, Publisher
from edge.config.sections import CitySection
from edge.records.clock import Clock
from edge.records.ledger import ALARM, ORDINARY, Ledger
from protocol.city.agreement import MANY
from protocol.city.codes import CodeKind
from protocol.city.envelope import hash_of
from protocol.city.events import CityObeyed, EntryRegistered, Goods
from protocol.city.signed import CityKeys, seal
from protocol.city.topics import ACK_CAP, Ack, Rejected, Topics

TOPICS = Topics("410108", "410108001", "01")
CITY = Ed25519PrivateKey.from_private_bytes(bytes(range(7, 39)))
KEYS = CityKeys.parse(CITY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex())
UP = LinkChanged(True)


class Wire:
    """Keeps what is published; message ids count up."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int]] = []
        self.ids: dict[int, str] = {}
        self.up = True
        self.left: list[str] = []

    def publish(self, topic: str, body: bytes) -> int | None:
        if not self.up:
            return None
        event = json.loads(body)
        self.sent.append((topic, int(event["sequence"])))
        self.ids[int(event["sequence"])] = event["id"]
        return len(self.sent)

    def leave(self, cause: str, why: str) -> None:
        self.left.append(cause)

    def sequences(self) -> list[int]:
        return [sequence for _, sequence in self.sent]

    def mid(self, seq: int) -> int:
        """The newest publish of this record."""
        return max(number for number, (_, one) in enumerate(self.sent, 1) if one == seq)


class Rig(Publisher):
    """A publisher with its wire and a city that signs."""

    def __init__(self, part: CitySection, ledger: Ledger, wire: Wire, clock: Clock, keys: CityKeys = KEYS) -> None:
        super().__init__(part, ledger, TOPICS, wire, clock, keys)
        self.wire = wire
        self.issued = 0

    def sealed(self, said: Ack, station: str = "410108001-01", key: Ed25519PrivateKey = CITY) -> bytes:
        self.issued += 1
        return seal(said.fields(), station, f"2026-11-29T08:00:00.{self.issued:06d}Z", key)

    def hear(
        self,
        upto: int | None = None,
        now: float = 0.0,
        *,
        ids: tuple[int, ...] = (),
        reject: Any = (),
        digest: str = "own",
    ) -> None:
        """The city's answer, signed, with the hash of record ``upto``."""
        if digest == "own":
            digest = hash_of(self._ledger.body(upto)) if upto else ""
        named = tuple(self.wire.ids[seq] for seq in ids)
        self.acknowledged(self.sealed(Ack(upto, named, reject, digest)), False, now)

    def broker(self, seq: int, code: int = 0, now: float = 0.0) -> None:
        """The broker's answer to the newest publish of this record."""
        self.answered(BrokerAnswer(self.wire.mid(seq), "refused" if code >= 128 else "", code), now)

    def counted(self) -> dict[str, int]:
        return dict(self.view("", {}).odd)

    @property
    def word(self) -> str:
        return self.cause()[0]


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def fill(ledger: Ledger, clock: Clock) -> Callable[..., None]:
    def some(count: int, lane: int = ORDINARY, origin: str = "河南") -> None:
        with ledger.batch():
            for _ in range(count):
                code = str(ledger.next_code(CodeKind.TEST))
                goods = Goods(product="01040201", name="大白菜")
                entry = EntryRegistered(goods=goods, net_g=1, origin=origin, supplier="李四", sample="1")
                ledger.append("entry.registered", code, entry, clock.now(), clock.boot_id, lane=lane)

    return some


@pytest.fixture
def obey(ledger: Ledger, clock: Clock) -> Callable[[int], None]:
    """Records of another kind, on another topic."""

    def some(count: int) -> None:
        with ledger.batch():
            for _ in range(count):
                said = CityObeyed(command="x", name="x", issued="", kid="")
                ledger.append("city.obeyed", "410108001-01", said, clock.now(), clock.boot_id)

    return some


@pytest.fixture
def make(ledger: Ledger, wire: Wire, clock: Clock) -> Callable[..., Rig]:
    def publisher(*, up: LinkChanged = UP, keys: CityKeys = KEYS, **changes: object) -> Rig:
        part = CitySection.model_validate({"brokers": ("mqtt://x",), "window": 4, **changes})
        made = Rig(part, ledger, wire, clock, keys)
        made.link(up, 0.0)
        return made

    return publisher


Make, Fill, Obey = Callable[..., Rig], Callable[..., None], Callable[[int], None]


# --- the window and the cursor --------------------------------------------------------------------------------------


def test_a_window_is_sent_and_moves_with_the_citys_ack(make: Make, fill: Fill, wire: Wire) -> None:
    fill(10)
    publisher = make()
    publisher.pump(0.0)
    assert wire.sequences() == [1, 2, 3, 4]
    publisher.pump(0.0)
    assert len(wire.sent) == 4
    publisher.hear(3)
    publisher.pump(0.0)
    assert wire.sequences() == [1, 2, 3, 4, 5, 6, 7]
    assert (publisher.upto, publisher.acked, publisher.pending) == (3, 3, 7)
    assert wire.sent[0][0] == "mkt/1/410108/410108001/01/evt/entry"


def test_the_broker_and_the_city_have_windows_of_their_own(make: Make, fill: Fill, wire: Wire) -> None:
    """A city that answers late holds up none of what a broker takes at once, until as many wait as it may."""
    publisher = make(window=8, up=LinkChanged(True, limits=Limits(receive_maximum=3)))
    fill(20)
    publisher.pump(0.0)
    assert wire.sequences() == [1, 2, 3]
    publisher.broker(2)
    publisher.pump(0.0)
    assert wire.sequences() == [1, 2, 3, 4]
    for seq in (1, 3, 4):
        publisher.broker(seq)
    publisher.pump(0.0)
    for seq in (5, 6, 7):
        publisher.broker(seq)
    publisher.pump(0.0)
    assert wire.sequences() == [1, 2, 3, 4, 5, 6, 7, 8]
    publisher.broker(8)
    publisher.pump(0.0)
    assert len(wire.sent) == 8  # the broker has all of them, the city has said nothing of any
    publisher.hear(upto=2)
    publisher.pump(0.0)
    assert wire.sequences()[8:] == [9, 10]


def test_a_broker_without_limits_gets_a_hundred_at_once(make: Make, fill: Fill, wire: Wire) -> None:
    publisher = make(window=500)
    fill(150)
    publisher.pump(0.0)
    assert len(wire.sent) == 100
    for seq in range(1, 101):
        publisher.broker(seq)
    publisher.pump(0.0)
    assert wire.sequences() == list(range(1, 151))


def test_a_backlog_is_read_once_and_in_pages(make: Make, fill: Fill, wire: Wire, ledger: Ledger) -> None:
    """Each record once, by statements that bring many: whatever the window, and however small the steps it moves in."""
    publisher = make(window=10)
    fill(200)
    asked: list[str] = []
    ledger.conn.set_trace_callback(lambda statement: asked.append(statement) if "FROM events" in statement else None)
    for seq in range(1, 201):
        publisher.pump(0.0)
        publisher.broker(seq)
        publisher.hear(upto=seq)
    ledger.conn.set_trace_callback(None)
    assert wire.sequences() == list(range(1, 201))
    of_pages = [statement for statement in asked if "lane" in statement]
    assert len(of_pages) <= 200 // PAGE + 4  # the alarms' empty lane among them


def test_what_was_sent_on_a_long_connection_is_forgotten_once_the_city_passed_it(make: Make, fill: Fill) -> None:
    publisher = make(window=1000)
    fill(2 * MANY)
    for upto in range(100, 2 * MANY, 100):
        publisher.pump(0.0)
        for seq in range(upto - 99, upto + 1):
            publisher.broker(seq)
        publisher.hear(upto=upto)
    assert len(publisher.end._sent) < MANY + 200


def test_a_brokers_ack_is_not_the_city(make: Make, fill: Fill) -> None:
    fill(2)
    publisher = make()
    publisher.pump(0.0)
    publisher.broker(1)
    publisher.broker(2)
    assert publisher.pending == 2


def test_a_broker_may_confirm_for_a_city_that_cannot(make: Make, fill: Fill) -> None:
    fill(3)
    publisher = make(confirm="broker")
    publisher.pump(0.0)
    publisher.broker(2)
    publisher.broker(1)
    assert (publisher.upto, publisher.pending) == (2, 1)
    publisher.broker(3, 16)  # nobody listens
    assert (publisher.pending, publisher.word) == (1, "nobody")
    publisher.pump(10.0)
    publisher.broker(3, 0, 10.0)
    assert (publisher.pending, publisher.word) == (0, "")


def test_a_broker_without_qos_1_cannot_confirm(make: Make, fill: Fill, wire: Wire) -> None:
    fill(1)
    publisher = make(confirm="broker", up=LinkChanged(True, limits=Limits(qos=0)))
    publisher.pump(0.0)
    assert (wire.sent, publisher.word, publisher.deadline()) == ([], "no_qos", None)


def test_alarms_go_before_the_backlog(make: Make, fill: Fill, wire: Wire) -> None:
    fill(6)
    fill(1, ALARM)
    publisher = make(window=3)
    publisher.pump(0.0)
    assert wire.sent[0] == ("mkt/1/410108/410108001/01/alm/entry", 7)
    assert wire.sequences() == [7, 1, 2]
    publisher.hear(ids=(7,))
    publisher.hear(6)
    assert (publisher.upto, publisher.pending) == (7, 0)


def test_a_lost_link_sends_everything_unsettled_again(make: Make, fill: Fill, wire: Wire) -> None:
    fill(3)
    publisher = make()
    publisher.pump(0.0)
    publisher.link(LinkChanged(False, "x: lost", "lost"), 0.5)
    assert publisher.word == "lost"
    publisher.pump(1.0)
    assert len(wire.sent) == 3
    publisher.link(LinkChanged(True, limits=Limits(receive_maximum=2)), 2.0)
    publisher.pump(2.0)
    assert wire.sequences() == [1, 2, 3, 1, 2]  # the broker allows two in flight


def test_progress_survives_a_restart_once_saved(make: Make, fill: Fill, wire: Wire, ledger: Ledger) -> None:
    fill(4)
    fill(1, ALARM)
    publisher = make()
    publisher.pump(0.0)
    publisher.hear(2)
    publisher.hear(ids=(5,))
    assert publisher.unsaved
    with ledger.batch():
        publisher.save()
    assert not publisher.unsaved
    again = make()
    wire.sent.clear()
    again.pump(0.0)
    assert wire.sequences() == [3, 4]


def test_progress_whose_commit_failed_is_written_again(make: Make, fill: Fill, wire: Wire, ledger: Ledger) -> None:
    fill(4)
    fill(1, ALARM)
    publisher = make()
    publisher.pump(0.0)
    publisher.hear(2)
    publisher.hear(ids=(5,))
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


# --- whose word counts ----------------------------------------------------------------------------------------------

OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(8, 40)))


def test_an_answer_that_the_city_did_not_sign_moves_nothing_and_is_counted(
    make: Make, fill: Fill, ledger: Ledger
) -> None:
    fill(3)
    publisher = make()
    publisher.pump(0.0)
    said = Ack(3, (), (Rejected(publisher.wire.ids[1], "bad_data", "x"),), hash_of(ledger.body(3)))
    for payload in (
        said.encode(),
        publisher.sealed(said, key=OTHER),
        publisher.sealed(said, station="410108001-02"),
        publisher.sealed(Ack(1)).replace(b'"upto":1', b'"upto":3'),
        b"",
        b"9" * (ACK_CAP + 1),
    ):
        publisher.acknowledged(payload, False, 0.0)
    assert (publisher.upto, publisher.pending, publisher.aside) == (0, 3, {})
    assert publisher.counted() == {
        "unsigned": 1,
        "unknown_key": 1,
        "other_station": 1,
        "bad_signature": 1,
        "unreadable": 2,
    }
    for seq in (1, 2, 3):
        publisher.broker(seq)
    publisher.pump(10.0)
    assert publisher.word == "unproven"
    publisher.hear(3, 11.0)
    assert (publisher.pending, publisher.word) == (0, "")


def test_an_older_answer_than_one_taken_moves_nothing(make: Make, fill: Fill, ledger: Ledger) -> None:
    fill(3)
    publisher = make()
    publisher.pump(0.0)
    older = publisher.sealed(Ack(3, hash=hash_of(ledger.body(3))))
    publisher.hear(1)
    publisher.acknowledged(older, False, 0.0)
    assert (publisher.upto, publisher.counted()) == (1, {"stale": 1})


def test_a_retained_answer_moves_nothing(make: Make, fill: Fill, ledger: Ledger) -> None:
    fill(2)
    publisher = make()
    publisher.pump(0.0)
    publisher.acknowledged(publisher.sealed(Ack(2, hash=hash_of(ledger.body(2)))), True, 0.0)
    assert (publisher.upto, publisher.counted()) == (0, {"retained": 1})


def test_without_a_key_of_the_city_nothing_is_confirmed_and_it_is_said(make: Make, fill: Fill) -> None:
    fill(1)
    publisher = make(keys=CityKeys())
    publisher.pump(0.0)
    publisher.hear(1)
    assert (publisher.pending, publisher.word) == (1, "no_city_key")


def test_unsigned_answers_count_where_that_is_configured(make: Make, fill: Fill) -> None:
    fill(5)
    publisher = make(confirm="city-unsigned", keys=CityKeys())
    publisher.pump(0.0)
    publisher.acknowledged(b'{"upto":2}', False, 0.0)
    assert (publisher.upto, publisher.word) == (2, "")


def test_an_answer_that_names_another_record_moves_nothing_and_is_a_trouble(make: Make, fill: Fill, wire: Wire) -> None:
    fill(8)
    publisher = make()
    publisher.pump(0.0)
    named = (Rejected(wire.ids[1], "fork", "taken"),)
    publisher.hear(3, digest="ab" * 32, ids=(2,), reject=named)
    assert (publisher.upto, publisher.pending, publisher.aside, publisher.word) == (0, 8, {}, "disagree")
    publisher.hear(9, digest="ab" * 32, reject=named)  # beyond our end
    assert (publisher.upto, publisher.aside) == (0, {})
    assert "ends at 8" in publisher.cause()[1]
    assert publisher.counted() == {"disagree": 2}
    publisher.hear(3)  # that alone is no way out: a person orders it
    assert (publisher.upto, publisher.word) == (0, "disagree")
    publisher.pump(60.0)
    assert wire.sequences() == [1, 2, 3, 4]


def test_an_answer_without_a_hash_counts_only_over_what_was_sent_on_this_connection(make: Make, fill: Fill) -> None:
    fill(10)
    publisher = make()
    publisher.hear(10, digest="")
    assert publisher.upto == 0
    publisher.pump(0.0)
    publisher.hear(10, digest="")
    assert publisher.upto == 4
    publisher.pump(0.0)
    publisher.link(LinkChanged(False), 1.0)
    publisher.link(UP, 1.0)
    publisher.hear(8, 1.0, digest="")
    assert publisher.upto == 4
    publisher.hear(8, 1.0)
    assert publisher.upto == 8


# --- rejections -----------------------------------------------------------------------------------------------------


def test_a_rejected_record_is_set_aside_and_holds_up_nothing(
    make: Make, fill: Fill, wire: Wire, ledger: Ledger
) -> None:
    fill(5)
    publisher = make()
    publisher.pump(0.0)
    publisher.hear(1)
    publisher.hear(reject=(Rejected(wire.ids[2], "schema", "no such product"),))
    assert publisher.upto == 2
    assert publisher.aside == {2: "schema: no such product"}
    publisher.hear(5)
    assert (publisher.pending, publisher.acked) == (0, 4)
    with ledger.batch():
        publisher.save()
    again = make()
    assert (again.upto, again.acked, again.aside) == (5, 4, {2: "schema: no such product"})


def test_what_the_city_confirmed_is_never_set_aside(make: Make, fill: Fill, wire: Wire) -> None:
    fill(4)
    publisher = make()
    publisher.pump(0.0)
    publisher.hear(2)
    publisher.hear(ids=(4,))
    rejected = tuple(Rejected(wire.ids[seq], "bad_data", "x") for seq in (1, 2, 4))
    publisher.hear(2, reject=rejected)
    assert (publisher.aside, publisher.acked) == ({}, 3)


def test_a_rejection_told_after_a_lost_connection_still_finds_its_record(make: Make, fill: Fill, wire: Wire) -> None:
    fill(4)
    publisher = make()
    publisher.pump(0.0)
    publisher.link(LinkChanged(False), 1.0)
    publisher.link(UP, 1.0)
    publisher.hear(4, 1.0, reject=(Rejected(wire.ids[3], "bad_data", "x"),))
    assert (publisher.upto, publisher.acked, set(publisher.aside)) == (4, 3, {3})


def test_thousands_of_unknown_ids_cost_one_look_at_the_newest(
    make: Make, fill: Fill, wire: Wire, ledger: Ledger
) -> None:
    fill(300)
    publisher = make(confirm="city-unsigned")
    publisher.pump(0.0)
    unknown = tuple(Rejected(f"{number:012d}", "x", "") for number in range(1100))
    payload = Ack(None, tuple(f"{number:012d}" for number in range(1000)), unknown).encode()
    assert len(payload) < ACK_CAP
    read: list[str] = []
    ledger.conn.set_trace_callback(read.append)
    publisher.acknowledged(payload, False, 0.0)
    publisher.acknowledged(Ack(None, tuple(f"{number:012d}" for number in range(4000))).encode(), False, 0.0)
    ledger.conn.set_trace_callback(None)
    assert len(read) == 1
    assert "seq BETWEEN 1 AND 200" in read[0]
    assert publisher.aside == {}


def test_an_open_rejection_keeps_the_record_and_says_again_who_we_are(make: Make, fill: Fill, wire: Wire) -> None:
    fill(1)
    publisher = make(resend_seconds=10)
    publisher.pump(0.0)
    publisher.broker(1)
    publisher.hear(0, reject=(Rejected(wire.ids[1], "unknown_key", "who are you"),))
    assert (publisher.pending, publisher.aside, publisher.birth_due) == (1, {}, True)
    assert publisher.cause() == ("city_refuses", "unknown_key: who are you")
    publisher.hear(0)
    assert publisher.word == "city_refuses"  # until something is taken
    publisher.pump(10.0)
    assert wire.sequences() == [1, 1]
    publisher.hear(1, 10.0)
    assert (publisher.pending, publisher.word) == (0, "")


def test_all_that_was_set_aside_is_counted(make: Make, fill: Fill, wire: Wire) -> None:
    fill(60)
    publisher = make(window=60)
    publisher.pump(0.0)
    publisher.hear(reject=tuple(Rejected(wire.ids[seq], "bad_data", "x") for seq in range(1, 61)))
    view = publisher.view("", {})
    assert (view.aside, len(view.set_aside), view.set_aside[-1][0]) == (60, 50, 60)
    assert (view.written, view.acked, view.pending) == (60, 0, 0)


def test_a_reason_is_logged_as_one_harmless_line_and_not_for_each_record(
    make: Make, fill: Fill, wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    fill(4)
    publisher = make()
    publisher.pump(0.0)
    reason = "no\nERROR core: all is lost\x1b[31m\x00\ud800"
    body = {"rejected": [{"id": wire.ids[seq], "code": "bad", "reason": reason} for seq in (1, 2, 3, 4)]}
    loose = json.dumps(body).encode()
    unsigned = make(confirm="city-unsigned")
    unsigned.pump(0.0)
    caplog.clear()
    unsigned.acknowledged(loose, False, 0.0)
    told = [one.getMessage() for one in caplog.records if "set aside" in one.getMessage()]
    assert told == ["record 1 set aside: the city rejects it: bad: no ERROR core: all is lost [31m"]
    assert len(unsigned.aside) == 4
    with publisher._ledger.batch():
        unsigned.save()


# --- silence --------------------------------------------------------------------------------------------------------


def test_a_silent_city_is_asked_with_one_record_ever_more_rarely(make: Make, fill: Fill, wire: Wire) -> None:
    fill(9)
    publisher = make(resend_seconds=10)
    publisher.pump(0.0)
    for seq in (1, 2, 3, 4):
        publisher.broker(seq)
    publisher.pump(9.9)
    assert (len(wire.sent), publisher.deadline(), publisher.word) == (4, 10.0, "")
    publisher.pump(10.0)
    assert (wire.sequences()[4:], publisher.word) == ([1], "silent")
    assert publisher.view("", {}).silent_since
    publisher.broker(1, now=10.0)
    publisher.pump(29.9)
    assert len(wire.sent) == 5
    publisher.pump(30.0)
    assert wire.sequences()[4:] == [1, 2]
    publisher.broker(2, now=30.0)
    fill(1, ALARM)
    publisher.link(LinkChanged(False), 32.0)
    publisher.link(UP, 32.0)
    publisher.pump(32.0)
    assert wire.sequences()[6:] == [10]  # the alarm knocks


def test_alarms_go_although_the_city_is_silent(make: Make, fill: Fill, wire: Wire) -> None:
    fill(2)
    publisher = make(resend_seconds=10)
    publisher.pump(0.0)
    publisher.broker(1)
    publisher.broker(2)
    publisher.pump(10.0)
    wire.sent.clear()
    fill(1)
    fill(1, ALARM)
    publisher.pump(11.0)
    assert wire.sequences() == [4]


@pytest.mark.parametrize("silent", [False, True])
def test_an_alarm_does_not_wait_for_the_answer_to_a_full_window(
    make: Make, fill: Fill, wire: Wire, silent: bool
) -> None:
    publisher = make(resend_seconds=10)
    fill(10)
    publisher.pump(0.0)
    for seq in range(1, 5):
        publisher.broker(seq)
    now = 11.0 if silent else 1.0
    publisher.pump(now)
    assert bool(publisher.silent_since) is silent
    before = len(wire.sent)
    fill(1, ALARM)
    publisher.pump(now)
    assert wire.sequences()[before:] == [11]


def test_a_city_that_was_away_gets_the_whole_window_at_once(make: Make, fill: Fill, wire: Wire) -> None:
    fill(9)
    publisher = make(resend_seconds=10)
    publisher.pump(0.0)
    for seq in (1, 2, 3, 4):
        publisher.broker(seq)
    publisher.pump(10.0)
    publisher.broker(1, now=10.0)
    publisher.hear(0, 12.0)
    assert publisher.word == ""
    wire.sent.clear()
    publisher.pump(12.0)
    assert wire.sequences() == [1, 2, 3, 4]


def test_a_slow_city_is_not_asked_again_before_it_is_due(make: Make, fill: Fill, wire: Wire) -> None:
    fill(9)
    publisher = make(resend_seconds=10)
    publisher.pump(0.0)
    for seq in (1, 2, 3, 4):
        publisher.broker(seq)
    publisher.pump(10.0)
    publisher.broker(1, now=10.0)
    publisher.hear(3, 15.0)
    wire.sent.clear()
    publisher.pump(15.0)
    assert wire.sequences() == [5, 6, 7]
    for seq in (5, 6, 7):
        publisher.broker(seq, now=15.0)
    publisher.pump(30.0)
    assert 5 not in wire.sequences()[3:]


def test_one_record_without_an_answer_is_sent_again_alone(make: Make, fill: Fill, wire: Wire) -> None:
    fill(4)
    publisher = make(resend_seconds=10)
    publisher.pump(0.0)
    for seq in (1, 2, 3, 4):
        publisher.broker(seq)
    publisher.hear(0, 1.0, ids=(2, 3, 4))
    publisher.pump(10.0)
    assert (wire.sequences()[4:], publisher.word) == ([1], "")


def test_what_the_broker_has_not_answered_is_not_queued_again(make: Make, fill: Fill, wire: Wire) -> None:
    fill(20)
    publisher = make(resend_seconds=3)
    publisher.pump(0.0)
    for now in range(1, 10):
        publisher.pump(float(now))
    assert wire.sequences() == [1, 2, 3, 4]
    publisher.pump(10.0)
    assert (wire.left, publisher.up, publisher.word) == (["no_puback"], False, "no_puback")
    publisher.link(LinkChanged(False, "", "no_puback"), 10.1)
    publisher.link(UP, 16.0)
    publisher.pump(16.0)
    publisher.pump(35.9)  # more patience with it now
    assert len(wire.left) == 1
    publisher.pump(46.0)
    assert len(wire.left) == 2


def test_what_the_client_still_holds_is_not_handed_over_again_whoever_else_speaks(
    make: Make, fill: Fill, wire: Wire
) -> None:
    fill(4)
    publisher = make(resend_seconds=6)
    publisher.pump(0.0)
    publisher.broker(1)
    publisher.broker(2, 151)  # quota: wait
    publisher.pump(6.0)
    assert wire.sequences()[4:] == [1, 2]
    publisher.broker(1, now=6.0)
    publisher.pump(8.0)
    assert wire.sequences()[6:] == []
    publisher.hear(0, 8.0)
    publisher.pump(8.1)
    assert 3 not in wire.sequences()[4:]


def test_a_broker_where_the_city_is_not_heard_is_left_for_the_next_of_the_list(
    make: Make, fill: Fill, wire: Wire
) -> None:
    fill(2)
    publisher = make(brokers=("mqtt://a", "mqtt://b"), resend_seconds=10)
    publisher.pump(0.0)
    for _ in range(6):
        for seq in (1, 2):
            publisher.broker(seq)
        publisher.pump(publisher.deadline() or 0.0)
        if wire.left:
            break
    assert wire.left == ["silent"]
    publisher.link(LinkChanged(False, "", "silent"), 31.0)
    publisher.link(UP, 32.0)
    publisher.pump(32.0)
    publisher.hear(2, 33.0)
    assert (publisher.pending, publisher.word) == (0, "")


def test_a_broker_that_loses_records_is_left_although_the_city_answers_births(
    make: Make, fill: Fill, wire: Wire
) -> None:
    fill(2)
    publisher = make(brokers=("mqtt://a", "mqtt://b"), resend_seconds=10)
    now = 0.0
    for stay in (30.0, 60.0, 120.0):  # ever longer, while the record is nowhere taken
        began = now
        publisher.hear(0, now)
        while not wire.left:
            publisher.pump(now)
            for seq in (1, 2):
                publisher.broker(seq, now=now)
            publisher.hear(0, now)  # it speaks, and has none of them
            now += 1.0
        assert (wire.left, stay <= now - began < stay + 3) == (["swallowed"], True)
        wire.left.clear()
        publisher.link(LinkChanged(False, "mqtt://a: x", "swallowed", broker="mqtt://a"), now)
        publisher.link(LinkChanged(True, broker="mqtt://b"), now)
    assert publisher.view("mqtt://b", {}).left == (("mqtt://a", "swallowed", "mqtt://a: x"),)
    publisher.pump(now)
    publisher.hear(2, now)
    publisher.link(LinkChanged(False, "", "lost"), now)
    publisher.link(LinkChanged(True, broker="mqtt://a"), now)
    fill(1)
    publisher.pump(now)
    assert publisher.view("mqtt://a", {}).left == ()
    publisher.hear(3, now)
    publisher.link(LinkChanged(True, broker="mqtt://b"), now)
    assert publisher.view("mqtt://b", {}).left == ()


def test_a_broker_that_loses_one_kind_is_left_and_a_slow_city_is_no_reason(
    make: Make, fill: Fill, wire: Wire, ledger: Ledger
) -> None:
    fill(60)
    publisher = make(brokers=("mqtt://a", "mqtt://b"), resend_seconds=10, window=40)
    publisher.pump(0.0)
    for seq in range(1, 41):
        publisher.broker(seq)
    for now in range(40):  # one a second
        publisher.hear(now + 1, float(now))
        publisher.pump(float(now))
        for seq in {seq for _, seq in wire.sent}:
            publisher.broker(seq, now=float(now))
    assert wire.left == []
    for now in range(40, 80):  # the others overtake number 41
        publisher.hear(40, float(now), ids=tuple(range(42, now + 3 if now < 58 else 61)))
        publisher.pump(float(now))
        for seq in {seq for _, seq in wire.sent}:
            publisher.broker(seq, now=float(now))
    assert wire.left and set(wire.left) == {"swallowed"}


def test_the_only_broker_is_not_left_for_a_silent_city(make: Make, fill: Fill, wire: Wire) -> None:
    fill(2)
    publisher = make(resend_seconds=10)
    publisher.pump(0.0)
    publisher.broker(1)
    publisher.broker(2)
    for now in range(0, 1000, 5):
        publisher.pump(float(now))
        publisher.broker(1, now=now)
        publisher.broker(2, now=now)
    assert wire.left == []


def test_a_broker_that_refuses_the_subscription_gets_one_record_at_a_time(make: Make, fill: Fill, wire: Wire) -> None:
    fill(5)
    publisher = make(up=LinkChanged(True, "not authorized", "subscription"))
    publisher.pump(0.0)
    assert (wire.sequences(), publisher.word) == ([1], "subscription")


def test_nobody_who_listens_is_told_at_once(make: Make, fill: Fill, wire: Wire) -> None:
    fill(5)
    publisher = make()
    publisher.pump(0.0)
    publisher.broker(1, 16)
    assert publisher.word == "nobody"
    publisher.hear(4, 1.0)
    assert publisher.word == ""


@pytest.mark.parametrize("confirm", ["city", "city-unsigned", "broker"])
def test_whenever_the_publisher_wants_to_be_called_it_does_something(
    make: Make, fill: Fill, wire: Wire, confirm: str
) -> None:
    """Otherwise the core thread would go round and round."""
    fill(30)
    publisher = make(brokers=("mqtt://a", "mqtt://b"), confirm=confirm, resend_seconds=3)
    now = 0.0
    for turn in range(300):
        publisher.pump(now)
        before = publisher.deadline()
        if turn % 3 == 0 and wire.sent:
            publisher.broker(wire.sent[-1][1], (0, 16, 131, 135, 151)[turn % 5], now)
        if not publisher.up:
            publisher.link(LinkChanged(False, "x", "lost", cut=turn % 2 == 0), now)
            publisher.link(UP, now)
        at = publisher.deadline()
        now = max(now + 0.01, at if at is not None else now + 1.0)
        publisher.pump(now)
        after = publisher.deadline()
        assert after is None or after > now, (turn, before, at, after)


# --- what the broker does not take ----------------------------------------------------------------------------------


def test_a_brokers_refusals_by_reason(make: Make, fill: Fill, wire: Wire) -> None:
    fill(3)
    publisher = make(resend_seconds=10)
    publisher.pump(0.0)
    publisher.broker(1, 149)
    assert publisher.aside == {}  # perhaps it takes nothing
    publisher.broker(2)
    assert publisher.aside == {1: "broker: refused"}
    publisher.broker(3, 151)
    publisher.pump(5.0)
    assert len(wire.sent) == 3
    publisher.pump(10.0)
    assert wire.sequences()[3:] == [2, 3]
    publisher.broker(3, 135, 10.0)
    assert publisher.cause() == ("broker_refuses", "broker: refused")
    publisher.pump(60.0)
    assert len(wire.sent) == 5


def test_three_refusals_in_a_row_are_the_brokers_trouble_not_the_records(make: Make, fill: Fill, wire: Wire) -> None:
    fill(9)
    publisher = make()
    publisher.pump(0.0)
    for seq in (1, 2, 3, 4):
        publisher.broker(seq, 131)
    assert (publisher.aside, publisher.pending, publisher.acked) == ({}, 9, 0)
    assert publisher.word == "broker_refuses"
    publisher.pump(59.0)
    assert len(wire.sent) == 4
    publisher.pump(60.0)
    publisher.broker(1, now=60.0)
    assert (wire.sequences()[4:], publisher.word) == ([1, 2, 3, 4], "")


def test_a_refused_topic_holds_up_nothing_else_and_is_tried_again(make: Make, fill: Fill, wire: Wire) -> None:
    fill(3)
    publisher = make()
    publisher.pump(0.0)
    publisher.broker(1, 135)
    publisher.broker(2)
    publisher.broker(3)
    publisher.hear(0, ids=(2, 3))
    assert (publisher.aside, publisher.pending, publisher.word) == ({}, 1, "broker_refuses")
    publisher.pump(59.0)
    assert len(wire.sent) == 3
    publisher.pump(60.0)
    publisher.broker(1, now=60.0)
    assert (wire.sequences()[3:], publisher.word) == ([1], "")


@pytest.mark.parametrize("code", [131, 135])
def test_a_kind_that_the_broker_refuses_waits_alone_and_none_of_it_is_given_up(
    make: Make, fill: Fill, obey: Obey, wire: Wire, code: int
) -> None:
    obey(2 * PASSED_AT_ONCE + 6)
    fill(2)
    publisher = make()
    publisher.pump(0.0)
    for seq in (1, 2, 3, 4):
        publisher.broker(seq, code)
    now, entries = 0.0, 2 * PASSED_AT_ONCE + 7
    for _ in range(2):  # so many are passed over at once, and the core does something else
        publisher.pump(now)
        assert wire.sequences()[4:] == []
        now = publisher.deadline() or 0.0
    publisher.pump(now)
    assert now < 1.0 and wire.sequences()[4:] == [entries, entries + 1]
    publisher.broker(entries, now=now)
    fill(1)
    publisher.pump(now)
    assert wire.sequences()[6:] == [entries + 2]  # at once, and nothing is looked through again
    assert (publisher.aside, publisher.word) == ({}, "broker_refuses")
    for seq in (entries + 1, entries + 2):
        publisher.broker(seq, now=now)
    publisher.hear(0, now, ids=(entries, entries + 1, entries + 2))
    publisher.pump(60.0)
    publisher.broker(1, now=60.0)
    assert (wire.sequences()[7:], publisher.word) == ([1, 2, 3, 4], "")


def test_one_refused_record_is_not_given_up_for_one_of_another_kind(make: Make, fill: Fill, obey: Obey) -> None:
    obey(1)
    fill(1)
    publisher = make()
    publisher.pump(0.0)
    publisher.broker(1, 131)
    publisher.broker(2)
    assert publisher.aside == {}
    obey(1)
    publisher.pump(0.0)
    publisher.broker(3)
    assert publisher.aside == {1: "broker: refused"}


def test_what_is_too_large_by_the_dozen_holds_up_nothing_smaller(
    make: Make, fill: Fill, wire: Wire, ledger: Ledger
) -> None:
    fill(12, origin="河" * 100)
    fill(2)
    large, small = (len(ledger.body(seq)) for seq in (1, 13))
    publisher = make(up=LinkChanged(True, limits=Limits(packet=(small + large) // 2)))
    publisher.pump(0.0)
    publisher.pump(publisher.deadline() or 60.0)
    assert (wire.sequences(), publisher.aside, publisher.word) == ([13, 14], {}, "broker_refuses")
    publisher.broker(13)
    assert set(publisher.aside) == {1, 2, 3}
    publisher.pump(0.0)
    publisher.broker(14)
    assert set(publisher.aside) == {1, 2, 3, 4, 5}


def test_a_record_larger_than_the_broker_takes_is_set_aside(make: Make, fill: Fill, wire: Wire, ledger: Ledger) -> None:
    fill(1)
    fill(1, origin="河" * 100)
    fill(1)
    small, large = (len(ledger.body(seq)) for seq in (1, 2))
    publisher = make(up=LinkChanged(True, limits=Limits(packet=(small + large) // 2)))
    publisher.pump(0.0)
    assert wire.sequences() == [1, 3]
    publisher.broker(1)
    publisher.hear(1)
    assert "the broker takes" in publisher.aside[2]


def test_a_broker_that_takes_no_record_of_ours_sets_none_aside(make: Make, fill: Fill, wire: Wire) -> None:
    fill(9)
    publisher = make(up=LinkChanged(True, limits=Limits(packet=100)))
    publisher.pump(0.0)
    assert (wire.sent, publisher.aside, publisher.word) == ([], {}, "broker_refuses")


CUT = LinkChanged(False, "x: ended by the broker", "lost", cut=True)


class Poisoned:
    """A broker that cuts the connection at some records, and a city behind it."""

    def __init__(self, publisher: Rig, poison: set[int]) -> None:
        self.publisher, self.poison, self.cuts, self.now = publisher, poison, 0, 0.0

    def turn(self) -> None:
        """Deliver what was sent since the last turn, in order."""
        rig = self.publisher
        done = len(rig.wire.sent)
        self.now += 1.0
        rig.pump(self.now)
        for _, seq in rig.wire.sent[done:]:
            if seq in self.poison:
                self.cuts += 1
                rig.link(CUT, self.now)
                rig.link(UP, self.now)
                return
            rig.broker(seq, 0, self.now)
            if seq > rig.upto:
                rig.hear(now=self.now, ids=(seq,))


def test_two_cuts_at_the_same_record_single_it_out_and_the_rest_goes_on(make: Make, fill: Fill) -> None:
    fill(12)
    publisher = make()
    broker = Poisoned(publisher, {3})
    for _ in range(20):
        broker.turn()
    assert (set(publisher.aside), publisher.pending, publisher.acked) == ({3}, 0, 11)
    assert "cut whenever" in publisher.aside[3]
    assert broker.cuts == 4


def test_a_cut_that_was_noticed_while_sending_counts_too(make: Make, fill: Fill, wire: Wire) -> None:
    fill(3)
    publisher = make(window=10)
    for now in (0.0, 1.0):
        publisher.pump(now)
        wire.up = False
        fill(1)
        publisher.pump(now)
        assert not publisher.up
        publisher.link(CUT, now)
        wire.up = True
        publisher.link(UP, now)
    wire.sent.clear()
    publisher.pump(2.0)
    assert wire.sequences() == [1]  # one at a time now


def test_several_poisoned_records_are_all_found(make: Make, fill: Fill) -> None:
    fill(40)
    publisher = make()
    broker = Poisoned(publisher, {3, 4, 17, 39})
    for _ in range(120):
        broker.turn()
    assert (set(publisher.aside), publisher.pending) == ({3, 4, 17, 39}, 0)


def test_a_lone_record_is_kept_until_another_one_speaks_for_the_broker(make: Make, fill: Fill) -> None:
    fill(1)
    publisher = make()
    broker = Poisoned(publisher, {1})
    for _ in range(300):
        broker.turn()
    assert (publisher.aside, publisher.pending) == ({}, 1)
    assert broker.cuts < 12
    fill(1)
    for _ in range(80):
        broker.turn()
    assert (set(publisher.aside), publisher.pending) == ({1}, 0)


def test_a_broker_that_cuts_every_record_sets_none_aside(make: Make, fill: Fill) -> None:
    fill(12)
    publisher = make()
    broker = Poisoned(publisher, set(range(1, 13)))
    for _ in range(300):
        broker.turn()
    assert (publisher.aside, publisher.pending, publisher.word) == ({}, 12, "broker_refuses")
