# ruff: noqa: DTZ001  (the instrument has a local clock and knows no zone)

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import formats
from protocol.analyzers import astm
from protocol.analyzers.astm import Messages, Session, decode, decoder, encode, parts
from protocol.analyzers.shared.astm_link import (
    ACK,
    ENQ,
    EOT,
    FRAME_CAP,
    HOST,
    INSTRUMENT,
    NAK,
    TRIES,
    Block,
    Blocks,
    End,
    State,
    checksum,
    frame,
)
from protocol.readings import Garbage, Reply, TestResult, Verdict
from protocol.session import Wish
from simulator.analyzers.astm import MODELS, Meter

AT = datetime(2025, 3, 14, 9, 14, 32)
SENT_AT = datetime(2025, 3, 14, 9, 15)
FRAMES = [
    b"\x021H|\\^&|||MarketMeter^1.0|||||||P|LIS2-A2|20250314091500\r\x03CD\r\n",
    b"\x022P|1\r\x033F\r\n",
    b"\x023O|1|YC20250314-07||^^^PEST\r\x03CA\r\n",
    b"\x024R|1|^^^PEST|12.5|%||N||F||||20250314091432\r\x0330\r\n",
    b"\x025L|1|N\r\x0308\r\n",
]
STREAM = ENQ + b"".join(FRAMES) + EOT
RESULT = TestResult(
    sample="YC20250314-07",
    channel=None,
    item="PEST",
    value=Decimal("12.5"),
    unit="%",
    verdict=None,
    measured_at=AT,
    identity="astm/6b4ee35cb6003b300b56bcdc0a8b8d2c",
)
HEAD = b"H|\\^&|||M|||||||P|LIS2-A2|20250314091500\r"
END = b"L|1|N\r"


def one(*records, head=HEAD, end=END):
    """The only event of a message with these records."""
    events = decode(head + b"".join(record + b"\r" for record in records) + end)
    assert len(events) == 1
    return events[0]


def known(result):
    """The result as it is read back, with the identity its message gives it."""
    return decode(encode([result]))[0]


words = st.text("青菜韭abcXYZ0 9|^&\\~", min_size=1, max_size=12).map(str.strip).filter(bool)
numbers = st.decimals(-999999, 999999, places=3)
results = st.builds(
    lambda sample, item, value, unit, verdict, at, limit: replace(
        RESULT, sample=sample, item=item, value=value, unit=unit, verdict=verdict, measured_at=at, limit=limit
    ),
    words,
    words,
    numbers.map(lambda value: value if value else abs(value)),
    st.sampled_from(["%", "mg/kg", "μg/kg", None]),
    st.sampled_from([None, Verdict.UNQUALIFIED]),
    st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1)).map(lambda at: at.replace(microsecond=0)),
    st.sampled_from([None, Decimal(50), Decimal("0.2")]),
)


# --- frames ---------------------------------------------------------------------------------------------------------


def test_the_frames_of_the_standard_are_cut_and_made():
    long = [b"\x027C|1|I|a long text that is cut here \x17B2\r\n", b"\x020and ends here|G\r\x03C4\r\n"]
    blocks = Blocks().feed(b"".join(FRAMES + long))
    assert [block.number for block in blocks] == [1, 2, 3, 4, 5, 7, 0]
    assert [block.last for block in blocks] == [True] * 5 + [False, True]
    assert [frame(block.number, block.text, last=block.last) for block in blocks] == FRAMES + long


@pytest.mark.parametrize(
    ("stream", "why"),
    [
        (FRAMES[1].replace(b"3F", b"3E"), "check is"),
        (FRAMES[1].replace(b"3F", b"G0"), "check is"),
        (b"\x029P|1\r\x0346\r\n", "frame number"),
        (b"\x02\x0303\r\n", "frame number"),
        (b"\x022P|1" + ENQ, "cut"),
        (b"\x022P|1\r\x033" + EOT, "cut"),
        (b"\x02P|1\r\x03L|1", "CR LF"),
        (FRAMES[1][:-2] + b"x", "CR LF"),
    ],
)
def test_a_bad_frame_is_garbage_that_says_why(stream, why):
    assert why in Blocks().feed(stream)[0].why


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r" + ENQ])
def test_the_end_of_a_frame_may_lack_a_character(end):
    blocks = Blocks().feed(FRAMES[1][:-2] + end)
    assert isinstance(blocks[0], Block)


