"""Another ledger under our name, on the real core, ledger and city: held, told in red, and the command leads out."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.between.commands import SetPrice
from edge.between.inbox import BrokerAnswer, CityMessage, LinkChanged, Refused
from edge.between.ledger_commands import ContinueLedger, SendAgain
from edge.records.mark import SPARE
from edge.records.verify import verify
from protocol.city import events
from protocol.city.state import Reach, encode_state
from simulator.city.platform import Message, Platform
from simulator.city.reader import summary
from simulator.city.store import Store

Start = Callable[..., Any]
NAME = "410108001-01"
GO_ON = ContinueLedger(why="换了存储卡", person="王敏")


class Posted:
    """The city's client: keeps what it says."""

    def __init__(self) -> None:
        self.said: list[tuple[str, bytes]] = []

    def is_connected(self) -> bool:
        return True

    def publish(self, topic: str, payload: bytes, qos: int) -> None:
        self.said.append((topic, payload))


class Town:
    """A city beside the stations of one name; nothing is lost between them."""

    def __init__(self, folder: Path, key: Any) -> None:
        self.path = folder / "city.db"
        self.platform = Platform("mqtt://127.0.0.1", self.path, key, enrol=True)
        self.posted = Posted()
        self.platform._client = self.posted  # type: ignore[assignment]
        self.store = Store(self.path)

    def meets(self, station: Any, rounds: int = 30) -> None:
        """Connect, and speak with each other until nobody has more to say."""
        signer = station.ledger.signer

        def birth(reach: Reach) -> bytes:
            stamp = station.clock.now().text
            return encode_state("online", NAME, signer.key, time=stamp, bootid="b", reach=reach, software="test")

        station.core._birth = birth
        station.clock.go(1)
        station.turn(LinkChanged(False), LinkChanged(True))
        self.speaks(station, rounds)

    def speaks(self, station: Any, rounds: int = 30) -> None:
        for _ in range(rounds):
            sent, station.wire.sent[:] = [*station.wire.sent], []
            sent += station.wire.announced
            station.wire.announced.clear()
            batch = [Message(topic, body, len(body)) for topic, body in sent if "/res/" not in topic]
            if batch:
                self.platform._do(self.store, batch)
            said, self.posted.said = self.posted.said, []
            flying = [*station.core._publisher._by_mid]
            station.turn(*(BrokerAnswer(mid) for mid in flying), *(CityMessage(*one) for one in said))
            if not (batch or said or station.wire.sent):
                return

    def has(self) -> dict[int, bytes]:
        return dict(self.store.db.execute("SELECT sequence, body FROM events ORDER BY sequence").fetchall())

    @property
    def summary(self) -> dict[str, Any]:
        return dict(summary(self.path)["stations"][NAME])


@pytest.fixture
def town(tmp_path: Path, mayor: Any) -> Any:
    made = Town(tmp_path, mayor.key)
    yield made
    made.store.close()


@pytest.fixture
def start(box: Start, mayor: Any) -> Start:
    def one(*given: Any, **more: Any) -> Any:
        station = box(*given, city_keys=mayor.keys, **more)
        count = iter(range(1, 1_000_000))

        def publish(topic: str, body: bytes) -> int:
            station.wire.sent.append((topic, body))
            return next(count)

        station.wire.publish = publish
        return station

    return one


def refused(do: Callable[[], Any]) -> str:
    with pytest.raises(Refused) as why:
        do()
    return str(why.value.code)


def prices(station: Any, *fen: int) -> None:
    for one in fen:
        station.does(SetPrice(product="01040201", price_fen=one))


def older(station: Any) -> None:
    """The newest two records are gone, as in an older copy, and the mark with them."""
    conn = station.ledger.conn
    with station.ledger.batch():
        station.core._publisher.save()
        conn.execute("DELETE FROM events WHERE seq > ?", (station.ledger.head.seq - 2,))
        conn.execute("UPDATE delivery SET upto = min(upto, (SELECT max(seq) FROM events)), claimed = upto")
    station.ledger.head = station.ledger._read_head()
    station.core._publisher.end = station.core._publisher._table.end()


