# ruff: noqa: DTZ001  (the instrument has a local clock and knows no zone)

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import formats
from protocol.analyzers import taiyang as wire
from protocol.analyzers.taiyang import Hole, Session, decode, decoder, encode, encode_touch, results
from protocol.readings import Garbage, Reply, TestResult, Verdict
from protocol.session import Wish
from simulator.analyzers.taiyang import CODES, Taiyang

AT = datetime(2025, 3, 14, 9, 14, 32)
RECORD = bytes.fromhex(
    "20 0E 09 0E 03 01 19 05 10  3F 4F DF 3B 41 48 00 00" + " 00" * 8 + " 3E E8 F5 C3 42 4D 00 00" + " 00" * 40
)
HEAD = "200e090e0301190510"


def result(channel, value, block):
    return TestResult(
        sample=None,
        channel=str(channel),
        item="农药残留",
        value=Decimal(value),
        unit="%",
        verdict=None,
        measured_at=AT,
        identity=f"taiyang/{HEAD}/{channel}/{block}",
    )


RESULTS = [result(1, "12.5", "3f4fdf3b41480000"), result(3, "51.25", "3ee8f5c3424d0000")]
HOLES = [
    Hole(0x21, 7, "青菜", Decimal("0.812"), Decimal("0.125"), 1),
    Hole(0x32, 8, "012豆角", Decimal("0.4"), Decimal("0.613"), 2),
    Hole(0x48, 9, "", Decimal("0.4"), Decimal("0.5"), 0),
]
TOUCH_RECORD = encode_touch(3, "2025-03-14", HOLES)
REPLIES = [
    (b"\x1b\x24", Reply("model", (("code", "24"), ("name", "TTJ-8H24")))),
    (b"\x1b\x05", Reply("model", (("code", "05"), ("name", "TTNJ-Z")))),
    (b"\x1b\xc1", Reply("start")),
    (b"\x1b\xfe", Reply("end")),
    (b"\x1b\xfb", Reply("end")),
    (b"\xb1\xff", Reply("cancel")),
]
DIALOG = b"\x1b\x24" + b"\x1b\xc1" + RECORD + RECORD + b"\x1b\xfe"
TOUCH_DIALOG = b"\x1b\x05" + b"\x1b\xc1" + TOUCH_RECORD + b"\x1b\xfe"


def of(found):
    return [event for event in found if isinstance(event, TestResult)]


def whats(found):
    return [event.what for event in found if isinstance(event, Reply)]


def patched(frame, at, *values):
    return frame[:at] + bytes(values) + frame[at + len(values) :]


numbers = st.tuples(st.integers(-99999, 99999), st.integers(0, 3)).map(lambda n: Decimal(n[0]).scaleb(-n[1]))
values = numbers.filter(bool)
times = st.datetimes(datetime(2010, 1, 1), datetime(2099, 12, 31)).map(lambda at: at.replace(microsecond=0))
channels = st.dictionaries(st.integers(1, 8), st.tuples(values, values), min_size=1)


@pytest.mark.parametrize(("frame", "meaning"), REPLIES)
def test_two_bytes_mean_a_reply(frame, meaning):
    assert decode(frame) == meaning and decode(frame).raw == frame


def test_a_record_of_a_key_model():
    assert decode(RECORD) == Reply("record")
    assert results(decode(RECORD)) == RESULTS
    assert str(results(decode(RECORD))[1].value) == "51.25"
    assert results(decode(RECORD))[1].raw == RECORD[:9] + RECORD[25:33]


def test_a_key_model_writes_this_record():
    pairs = {1: (Decimal("0.812"), Decimal("12.5")), 3: (Decimal("0.455"), Decimal("51.25"))}
    assert encode(AT, pairs, group=16) == RECORD


def test_the_order_of_the_paper_is_told_by_what_makes_a_time():
    frame = encode(AT, {2: (Decimal(1), Decimal(40))}, group=300, paper=True)
    read = results(decode(frame))
    assert [(each.channel, each.value, each.measured_at) for each in of(read)] == [("2", Decimal(40), AT)]
    assert frame[0] | frame[8] << 8 == 300


@pytest.mark.parametrize(
    ("at", "value"), [(0, 60), (1, 60), (2, 24), (3, 0), (3, 32), (4, 0), (4, 13), (6, 100), (6, 9)]
)
def test_a_head_that_makes_no_time_is_garbage(at, value):
    assert "no time" in decode(patched(RECORD, at, value)).why