def test_a_frame_without_its_end_is_taken_when_nothing_more_comes():
    blocks = Blocks()
    assert blocks.feed(FRAMES[1][:-2]) == [] and blocks.ripe
    assert isinstance(blocks.take_rest()[0], Block)
    assert blocks.take_rest() == []


def test_a_lower_case_check_is_taken():
    assert isinstance(Blocks().feed(FRAMES[0].replace(b"CD", b"cd"))[0], Block)


@pytest.mark.parametrize("piece", [b"\x021abc" * 50_000, b"\x021" + bytes(200_000), b"noise " * 30_000])
def test_a_stream_without_an_end_stays_bounded(piece):
    blocks = Blocks()
    for at in range(0, len(piece), 1000):
        blocks.feed(piece[at : at + 1000])
        assert len(blocks._frame) <= FRAME_CAP


def test_a_message_without_an_end_is_refused_before_it_fills_the_memory():
    messages = Messages()
    messages.take(HEAD, last=True)
    taken = [messages.take(b"C|1|I|" + bytes(50_000) + b"\r", last=True) for _ in range(40)]
    assert taken[0] == [] and taken[-1] is None
    assert "without its end" in messages.drop("over")[0].why
    assert messages.take(HEAD + b"R|1|^^^A|1\r" + END, last=True)[0].item == "A"


# --- records --------------------------------------------------------------------------------------------------------


def test_a_message_means_its_result(readings):
    found = readings(decoder(), STREAM)
    assert found == [RESULT]
    assert found[0].raw == b"R|1|^^^PEST|12.5|%||N||F||||20250314091432\r"


def test_a_result_is_encoded_as_the_standard_shows_it():
    message = encode([RESULT], at=SENT_AT)
    sent = [frame(count, text, last=last) for count, (text, last) in enumerate(parts(message), 1)]
    assert sent == FRAMES


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (b"R|1|^^^A|<2|mg/kg||||F", {"value": None, "text": "<2", "verdict": None}),
        ("R|1|^^^A|阴性".encode(), {"value": None, "text": "阴性", "verdict": Verdict.QUALIFIED}),
        ("R|1|^^^A|阳性^".encode("gbk"), {"text": "阳性", "verdict": Verdict.UNQUALIFIED}),
        (b"R|1|^^^A|^12.50|%", {"value": Decimal("12.50"), "text": None}),
        (b"R|1|^^^A|60|%||H||F", {"verdict": Verdict.UNQUALIFIED}),
        (b"R|1|^^^A|60|%||N\\A||F", {"verdict": Verdict.UNQUALIFIED}),
        (b"R|1|^^^A|60|%||L||F", {"verdict": None}),
        (b"R|1|^^^A|60|%||||X", {"verdict": Verdict.INVALID}),
        (b"R|1|^^^A|60|%||||W", {"verdict": Verdict.INVALID, "value": Decimal(60)}),
        (b"R|1|^^^A", {"value": None, "text": None, "verdict": Verdict.INVALID}),
        (b"R|1|^^^A|1|%|0-50", {"limit": Decimal(50)}),
        (b"R|1|^^^A|1|%|<0.2", {"limit": Decimal("0.2")}),
        (b"R|1|^^^A|1|%|normal", {"limit": None}),
        (b"R|1|^^^A|1||||||||20250314091432+0800", {"measured_at": AT}),
        (b"R|1|^^^A|1|||||F|||20250314091432+0800", {"measured_at": AT}),
        (b"R|1|^^^A|1|||||F|||20259914", {"measured_at": None}),
        (b"R|1|^^^A|1|||||F||||20250314091432|SN-0187^2", {"measured_at": AT, "serial": "SN-0187"}),
        (b"R|1|Nitrite^x|1", {"item": "Nitrite"}),
        (b"R|1|^^^A&S&B&F&C&X41&&Zlocal&&H&|1", {"item": "A^B|CA"}),
        (b"R|1|^^^A|60|%||A^>||F", {"verdict": Verdict.UNQUALIFIED, "value": Decimal(60)}),
        (b"R|1|^^^A|60|%|0-50|NEG||f", {"verdict": Verdict.QUALIFIED, "value": Decimal(60), "limit": Decimal(50)}),
        (b"R|1|^^^A|60|%|0-50|N||W", {"verdict": Verdict.INVALID, "value": Decimal(60), "limit": Decimal(50)}),
        (b"R|1|^^^A|4.9|mIU|0.35 TO 4.94", {"limit": Decimal("4.94")}),
        (b"R|1|^^^A|NOT DETECTED^", {"text": "NOT DETECTED", "verdict": Verdict.QUALIFIED}),
        (b"R|1|^^^A|Not  detected.", {"verdict": Verdict.QUALIFIED}),
        (b"R|1|^^^A|DETECTED", {"verdict": Verdict.UNQUALIFIED}),
        (b"R|1|^^^A|NEG", {"text": "NEG", "verdict": Verdict.QUALIFIED}),
        (b"R|1|^^^A|POS|||NEG", {"text": "POS", "verdict": Verdict.SUSPECT}),
        (b"R|1|^^^A|NEG|||A", {"text": "NEG", "verdict": Verdict.SUSPECT}),
        (b"R|1|^^^A|INVALID|||A", {"verdict": Verdict.INVALID}),
        ("R|1|^^^A|阴性（－）".encode(), {"text": "阴性（－）", "verdict": Verdict.QUALIFIED}),
        ("R|1|^^^A|未检出".encode(), {"verdict": Verdict.QUALIFIED}),
        (b"R|1|^^^A|PASS", {"text": "PASS", "verdict": None}),
        (b"R|1|^Nitrite|1", {"item": "Nitrite"}),
        (b"R|1|^^^^WBC^1|8.13", {"item": "WBC"}),
        (b"R|1|^^^0021^hCG^UNDILUTED^P^47^00788^^F|1", {"item": "0021"}),
        (b"R|1|^MTB-RIF^^Xpert^Xpert Ultra^4^MTB^|NOT DETECTED^", {"item": "MTB", "verdict": Verdict.QUALIFIED}),
        (b"R|1|^MTB-RIF^^Xpert^^^rpoB1^|INVALID^", {"item": "Xpert rpoB1", "verdict": Verdict.INVALID}),
        (b"R|1|^MTB-RIF^^Xpert^^^rpoB1^Ct|^24.7", {"item": "Xpert rpoB1 Ct", "value": Decimal("24.7")}),
        (b"R|1|^MTB-RIF^^RIF^Xpert Ultra^4^RIF Resistance^|^", {"item": "RIF Resistance", "text": None}),
        (b"R|1|^MTB-RIF^^Xpert^^^^|FAIL^", {"item": "Xpert"}),
        (b"r|1|^^^A|1", None),
    ],
)
def test_a_record_means_its_result(record, expected):
    event = one(record)
    if expected is None:
        assert isinstance(event, Reply)
    else:
        assert {name: getattr(event, name) for name in expected} == expected


