from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import catalogue
from protocol import formats
from protocol.framing import PARITY_WHY
from protocol.options import BadOptions
from protocol.readings import Garbage, Net, Reply, State, Weighing
from protocol.scales.plain_lines import FORMS, LINE_CAP, Options, Reading, decode, decoder, encode, session
from protocol.session import Wish
from simulator.scales._pan import Pan, find

ABOVE = b"DATE & TIME JAN.  5,2026  08:30AM\rSCALE NO 1\rSTATUS \x83*\r\nSET P1(W)       0.0\rSET P2       0.0\r"
BLOCK = b"GROSS WEIGHT    1138.0\rNET WEIGHT        21.5\rTARE      1116.5\r"


def of(value, unit=None, net=None, stable=None):
    return Weighing(Decimal(value), unit, net, stable)


TABLE = [
    ("gg", b"    0.665 g \r\n", of("0.665", "g")),
    ("gg", b"-  450.38 GN\r\n", of("-450.38", "GN")),
    ("kern", b"       0.665 g  \r\n", of("0.665", "g")),
    ("kern", b"     -450.45 gn \r\n", of("-450.45", "gn")),
    ("kern-plj", b"SI   +   12.345 kg \r\n", of("12.345", "kg", stable=True)),
    ("kern-plj", b"SI ? -    0.020 kg \r\n", of("-0.020", "kg", stable=False)),
    ("dollar", b"$000123\r", of("123")),
]
ONE_WAY = [
    (b"    0.665 g \r", of("0.665", "g")),
    (b"-    0.000 g\r\n", Garbage),
    (b"-   0.000 g \n", of("0.000", "g")),
    (b"\r$000123", Garbage),
    (b"SI   +   12.345 g  \r\n", of("12.345", "g", stable=True)),
    (b"SI ^ +   31.000 kg \r\n", Weighing(None, "kg", state=State.OVERLOAD)),
    (b"SI v -           kg \r\n", Garbage),
    (b"SI v -          kg \r\n", Weighing(None, "kg", state=State.UNDERLOAD)),
]
GOOD = [(line, reading) for _, line, reading in TABLE] + [row for row in ONE_WAY if row[1] is not Garbage]
STREAM = b"".join(line for line, _ in GOOD)
READINGS = [reading for _, reading in GOOD]
BAD = [
    b"   0.665 g ",
    b"     0.665 g ",
    b"    0.665  g",
    b"    0.665g  ",
    b"  - 0.665 g ",
    b"    0,665 g ",
    b"    0.665   ",
    b"   1.250kg",
    b"G.W.:   1.250kg",
    b"      0.665 g  ",
    b"        0.665 g  ",
    b"SI   +  12.345 kg ",
    b"SI x +   12.345 kg ",
    b"SI   *   12.345 kg ",
    b"SI   +   12 345 kg ",
    b"S D     12.345 kg",
    b"$00012",
    b"$0001234",
    b"$0001.3",
    b"000123",
]
numbers = st.builds(
    lambda number, places: Decimal(number).scaleb(-places), st.integers(-99999, 99999), st.integers(1, 3)
).map(lambda value: value if value else abs(value))
lines = st.sampled_from(["gg", "kern", "kern-plj"])


def read(data, **options):
    lines = decoder(Reading(**options))
    return lines.feed(data) + lines.finish()


# --- lines ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("line", "reading"), GOOD)
def test_a_line_means_its_reading(line, reading):
    (event,) = read(line)
    assert event == reading and str(event.value) == str(reading.value) and event.raw == line.strip(b"\r\n")


@pytest.mark.parametrize(("form", "line", "reading"), TABLE)
def test_a_form_that_is_named_reads_no_other(form, line, reading):
    for other in FORMS:
        assert [event for event in read(line, form=other) if isinstance(event, Weighing)] == [reading] * (other == form)


@pytest.mark.parametrize(("form", "line", "reading"), TABLE)
def test_a_reading_is_encoded_as_the_scale_does(form, line, reading):
    assert encode(reading, form) == line


@pytest.mark.parametrize(
    "line", BAD + [line.strip(b"\r\n") for line, what in ONE_WAY if what is Garbage and b"$" not in line]
)
def test_a_bad_line_is_garbage(line):
    assert isinstance(decode(line), Garbage)


def test_other_kern_scales_have_other_columns():
    line = b"         0.665 g  \r\n"
    assert isinstance(read(line)[0], Garbage)
    assert read(line, columns=14) == [of("0.665", "g")] and encode(of("0.665", "g"), "kern", columns=14) == line


def test_a_dollar_line_needs_its_point_before_a_station_takes_it():
    assert str(read(b"$000123\r", decimals=2)[0].value) == "1.23"
    (event,) = session(Options(form="dollar")).receive(b"$000123\r", 0.0)
    assert isinstance(event, Garbage) and "decimals" in event.why
    (event,) = session(Options(form="dollar", decimals=3)).receive(b"$000123\r", 0.0)
    assert event == of("0.123")


def test_a_station_is_told_which_of_the_lines():
    with pytest.raises(BadOptions, match="form"):
        formats.find("plain_lines").speaks({})


def test_a_parity_mistake_is_told_as_such():
    even = bytes(byte | 0x80 if byte.bit_count() % 2 else byte for byte in b"    0.665 g ")
    assert decode(even).why == PARITY_WHY


