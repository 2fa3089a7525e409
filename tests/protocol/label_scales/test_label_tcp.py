# ruff: noqa: DTZ001  (a scale has a local clock and knows no zone)
"""Label scales that upload by TCP: every line is a sale with its doubts, and every answer follows the disk."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.label_scales import label_tcp
from protocol.label_scales.label_tcp import CAP, OK, QUESTION, Decoder, Options, Reading, decode, encode
from protocol.readings import Garbage, LabelSale, Reply

TENTHS = (
    "00001,06:25:17,30.01.2026,BONFİLE,000000000004,0000,KAAN,0000000027,0000000013,0000000014,1,0,1,1,N,SHOP".encode(
        "cp1254"
    )
)
GRAMS = "00012,06:00:27,30.01.2026,KIYMA,000000000412,0000,KAAN,0000072091,0000062415,0000009676,2,0,2,1,N,SHOP".encode(
    "cp1254"
)
AT = datetime(2026, 1, 30, 6, 25, 17)


def sale(net_g=2330, tare_g=20, at=AT, **more):
    said = {"plu": "00012", "article": "000000000412", "name": "DANA KIYMA", "operator": "KAAN"} | more
    return LabelSale(**said, sold_at=at, net_g=net_g, gross_g=net_g + tare_g, tare_g=tare_g, identity="", text="")


def line(**fields):
    """The example in grams, with other fields."""
    names = ("plu", "time", "date", "name", "article", "code", "operator", "gross", "tare", "net")
    values = GRAMS.decode().split(",")
    said = dict(zip(names, values, strict=False)) | fields
    return ",".join([*said.values(), *values[len(names) :]]).encode()


def heard(data, reading=None):
    decoder = Decoder(reading)
    return [*decoder.feed(data), *decoder.rest(), *decoder.finish()]


def test_the_printed_examples():
    tenths = decode(TENTHS)
    assert (tenths.name, tenths.sold_at, tenths.operator) == ("BONFİLE", AT, "KAAN")
    assert (tenths.gross_g, tenths.tare_g, tenths.net_g, tenths.doubts) == (2700, 1300, 1400, ())
    grams = decode(GRAMS)
    assert (grams.plu, grams.article) == ("00012", "000000000412")
    assert (grams.gross_g, grams.tare_g, grams.net_g, grams.doubts) == (72091, 62415, 9676, ())


@pytest.mark.parametrize(
    ("unit", "gross", "tare", "net", "net_g", "doubts"),
    [
        ("auto", 1000, 0, 1000, 1000, ()),
        ("auto", 1010, 11, 999, None, ("unit",)),
        ("auto", 250, 0, 250, None, ("unit",)),
        ("auto", 100, 0, 100, None, ("unit",)),
        ("auto", 100, 1, 99, None, ("unit",)),
        ("auto", 99, 0, 99, 9900, ()),
        ("auto", 1, 0, 1, 100, ()),
        ("auto", 0, 0, 0, None, ("empty",)),
        ("auto", 5000, 5000, 0, None, ("empty",)),
        ("auto", 9676, 0, 9675, None, ("sum",)),
        ("g", 250, 0, 250, 250, ()),
        ("g", 14, 2, 12, 12, ()),
        ("g", 0, 0, 0, None, ("empty",)),
        ("g", 14, 3, 12, None, ("sum",)),
        ("100g", 250, 0, 250, 25_000, ()),
        ("100g", 1250, 0, 1250, 125_000, ()),
    ],
)
def test_a_mass_is_what_is_certain(unit, gross, tare, net, net_g, doubts):
    found = decode(line(gross=f"{gross:010}", tare=f"{tare:010}", net=f"{net:010}"), Reading(unit=unit))
    assert (found.net_g, found.doubts) == (net_g, doubts)
    assert (found.gross_g is None, found.tare_g is None) == (net_g is None, net_g is None)


@pytest.mark.parametrize("fields", [{"time": "25:00:00"}, {"date": "31.02.2026"}, {"date": "2026-01-30"}, {"time": ""}])
def test_a_time_that_is_none_is_a_doubt_and_pairs_with_nothing(fields):
    found = decode(line(**fields))
    assert (found.sold_at, found.doubts, found.alike, found.net_g) == (None, ("time",), "", 9676)


def test_a_comma_in_a_name_shifts_nothing():
    found = decode(line(name="KIYMA, DANA", operator="KAAN, B."))
    assert (found.name, found.operator, found.net_g, found.doubts) == ("KIYMA, DANA", "KAAN, B.", 9676, ())


@pytest.mark.parametrize("fields", [{"net": "96x6"}, {"plu": "12"}, {"article": "AB"}, {"gross": "-000000001"}])
def test_a_line_that_is_not_understood_is_a_sale_for_a_person(fields):
    found = decode(line(**fields), scale="SCALE-07")
    assert (found.doubts, found.net_g, found.scale) == (("unread",), None, "SCALE-07")
    assert found.text == line(**fields).decode() and found.raw == line(**fields)


@pytest.mark.parametrize("noise", [b"", b"hello", b"\xff\xfe\x00", b"1,2,3,4,5,6,7,8,9"])
def test_too_few_fields_are_no_sale(noise):
    assert decode(noise) == Garbage(noise, "no sale: too few fields")


def test_the_two_of_a_label_are_alike_and_each_is_known_again():
    first, second = (decode(encode(sale(at=AT + timedelta(seconds=after)))) for after in (0, 1))
    assert first.alike == second.alike != "" and first.identity != second.identity
    assert decode(encode(sale())).identity == first.identity and first.twice_s == 2
    assert decode(encode(sale(net_g=2331))).alike != first.alike
    assert decode(encode(sale(plu="00013"))).alike != first.alike
    assert decode(encode(sale()), Reading(twice=0)).alike == ""


def test_what_a_cut_lost_of_the_company_changes_no_identity():
    assert {decode(GRAMS[:-cut] if cut else GRAMS).identity for cut in range(len(",2,0,2,1,N,SHOP") + 1)} == {
        decode(GRAMS).identity
    }


@pytest.mark.parametrize("text", ["cp1254", "gb18030", "utf-8"])
def test_names_are_read_in_the_code_page_of_the_scale(text):
    name = "BONFİLE" if text != "gb18030" else "牛里脊"
    assert decode(encode(sale(name=name), text=text), Reading(text=text)).name == name


STREAMS = {
    "with line ends": b"SCALE-07HB" + QUESTION + GRAMS + b"\r\n" + GRAMS + b"\nHB",
    "without": b"SCALE-07HB" + QUESTION + GRAMS + GRAMS,
    "with the mark behind an answer": b"SCALE-07HB\r\n" + QUESTION + b'P"' + GRAMS + b"\r\nP" + GRAMS + b"\r\n",
    "the question behind a sale": b"SCALE-07HB" + GRAMS + QUESTION + GRAMS + b"\r\n",
}


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS.keys())
def test_packets_are_told_apart_with_and_without_line_ends(stream):
    events = heard(stream)
    assert [type(event) for event in events if not isinstance(event, Reply)] == [LabelSale, LabelSale]
    assert {(event.net_g, event.scale) for event in events if isinstance(event, LabelSale)} == {(9676, "SCALE-07")}
    assert [event.what for event in events if isinstance(event, Reply)][:2] == ["scale", "heartbeat"]


def test_a_long_line_is_thrown_away_with_its_end():
    decoder = Decoder()
    (garbage,) = decoder.feed(b"x" * (CAP + 1))
    assert isinstance(garbage, Garbage) and f"within {CAP}" in garbage.why
    assert [type(event) for event in decoder.feed(b"," * 20 + b"\r\n")] == [Garbage]
    assert [type(event) for event in decoder.feed(GRAMS + b"\r\n")] == [LabelSale]


# --- the dialogue -----------------------------------------------------------------------------------------------------


@pytest.fixture
def session():
    return label_tcp.session(Options())


def test_the_question_is_answered_at_once_and_a_sale_when_it_is_on_the_disk(conversation, session):
    talk = conversation(session)
    talk.at(0.0).device(b"SCALE-07").station().reading(Reply)
    talk.device(QUESTION).station(OK).reading(Reply)
    talk.device(GRAMS + b"\r\n").station().reading(LabelSale)
    session.committed_one(decode(GRAMS).identity, 0.1)
    assert session.pending() == OK
    session.committed_one(decode(GRAMS).identity, 0.2)
    assert session.pending() == b""


def test_answers_keep_the_order_of_what_was_said(session):
    session.receive(TENTHS + b"\r\n" + GRAMS + b"\r\n" + QUESTION, 0.0)
    session.committed_one(decode(GRAMS).identity, 0.1)
    assert session.pending() == b""
    session.committed_one(decode(TENTHS).identity, 0.2)
    assert session.pending() == OK * 3


def test_another_connection_is_not_told_of_what_the_one_before_said(session):
    session.receive(b"SCALE-07" + GRAMS + b"\r\n" + QUESTION, 0.0)
    session.receive(b"SCALE-07", 1.0)
    session.committed_one(decode(GRAMS).identity, 1.1)
    assert session.pending() == b""
    session.receive(GRAMS + b"\r\n", 2.0)
    session.committed_one(decode(GRAMS).identity, 2.1)
    assert session.pending() == OK


def test_all_that_was_handed_over_may_be_committed_at_once(session):
    session.receive(GRAMS + b"\r\n" + TENTHS + b"\r\n", 0.0)
    session.committed(0.1)
    assert session.pending() == OK * 2


def test_a_pause_ends_a_sale_without_an_end(conversation, session):
    talk = conversation(session)
    talk.at(0.0).device(GRAMS[:50]).reading().wakes(1.0)
    talk.at(0.9).device(GRAMS[50:]).reading().wakes(1.9)
    talk.at(1.9).reading(LabelSale).wakes(None)


def test_the_heartbeat_is_not_answered_and_wakes_nobody(conversation, session):
    conversation(session).at(0.0).device(b"HB").station().reading(Reply).wakes(None)


# --- any bytes --------------------------------------------------------------------------------------------------------

digits = st.integers(0, 99_999).map(lambda number: f"{number:05}")
names = st.text("ABCÇDEFGĞHIİÖŞÜ 0123456789-", max_size=16).map(str.strip)
sales = st.builds(
    sale,
    net_g=st.integers(1000, 900_000),
    tare_g=st.integers(0, 90_000),
    at=st.datetimes(datetime(2020, 1, 1), datetime(2099, 12, 31)).map(lambda at: at.replace(microsecond=0)),
    plu=digits,
    article=st.integers(0, 10**12 - 1).map(lambda number: f"{number:012}"),
    name=names,
    operator=names,
)


@given(sales)
def test_what_is_written_is_read(said):
    found = decode(encode(said, ending=b""))
    assert replace(found, identity="", alike="", twice_s=0, text="") == said


@given(st.integers(1, 90), st.integers(0, 9))
def test_tenths_are_written_and_read(net, tare):
    said = sale(net_g=net * 100, tare_g=tare * 100)
    assert decode(encode(said, tenths=True)).net_g == net * 100


@pytest.mark.parametrize("said", [sale(at=None), sale(plu="1234567"), sale(name="x" * 500), sale(name="a\r\nb")])
def test_what_does_not_fit_is_not_written(said):
    with pytest.raises(ValueError, match="does not fit"):
        encode(said)


def test_parts_of_a_tenth_are_not_written_as_tenths():
    with pytest.raises(ValueError, match="does not fit"):
        encode(sale(net_g=2330), tenths=True)


@given(st.lists(sales, min_size=1, max_size=4), st.lists(st.integers(0, 900), max_size=8))
def test_any_pieces_read_the_same(readings, said, cuts):
    stream = b"SCALE-03HB" + b"HB".join(encode(one) for one in said)
    found = readings(Decoder(), stream, cuts)
    assert found == readings(Decoder(), stream)
    assert [one.net_g for one in found if isinstance(one, LabelSale)] == [one.net_g for one in said]


@given(st.lists(st.binary(max_size=80)))
def test_noise_never_raises(chunks):
    decoder = Decoder()
    for chunk in chunks:
        assert all(isinstance(event, Garbage | LabelSale | Reply) for event in decoder.feed(chunk))
    decoder.finish()
    assert [type(event) for event in decoder.feed(GRAMS + b"\r\n")] == [LabelSale]