def test_a_number_keeps_its_decimals():
    assert str(one(b"R|1|^^^A|12.50|%").value) == "12.50"
    assert str(one(b"R|1|^^^A|-0.00|%").value) == "0.00"


def test_the_sample_is_the_orders_own_or_the_instruments():
    assert one(b"O|1|S7^2||^^^A", b"R|1|^^^A|1").sample == "S7"
    assert one(b"O|1||660^0090", b"R|1|^^^A|1").sample == "660"
    assert one(b"O|1|S7", b"P|2", b"R|1|^^^A|1").sample is None
    assert one(b"O|1|S7||^^^B", b"R|1||1").item == "B"


def test_the_delimiters_are_those_of_the_header():
    head = b"H|@^\\|id||Happy^GeneXpert^4.8|||||L||P|1394-97|20250516125515\r"
    result = one(b"O|1|A7||^^^M", b"R|1|^^^M|\\S\\x@z|", head=head)
    assert (result.sample, result.item, result.text) == ("A7", "M", "^x")


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (b"R|1|^^^A|1\r" + END, "H and four"),
        (b"H|\\\\^&|\r" + END, "H and four"),
        (b"", "H and four"),
        (HEAD + b"R|1|^^^A|1\r", "no record L"),
        (HEAD + b"R|1||1\r" + END, "without a test"),
        (HEAD + b"R|1|^^^A|1\rL|1|T\r", "aborted"),
        (HEAD + b"R|1|^^^A|1\rL|1|E\r", "system error"),
    ],
)
def test_what_is_no_message_is_garbage_that_says_why(message, why):
    events = decode(message)
    assert [why in event.why for event in events] == [True]


@pytest.mark.parametrize("status", ["P", "I", "S", "N", "p"])
def test_a_result_that_is_not_final_is_no_result(status):
    event = one(b"R|1|^^^A|12.5|%||||" + status.encode())
    assert event.what == "result-not-final" and event.get("value") == "12.5"


