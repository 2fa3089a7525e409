"""Without a time service the city's signed answer tells the time: as an estimate, and named as such."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.between.inbox import LinkChanged
from edge.city.publisher import Publisher
from edge.config.sections import CitySection
from edge.records.clock import ASK_SECONDS, HOLDOVER_SECONDS, ROUND_TRIP_SECONDS, text_of
from protocol.city.signed import CityKeys, seal
from protocol.city.topics import Ack, Topics

CITY = Ed25519PrivateKey.from_private_bytes(bytes(range(7, 39)))
KEYS = CityKeys.parse(CITY.public_key().public_bytes_raw().hex())
HOUR = 3600.0


def at(text: str) -> float:
    return datetime.fromisoformat(f"{text}+08:00").timestamp()


class NoWire:
    def publish(self, topic: str, body: bytes) -> int | None:
        return None

    def leave(self, cause: str, why: str) -> None: ...


class City:
    """Answers a box's births over a real publisher. By its clock, a right one, the box's boot was at 07:59:30."""

    def __init__(self, box: Any) -> None:
        self.box = box
        self.right = at("2026-11-27 08:00") - 30
        part = CitySection.model_validate({"brokers": ("mqtt://a",)})
        self.publisher = Publisher(part, box.ledger, Topics("410108", "410108001", "01"), NoWire(), box.clock, KEYS)
        self.publisher.link(LinkChanged(True), box.boot)
        self.born()

    def born(self) -> None:
        self.publisher.born(f"birth at {self.box.boot}".encode())

    def answers(self, *, after: float = 0.2, way: float = 0.1, key: Any = CITY, **more: Any) -> None:
        """The city signs ``after`` so many seconds, and the answer takes ``way`` back; then the core goes round."""
        self.box.advance(after)
        issued = more.get("issued") or text_of(self.right + self.box.boot)
        birth = more.get("birth", self.publisher._birth)
        payload = seal(Ack(0, birth=birth).fields(), "410108001-01", issued, key)
        self.box.advance(way)
        self.publisher.acknowledged(payload, more.get("retained", False), self.box.boot)
        self.box.round()
        self.box.advance(1.0)

    @property
    def off(self) -> float:
        """Seconds the box is ahead."""
        return float(self.box.clock.now().seconds - self.right - self.box.boot)


@pytest.fixture
def lost(box: Callable[..., Any]) -> Any:
    """A box that starts in 1970, without a time service, and has registered goods."""
    one = box()
    one.stop()
    one.reboot("1970-01-01 08:00")
    one.boot = 30.0
    one.enter()
    return one


def worth(event: dict[str, Any]) -> tuple[str, str, str]:
    return event["time"][:16], event["clockstate"], event["clocksource"]


def test_the_answer_to_a_birth_tells_the_time_and_is_on_record_before_anything_bears_it(lost: Any) -> None:
    city = City(lost)
    assert worth(lost.events()[-1]) == ("2020-01-01T08:00", "unsynced", "none")
    city.answers()
    lost.enter()
    step, entry = lost.events()[-2:]
    assert step["type"].endswith(".clock.step.v1")
    assert worth(step) == worth(entry) == ("2026-11-27T08:00", "holdover", "platform")
    said = step["data"]
    assert (said["source"], said["why"], said["state"], said["error_ms"]) == ("platform", "estimated", "holdover", 150)
    assert abs(city.off) <= 0.15 and lost.clock.now().trusted
    assert (lost.clock.source, lost.clock.why) == ("platform", "platform")
    assert lost.clock.last_sync == "2026-11-27T08:00"
    assert lost.wall < at("1970-01-02 08:00"), "the system's clock is nobody's but the system's"


@pytest.mark.parametrize(
    "said",
    [
        {"way": ROUND_TRIP_SECONDS + 1},
        {"key": Ed25519PrivateKey.from_private_bytes(bytes(32))},
        {"retained": True},
        {"birth": ""},
        {"birth": "ab" * 32},
        {"issued": "1999-01-01T00:00:00+08:00"},
        {"issued": "2199-01-01T00:00:00+08:00"},
    ],
)
def test_a_word_that_proves_no_time_tells_none(lost: Any, said: dict[str, Any]) -> None:
    City(lost).answers(**said)
    lost.enter()
    assert worth(lost.events()[-1]) == ("2020-01-01T08:00", "unsynced", "none")
    assert lost.steps() == []


def test_a_wrong_future_is_brought_back_without_a_person(lost: Any) -> None:
    lost.wall = at("2063-01-01 08:00")
    lost.look()
    assert worth(lost.enter())[0] == "2063-01-01T08:00"
    City(lost).answers()
    assert worth(lost.enter()) == ("2026-11-27T08:00", "holdover", "platform")
    assert lost.steps()[-1]["offset_ms"] < 0
    lost.look()
    assert (lost.clock.why, lost.clock.asks) == ("platform", ""), "nobody is asked to confirm 2063"


def test_the_time_service_is_believed_as_soon_as_it_speaks(lost: Any) -> None:
    city = City(lost)
    city.answers()
    lost.wall, lost.kernel = city.right + lost.boot + 60, True
    lost.look()
    assert worth(lost.enter()) == ("2026-11-27T08:01", "synced", "kernel")
    city.born()
    city.answers()
    assert lost.clock.source == "kernel" and len(lost.steps()) == 2


def test_while_a_time_service_spoke_lately_the_citys_word_is_not_needed(lost: Any) -> None:
    city = City(lost)
    lost.wall, lost.kernel = city.right + lost.boot + 60, True
    lost.look()
    lost.kernel = False
    lost.advance(20 * HOUR)
    city.born()
    assert not lost.clock.wants_word(lost.boot - 2 * ASK_SECONDS)
    city.answers()
    assert (lost.clock.source, lost.clock.state()) == ("kernel", "holdover")
    lost.advance(5 * HOUR)
    lost.look()
    assert lost.clock.state() == "unsynced" and lost.clock.wants_word(lost.boot - ASK_SECONDS)
    city.born()
    city.answers()
    assert (lost.clock.source, lost.clock.state()) == ("platform", "holdover")


def test_an_estimate_is_asked_for_again_and_ends_after_a_day_without_an_answer(lost: Any) -> None:
    city = City(lost)
    assert not lost.clock.wants_word(lost.boot)
    city.answers()
    for _ in range(10):
        lost.advance(ASK_SECONDS)
        assert lost.clock.wants_word(city.publisher.born_at)
        city.born()
        city.answers()
        assert lost.clock.state() == "holdover" and abs(city.off) < 2
    assert len(lost.steps()) == 1, "the same word again is no step"
    lost.advance(HOLDOVER_SECONDS)
    lost.look()
    assert lost.clock.state() == "unsynced"


def test_a_wall_clock_elsewhere_moves_no_estimate(lost: Any) -> None:
    city = City(lost)
    city.answers()
    for wall in ("1970-01-01 08:00", "2026-11-26 08:00", "2027-11-27 08:00", "2026-11-27 08:30"):
        lost.wall = at(wall)
        lost.look()
        assert worth(lost.enter())[1:] == ("holdover", "platform") and abs(city.off) < 1
        assert (lost.clock.why, lost.clock.asks) == ("platform", "")


def test_a_city_too_far_ahead_of_what_was_believed_is_not_gone_by(box: Callable[..., Any]) -> None:
    one = box(verified_until="2027-06-30")
    one.kernel = True
    one.look()
    one.enter()
    one.reboot("1970-01-01 08:00")
    city = City(one)
    city.right = at("2027-08-01 08:00") - 20
    city.answers()
    assert (one.clock.state(), one.clock.source) == ("unsynced", "none")
    assert worth(one.enter())[0] == "2026-11-27T08:00"


def test_a_virtual_machine_goes_by_its_host_alone(box: Callable[..., Any]) -> None:
    one = box(trust="host")
    one.look()
    one.enter()
    city = City(one)
    city.right += HOUR
    city.answers()
    one.look()
    assert (one.clock.state(), one.clock.source, one.steps()) == ("synced", "host", [])
    assert not one.clock.wants_word(float("-inf"))


def test_after_a_restart_of_the_service_the_time_has_run_on(lost: Any) -> None:
    city = City(lost)
    city.answers()
    lost.enter()
    lost.advance(2 * HOUR)
    lost.start()
    assert worth(lost.enter()) == ("2026-11-27T10:00", "unsynced", "none")
    city = City(lost)
    city.answers()
    assert worth(lost.enter()) == ("2026-11-27T10:00", "holdover", "platform")
