from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import formats
from protocol.framing import PARITY_WHY
from protocol.readings import Garbage, Net, State, Weighing
from protocol.scales.st_gs import FORMS, LINE_CAP, decode, decoder, encode
from protocol.session import Asking, Listening, Wish
from simulator.scales._pan import Pan, find


def weighing(value, unit="kg", net=Net.GROSS, stable=True, auxiliary=False):
    return Weighing(Decimal(value), unit, net, stable, auxiliary=auxiliary)


TABLE = [
    (b"ST,GS,+  3.500kg\r\n", weighing("3.500"), "general"),
    (b"US,NT,-  0.015kg\r\n", weighing("-0.015", net=Net.NET, stable=False), "general"),
    (b"OL,GS,+  0.000kg\r\n", Weighing(None, "kg", Net.GROSS, state=State.OVERLOAD), "general"),
    (b"ST,+00012.50  g\r\n", weighing("12.50", "g", None), "and"),
    (b"US,-0000.015 kg\r\n", weighing("-0.015", net=None, stable=False), "and"),
    (b"ST,GS,   245.6 g\r\n", weighing("245.6", "g"), "qhw"),
    (b"ST,GS    20.7g  \r\n", weighing("20.7", "g"), "nhb"),
    (b"ST,GS,+ 000120kg\r", weighing("120"), "jinzhong"),
    (b"ST,GS,1 ,   1.250 kg\r\n", weighing("1.250"), "cas"),
    (b"US,NT,1 ,  -1.250  g\r\n", weighing("-1.250", "g", Net.NET, False), "cas"),
    (b"ST,GS   1.250,kg\r\n", weighing("1.250"), "tiger"),
    (b"US,NT-  0.050,kg\r\n", weighing("-0.050", net=Net.NET, stable=False), "tiger"),
    (b"ST,GS     500,g\r\n", weighing("500", "g"), "tiger"),
    (b"OL,GS-       ,kg\r\n", Weighing(None, "kg", Net.GROSS, state=State.UNDERLOAD), "tiger"),
    (b"ST,G,+  1.250Catty\r\n", weighing("1.250", "Catty"), "excell"),
    (b"US,N,-   12.5tl.T\r\n", weighing("-12.5", "tl.T", Net.NET, False), "excell"),
    (b"ST,G,+   12.5hkg\r\n", weighing("12.5", "hkg"), "excell"),
    (b"ST,G,+  1.250lb\r\n", weighing("1.250", "lb"), "excell"),
    (b"OL,G,+       kg\r\n", Weighing(None, "kg", Net.GROSS, state=State.OVERLOAD), "excell"),
    (b"OL,G,-       kg\r\n", Weighing(None, "kg", Net.GROSS, state=State.UNDERLOAD), "excell"),
]
ONE_WAY = [
    (b"ST,+0012.50  g\r\n", weighing("12.50", "g", None)),
    (b"ST,+0004775.7   g\r\n", weighing("4775.7", "g", None)),
    (b"QT,+00000012 PC\r\n", weighing("12", "PC", None, None)),
    (b"OL,+9999999.9   g\r\n", Weighing(None, state=State.OVERLOAD)),
    (b"OL,-9999999.9   g\r\n", Weighing(None, state=State.UNDERLOAD)),
    (b"OL,GS,+       kg\r\n", Weighing(None, net=Net.GROSS, state=State.OVERLOAD)),
    (b"OL,GS,-       kg\r\n", Weighing(None, net=Net.GROSS, state=State.UNDERLOAD)),
    (b"OL,GS,-\r\n", Weighing(None, net=Net.GROSS, state=State.UNDERLOAD)),
    (b"OL,GS,- -----kg\r\n", Weighing(None, net=Net.GROSS, state=State.UNDERLOAD)),
    (b"OL,GS,-------kg\r\n", Weighing(None, net=Net.GROSS, state=State.OVERLOAD)),
    (b"OL,GS,       ,kg\r\n", Weighing(None, net=Net.GROSS, state=State.OVERLOAD)),
    (b"OL,NT,1 ,-        kg\r\n", Weighing(None, net=Net.NET, state=State.UNDERLOAD)),
    (b"ST,GS,  0.500,kg\r\n", weighing("0.500")),
    (b"ST,GS,+  0.500, g\r\n", weighing("0.500", "g")),
    (b"ST,G,+   1.250g\r\n", weighing("1.250", "g")),  # 17, 18, 20 and 21 bytes
    (b"ST,G,+   1.250kg\r\n", weighing("1.250")),
    (b"ST,N,-   1.250tl.T\r\n", weighing("-1.250", "tl.T", Net.NET)),
    (b"ST,G,+   1.250Catty\r\n", weighing("1.250", "Catty")),
    (b"OL,GS,1 ,   1.250 kg\r\n", Weighing(None, net=Net.GROSS, state=State.OVERLOAD)),
    (b"OL,GS,1\xc4,  ------ kg\r\n", Weighing(None, net=Net.GROSS, state=State.OVERLOAD)),
    (b"ST,GS,1\xc4,   1.250 kg\r\n", weighing("1.250")),
    (b"ST,GW, 12.5kg\n", weighing("12.5")),
    (b"ST,N,+12.5KG\n", weighing("12.5", "KG", Net.NET)),
    (b"ST,TR,+ 1.000kg\r\n", weighing("1.000", net=Net.TARE)),
    (b"ST,GS, -12.5kg\r\n", weighing("-12.5")),
    (b"ST,GS,-  0.000kg\r\n", weighing("0.000")),
    (b"ST,+0012.5/7 kg\r\n", weighing("12.57", net=None, auxiliary=True)),
    (b"ST,+0012.5[7] kg\r\n", weighing("12.57", net=None, auxiliary=True)),
    (b"ST,+0012/7 kg\r\n", weighing("12.7", net=None, auxiliary=True)),
    (b"+004.50/7 G S\r\n", weighing("4.507", "G", None, auxiliary=True)),
]
BAD = [
    b"ST+0012.5 g",
    b"XX,+0012.5 g",
    b"ST,GS,+  3.500",
    b"T,GS,+  3.500kg",
    b",GS,+  3.500kg",
    b"   3.500kg",
    b"ST,GS,+  3.5 00kg",
    b"ST,GS,+  3,500kg",
    b"ST,GS   3,500,kg",
    b"ST,GS   3.500,",
    b"ST,GS   3.500 ,kg",
    b"ST,GS   3.500,  kg",
    b"ST,GS,1 ,         kg",  # a CAS line without a weight: its indicator's number is none
    b"ST,GS,1,          kg",
    b"ST,GS,10,         kg",
    b"ST,G,+  1.250tl.",
    b"ST,G,+  1.250Catties",
    b"ST,G,+  1.250kg.1",
    b"ST,GS,1 ,   1.25 kg",
    b"ST,GS,+kg",
    b"+004.50/7 G U",
    b"\x00\xff",
]
STREAM = b"".join(line for line, *_ in TABLE + ONE_WAY)
READINGS = [reading if reading.value is not None else replace(reading, unit=None) for _, reading, *_ in TABLE + ONE_WAY]