def test_the_same_result_keeps_its_identity_and_another_gets_its_own():
    first = one(b"O|1|7", b"R|1|^^^A|12.5|%||N||F||||20250314091432")
    again = one(b"O|1|7", b"R|1|^^^A|12.5|%||N||R||||20250314091432", head=HEAD.replace(b"1500", b"3000"))
    assert again.identity == first.identity
    for other in (b"R|2|^^^A|12.5|", b"R|1|^^^B|12.5|", b"R|1|^^^A|12.6|"):
        assert one(b"O|1|7", other + b"%||N||F||||20250314091432").identity != first.identity
    assert one(b"O|1|8", b"R|1|^^^A|12.5|%||N||F||||20250314091432").identity != first.identity


def test_without_a_time_of_its_own_the_result_is_known_by_the_messages_date():
    record = b"R|1|^^^A|12.5"
    assert one(record).identity == one(record).identity
    assert one(record).identity != one(record, head=HEAD.replace(b"1500", b"3000")).identity
    bare = b"H|\\^&\r"
    assert one(record, head=bare).identity != one(record, head=b"H|\\^&|1\r").identity


@given(results)
def test_what_is_encoded_is_decoded(result):
    assert replace(known(result), identity="") == replace(result, identity="")
    assert known(result).identity == known(result).identity


@pytest.mark.parametrize(
    "result",
    [
        replace(RESULT, value=None, text="阴性", verdict=Verdict.QUALIFIED),
        replace(RESULT, value=None, text="<2"),
        replace(RESULT, value=None, verdict=Verdict.INVALID),
        replace(RESULT, verdict=Verdict.INVALID),
    ],
)
def test_words_and_failed_tests_are_encoded_too(result):
    assert replace(known(result), identity="") == replace(result, identity="")


def test_a_verdict_that_no_flag_can_say_is_refused():
    with pytest.raises(ValueError, match="no flag"):
        encode([replace(RESULT, verdict=Verdict.QUALIFIED)])


# --- the stream -----------------------------------------------------------------------------------------------------


def transmission(message, style="records", size=240):
    pieces = enumerate(parts(message, style, size), 1)
    return ENQ + b"".join(frame(number, text, last=last) for number, (text, last) in pieces) + EOT


@pytest.mark.parametrize("style", astm.STYLES)
@pytest.mark.parametrize("size", [240, 20, 7])
def test_however_the_message_is_cut_the_result_is_the_same(readings, style, size):
    assert readings(decoder(), transmission(encode([RESULT], at=SENT_AT), style, size)) == [RESULT]


@given(st.lists(st.integers(0, 400), max_size=10))
def test_any_chunking_gives_the_same_readings(readings, cuts):
    stream = FRAMES[3][9:] + b"\x00\x02" + STREAM + STREAM
    assert readings(decoder(), stream, cuts) == [RESULT, RESULT]


def test_a_stream_may_come_byte_by_byte_with_more_behind_it(readings):
    assert readings(decoder(), STREAM + b"\x05\x021H|", range(len(STREAM))) == [RESULT]


def test_a_repeated_frame_counts_once(readings):
    assert readings(decoder(), ENQ + b"".join(each + each for each in FRAMES) + EOT) == [RESULT]


def test_several_results_and_messages_come_in_one_transmission(readings):
    message = encode([RESULT, replace(RESULT, sample="8")], at=SENT_AT) + encode([replace(RESULT, sample="9")])
    found = readings(decoder(), transmission(message, "one-frame"))
    assert [result.sample for result in found] == ["YC20250314-07", "8", "9"]


@pytest.mark.parametrize("lost", [0, 2, 3, 4])
def test_a_message_with_a_lost_frame_is_no_message(readings, lost):
    assert readings(decoder(), ENQ + b"".join(FRAMES[:lost] + FRAMES[lost + 1 :]) + EOT) == []


