"""Photos to the city: after the records, in chunks that the broker takes, until the city says that it has them."""

from collections.abc import Callable
from typing import Any

import pytest

from edge.between.commands import RegisterEntry
from edge.between.inbox import BrokerAnswer, CityMessage, Limits, LinkChanged
from edge.between.photo_commands import KeepPhoto
from edge.city import photos
from protocol.city.envelope import hash_of as record_hash
from protocol.city.photos import CHUNK, hash_of, read_chunk
from protocol.city.signed import seal
from protocol.city.topics import Ack, PhotoWord

Box = Any  # the station of tests/edge/conftest.py


class Town:
    """The city and its broker, as far as a station hears of them; the test says what they say."""

    def __init__(self, station: Box, mayor: Any) -> None:
        self.station, self._mayor = station, mayor
        self._count = 0

    def up(self, **limits: Any) -> None:
        self.station.turn(LinkChanged(True, limits=Limits(**limits)))

    def says(self, **said: Any) -> None:
        self._count += 1
        issued = f"{self.station.clock.wall:%Y-%m-%dT%H:%M:%S}.{self._count:06d}+08:00"
        sealed = seal(Ack(**said).fields(), self._mayor.topics.station, issued, self._mayor.key)
        self.station.turn(CityMessage(self._mayor.topics.ack, sealed))

    def has_records(self) -> None:
        head = self.station.ledger.head.seq
        self.says(upto=head, hash=record_hash(self.station.ledger.body(head)))

    def has(self, sha256: str, have: int, code: str = "") -> None:
        self.says(photos=(PhotoWord(sha256, have, code),))

    def chunks(self) -> list[tuple[str, int, int]]:
        """What was sent of photos so far: which, from where on, how many bytes."""
        sent = [
            (topic.rpartition("/")[2], read_chunk(body)) for topic, body in self.station.wire.sent if "/pho/" in topic
        ]
        return [(name[:8], offset, len(data)) for name, (offset, _, data) in sent]


@pytest.fixture
def town(box: Callable[..., Box], mayor: Any) -> Callable[..., Town]:
    return lambda **more: Town(box(city_keys=mayor.keys, **more), mayor)


def entry_with(station: Box, *pictures: bytes) -> list[str]:
    names = []
    for data in pictures:
        names.append(hash_of(data))
        station.core._station.photos.files.keep(names[-1], data)
        station.does(KeepPhoto(sha256=names[-1], size=len(data)))
    station.does(RegisterEntry(product="01040201", net_g=1000, origin="河南", supplier="李四", photos=tuple(names)))
    return names


@pytest.fixture
def big(a_photo: Any) -> bytes:
    data: bytes = a_photo(side=300, kind="PNG")
    assert len(data) > 5 * CHUNK
    return data


def test_a_photo_never_goes_before_its_record(town: Callable[..., Town], a_photo: Any) -> None:
    city = town()
    city.up()
    (name,) = entry_with(city.station, a_photo())
    city.station.turn()
    assert city.chunks() == []
    city.has_records()
    assert city.chunks() == [(name[:8], 0, len(a_photo()))]
    city.has(name, len(a_photo()))
    city.station.clock.go(11)
    city.station.turn()
    assert city.station.count("SELECT sent FROM photos") == 1


def test_it_goes_on_from_what_the_city_has_a_few_chunks_at_a_time(town: Callable[..., Town], big: bytes) -> None:
    city = town()
    (name,) = entry_with(city.station, big)
    city.up()
    city.has_records()
    assert city.chunks() == [(name[:8], 0, CHUNK)]
    city.has(name, 3 * CHUNK)
    assert [offset for _, offset, _ in city.chunks()] == [0, *(CHUNK * at for at in (3, 4, 5, 6))][: 1 + photos.WINDOW]
    city.has(name, len(big))
    assert city.station.core._courier.unsaved


def test_after_a_restart_it_begins_with_one_chunk_and_the_city_says_where_to_go_on(
    town: Callable[..., Town], big: bytes
) -> None:
    city = town()
    (name,) = entry_with(city.station, big)
    city.up()
    city.has_records()
    city.has(name, 2 * CHUNK)
    again = town()
    again.up()
    again.has_records()
    again.has(name, 2 * CHUNK)
    assert [offset for _, offset, _ in again.chunks()][:2] == [0, 2 * CHUNK]


def test_a_delivered_one_is_not_sent_again_after_a_restart(town: Callable[..., Town], a_photo: Any) -> None:
    city = town()
    (name,) = entry_with(city.station, a_photo())
    city.up()
    city.has_records()
    city.has(name, len(a_photo()))
    city.station.clock.go(11)
    city.station.turn()
    again = town()
    again.up()
    again.has_records()
    assert again.chunks() == []


