import pytest

from protocol import formats
from protocol.readings import Measured
from simulator.probes._probe import Air, find, ids


def test_every_format_of_probes_is_simulated():
    assert ids() == formats.ids("probe")


@pytest.mark.parametrize("protocol", ids())
def test_what_a_probe_says_is_read_by_its_own_format(protocol):
    probe, session, now, seen = find(protocol)(Air()), formats.find(protocol).speaks(), 0.0, []
    while now < 20.0:
        if session.deadline is not None and session.deadline <= now:
            session.expired(now)
        if out := session.pending():
            probe.receive(out, now)
        seen += session.receive(probe.pending(now), now)
        now += 0.01
    temperatures = [event.value for event in seen if isinstance(event, Measured) and event.what == "temperature"]
    assert set(temperatures) == {Air().temperature} and len(temperatures) >= 3


def test_an_unknown_probe_is_named():
    with pytest.raises(LookupError, match="modbus_sht20"):
        find("ds18s20")