HEADER = b"H|\\^&|||H500\r"
UNCOUNTED = {
    "own-records": (  # a haematology analyzer: its records M have numbers of their own
        [1, 2, 3, 4, 5, 1, 1, 1, 4, 5, 6, 7, 0, 1],
        [HEADER, b"P|1\r", b"O|1|7\r", b"C|1|I|x\r", b"C|2|I|y\r", b"M|1|H\r", b"M|2|H\r", b"M|3|H\r", b"M|4|R\r",
         b"R|1|^^^A|1\r", b"R|2|^^^B|2\r", b"R|3|^^^C|3\r", b"R|4|^^^D|4\r", END],
        4,
    ),
    "not-at-all": (
        [1, 1, 1, 4, 1, 1],
        [HEADER, b"P|1\r", b"O|1|7\r", b"R|1|^^^A|1\r", b"R|2|^^^B|2\r", END],
        2,
    ),
    "always-zero": ([0] * 6, [HEADER, b"P|1\r", b"O|1|7\r", b"R|1|^^^A|1\r", b"R|2|^^^B|2\r", END], 2),
    "from-zero": (range(6), [HEADER, b"P|1\r", b"O|1|7\r", b"R|1|^^^A|1\r", b"R|2|^^^B|2\r", END], 2),
    "anew-for-each-message": (
        [1, 2, 3, 4] * 2,
        [HEADER, b"O|1|7\r", b"R|1|^^^A|1\r", END, HEADER, b"O|1|8\r", b"R|1|^^^A|2\r", END],
        2,
    ),
}  # fmt: skip


def uncounted(numbers, texts):
    return [frame(number, text) for number, text in zip(numbers, texts, strict=True)]


@pytest.mark.parametrize(("numbers", "texts", "count"), UNCOUNTED.values(), ids=UNCOUNTED)
@given(cuts=st.lists(st.integers(0, 700), max_size=8))
def test_frames_that_are_not_numbered_in_order_are_delivered(readings, numbers, texts, count, cuts):
    stream = ENQ + b"".join(uncounted(numbers, texts)) + EOT
    assert len([event for event in readings(decoder(), stream, cuts) if isinstance(event, TestResult)]) == count


@pytest.mark.parametrize(("numbers", "texts", "count"), UNCOUNTED.values(), ids=UNCOUNTED)
def test_frames_that_are_not_numbered_in_order_are_acknowledged_and_repeated_ones_count_once(numbers, texts, count):
    session, found = Session(), []
    assert replies(session, ENQ) == [ACK]
    for each in uncounted(numbers, texts):
        for _ in range(2):  # the first answer is lost, and the frame comes again
            found += [event for event in session.receive(each, 0.0) if isinstance(event, TestResult)]
            session.committed(0.0)
            assert session.pending() == ACK
    assert len(found) == count == len({each.identity for each in found})


LOSING = [
    [HEADER, b"O|1|7\r", b"R|1|^^^A|1\r", b"O|2|8\r", b"R|1|^^^A|2\r", b"R|2|^^^B|3\r", b"O|3|9\r", b"R|1|^^^A|4\r",
     b"R|2|^^^B|5\r", b"R|3|^^^C|6\r", b"O|4|10\r", b"R|1|^^^A|7\r", END],
    [HEADER, b"P|1\r", b"O|1|7\r", b"M|1|x\r", b"R|1|^^^A|1\r", b"M|2|x\r", b"O|2|8\r", b"M|1|x\r",
     b"R|1|^^^A|1\r", END],
]  # fmt: skip


@pytest.mark.parametrize("texts", LOSING)
@given(data=st.data())
def test_a_lost_frame_never_gives_a_result_to_another_sample(readings, texts, data):
    frames = uncounted([n % 8 for n in range(1, len(texts) + 1)], texts)
    whole = {(each.sample, each.item, each.value) for each in decode(b"".join(texts))}
    lost = data.draw(st.integers(0, len(frames) - 1))
    found = readings(decoder(), ENQ + b"".join(frames[:lost] + frames[lost + 1 :]) + EOT)
    results = [each for each in found if isinstance(each, TestResult)]
    assert {(each.sample, each.item, each.value) for each in results} <= whole


@pytest.mark.parametrize("lost", range(1, 9))
def test_a_frame_behind_a_lost_one_is_refused(lost):
    frames = uncounted([n % 8 for n in range(1, len(LOSING[0]) + 1)], LOSING[0])
    session = Session()
    replies(session, ENQ, *frames[:lost])
    session.committed(0.0)
    session.pending()
    assert replies(session, *[frames[lost + 1]] * 6) == [NAK] * 6


@given(st.binary(max_size=200))
def test_noise_never_raises_and_the_next_message_is_found(readings, noise):
    assert readings(decoder(), noise + EOT + EOT + STREAM)[-1] == RESULT


@given(st.integers(0, len(STREAM) - 1), st.integers(1, 255), st.sampled_from(["flip", "lose", "double"]))
def test_one_damaged_byte_never_gives_another_result(readings, damage, at, flip, what):
    assert set(readings(decoder(), damage(STREAM, at, what, flip) + STREAM)) == {RESULT}