def test_an_older_copy_of_the_ledger_is_held_at_connect_and_goes_on_behind_what_the_city_has(
    start: Start, town: Town
) -> None:
    station = start()
    prices(station, 101, 102, 103, 104)
    town.meets(station)
    assert (station.core._publisher.pending, town.summary["torn"]) == (0, "")
    last = station.ledger.head.seq
    older(station)
    town.meets(station)
    assert station.core._publisher.cause()[0] == "disagree"
    assert "另一本账" in station.showing.board.trouble
    assert town.summary["torn"] == f"the station's ledger ends at {last - 2}, ours at {last}"
    assert refused(lambda: prices(station, 105)) == "other_ledger"
    assert refused(lambda: station.does(SendAgain(first=1))) == "other_ledger"
    again = start()  # a restart changes nothing
    assert refused(lambda: prices(again, 105)) == "other_ledger"
    assert refused(lambda: again.does(GO_ON)) == "city_silent"
    town.meets(again)
    assert again.does(GO_ON) == {"seq": last + SPARE + 1, "resent": 0}
    prices(again, 106)
    town.speaks(again)
    assert (again.core._publisher.pending, again.core._publisher.cause()) == (0, ("", ""))
    assert again.core._publisher.upto == last + SPARE + 2 == town.summary["upto"]
    assert (town.summary["torn"], town.summary["gaps"], town.summary["chain_ok"]) == ("", 0, True)
    count, _ = verify(again.ledger.db, again.ledger.signer.key.public_key())
    assert count == last


def test_what_was_sold_beside_the_other_ledger_is_sent_once_more_and_named_where_the_city_cannot_have_it(
    start: Start, town: Town
) -> None:
    station = start()
    prices(station, 101, 102, 103, 104)
    town.meets(station)
    last = station.ledger.head.seq
    older(station)
    prices(station, 201, 202, 203)  # under two used numbers and a free one, before the city is heard
    town.meets(station)
    assert station.does(GO_ON) == {"seq": last + SPARE + 2, "resent": 3}
    town.speaks(station)
    held, aside = town.has(), station.core._publisher.aside
    assert sorted(aside) == [last - 1, last]
    assert all(why.startswith("fork: ") for why in aside.values())
    assert held[last + 1] == station.ledger.body(last + 1)
    assert (station.core._publisher.pending, station.core._publisher.upto) == (0, last + SPARE + 2)
    assert held[last + SPARE + 2] == station.ledger.body(last + SPARE + 2)


def test_another_boxs_record_that_the_city_keeps_beyond_its_chain_holds_as_well(start: Start, town: Town) -> None:
    """A clone's alarm came ahead of what is before it: no hash of the city's speaks of it, our record is refused."""
    station = start()
    prices(station, 101)
    town.meets(station)
    last = station.ledger.head.seq
    prices(station, 201, 202)
    alarm, topic = station.ledger.body(last + 2), station.core._publisher._topics.alarm("price.changed")
    town.platform._do(town.store, [Message(topic, alarm, len(alarm))])
    station.wire.sent.clear()
    older(station)
    prices(station, 301, 302, 303)
    town.meets(station)
    assert (town.summary["upto"], station.core._publisher.cause()[0]) == (last + 1, "disagree")
    assert refused(lambda: prices(station, 304)) == "other_ledger"
    town.meets(station)
    assert station.does(GO_ON) == {"seq": last + SPARE + 4, "resent": 0}
    prices(station, 304)
    town.speaks(station)
    assert {seq: why[:6] for seq, why in station.core._publisher.aside.items()} == {last + 2: "fork: "}
    assert (station.core._publisher.pending, town.summary["upto"], town.summary["torn"]) == (0, last + SPARE + 5, "")
    assert town.has()[last + 2] == alarm and town.has()[last + 3] == station.ledger.body(last + 3)


def test_a_city_that_forgot_gets_its_records_again(start: Start, town: Town) -> None:
    station = start()
    prices(station, 101, 102, 103, 104, 105)
    town.meets(station)
    before = town.has()
    with town.store.batch():
        town.store.db.execute("DELETE FROM events WHERE sequence > 2")
        town.store.db.execute(
            "UPDATE stations SET upto = 2, top = 2, stored = 2, head = ?", [json.loads(before[3])["prevhash"]]
        )
    town.store._stations.clear()
    town.meets(station)
    assert town.has() == before
    assert (station.core._publisher.pending, station.core._publisher.upto) == (0, len(before))


