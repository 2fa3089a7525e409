# ruff: noqa: DTZ001  (the instrument has a local clock and knows no zone)

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import catalogue
from drivers.conversation import Conversation
from protocol import formats
from protocol.analyzers.hl7_mllp import BLOCK_CAP, QUEUE_CAP, Options, Session, block, decode, decoder, encode, read
from protocol.readings import Garbage, Reply, TestResult, Verdict
from protocol.session import Wish
from simulator.analyzers.hl7_mllp import MODELS, Hl7Meter
from simulator.wires.table import Table

AT = datetime(2025, 3, 14, 9, 14, 32)
HEAD = rb"MSH|^~\&|FOODTEST|ST01|EDGE|M1|20250314091500+0800||ORU^R01^ORU_R01|20250314-0007|P|2.4||||||UNICODE UTF-8"
ORDER = b"OBR|1||YC20250314-07|PEST^pesticide inhibition|||20250314091432"
OBX = b"OBX|1|NM|INH^inhibition||12.5|%|0-50|N|||F|||20250314091432"
MESSAGE = b"\r".join((HEAD, ORDER, OBX, b""))
STREAM = b"\x0b" + MESSAGE + b"\x1c\r"
RESULT = TestResult(
    sample="YC20250314-07",
    channel=None,
    item="inhibition",
    value=Decimal("12.5"),
    unit="%",
    verdict=None,
    measured_at=AT,
    identity="hl7/af9e8865e50171fa6c9bea04dd68f21c",
    limit=Decimal(50),
    sure=False,
)
ACKNOWLEDGED = (
    rb"MSH|^~\&|EDGE|M1|FOODTEST|ST01|20250314091500+0800||ACK^R01|20250314-0007|P|2.4||||||UNICODE UTF-8"
    b"\rMSA|%s|20250314-0007%s\r"
)


def ack(code=b"AA", why=b""):
    return block(ACKNOWLEDGED % (code, b"|" + why if why else b""))


def message(*segments, head=HEAD, separator=b"\r"):
    return separator.join((head, *segments, b""))


def one(obx, order=ORDER, **options):
    events = decode(message(order, obx, **options))
    assert len(events) == 1
    return events[0]


def known(result):
    return decoder(Options()).feed(encode([result]))[0]


words = st.text("青菜韭abcXYZ0 9|^&\\~", min_size=1, max_size=12).map(str.strip).filter(bool)
results = st.builds(
    lambda sample, item, value, unit, verdict, at, limit: replace(
        RESULT, sample=sample, item=item, value=value, unit=unit, verdict=verdict, measured_at=at, limit=limit
    ),
    words,
    words,
    st.decimals(-999999, 999999, places=3).map(lambda value: value if value else abs(value)),
    st.sampled_from(["%", "mg/kg", "μg/kg", None]),
    st.sampled_from([None, Verdict.UNQUALIFIED]),
    st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1)).map(lambda at: at.replace(microsecond=0)),
    st.sampled_from([None, Decimal(50), Decimal("0.2")]),
)


# --- messages -------------------------------------------------------------------------------------------------------


def test_a_message_means_its_result(readings):
    found = readings(decoder(Options()), STREAM)
    assert found == [RESULT]
    assert found[0].raw == OBX + b"\r"


@pytest.mark.parametrize("separator", [b"\r", b"\n", b"\r\n"])
def test_segments_may_end_in_any_way(separator):
    assert decode(message(ORDER, OBX, separator=separator)) == [RESULT]