@given(results, st.data())
def test_one_damaged_byte_in_any_message_never_gives_another_result(readings, damage, result, data):
    stream = transmission(encode([result]), data.draw(st.sampled_from(astm.STYLES)))
    at = data.draw(st.integers(0, len(stream) - 1))
    spoilt = damage(stream, at, data.draw(st.sampled_from(["flip", "lose", "double"])), data.draw(st.integers(1, 255)))
    assert set(readings(decoder(), spoilt + stream)) == {known(result)}


def test_the_end_of_the_stream_leaves_nothing_behind():
    reader = decoder()
    reader.feed(ENQ + FRAMES[0] + FRAMES[1][:-2])
    assert "without its end" in reader.finish()[-1].why
    assert [event for event in reader.feed(STREAM) if isinstance(event, TestResult)] == [RESULT]


# --- the dialogue: the table ----------------------------------------------------------------------------------------


@pytest.fixture
def receiving(conversation):
    """A conversation in which the instrument has asked to send."""
    return lambda session=None: conversation(session or Session()).device(ENQ).station(ACK)


def replies(session, *pieces, now=0.0):
    """What is answered to each piece."""
    answers = []
    for piece in pieces:
        session.receive(piece, now)
        answers.append(session.pending())
    return answers


def test_the_ack_of_the_results_comes_after_the_commit(receiving):
    talk = receiving()
    for each in FRAMES[:4]:
        talk.device(each).reading().station(ACK)
    talk.device(FRAMES[4]).reading(RESULT).station().wakes(None)
    talk.at(14.0).commit().station(ACK)
    talk.device(EOT).station().wakes(None)
    assert talk.session.link.state is State.NEUTRAL


def test_a_message_without_results_is_acknowledged_at_once(receiving):
    receiving().device(FRAMES[0]).station(ACK).device(frame(2, END)).station(ACK)


@pytest.fixture
def holding(receiving):
    """A conversation in which results are handed over and not yet committed."""
    talk = receiving()
    for each in FRAMES[:4]:
        talk.device(each).station(ACK)
    return talk.device(FRAMES[4]).reading(RESULT).station()


def test_a_sender_that_gives_up_waiting_is_told_to_come_back_until_the_commit(holding):
    holding.device(EOT).station().device(ENQ).station(NAK)
    holding.device(FRAMES[0]).station().device(ENQ).station(NAK)
    holding.at(20.0).commit().station().device(ENQ).station(ACK)


def test_a_sender_that_begins_anew_before_the_commit_is_busy_too(holding):
    holding.device(FRAMES[4]).station().device(ENQ).station(NAK)


@pytest.mark.parametrize("bad", [FRAMES[1][:-4] + b"00\r\n", FRAMES[2], frame(1, b"a tail"), FRAMES[3]])
def test_a_bad_frame_is_refused_and_taken_when_it_comes_right(receiving, bad):
    receiving().device(FRAMES[0]).station(ACK).device(bad).station(NAK).device(FRAMES[1]).station(ACK)


def test_a_frame_sent_twice_is_acknowledged_twice_and_counts_once(receiving):
    talk = receiving()
    for each in (FRAMES[0], FRAMES[0], FRAMES[1], FRAMES[1], *FRAMES[2:4]):
        talk.device(each).reading().station(ACK)
    talk.device(FRAMES[4]).reading(RESULT).station()


def test_characters_around_a_frame_are_ignored(receiving):
    receiving().device(b"xx" + FRAMES[0] + b"yy").station(ACK)


def test_half_a_message_is_forgotten_after_thirty_seconds_of_silence(receiving):
    talk = receiving().at(5.0).device(FRAMES[0]).station(ACK).wakes(35.0)
    talk.at(35.0).reading(Garbage).station()
    assert talk.session.link.state is State.NEUTRAL
    receiving(talk.session).device(FRAMES[0]).station(ACK)


def test_noise_does_not_put_off_the_time_limit(receiving):
    receiving().at(20.0).device(b"noise").wakes(30.0)


def test_a_frame_without_cr_lf_is_answered_after_a_second(receiving):
    receiving().at(2.0).device(FRAMES[0][:-2]).station().wakes(3.0).at(3.0).station(ACK)