def test_the_30th_of_february_is_garbage():
    assert isinstance(decode(patched(RECORD, 3, 30, 2)), Garbage)


@pytest.mark.parametrize(
    "bits", ["7F 80 00 00", "7F C0 00 00", "FF 80 00 00", "00 3E E8 F5", "4F DF 3B 41", "10 3F 4F DF"]
)
def test_a_number_no_instrument_shows_is_garbage(bits):
    assert "no number" in decode(patched(RECORD, 13, *bytes.fromhex(bits))).why


@pytest.mark.parametrize("mask", [0x00, 0xA0, 0x01, 0xFF])
def test_channels_are_those_with_bytes_whatever_the_mask_says(mask):
    read = results(decode(patched(RECORD, 7, mask)))
    assert [each.channel for each in of(read)] == ["1", "3"]
    assert whats(read) == ["mask-differs"] and read[-1].get("measured") == "00000101"


def test_a_record_without_channels_is_empty():
    assert results(decode(RECORD[:9] + bytes(64))) == [Reply("empty")]


def test_the_codes_of_other_items_have_no_name():
    read = results(decode(patched(RECORD, 5, 7)))[0]
    assert (read.item, read.unit) == ("项目7", None)


@pytest.mark.parametrize(
    ("control", "sample", "value"),
    [("1", "0.875", "12"), ("0.8", "0.3", "62"), ("0.5", "0.55", "-10"), ("0.5", "0.5", "0")],
)
def test_a_ttj_10h8_sends_control_and_sample(control, sample, value):
    record = decode(encode(AT, {1: (Decimal(control), Decimal(sample))}))
    assert results(record, pairs=True)[0].value == Decimal(value)


def test_no_control_is_an_invalid_test():
    read = results(decode(encode(AT, {1: (Decimal(0), Decimal(1))})), pairs=True)[0]
    assert (read.value, read.verdict) == (None, Verdict.INVALID)


def test_a_record_of_a_touch_model():
    read = results(decode(TOUCH_RECORD))
    assert [(r.sample, r.channel, r.value, r.verdict, r.name) for r in read] == [
        ("7", "A1", Decimal("12.5"), Verdict.QUALIFIED, "青菜"),
        ("8", "B2", Decimal("61.3"), Verdict.UNQUALIFIED, "豆角"),
        ("9", "C8", None, Verdict.INVALID, None),
    ]
    assert {r.measured_at for r in read} == {datetime(2025, 3, 14)}
    assert len(TOUCH_RECORD) == 501


@pytest.mark.parametrize(
    ("written", "at"),
    [("2025/3/14", datetime(2025, 3, 14)), ("25031409143", None), ("2025-13-14", None)],
)
def test_a_date_is_read_if_it_can_be(written, at):
    assert results(decode(encode_touch(1, written, HOLES)))[0].measured_at == at


@pytest.mark.parametrize(("at", "values"), [(5, (1, 2, 3)), (5, bytes(11)), (29, (0x99,)), (83, (0x7F, 0xC0))])
def test_a_touch_record_that_cannot_be_is_garbage(at, values):
    assert isinstance(decode(patched(TOUCH_RECORD, at, *values)), Garbage)


def test_the_flags_of_a_touch_record_are_compared():
    assert whats(results(decode(patched(TOUCH_RECORD, 27, 0, 0)))) == ["mask-differs"]
    assert whats(results(decode(patched(TOUCH_RECORD, 27, 0, 7)))) == []
    assert results(decode(encode_touch(1, "2025-03-14", []))) == [Reply("empty")]


def test_names_of_people_are_not_kept():
    frame = patched(TOUCH_RECORD, 16, *"王小明".encode("gb18030"))
    frame = patched(frame, 29 + 18, *"某某菜行".encode("gb18030"))
    for each in results(decode(frame)):
        assert "王".encode("gb18030") not in each.raw and "某".encode("gb18030") not in each.raw


@pytest.mark.parametrize("frame", [b"", b"\x1b", b"\x1b\xb9", b"\x1b\x77", RECORD[:-1], RECORD + b"\0"])
def test_what_is_neither_is_garbage(frame):
    assert isinstance(decode(frame), Garbage)