@pytest.mark.parametrize(
    ("form", "reading"),
    [
        ("gg", of("12345678.9", "g")),
        ("gg", of("1", "g")),
        ("gg", of("1.5", "Catty")),
        ("kern", of("1.5", "")),
        ("dollar", of("-1.5")),
        ("dollar", of("1234567")),
        ("block", of("NaN")),
        *((form, Weighing(None, "kg", state=State.OVERLOAD)) for form in FORMS if form != "kern-plj"),
    ],
)
def test_what_does_not_fit_or_is_not_known_is_not_encoded(form, reading):
    with pytest.raises((ValueError, ArithmeticError)):
        encode(reading, form)


@given(numbers, lines, st.sampled_from(["g", "kg"]))
def test_what_is_encoded_is_decoded(value, form, unit):
    stable = True if form == "kern-plj" else None
    assert read(encode(of(value, unit), form)) == [of(value, unit, stable=stable)]


@given(st.lists(st.integers(0, 300), max_size=8))
def test_any_chunking_gives_the_same_readings(readings, cuts):
    block = [Reply("block", (("gross", "1138.0"), ("net", "21.5"), ("tare", "1116.5"))), of("21.5", net=Net.NET)]
    stream = b".665 g \r\n\x00\x7f" + STREAM + ABOVE + BLOCK
    assert readings(decoder(Reading()), stream, cuts) == READINGS + block


@given(st.binary(max_size=200))
def test_noise_never_raises_and_the_next_lines_are_found(readings, noise):
    found = readings(decoder(Reading()), noise + b"\n" + STREAM)
    assert found[-len(READINGS) :] == READINGS


@given(numbers, lines, st.integers(0, 41), st.sampled_from(["lose", "double"]))
def test_a_lost_or_doubled_byte_never_gives_another_number(readings, damage, value, form, at, what):
    line = encode(of(value, "kg"), form)
    found = readings(decoder(Reading(form=form)), damage(line * 3, at % (3 * len(line)), what))
    assert {one.value for one in found} == {value} and len(found) >= 1


def test_a_stream_without_lines_keeps_the_cap():
    lines = decoder(Reading())
    for _ in range(200):
        lines.feed(b"SCALE NO 1\r" * 10 + b"7" * 100)
        assert len(lines._block) <= 9 and len(lines._lines._lines._buffer) <= LINE_CAP


# --- blocks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("above", [b"", ABOVE])
def test_a_block_is_its_net_weight(above):
    reply, weight = read(above + BLOCK)
    assert weight == of("21.5", net=Net.NET) and weight.raw == (above + BLOCK).replace(b"\r\n", b"\r").rstrip(b"\r")
    assert (reply.get("gross"), reply.get("tare")) == ("1138.0", "1116.5")


def test_without_a_tare_it_is_the_gross_weight():
    assert read(encode(of("2.350"), "block", tare=Decimal("0.000")))[1] == of("2.350", net=Net.GROSS)
    assert read(encode(of("2.350"), "block", tare=Decimal("0.150")))[1] == of("2.350", net=Net.NET)


@pytest.mark.parametrize(
    "block",
    [
        BLOCK.replace(b"1138.0", b"1139.0"),
        BLOCK.replace(b"21.5", b" 1.5"),
        BLOCK.replace(b"GROSS WEIGHT    1138.0\r", b""),
        BLOCK.replace(b"NET WEIGHT        21.5\r", b""),
        BLOCK.replace(b"NET", b"SCALE NO 1\rNET"),
        BLOCK.replace(b"NET", b"    0.665 g \rNET"),
        BLOCK[:-1],
        ABOVE,
    ],
)
def test_a_block_that_is_not_whole_or_not_in_itself_right_is_no_weight(block):
    found = read(block)
    assert [one for one in found if isinstance(one, Weighing)] in ([], [of("0.665", "g")])
    assert any(isinstance(one, Garbage) for one in found)
    assert read(block + ABOVE + BLOCK)[-1] == of("21.5", net=Net.NET)


@given(
    numbers, st.integers(0, 9999), st.integers(0, 200), st.sampled_from(["flip", "lose", "double"]), st.integers(1, 255)
)
def test_one_damaged_byte_of_a_block_never_gives_another_number(readings, damage, value, tare, at, what, flip):
    tare = Decimal(tare).scaleb(value.as_tuple().exponent)
    block = encode(of(value), "block", tare=tare)
    found = readings(decoder(Reading()), damage(block, at % len(block), what, flip) + block)
    weights = [one for one in found if isinstance(one, Weighing)]
    assert {one.value for one in weights} <= {value} and weights[-1].value == value


# --- scales ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "form"), [("gg-balance", "gg"), ("kern-572", "kern"), ("kern-plj", "kern-plj"), ("weight-blocks", "block")]
)
def test_every_row_reads_its_scale(row, form, talk):
    pan = Pan()
    scale, listening = find("plain_lines")(pan, form=form), catalogue.find(row).session()
    assert not listening.ask(Wish.TARE, 0.0)
    pan.put(Decimal("2.350"), 0.0)
    events = [one for one in talk(listening, scale, 1.0, 2.0) if not isinstance(one, Reply)]
    assert len(events) >= 8 and {one.value for one in events} == {Decimal("2.350")}
    pan.put(Decimal(99), 2.0)
    over = talk(listening, scale, 3.0, 4.0)
    assert {one.state for one in over} == ({State.OVERLOAD} if form == "kern-plj" else set())


def test_the_row_without_a_point_needs_the_decimals(talk):
    pan = Pan(settle=0.0)
    pan.put(Decimal("2.350"), 0.0)
    row = catalogue.find("dollar-lines").with_options({"decimals": 3})
    assert {one.value for one in talk(row.session(), find("plain_lines")(pan, form="dollar"), 1.0, 2.0)} == {
        Decimal("2.350")
    }


def test_the_format_is_in_the_table():
    assert formats.find("plain_lines").session is session