@pytest.mark.parametrize(
    ("obx", "expected"),
    [
        (b"OBX|1|ST|A||<2|mg/kg", {"value": None, "text": "<2", "verdict": None}),
        ("OBX|1|ST|A||阴性".encode(), {"text": "阴性", "verdict": Verdict.QUALIFIED}),
        ("OBX|1|CE|A||POS^阳性".encode(), {"text": "阳性", "verdict": Verdict.UNQUALIFIED}),
        (b"OBX|1|CWE|A||12", {"value": Decimal(12)}),
        (b"OBX|1|NM|A||12|%||||||||||||SN-0187^2", {"value": Decimal(12), "serial": "SN-0187"}),
        (b"OBX|1|SN|A||<^2", {"value": None, "text": "<2"}),
        (b"OBX|1|SN|A||^12.50", {"value": Decimal("12.50"), "text": None}),
        (b"OBX|1|SN|A||^1^-^2", {"text": "1-2"}),
        (b"OBX|1|NM|A||60|%|0-50|H", {"verdict": Verdict.UNQUALIFIED}),
        (b"OBX|1|NM|A||60|%|0-50|N~AA", {"verdict": Verdict.UNQUALIFIED}),
        (b"OBX|1|NM|A||1|%|0-50|L", {"verdict": None, "limit": Decimal(50)}),
        (b"OBX|1|NM|A||60|%||||| X".replace(b" ", b""), {"verdict": Verdict.INVALID}),
        (b"OBX|1|NM|A||", {"value": None, "verdict": Verdict.INVALID}),
        (b"OBX|1|NM|A||1||||||F|||20250314091432.123+0800", {"measured_at": AT}),
        (b"OBX|1|NM|A||1||||||F|||2025031409", {"measured_at": None}),
        (b"OBX|1|NM|A||1", {"measured_at": AT, "item": "A"}),
        (b"OBX|1|NM|||1", {"item": "pesticide inhibition"}),
        (rb"OBX|1|NM|A\S\B\F\C\X41\\.sp9999999999\\H\||1", {"item": "A^B|CA"}),
    ],
)
def test_an_obx_means_its_result(obx, expected):
    event = one(obx)
    assert {name: getattr(event, name) for name in expected} == expected


def test_the_sample_is_the_instruments_number_else_the_orders():
    assert one(OBX, b"OBR|1|P7^x|F8^y|T").sample == "F8"
    assert one(OBX, b"OBR|1|P7^x||T").sample == "P7"
    assert one(OBX, b"OBR").sample is None


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [
        ("UNICODE UTF-8", "utf-8"),
        ("UNICODE UTF-8", "gb18030"),
        ("", "utf-8"),
        ("", "gb18030"),
        ("GB 18030-2000", "gb18030"),
        ("GBK", "utf-8"),
        ("ASCII", "gb18030"),
        ("klingon", "utf-8"),
    ],
)
def test_the_text_is_read_whatever_the_header_says_of_it(charset, encoding):
    result = replace(RESULT, item="农药残留", unit="μg/kg")
    if (charset, encoding) == ("GBK", "utf-8"):
        result = replace(result, item="A", unit="%")
    found = decoder(Options()).feed(encode([result], charset=charset, encoding=encoding))
    assert (found[0].item, found[0].unit) == (result.item, result.unit)


def test_a_name_is_latin_when_the_header_says_so():
    head = HEAD.replace(b"UNICODE UTF-8", b"8859/1")
    assert one("OBX|1|NM|Prüfung||1".encode("latin-1"), head=head).item == "Prüfung"


def test_the_separators_are_those_of_the_header():
    content = message(ORDER, OBX).replace(b"|", b"#").replace(b"^", b"!")
    assert decode(content) == [replace(RESULT, identity=decode(content)[0].identity)]