@pytest.mark.parametrize(
    ("at", "pairs"),
    [(datetime(2009, 1, 1), {1: (Decimal(1), Decimal(1))}), (AT, {0: (Decimal(1), Decimal(1))}),
     (AT, {1: (Decimal(1), Decimal("1e99"))})],
)  # fmt: skip
def test_what_does_not_fit_is_not_encoded(at, pairs):
    with pytest.raises(ValueError):
        encode(at, pairs)


@given(times, channels, st.integers(0, 255))
def test_what_is_encoded_is_decoded(at, pairs, group):
    read = of(results(decode(encode(at, pairs, group=group))))
    assert {int(each.channel): each.value for each in read} == {n: value for n, (_, value) in pairs.items()}
    assert {each.measured_at for each in read} == {at}


@given(st.lists(st.integers(0, 1000), max_size=10), st.sampled_from([DIALOG, TOUCH_DIALOG]))
def test_any_chunking_gives_the_same_readings(readings, cuts, dialog):
    assert readings(decoder(), RECORD[3:] + dialog, cuts) == readings(decoder(), dialog)


def test_a_dialogue_reads_as_its_records(readings):
    found = readings(decoder(), DIALOG, range(len(DIALOG)))
    assert whats(found) == ["model", "start", "end"] and of(found) == RESULTS * 2
    found = readings(decoder(), TOUCH_DIALOG)
    assert whats(found) == ["model", "start", "end"] and len(of(found)) == 3


def test_the_model_tells_how_to_read_a_pair(readings):
    record = encode(AT, {1: (Decimal(1), Decimal("0.875"))})
    assert of(readings(decoder(), b"\x1b\x11\x1b\xc1" + record))[0].value == 12


def test_a_record_may_look_like_a_handshake(readings):
    """Second 27 of minute 1 and 36: 1B 01 and 1B 24."""
    for minute in (1, 36):
        record = encode(AT.replace(second=27, minute=minute), {1: (Decimal(1), Decimal(5))})
        assert len(of(readings(decoder(), b"\x1b\x24\x1b\xc1" + record))) == 1


@given(st.binary(max_size=300), st.sampled_from([DIALOG, TOUCH_DIALOG]))
def test_noise_never_raises_and_the_next_transfer_is_found(readings, noise, dialog):
    found = readings(decoder(), noise + bytes((0xFF,)) * 600 + dialog)
    assert of(found)[-2:] == of(readings(decoder(), dialog))[-2:]


def test_an_endless_stream_is_bounded():
    framer = wire.Frames()
    for model in (b"\x1b\x24", b"\x1b\x05"):
        framer.feed(model + wire.STARTED)
        for _ in range(200):
            framer.feed(RECORD[:8] * 10 + b"\x1b\x1b\xb1")
            assert len(framer._buffer) + len(framer._noise) <= 2 * wire.TOUCH_SIZE


# --- the dialogue, against the simulated instrument -----------------------------------------------------------------


@pytest.fixture(scope="session")
def meet(booth):
    return lambda model="ttnj-16", **options: booth(Session(**options), Taiyang(model))


def fill(met, count=3):
    return [
        met.device.measure(n, Decimal(n) / 4, AT + timedelta(minutes=n), name="青菜", channel=n)
        for n in range(1, count + 1)
    ]


KEYS_AND_TOUCH = pytest.mark.parametrize("model", ["ttnj-16", "ttj-10h8", "ttnj-z"])


def test_the_dialogue_is_that_of_the_paper(meet):
    met = meet("ttj-8h24")
    fill(met, 2)
    met.run(10)
    assert [out for _, out in met.sent] == [b"\x1b\xbf", b"\x1b\xb1", b"\x24", b"\x24", b"\x1b\xff"]


@KEYS_AND_TOUCH
def test_records_are_handed_over_once(meet, model):
    met = meet(model)
    kept = fill(met)
    assert met.run(60) == kept
    kept.append(met.device.measure(9, Decimal(40), AT + timedelta(hours=1)))
    assert met.run(120) == kept
    assert met.run(3600) == kept


@KEYS_AND_TOUCH
def test_the_next_record_is_asked_for_when_the_last_one_is_on_disk(meet, model):
    met = meet(model)
    met.autocommit = False
    kept = fill(met)
    for n in range(1, 4):
        assert met.run(100) == kept[:n] and met.session.deadline is None
        sent = len(met.sent)
        met.run(1000)
        assert len(met.sent) == sent
        met.commit()
    met.run(100)  # the touch model has given up meanwhile, and is read again
    assert met.device.records == [] if model == "ttnj-z" else len(met.device.records) == 3


