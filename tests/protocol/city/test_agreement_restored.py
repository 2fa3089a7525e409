"""What a restored ledger has and the city has not is delivered by its id alone: a number says nothing of it."""

import pytest

from protocol.city.agreement import Claim, Joint, StationEnd

KEPT = "it is sent once more"


@pytest.mark.parametrize("city", [0, 1, 3])
def test_a_number_beyond_the_joint_proves_nothing_under_it(city: int) -> None:
    """Five records, the city had one; it comes back, hears the newest first, and names that with its hash."""
    end = StationEnd(1, 1)
    end.restored(Joint(1006, 5, city, "aa" if city else ""), True, KEPT)
    end.connected()
    for seq in (2, 3, 4, 5, 1006, 1007):
        end.sent(seq)
    end.heard(Claim(1007, "bb"), "bb", 1007)
    assert (end.upto, end.aside) == (1007, dict.fromkeys((2, 3, 4, 5), KEPT))
    end.heard(Claim(1007, "bb"), "bb", 1007, [2, 4])
    assert end.aside == {3: KEPT, 5: KEPT}