def test_an_instrument_that_goes_on_with_one_after_seven_is_understood(receiving):
    talk = receiving().device(FRAMES[0]).station(ACK)
    for number in (2, 3, 4, 5, 6, 7, 1, 2):
        talk.device(frame(number, b"C|1|I|x|G\r")).station(ACK)


def test_nothing_is_said_to_noise_before_enq(conversation):
    talk = conversation(Session())
    for each in (b"noise", FRAMES[0], EOT, ACK, NAK):
        talk.device(each).station()


@pytest.fixture
def sender(conversation):
    """A conversation in which a link of ours has asked to send a message; ``station`` is what it says."""

    def begin(instrument=True, size=240):
        link = End(Messages(), instrument=instrument)
        link.send(parts(encode([RESULT], at=SENT_AT), size=size), 0.0)
        return conversation(link).wakes(0.0).at(0.0).station(ENQ).wakes(15.0)

    return begin


def accepted(talk):
    """The other end takes every frame."""
    for each in (*FRAMES, EOT):
        talk.device(ACK).station(each)


def test_a_message_goes_out_frame_by_frame(sender):
    talk = sender()
    accepted(talk)
    link = talk.wakes(None).session
    assert link.state is State.NEUTRAL and link.waiting == 0


@pytest.mark.parametrize("answer", [NAK, b"x", FRAMES[0], ENQ])
def test_a_refused_frame_is_sent_again_and_after_six_refusals_no_more(sender, answer):
    talk = sender().device(ACK).station(FRAMES[0])
    for _ in range(TRIES - 1):
        talk.device(answer).station(FRAMES[0])
    talk.device(answer).station(EOT).wakes(10.0)
    assert talk.session.waiting == 1
    accepted(talk.at(10.0).station(ENQ))


def test_silence_ends_the_transmission_and_the_whole_message_is_sent_again(sender):
    talk = sender().at(1.0).device(ACK).station(FRAMES[0]).device(ACK).station(FRAMES[1]).wakes(16.0)
    talk.at(16.0).station(EOT).wakes(26.0)
    talk.at(26.0).station(ENQ).device(ACK).station(FRAMES[0])


def test_silence_after_enq_ends_with_eot_too(sender):
    sender().at(15.0).station(EOT).wakes(25.0)


def test_a_busy_receiver_is_asked_again_after_ten_seconds(sender):
    sender().at(3.0).device(NAK).station().wakes(13.0).at(13.0).station(ENQ)


def test_a_receiver_that_says_eot_is_left_alone_for_fifteen_seconds(sender):
    sender().at(2.0).device(ACK).station(FRAMES[0]).device(EOT).station(EOT).wakes(17.0)


def test_when_both_ask_the_instrument_waits_a_second_and_the_host_twenty(sender):
    instrument, host = sender(), sender(instrument=False)
    instrument.device(ENQ).station().wakes(1.0)
    host.device(ENQ).station().wakes(20.0)
    instrument.at(1.0).station(ENQ)
    host.at(1.0).device(ENQ).station(ACK).device(FRAMES[0]).station(ACK)
    host.at(1.5).device(EOT).station().wakes(1.5).at(2.0).station(ENQ)


def test_a_host_whose_instrument_does_not_ask_again_asks_itself(sender):
    sender(instrument=False).device(ENQ).station().at(20.0).station(ENQ)


def test_a_host_lets_go_of_what_was_not_accepted(sender):
    talk = sender(instrument=False).at(15.0).reading(Reply("not-sent")).station(EOT).wakes(None)
    assert talk.session.waiting == 0 and talk.session.state is State.NEUTRAL


def test_every_state_can_be_left_and_every_step_is_known():
    assert {state for state, _ in HOST} == set(State)
    assert {state for state, _ in INSTRUMENT} == set(State) - {State.YIELDED}


@given(st.lists(st.sampled_from([*FRAMES, ENQ, ACK, NAK, EOT, b"x", b"\x02", b"tick", b"commit"]), max_size=40))
def test_no_order_of_events_breaks_a_link(pieces):
    session, now = Session(), 0.0
    for piece in pieces:
        now += 1.0
        if piece == b"tick" and session.deadline is not None:
            now = max(now, session.deadline)
            session.expired(now)
        elif piece == b"commit":
            session.committed(now)
        else:
            session.receive(piece, now)
        session.pending()
    session.committed(now)
    while session.deadline is not None:
        now = session.deadline
        session.expired(now)
        session.pending()
    assert session.link.state is State.NEUTRAL
    assert replies(session, ENQ) == [ACK]


