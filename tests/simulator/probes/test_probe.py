import pytest

from drivers.conversation import Conversation
from protocol import formats
from protocol.readings import Measured
from simulator.probes._probe import Air, find, ids
from simulator.wires.table import Table


def test_every_format_of_probes_is_simulated():
    assert ids() == formats.ids("probe")


@pytest.mark.parametrize("protocol", ids())
def test_what_a_probe_says_is_read_by_its_own_format(protocol):
    table, seen = Table(find(protocol)(Air())), []
    conversation = Conversation(table, formats.find(protocol).speaks(), table.clock)
    while table.now < 20.0:
        seen += conversation.turn().events
    temperatures = [event.value for event in seen if isinstance(event, Measured) and event.what == "temperature"]
    assert set(temperatures) == {Air().temperature} and len(temperatures) >= 3


def test_an_unknown_probe_is_named():
    with pytest.raises(LookupError, match="modbus_sht20"):
        find("ds18s20")
