"""What goes on behind which record in one ledger, and how far a number without a hash counts."""

from typing import Any

import pytest

from protocol.city.agreement import RESTORED, Claim, Do, Joint, Stand, StationEnd, why_not_behind

FIVE, SIX, CITY = "55" * 32, "66" * 32, "cc" * 32


def after(number: int, prevhash: str, **joint: Any) -> dict[str, Any]:
    kind = RESTORED if joint else "cn.marketedge.market.entry.registered.v1"
    return {"type": kind, "sequence": f"{number:020}", "prevhash": prevhash, "data": joint}


def restored(own: int, city: int, own_hash: str = FIVE, **more: Any) -> dict[str, Any]:
    return {"own_sequence": own, "own_hash": own_hash, "city_sequence": city, **more}


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (after(6, FIVE), ""),
        (after(6, SIX), "record 6 does not continue record 5"),
        (after(7, FIVE), "record 6 is missing (the next one is 7)"),
        (after(5, FIVE), "record 6 is missing (the next one is 5)"),
        (after(1006, CITY, **restored(5, 9, city_hash=CITY)), ""),
        (after(1006, FIVE, **restored(5, 9)), ""),
        (after(1006, FIVE, **restored(5, 9, city_hash=CITY)), "record 1006 does not continue what it names"),
        (
            after(1006, FIVE, **restored(4, 9)),
            "record 1006 goes on behind record 4, which is not the one before it",
        ),
        (
            after(1006, FIVE, **restored(5, 9, SIX)),
            "record 1006 goes on behind record 5, which is not the one before it",
        ),
        (after(9, FIVE, **restored(5, 9)), "record 9 goes on behind record 5, which is not the one before it"),
        (after(1006, FIVE, own_sequence=5), "record 1006 cannot be read"),
    ],
)
def test_a_record_goes_on_behind_the_one_it_names_and_no_other(event: dict[str, Any], why: str) -> None:
    assert why_not_behind(event, 5, FIVE) == why


def test_a_number_without_a_hash_counts_up_to_the_first_record_that_was_not_sent() -> None:
    end = StationEnd(1, 1)
    end.connected()
    end.sent(2)
    assert end.arrived(4)
    assert end.heard(Claim(4), "a4", 5) is Do.OVER_SENT
    assert (end.upto, end.is_settled(3), end.is_settled(4)) == (2, False, True)
    end.sent(3)
    end.heard(Claim(4), "a4", 5)
    assert (end.upto, end.is_settled(5)) == (4, False)


def test_the_city_that_repeats_what_a_joint_names_of_it_speaks_of_our_records() -> None:
    end = StationEnd(5, 5)
    end.restored(Joint(1008, 5, 7, "cc"), True)
    assert (end.heard(Claim(7, "dd"), None, 1008), end.stand) == (Do.IGNORE, Stand.UNHEARD)
    assert (end.heard(Claim(7, "cc"), None, 1008), end.stand) == (Do.ADVANCE, Stand.AGREED)