def test_a_city_that_forgot_what_was_kept_its_time_is_told_in_words(start: Start, town: Town) -> None:
    """Nobody stops working for it; when the city has its backup in again, all is well."""
    station = start()
    prices(station, 101, 102, 103, 104, 105)
    town.meets(station)
    before, backup = town.has(), town.store.db.execute("SELECT * FROM events WHERE sequence > 2").fetchall()
    (row,) = town.store.db.execute("SELECT upto, top, stored, head FROM stations").fetchall()
    with station.ledger.batch():
        station.ledger.conn.execute("INSERT INTO checkpoints VALUES (5, 4, 'of a test that checks no chain')")
        station.ledger.conn.execute("DELETE FROM events WHERE seq <= 4")
        station.ledger.look_for_gone()
    with town.store.batch():
        town.store.db.execute("DELETE FROM events WHERE sequence > 2")
        town.store.db.execute(
            "UPDATE stations SET upto = 2, top = 2, stored = 2, head = ?", [json.loads(before[3])["prevhash"]]
        )
    town.store._stations.clear()
    town.meets(station)
    assert (station.board.city.cause, station.board.city.why) == ("gone", "#3-4")
    prices(station, 106)
    with town.store.batch():
        places = ", ".join("?" * len(backup[0]))
        town.store.db.conn.executemany(f"INSERT OR REPLACE INTO events VALUES ({places})", backup)
        town.store.db.execute("UPDATE stations SET upto = ?, top = ?, stored = ?, head = ?", tuple(row))
    town.store._stations.clear()
    town.meets(station)
    town.meets(station)
    assert station.board.city.cause == ""
    assert station.core._publisher.pending == 0
    assert town.has()[len(before) + 1] == station.ledger.body(len(before) + 1)


def test_a_word_that_was_wrong_holds_until_a_person_lets_it_go_on_as_before(
    start: Start, town: Town, mayor: Any
) -> None:
    station = start()
    prices(station, 101)
    town.meets(station)
    station.core._publisher.end.heard(events_claim(9999), None, station.ledger.head.seq)
    station.core._publisher._hold()
    town.meets(station)
    assert refused(lambda: prices(station, 102)) == "other_ledger"
    assert station.does(GO_ON) == {"seq": None, "resent": 0}
    prices(station, 102)
    assert refused(lambda: station.does(GO_ON)) == "agreed"


def test_a_number_that_no_ledger_of_a_station_reaches_is_not_gone_on_behind(start: Start, town: Town) -> None:
    station = start()
    prices(station, 101)
    town.meets(station)
    station.core._publisher.end.heard(events_claim(10**9), None, station.ledger.head.seq)
    station.core._publisher._hold()
    station.core._publisher.city = replace(station.core._publisher.city, upto=10**9, hash="ab" * 32)
    head = station.ledger.head
    assert refused(lambda: station.does(GO_ON)) == "city_far"
    assert station.ledger.head == head
    town.meets(station)
    assert station.does(GO_ON) == {"seq": None, "resent": 0}


def events_claim(upto: int) -> Any:
    from protocol.city.agreement import Claim

    return Claim(upto, "ab" * 32)


def test_a_refused_record_is_delivered_when_it_is_sent_again_after_the_cause_is_gone(
    start: Start, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = start()
    prices(station, 101)
    seq = station.ledger.head.seq
    with monkeypatch.context() as older:
        older.setattr(events, "EVENTS", {kind: row for kind, row in events.EVENTS.items() if kind != "price.changed"})
        town.meets(station)
    assert station.core._publisher.aside[seq].startswith("unknown_type")
    assert refused(lambda: station.does(SendAgain(first=seq + 1))) == "no_record"
    assert station.does(SendAgain(first=seq, last=seq + 9)) == {"first": seq, "last": seq}
    town.speaks(station)
    assert station.core._publisher.aside == {}
    assert station.core._publisher.acked == station.ledger.head.seq
    assert town.summary["count"] == seq
    prices(station, 107)
    assert refused(lambda: station.does(SendAgain(first=seq + 1, last=seq))) == "bad_value"