def test_a_touch_model_is_emptied_only_when_all_is_on_disk(meet):
    met = meet("ttnj-z")
    met.autocommit = False
    kept = fill(met, 1)
    assert met.run(60) == kept and len(met.device.records) == 1
    met.session = Session()  # the power failed before the commit
    met.autocommit = True
    assert met.run(60) == [*kept, *kept] and met.device.records == []


@KEYS_AND_TOUCH
def test_nothing_is_ever_erased_by_us(meet, model):
    met = meet(model)
    fill(met)
    met.run(2000)
    assert not met.device.erased
    assert {out for _, out in met.sent} <= {wire.HANDSHAKE, wire.READ_ALL, wire.NEXT, wire.END_LINK}


@KEYS_AND_TOUCH
@given(at=st.integers(0, 600), what=st.sampled_from(["lose", "double"]), which=st.integers(0, 6))
def test_a_lost_or_doubled_byte_never_gives_another_result(meet, damage, model, at, what, which):
    met = meet(model)
    kept = fill(met)
    heard = []

    def spoil_one(data):
        if not data:
            return data
        heard.append(data)
        return damage(data, at % len(data), what) if len(heard) == which + 1 else data

    met.mangle = spoil_one
    assert met.run(300) == kept


def test_a_byte_too_many_is_noticed(meet):
    """A doubled byte inside a number makes another number; the record is then one byte longer."""
    met = meet()
    kept = met.device.measure(1, Decimal("12.5"), AT)
    spoilt = []

    def double(data):
        if data.startswith(wire.STARTED) and not spoilt:
            spoilt.append(data)
            return data[:16] + data[15:]
        return data

    met.mangle = double
    assert met.run(60) == [kept]


@pytest.mark.parametrize("model", ["ttnj-16", "ttnj-z"])
def test_a_record_that_cannot_be_read_is_kept_as_invalid_and_the_rest_is_read(meet, model):
    met = meet(model)
    kept = fill(met)
    bad = patched(met.device.records[1], 3, 0x07, 0x63, 0x07, 0x07)
    met.device.records[1] = bad
    assert met.run(60) == kept[:1]
    found = met.run(400)
    assert [each.verdict for each in found if each.measured_at is None] == [Verdict.INVALID]
    assert next(each for each in found if each.measured_at is None).raw == bad
    assert [each for each in found if each.measured_at] == [kept[0], kept[2]]
    assert met.run(3000) == found


def test_a_person_may_stop_the_transfer(meet):
    met = meet()
    kept = fill(met)
    met.device.stopped = True
    assert met.run(20) == []
    met.device.stopped = False
    assert met.run(60) == kept


def test_a_silent_instrument_is_asked_again(meet):
    met = meet(poll=30, patience=8)
    met.plugged = False
    met.run(600)
    assert {out for _, out in met.sent} == {wire.HANDSHAKE} and len(met.sent) <= 600 / 38 + 1
    met.plugged = True
    kept = fill(met)
    assert met.run(60) == kept


def test_the_same_memory_read_by_a_new_session_has_the_same_identities(meet):
    met = meet()
    fill(met)
    first = [each.identity for each in met.run(30)]
    met.session = Session()
    assert [each.identity for each in met.run(30)] == first * 2


def test_the_result_of_a_ttj_10h8_is_computed_as_shown(meet):
    met = meet("ttj-10h8")
    kept = met.device.measure(1, Decimal("37.5"), AT)
    assert met.run(20) == [kept] and kept.value == 37


@pytest.mark.parametrize(("sample", "value"), [(1, None), (1, Decimal("1e9"))])
def test_what_the_instrument_cannot_hold_is_refused(sample, value):
    with pytest.raises(ValueError):
        Taiyang().measure(sample, value, AT)


def test_an_unknown_model_is_refused():
    with pytest.raises(ValueError, match="ttnj-16"):
        Taiyang("ttnj-99")
    assert len(CODES) == len(wire.MODELS)


def test_identities_of_two_channels_differ():
    assert len({each.identity for each in results(decode(TOUCH_RECORD))}) == 3
    assert replace(RESULTS[0], identity="") != RESULTS[0]


def test_an_analyzer_takes_no_wishes():
    assert not Session().ask(Wish.TARE, 0.0)


def test_the_format_is_in_the_table():
    assert formats.find("taiyang").session is Session
