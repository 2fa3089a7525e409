"""No session of any analyzer ever sends what erases an instrument, whatever it hears."""

from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import analyzers
from protocol import formats
from simulator.analyzers._instrument import find, ids

ERASES = {
    "Taiyang": bytes.fromhex("1B B9"),
    "Dayuan packets": bytes.fromhex("03 FF 46"),
    "Dayuan 6A": bytes.fromhex("6A 5D A2 69"),
}
AT = datetime(2025, 3, 14, 9, 14, 32)  # noqa: DTZ001  (the instrument has a local clock and knows no zone)
ROWS = [row for row in analyzers.MODELS if formats.find(row.format).wire == "serial"]
PROFILES = {"modbus_profile": find("modbus_profile")(None).options}


def session_of(row):
    return row.with_options(PROFILES.get(row.format, {})).session(lambda: date(2025, 3, 14))


def erasing(sent):
    return [name for name, command in ERASES.items() if command in sent]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
@given(heard=st.lists(st.one_of(st.binary(max_size=40), st.none()), max_size=30))
def test_noise_never_makes_a_session_erase(row, heard):
    session = session_of(row)
    sent, now = bytearray(), 0.0
    for data in heard:
        now = max(now + 0.1, session.deadline or 0.0)
        if data is None:
            session.committed(now)
        else:
            session.receive(data, now)
        if session.deadline is not None and session.deadline <= now:
            session.expired(now)
        sent += session.pending()
    assert erasing(bytes(sent)) == []


@pytest.mark.parametrize("row", [row for row in ROWS if row.format in ids()], ids=lambda row: row.id)
def test_a_conversation_never_erases(booth, row):
    session = session_of(row)
    try:
        device = find(row.format)(row.options.get("model"))
    except (TypeError, ValueError):
        device = find(row.format)(None)
    met = booth(session, device)
    if hasattr(device, "measure"):
        device.measure(1, Decimal(1), AT)
    met.run(2000)
    assert erasing(b"".join(out for _, out in met.sent)) == []
    assert not getattr(device, "erased", False)