@pytest.mark.parametrize(("line", "reading"), list(zip([line for line, *_ in TABLE + ONE_WAY], READINGS, strict=True)))
def test_a_line_means_its_reading(line, reading, readings):
    assert decode(line.rstrip(b"\r\n")) == reading
    assert decoder().feed(line) == [reading]
    assert str(decoder().feed(line)[0].value) == str(reading.value)
    assert readings(decoder(), line + b"ST,GS,+ ", range(len(line))) == [reading]


@pytest.mark.parametrize(("line", "reading", "form"), TABLE)
def test_a_reading_is_encoded_as_the_scale_does(line, reading, form):
    assert encode(reading, form) == line


@pytest.mark.parametrize("line", BAD)
def test_a_bad_line_is_garbage(line):
    assert isinstance(decode(line), Garbage)


def test_an_empty_line_says_nothing():
    assert decoder().feed(b"\r\n\n\r") == [] and isinstance(decode(b""), Garbage)


@pytest.mark.parametrize("odd", [0, 1])
def test_a_parity_mistake_is_told_as_such(odd):
    lines = decoder()
    line = bytes(byte | 0x80 if (byte.bit_count() + odd) % 2 else byte for byte in TABLE[3][0])
    assert PARITY_WHY in {event.why for event in lines.feed(line) + lines.finish()}