def test_a_city_that_says_nothing_is_asked_again_ever_slower(town: Callable[..., Town], a_photo: Any) -> None:
    city = town()
    entry_with(city.station, a_photo())
    city.up()
    city.has_records()
    for _ in range(300):
        city.station.clock.go(1)
        city.station.turn()
    assert 4 <= len(city.chunks()) <= 12


def test_chunks_fit_what_the_broker_takes_and_where_it_takes_too_little_none_are_sent(
    town: Callable[..., Town], big: bytes
) -> None:
    city = town()
    (name,) = entry_with(city.station, big)
    city.up(packet=8192)
    city.has_records()
    ((_, _, size),) = city.chunks()
    topic, body = city.station.wire.sent[-1]
    assert size > 7000 and len(topic) + len(body) < 8192 - 16
    city.has(name, size)
    assert len(city.chunks()) == 1 + photos.WINDOW
    before = len(city.chunks())
    city.up(packet=300)
    city.station.turn()
    assert len(city.chunks()) == before


@pytest.mark.parametrize("code", ["unknown", "refused"])
def test_what_the_city_does_not_take_waits_for_the_next_connection_and_holds_up_no_other(
    town: Callable[..., Town], a_photo: Any, code: str
) -> None:
    city = town()
    one, other = entry_with(city.station, a_photo(1), a_photo(2))
    first = min(one, other)
    city.up()
    city.has_records()
    city.has(first, 0, code)
    assert [name for name, _, _ in city.chunks()] == [first[:8], max(one, other)[:8]]
    city.up()
    city.has_records()
    assert city.chunks()[-1][0] == first[:8]


def test_one_that_arrives_as_another_file_is_sent_anew_and_then_left(town: Callable[..., Town], a_photo: Any) -> None:
    city = town()
    (name,) = entry_with(city.station, a_photo())
    city.up()
    city.has_records()
    for _ in range(photos.BAD_HASHES):
        city.has(name, 0, "bad_hash")
    city.station.turn()
    assert len(city.chunks()) == photos.BAD_HASHES


def test_a_city_that_lost_a_part_gets_it_again(town: Callable[..., Town], big: bytes) -> None:
    city = town()
    (name,) = entry_with(city.station, big)
    city.up()
    city.has_records()
    city.has(name, 4 * CHUNK)
    city.has(name, CHUNK)
    assert CHUNK in [offset for _, offset, _ in city.chunks()]
    city.has("f" * 64, CHUNK)
    city.has(name, len(big) + 1)
    assert city.station.core._courier._skipped == {name}


def test_where_the_broker_s_word_is_the_last_it_counts(town: Callable[..., Town], a_photo: Any, devices: str) -> None:
    settings = devices
    city = town(settings=settings, station=_broker_only())
    entry_with(city.station, a_photo())
    city.up()
    for _ in range(6):
        sent = len(city.station.wire.sent)
        city.station.turn(*(BrokerAnswer(mid) for mid in range(1, sent + 1)))
    assert len(city.chunks()) == 1 and city.station.core._courier.unsaved


def _broker_only() -> str:
    return """
[station]
name = "惠济市场"
jobs = ["gate", "stall"]
node = "410108001"
terminal = "01"
region = "410108"
host = "sy.example.cn"
[seller]
code = "4101080010123"
name = "李秀兰蔬菜"
[city]
brokers = ["mqtt://127.0.0.1"]
confirm = "broker"
"""


def test_a_broker_that_refuses_a_chunk_is_left_in_peace_for_a_minute(town: Callable[..., Town], a_photo: Any) -> None:
    city = town()
    entry_with(city.station, a_photo())
    city.up()
    city.has_records()
    mid = len(city.station.wire.sent)
    city.station.turn(BrokerAnswer(mid, "packet too large", 149))
    city.station.turn()
    assert len(city.chunks()) == 1
    city.station.clock.go(61)
    city.station.turn()
    assert len(city.chunks()) == 2


def test_a_file_that_is_gone_is_left_out_and_a_link_that_is_gone_waited_for(
    town: Callable[..., Town], a_photo: Any, monkeypatch: Any
) -> None:
    city = town()
    one, other = sorted(entry_with(city.station, a_photo(1), a_photo(2)))
    city.station.core._station.photos.files.drop(one)
    city.up()
    city.has_records()
    city.station.turn()
    assert [name for name, _, _ in city.chunks()] == [other[:8]]
    city.station.turn(LinkChanged(False, "gone", "lost"))
    monkeypatch.setattr(city.station.wire, "publish", lambda topic, body: None)
    city.up()
    city.has_records()
    assert not city.station.core._courier._up


def test_a_batch_that_failed_says_again_what_arrived(town: Callable[..., Town], a_photo: Any) -> None:
    city = town()
    (name,) = entry_with(city.station, a_photo())
    city.up()
    city.has_records()
    city.has(name, len(a_photo()))
    courier = city.station.core._courier
    courier.save()
    assert not courier.unsaved
    courier.not_saved()
    assert courier._arrived == [name]