# --- the dialogue, against the simulated instrument -----------------------------------------------------------------


class Wire:
    """A meter and a session, and the time."""

    def __init__(self, model="records"):
        self.now = 0.0
        self.meter = Meter(model)
        self.session = Session()
        self.results = []
        self.autocommit = True
        self.to_host = self.to_meter = lambda data: data

    def run(self, seconds):
        end = self.now + seconds
        while True:
            self.exchange()
            due = [at for at in (self.session.deadline, self.meter.deadline(self.now)) if at is not None]
            if not due or min(due) > end:
                break
            self.now = max(self.now, *due[:1], min(due))
            if self.session.deadline is not None and self.session.deadline <= self.now:
                self.take(self.session.expired(self.now))
        self.now = end
        return [result.sample for result in self.results]

    def exchange(self):
        while True:
            down, up = self.session.pending(), self.meter.pending(self.now)
            if down := self.to_meter(down):
                self.meter.receive(down, self.now)
            if up := self.to_host(up):
                self.take(self.session.receive(up, self.now))
            if not (down or up):
                return

    def take(self, events):
        self.results += [event for event in events if isinstance(event, TestResult)]
        if self.autocommit and events:
            self.session.committed(self.now)


@pytest.mark.parametrize("model", MODELS)
def test_each_measurement_is_read_once(model):
    wire = Wire(model)
    kept = [wire.meter.measure(number, Decimal("12.5"), AT + timedelta(minutes=number)) for number in range(1, 12)]
    wire.run(5)
    assert wire.results == kept
    wire.run(600)
    assert len(wire.results) == 11 and wire.meter.link.waiting == 0


def test_what_is_not_committed_is_sent_again_and_has_the_same_identity():
    wire = Wire()
    wire.autocommit = False
    wire.meter.measure(1, Decimal("12.5"), AT)
    assert wire.run(1) == ["1"]
    assert wire.meter.link.waiting == 1
    assert wire.run(600) == ["1"]
    wire.session.committed(wire.now)
    wire.autocommit = True
    assert wire.run(30) == ["1", "1"]
    assert wire.meter.link.waiting == 0
    assert wire.results[0] == wire.results[1]


def test_the_process_dies_before_the_commit_and_the_next_one_gets_the_results():
    wire = Wire()
    wire.autocommit = False
    wire.meter.measure(1, Decimal("12.5"), AT)
    wire.run(1)
    wire.session, wire.autocommit = Session(), True
    assert wire.run(60) == ["1", "1"]


@pytest.mark.parametrize("seed", range(10))
def test_on_a_bad_wire_every_result_arrives_and_no_other(seed):
    import random

    dice = random.Random(seed)

    def spoil(data):
        spoilt = bytearray(data)
        if data and dice.random() < 0.1:
            spoilt[dice.randrange(len(spoilt))] ^= 1 << dice.randrange(8)
        return bytes(spoilt) if dice.random() > 0.03 else b""

    wire = Wire(MODELS[seed % len(MODELS)])
    wire.to_host = wire.to_meter = spoil
    kept = [wire.meter.measure(number, Decimal(number), AT + timedelta(minutes=number)) for number in range(1, 11)]
    for _ in range(600):
        wire.run(60)
        if not wire.meter.link.waiting:
            break
    assert {result.identity for result in wire.results} == {result.identity for result in kept}
    assert set(wire.results) == set(kept)


def test_a_query_is_answered_with_no_information():
    wire = Wire()
    wire.meter.query("YC1", AT)
    wire.meter.measure(1, Decimal("12.5"), AT)
    assert wire.run(60) == ["1"]
    assert any(event.what == "message" for event in wire.meter.heard if isinstance(event, Reply))


def test_the_meter_judges_by_its_range():
    meter = Meter()
    verdicts = [meter.measure(1, value, AT).verdict for value in (Decimal("49.9"), Decimal(50), None)]
    assert verdicts == [None, Verdict.UNQUALIFIED, Verdict.INVALID]
    with pytest.raises(ValueError, match="one-frame"):
        Meter("x")


def test_an_analyzer_takes_no_wishes():
    assert not Session().ask(Wish.TARE, 0.0)


def test_the_format_is_in_the_table():
    row = formats.find("astm")
    assert row.session is Session and row.checked
    assert checksum(b"2P|1\r\x03") == b"3F"
    assert isinstance(decode(b"H"), list) and isinstance(decode(b"H")[0], Garbage)
