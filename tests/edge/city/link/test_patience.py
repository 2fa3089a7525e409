"""When a station knocks again, and what a broker gets of a whole city's stations."""

import random
from collections import Counter
from itertools import count, pairwise

import pytest

from edge.city.patience import Patience
from edge.config.sections import CitySection

SPREAD = CitySection.model_validate({"brokers": ("mqtt://a",)}).spread_seconds
CITY = 5000


def pauses(brokers: int, *ends: tuple[str, float]) -> list[float]:
    patience = Patience(brokers, SPREAD)
    return [patience.pause(cause, stood) for cause, stood in ends]


def knocks(brokers: int, cause: str, until: float) -> list[tuple[float, int]]:
    """When one station, whose broker ended its good connection, knocks at which broker, nobody being there."""
    patience, at = Patience(brokers, SPREAD), 0.0
    pause = patience.pause(cause, 3600.0)
    found: list[tuple[float, int]] = []
    for turn in count():
        at += pause
        if at >= until:
            break
        found.append((at, turn % brokers))
        pause = patience.pause("closed_port", 0.0)
    return found


def test_two_quick_tries_a_broker_have_it_back_within_a_second_and_a_half() -> None:
    lost, nobody = ("lost", 3600.0), ("closed_port", 0.0)
    assert sum(pauses(1, lost, nobody)) < 1.5
    assert pauses(2, lost, nobody, nobody, nobody) == [0.3, 0.3, 1.0, 1.0]  # each broker of a list is tried at once


@pytest.mark.parametrize("brokers", [1, 2, 3])
@pytest.mark.parametrize("cause", ["lost", "shut_down", "busy"])
def test_a_city_s_stations_come_back_spread_however_long_the_broker_was_away(cause: str, brokers: int) -> None:
    """Fewer than 500 a second at any broker, at any time after the quick tries."""
    random.seed(14)
    quick = 1.5 * brokers if cause == "lost" else 0.0
    a_second = Counter(
        (int(at), broker) for _ in range(CITY) for at, broker in knocks(brokers, cause, 300.0) if at >= quick
    )
    assert max(a_second.values()) < 500
    assert sum(a_second.values()) > CITY


def test_who_waits_longest_after_it_is_back() -> None:
    random.seed(14)
    stations = [[at for at, _ in knocks(1, "lost", 900.0)] for _ in range(500)]
    for away, longest in ((5.0, SPREAD), (20.0, 2 * SPREAD), (600.0, 3 * SPREAD)):
        waits = [min(at for at in one if at >= away) - away for one in stations]
        assert longest / 2 < max(waits) <= longest < 60


def test_a_broker_that_is_busy_or_leaves_is_given_time_at_once() -> None:
    random.seed(14)
    for cause in ("busy", "shut_down"):
        firsts = [pauses(2, (cause, 3600.0))[0] for _ in range(200)]
        assert min(firsts) < 1 < SPREAD - 1 < max(firsts) <= SPREAD
    first, second = pauses(1, ("busy", 0.0), ("busy", 0.0))
    assert first <= second == SPREAD  # it says so again: its time grows as for one that is away


def test_a_good_connection_has_its_quick_tries_again_and_a_short_one_has_not() -> None:
    nobody = [("closed_port", 0.0)] * 4
    assert pauses(1, *nobody, ("lost", 10.0))[-1] == 0.3
    for short in (("lost", 9.9), ("taken_over", 3600.0)):
        assert pauses(1, *nobody, short)[-1] >= SPREAD


def test_pauses_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.city.patience.random.uniform", lambda low, high: high)
    grown = pauses(1, *[("closed_port", 0.0)] * 9)
    assert grown == [0.3, 1.0, 15.0, 15.0, 30.0, 45.0, 45.0, 45.0, 45.0]
    assert all(before <= after for before, after in pairwise(grown))
