"""What a restored ledger has and the city has not is delivered by its id alone: a number says nothing of it."""

import pytest

from protocol.city.agreement import KEPT_BACK as KEPT
from protocol.city.agreement import Claim, Do, Joint, Stand, StationEnd


@pytest.mark.parametrize("city", [0, 1, 3])
def test_a_number_beyond_the_joint_proves_nothing_under_it(city: int) -> None:
    """Five records, the city had one; it comes back, hears the newest first, and names that with its hash."""
    end = StationEnd(1, 1)
    end.restored(Joint(1006, 5, city, "aa" if city else ""), True)
    end.connected()
    for seq in (2, 3, 4, 5, 1006, 1007):
        end.sent(seq)
    end.heard(Claim(1007, "bb"), "bb", 1007)
    assert (end.upto, end.aside) == (1007, dict.fromkeys((2, 3, 4, 5), KEPT))
    end.heard(Claim(1007, "bb"), "bb", 1007, [2, 4])
    assert end.aside == {3: KEPT, 5: KEPT}


def test_a_city_that_forgot_what_is_under_a_joint_gets_it_again_although_its_number_passes_it() -> None:
    """The joint goes ahead of the others, and the city's number is beyond them before one of them came."""
    end = StationEnd(5, 5)
    end.restored(Joint(1006, 5, 5, "aa"), True)
    end.heard(Claim(1007, "bb"), "bb", 1007)
    assert (end.upto, end.aside) == (1007, {})
    end.connected()
    assert end.heard(Claim(2, "cc"), "cc", 1007) is Do.GO_BACK
    assert (end.upto, end.aside) == (1005, dict.fromkeys((3, 4, 5), KEPT))
    for seq in (1006, 1007, 3, 4, 5):
        end.sent(seq)
    end.heard(Claim(1007, "bb"), "bb", 1007, [3, 5])
    assert (end.upto, end.aside) == (1007, {4: KEPT})


def test_who_goes_on_as_before_sends_again_what_was_refused_meanwhile() -> None:
    """A fork that was none: the word that named it was another city's, as the next one shows."""
    end = StationEnd(1, 1)
    end.connected()
    end.heard(Claim(1, "a1"), "a1", 3, rejected={2: "fork: …"}, forks=[2])
    assert (end.stand, end.aside) == (Stand.HELD, {2: "fork: …"})
    assert not end.released(Claim(1, "a1"), "a1", 3)  # the city has not passed number 2
    end.heard(Claim(3, "xx"), "a3", 3)
    assert end.released(Claim(1, "a1"), "a1", 3)
    assert (end.upto, end.aside, end.is_settled(2)) == (1, {}, False)
