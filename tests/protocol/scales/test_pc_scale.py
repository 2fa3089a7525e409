import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.readings import Garbage, Net, State, Weighing
from protocol.scales.pc_scale import decode, decoder, encode

LINES = {
    '{"net_weight":"1.2500","s":"\\u00011.2500P0.0000"}': Weighing(
        Decimal("1.2500"), "kg", net=Net.GROSS, stable=True, zero=False
    ),
    '{"net_weight":"0.0000","s":"\\u00030.0000P0.0000"}': Weighing(
        Decimal("0.0000"), "kg", net=Net.GROSS, stable=True, zero=True
    ),
    '{"net_weight":"-10.124","s":"\\u0004-10.124P12.0000"}': Weighing(
        Decimal("-10.124"), "kg", net=Net.NET, stable=False, zero=False
    ),
    '{"net_weight":"1.250"}': Weighing(Decimal("1.250"), "kg", net=Net.NET),
    '{"net_weight":"┗━┛","s":"\\u0000┗━┛"}': Weighing(None, "kg", state=State.UNDERLOAD),
    '{"net_weight":"┏━┓","s":"\\u0000┏━┓"}': Weighing(None, "kg", state=State.OVERLOAD),
}


@pytest.mark.parametrize(("line", "reading"), LINES.items())
def test_a_message_is_read_and_written(line, reading):
    assert decode(line.encode()) == reading
    tare = Decimal("12.0000") if reading.net is Net.NET else Decimal(0)
    assert decode(encode(reading, tare).rstrip()) == reading
    assert json.loads(encode(reading, tare)) == json.loads(line)


@pytest.mark.parametrize(
    "line",
    [
        '{"net_weight":"1.2500","s":"11.2500P0.0000"}',  # the status as a digit
        '{"net_weight":"1.2500","s":"\x01 1.2500P 0.0000\\u0000"}',  # as the character itself, unescaped
        '{"code":0,"net_weight":" 1.2500 ","s":"\\u00011.2500P0.0000","tare":null}',
    ],
)
def test_what_may_differ_from_scale_to_scale_makes_no_difference(line):
    assert decode(line.encode()) == Weighing(Decimal("1.2500"), "kg", net=Net.GROSS, stable=True, zero=False)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "no JSON"),
        ("[1", "no JSON"),
        ("[" * 4000, "no JSON"),
        ("[]", "no net_weight"),
        ('{"net_weight":"1e3"}', "no net_weight"),
        ('{"net_weight":true}', "no net_weight"),
        ('{"net_weight":"1.2500","s":"1.2500"}', "s is not a status"),
        ('{"net_weight":"1.2500","s":7}', "s is not a status"),
        ('{"net_weight":"1.2500","s":"\\u00081.2500P0.0000"}', "s is not a status"),
        ('{"net_weight":"1.2500","s":"A1.2500P0.0000"}', "s is not a status"),
        ('{"net_weight":"1.2500","s":"\\u00011.2550P0.0000"}', "two weights"),
    ],
)
def test_a_doubtful_message_is_no_weight(line, why):
    event = decode(line.encode())
    assert isinstance(event, Garbage) and why in event.why


@pytest.mark.parametrize("value", ["100.0000", "1.00005", "-100.000"])
def test_what_does_not_fit_is_not_written(value):
    with pytest.raises(ValueError, match="does not fit"):
        encode(Weighing(Decimal(value), "kg", stable=True, net=Net.GROSS))


@given(
    st.decimals(-99, 99, places=3),
    st.booleans(),
    st.booleans(),
    st.sampled_from([Net.NET, Net.GROSS]),
)
def test_what_is_written_is_read(value, stable, zero, net):
    reading = Weighing(value + 0, "kg", net=net, stable=stable, zero=zero)
    assert decode(encode(reading).rstrip()) == reading


@given(st.lists(st.binary(max_size=60)))
def test_noise_never_raises(chunks):
    heard = decoder()
    for chunk in chunks:
        assert all(isinstance(event, Garbage | Weighing) for event in heard.feed(chunk))
    heard.finish()
    assert heard.feed(b'\n{"net_weight":"1.25"}\n')[-1] == Weighing(Decimal("1.25"), "kg", net=Net.NET)