@pytest.mark.parametrize(("value", "unit"), [("NaN", "kg"), ("1234567890123", "kg"), ("1", ""), ("1", "kilogram")])
def test_what_does_not_fit_is_not_encoded(value, unit):
    with pytest.raises(ValueError):
        encode(weighing(value, unit))


@given(
    st.integers(-99999, 99999),
    st.integers(0, 3),
    st.sampled_from(["kg", "g"]),
    st.sampled_from(Net),
    st.booleans(),
    st.sampled_from(sorted(FORMS)),
)
def test_what_is_encoded_is_decoded(number, places, unit, net, stable, form):
    if form in ("cas", "excell") and net is Net.TARE:
        return
    reading = weighing(Decimal(number).scaleb(-places), unit, None if form == "and" else net, stable)
    assert decoder().feed(encode(reading, form)) == [reading]


@given(st.lists(st.integers(0, len(STREAM)), max_size=10))
def test_any_chunking_gives_the_same_readings(readings, cuts):
    assert readings(decoder(), b"250kg\r\n\x00\x7f" + STREAM, cuts) == READINGS


@given(st.binary(max_size=300))
def test_noise_is_garbage_and_the_next_lines_are_found(readings, noise):
    assert readings(decoder(), noise + b"\r\n" + STREAM)[-len(READINGS) :] == READINGS


@given(st.binary(max_size=300))
def test_noise_never_raises(noise):
    lines = decoder()
    assert all(isinstance(event, Garbage | Weighing) for event in lines.feed(noise) + lines.finish())


@given(st.integers(1, 15))
def test_a_first_line_that_lost_its_beginning_is_no_weight(cut):
    assert isinstance(decoder().feed(TABLE[0][0][cut:])[0], Garbage)


def test_a_stream_without_line_end_keeps_the_cap():
    lines = decoder()
    for _ in range(100):
        lines.feed(b"ST,GS,+  3.500kg")
    assert len(lines._lines._buffer) <= LINE_CAP


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_sale_on_a_simulated_scale_that_talks_by_itself(talk, form):
    pan, session = Pan(), formats.find("st_gs").speaks()
    assert isinstance(session, Listening) and not session.ask(Wish.TARE, 0.0)
    scale = find("st_gs")(pan, form=form)
    pan.put(Decimal("2.350"), 0.0)
    events = talk(session, scale, 0.0, 1.0)
    assert events[0].stable is False
    assert events[-1] == weighing("2.350", net=None if form == "and" else Net.GROSS)
    pan.put(Decimal(20), 1.0)
    assert talk(session, scale, 1.2, 2.0)[-1].state is State.OVERLOAD
    pan.put(Decimal(-1), 2.0)
    assert talk(session, scale, 2.5, 3.0)[-1].state is State.UNDERLOAD


@pytest.mark.parametrize("poll", [None, 0.2])
def test_a_sale_on_a_simulated_scale_that_obeys(talk, poll):
    pan, session = Pan(), formats.find("st_gs").speaks({"obeys": True, "poll": poll})
    assert isinstance(session, Asking) is (poll is not None)
    scale = find("st_gs")(pan, form="and", asked=poll is not None)
    pan.put(Decimal("0.250"), 0.0)
    talk(session, scale, 0.0, 1.0)
    assert session.ask(Wish.TARE, 1.0) and not session.ask(Wish.CLEAR_TARE, 1.0)
    assert talk(session, scale, 1.0, 2.0)[-1] == weighing("0.000", net=None)
    assert session.ask(Wish.ZERO, 2.0)
    talk(session, scale, 2.0, 2.5)
    assert pan.gross(2.5) == 0


def test_the_format_is_in_the_table():
    assert not formats.find("st_gs").checked