@pytest.mark.parametrize(
    ("content", "code", "why"),
    [
        (b"", "AR", "MSH"),
        (b"hello", "AR", "MSH"),
        (b"MSH", "AR", "MSH"),
        (b"MSH||||||", "AR", "MSH"),
        (b"MSH|^^^^|a", "AR", "MSH"),
        (ORDER + b"\r" + OBX, "AR", "MSH"),
        (message(ORDER, OBX).replace(b"ORU^R01^ORU_R01", b"QRY^Q02"), "AR", "not an ORU"),
        (message(ORDER), "AE", "no OBX"),
        (message(b"OBX|1|NM|||1"), "AE", "without an id"),
        (message(ORDER, OBX, b"OBR|2", b"OBX|1|NM|||1"), "AE", "without an id"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_a_reason(content, code, why):
    found = read(content)
    assert found.code == code and why in found.why
    answer = decoder(Options()).feed(found.answer())
    assert (answer[0].what, answer[0].get("code")) == ("ack", code)


@pytest.mark.parametrize("status", list("DINOPSW"))
def test_a_result_that_is_not_final_is_no_result(status):
    event = one(b"OBX|1|NM|A||12.5|%|||||" + status.encode())
    assert event.what == "result-not-final" and event.get("value") == "12.5"


def test_a_picture_is_no_result():
    assert one(b"OBX|1|ED|IMG||^image^jpeg^Base64^AAAA").what == "not-a-result"


def test_the_same_result_keeps_its_identity_and_another_gets_its_own():
    assert one(OBX, head=HEAD.replace(b"-0007", b"-0008").replace(b"1500", b"3000")).identity == RESULT.identity
    assert one(OBX.replace(b"12.5", b"12.6")).identity != RESULT.identity
    assert one(OBX, ORDER.replace(b"-07", b"-08")).identity != RESULT.identity
    bare = b"OBX|1|NM|A||1"
    assert one(bare, b"OBR|1").identity == one(bare, b"OBR|1").identity
    assert one(bare, b"OBR|1").identity != one(bare, b"OBR|1", head=HEAD.replace(b"-0007", b"-0008")).identity


@given(results)
def test_what_is_encoded_is_decoded(result):
    assert replace(known(result), identity="") == replace(result, identity="")


def test_words_and_failed_tests_are_encoded_too():
    for result in (
        replace(RESULT, value=None, text="阴性", verdict=Verdict.QUALIFIED),
        replace(RESULT, value=None, text="<2"),
        replace(RESULT, value=None, verdict=Verdict.INVALID),
    ):
        assert replace(known(result), identity="") == replace(result, identity="")
    with pytest.raises(ValueError, match="no flag"):
        encode([replace(RESULT, verdict=Verdict.QUALIFIED)])


# --- the stream -----------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 900), max_size=10))
def test_any_chunking_gives_the_same_readings(readings, cuts):
    stream = MESSAGE[20:] + b"\x1c\r\x0b" + MESSAGE[:40] + STREAM + b"\r\n" + STREAM
    assert readings(decoder(Options()), stream, cuts) == [RESULT, RESULT]


def test_several_blocks_come_in_one_packet_or_byte_by_byte(readings):
    assert readings(decoder(Options()), STREAM * 3) == [RESULT] * 3
    assert readings(decoder(Options()), STREAM * 2 + b"\x0bMSH", range(len(STREAM) * 2)) == [RESULT] * 2


BARE = STREAM[:-1]  # without the CR behind FS
TAILLESS = STREAM[:-3] + b"\x1c"  # nor the CR of the last segment


@given(st.lists(st.integers(0, 1800), max_size=10), st.lists(st.sampled_from([BARE, TAILLESS, STREAM]), max_size=4))
def test_blocks_without_their_cr_are_read_in_any_chunking(readings, cuts, blocks):
    reader = decoder(Options())
    found = readings(reader, b"".join(blocks), cuts)
    assert found + reader.finish() == [RESULT] * len(blocks)


@pytest.mark.parametrize("size", [1, 2, 7, 10_000])
def test_a_message_without_the_cr_behind_it_is_answered_and_the_next_one_too(size):
    session, found = Session(Options()), []
    for count in range(1, 4):
        for at in range(0, len(BARE), size):
            found += session.receive(BARE[at : at + size], 0.0)
        assert len(found) == count and {each.identity for each in found} == {RESULT.identity}
        session.committed(0.0)
        assert session.pending() == ack()
        assert session.receive(b"\r", 0.0) == []  # or it comes late


def test_a_block_without_any_cr_at_its_end_is_taken_after_a_second_of_silence():
    session = Session(Options())
    assert session.receive(TAILLESS, 5.0) == [] and session.deadline == 6.0
    assert session.expired(6.0) == [RESULT] and session.deadline is None
    session.committed(6.0)
    assert session.pending() == ack()
    assert session.receive(TAILLESS, 7.0) == [] and session.receive(STREAM[:1], 7.1) == [replace(RESULT, sure=True)]


def test_fs_inside_a_segment_ends_nothing():
    odd = STREAM.replace(b"YC2025", b"YC\x1c2025")
    assert [each.sample for each in decoder(Options()).feed(odd)] == ["YC\x1c20250314-07"]


def test_what_comes_by_network_is_sure_and_what_comes_on_a_line_when_it_came_twice():
    assert decoder(Options(network=True)).feed(STREAM) == [replace(RESULT, sure=True)]
    assert Session(Options(network=True)).receive(STREAM, 0.0) == [replace(RESULT, sure=True)]
    session, sure = Session(Options()), []
    for said in (STREAM, STREAM.replace(b"12.5", b"12.4"), STREAM, STREAM):
        sure += [(str(each.value), each.sure) for each in session.receive(said, 0.0)]
        session.committed(0.0)
    assert sure == [("12.5", False), ("12.4", False), ("12.5", True), ("12.5", True)]
    row = catalogue.find("hl7-network")
    assert row.decoder().feed(STREAM)[0].sure and row.session().receive(STREAM, 0.0)[0].sure


@pytest.mark.parametrize(
    ("obx", "stated"),
    [
        (b"OBX|1|ST|A||NOT DETECTED||||||F", (None, "NOT DETECTED", None, Verdict.QUALIFIED)),
        (b"OBX|1|NM|A||60|%|0-50|NEG|||F", (Decimal(60), None, Decimal(50), Verdict.QUALIFIED)),
        (b"OBX|1|NM|A||12.5|%|0-50|POS|||F", (Decimal("12.5"), None, Decimal(50), Verdict.UNQUALIFIED)),
        (b"OBX|1|NM|A||12.5|%|0-50|IND|||F", (Decimal("12.5"), None, Decimal(50), Verdict.SUSPECT)),
        (b"OBX|1|ST|A||negative|||DET|||F", (None, "negative", None, Verdict.SUSPECT)),
        (b"OBX|1|NM|A||60|%|0-50|H|||X", (Decimal(60), None, Decimal(50), Verdict.INVALID)),
    ],
)
def test_number_limit_and_conclusion_are_each_as_sent(obx, stated):
    result = one(obx)
    assert (result.value, result.text, result.limit, result.verdict) == stated


@given(st.binary(max_size=300))
def test_noise_never_raises_and_the_next_block_is_found(readings, noise):
    assert readings(decoder(Options()), noise + STREAM)[-1] == RESULT


@given(st.integers(0, len(STREAM) - 1), st.integers(1, 255), st.sampled_from(["flip", "lose", "double"]))
def test_a_damaged_message_never_raises_and_the_next_is_read(readings, damage, at, flip, what):
    assert readings(decoder(Options()), damage(STREAM, at, what, flip) + STREAM)[-1] == RESULT


@given(st.lists(st.sampled_from([b"MSH|^~\\&", b"\r", b"|", b"^", b"~", b"\\", b"OBX", b"ORU", b"\xff", b"1"])))
def test_no_content_raises(pieces):
    read(b"".join(pieces)).answer()
    read(HEAD + b"\r" + b"".join(pieces)).answer()


@pytest.mark.parametrize("piece", [b"a" * 10_000, b"\x0b" * 1000, b"\x1c" * 10_000])
def test_a_stream_without_an_end_stays_bounded(piece):
    reader = decoder(Options())
    reader.feed(b"\x0b")
    for _ in range(200):
        reader.feed(piece)
        assert len(reader._blocks._block or b"") <= BLOCK_CAP + 10_000


def test_the_end_of_the_stream_leaves_nothing_behind():
    reader = decoder(Options())
    reader.feed(STREAM[:50])
    assert isinstance(reader.finish()[0], Garbage)
    assert reader.finish() == []
    assert reader.feed(STREAM) == [RESULT]


# --- the dialogue ---------------------------------------------------------------------------------------------------


def test_the_answer_comes_after_the_commit(conversation):
    talk = conversation(Session(Options())).device(STREAM).reading(RESULT).station().wakes(None)
    talk.at(3.0).station().commit().station(ack()).at(60.0).station()


def test_what_cannot_be_taken_is_answered_at_once(conversation):
    conversation(Session(Options())).device(block(message(ORDER))).station(ack(b"AE", b"no OBX"))


def test_a_message_that_is_half_good_is_stored_and_still_answered_ae(conversation):
    half = block(message(ORDER, OBX, b"OBR|2", b"OBX|1|NM|||1"))
    talk = conversation(Session(Options())).device(half).reading(TestResult, Garbage).station()
    talk.commit().station(ack(b"AE", b"OBX without an id"))


def test_messages_wait_for_the_commit_of_those_before_them(conversation):
    talk = conversation(Session(Options())).device(STREAM * 2).reading(TestResult, TestResult).station()
    talk.at(0.1).device(STREAM + block(message(ORDER))).reading().station().wakes(None)
    talk.at(1.0).commit().station(ack() * 2).wakes(1.0)
    talk.at(1.0).reading(TestResult, Garbage).station()
    talk.at(2.0).commit().station(ack() + ack(b"AE", b"no OBX")).wakes(None)


def test_a_flood_without_waiting_for_answers_is_turned_away_and_stays_bounded():
    session = Session(Options())
    session.receive(STREAM, 0.0)
    session.pending()
    big = block(message(ORDER, OBX, b"NTE|" + b"x" * 100_000))
    for _ in range(40):
        session.receive(big, 0.0)
    assert sum(map(len, session._queue)) <= QUEUE_CAP
    assert ack(b"AE", b"busy") in session.pending()
    session.committed(1.0)
    assert len(session.expired(1.0)) == len(session._held)


def test_an_ack_is_not_answered(conversation):
    conversation(Session(Options())).device(ack()).reading(Reply).station()


def run(meter, session, start, seconds, autocommit=True):
    """Let them talk; the events, results committed at once."""
    table, events = Table(meter, 0.1, start), []
    conversation = Conversation(table, session, table.clock)
    while table.now < start + seconds:
        turn = conversation.turn()
        if autocommit and any(isinstance(event, TestResult) for event in turn.events):
            session.committed(turn.at)
        events += turn.events
    return events


@pytest.mark.parametrize("model", MODELS)
def test_each_measurement_is_read_once(model):
    meter, session = Hl7Meter(model), Session(Options())
    kept = [meter.measure(number, Decimal("12.5"), AT + timedelta(minutes=number)) for number in range(1, 6)]
    assert run(meter, session, 0.0, 100) == kept
    assert meter.unsent == [] and meter.refused == []
    assert {event.get("code") for event in meter.heard if isinstance(event, Reply)} == {"AA"}


def test_what_is_not_committed_is_sent_again_with_the_same_identity():
    meter, session = Hl7Meter(), Session(Options())
    kept = meter.measure(1, Decimal(60), AT)
    assert kept.verdict is Verdict.UNQUALIFIED
    assert run(meter, session, 0.0, 20, autocommit=False) == [kept]
    assert len(meter.unsent) == 1
    assert run(meter, Session(Options()), 21.0, 20) == [kept]
    assert meter.unsent == []


def test_a_message_refused_for_good_is_put_aside_by_the_meter():
    meter, session = Hl7Meter(), Session(Options())
    meter.measure(1, None, AT)
    control_id, sent = meter.unsent[0]
    meter.unsent[0] = (control_id, sent.replace(b"ORU^R01", b"XXX^R01"))
    run(meter, session, 0.0, 1)
    assert [refused for refused, _ in meter.refused] == [control_id]
    with pytest.raises(ValueError, match="gbk"):
        Hl7Meter("x")


def test_an_analyzer_takes_no_wishes():
    assert not Session(Options()).ask(Wish.TARE, 0.0)


def test_the_format_is_in_the_table():
    assert formats.find("hl7_mllp").session is Session
    assert not formats.find("hl7_mllp").checked
