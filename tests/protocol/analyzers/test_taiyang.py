# ruff: noqa: DTZ001  (the instrument has a local clock and knows no zone)

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocol import formats
from protocol.analyzers import taiyang as wire
from protocol.analyzers.taiyang import Hole, Options, Session, decode, decoder, encode, encode_touch, results
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
        sure=False,
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
DIALOG = b"\x1b\x02" + b"\x1b\xc1" + RECORD + RECORD + b"\x1b\xfe"
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


@pytest.mark.parametrize("code", sorted(wire.PAIRS))
@pytest.mark.parametrize(
    ("control", "sample", "value"),
    [
        ("0.914", "0.57", "37"),  # as on the print-out in the maker's paper
        ("0.914", "0.502", "45"),
        ("1", "0.875", "12"),
        ("0.8", "0.3", "62"),
        ("0.5", "0.55", "-10"),
        ("0.5", "0.5", "0"),
        ("0.5", "0.501", "0"),
    ],
)
def test_a_ttj_10h8_or_8h8_sends_control_and_sample(code, control, sample, value):
    (read,) = results(decode(encode(AT, {1: (Decimal(control), Decimal(sample))})), code)
    assert (read.item, str(read.value), read.unit) == ("农药残留", value, "%")
    assert (read.control, read.verdict, read.sure) == (None, None, False)


@pytest.mark.parametrize("code", sorted(wire.PAIRS))
def test_no_control_is_an_invalid_test(code):
    read = results(decode(encode(AT, {1: (Decimal(0), Decimal(1))})), code)[0]
    assert (read.value, read.verdict, read.control) == (None, Verdict.INVALID, None)


READINGS_TOLD = (None, None, "两个读数 two readings: 0.914, 0.57", None)


@pytest.mark.parametrize(
    ("code", "item", "named", "stated"),
    [
        *[(code, 1, "农药残留", (Decimal("0.57"), "%", None, None)) for code in (0x00, 0x01, 0x02, 0x03, 0x04)],
        *[(code, 7, "项目7", (Decimal("0.57"), None, None, None)) for code in (0x00, 0x01, 0x02, 0x03, 0x04)],
        *[(code, 7, "项目7", READINGS_TOLD) for code in (0x11, 0x12)],
        *[(code, 1, "项目1", READINGS_TOLD) for code in sorted(wire.UNSOURCED)],
        *[(code, 10, "项目10", READINGS_TOLD) for code in sorted(wire.UNSOURCED)],
    ],
)
def test_each_model_means_its_two_numbers_as_far_as_it_is_sourced(code, item, named, stated):
    (read,) = results(decode(encode(AT, {1: (Decimal("0.914"), Decimal("0.57"))}, item=item)), code)
    assert read.item == named
    assert (read.value, read.unit, read.text, read.control) == stated


def test_every_model_is_read_in_one_of_three_ways():
    assert {0x13, 0x14, 0x15, 0x21, 0x22, 0x23, 0x24, 0x31, 0x32, 0x33} == wire.UNSOURCED
    assert {0x01, 0x02, 0x03, 0x04, 0x05} == set(wire.MODELS) - wire.UNSOURCED - wire.PAIRS


@pytest.mark.parametrize(("block", "value"), [("3f189375c29c3333", "-78.1"), ("3f189375409c3333", "4.88125")])
def test_a_number_with_a_flipped_bit_is_not_sure(block, value):
    (read,) = results(decode(RECORD[:9] + bytes.fromhex(block) + bytes(56)))[:1]
    assert abs(read.value - Decimal(value)) < Decimal("0.01") and not read.sure
    assert read.as_json()["sure"] is False


def test_a_record_of_a_touch_model():
    read = results(decode(TOUCH_RECORD))
    assert [(r.sample, r.channel, r.value, r.verdict, r.name) for r in read] == [
        ("7", "A1", Decimal("12.5"), Verdict.QUALIFIED, "青菜"),
        ("8", "B2", Decimal("61.3"), Verdict.UNQUALIFIED, "豆角"),
        ("9", "C8", Decimal("50"), Verdict.INVALID, None),
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


MODELS_IN_TURN = [0x02, 0x11, 0x12, 0x13, 0x02]


@given(st.lists(st.integers(0, 1000), max_size=12))
def test_the_model_in_force_when_a_record_was_read_counts_in_any_chunking(readings, cuts):
    record = encode(AT, {1: (Decimal("0.914"), Decimal("34.8"))})
    stream = b"".join(wire.answer_model(code) + wire.STARTED + record + wire.FINISHED for code in MODELS_IN_TURN)
    found = of(readings(decoder(), stream + b"\x1b\x11", cuts))
    assert [str(each.value) for each in found] == ["34.8", "-3707", "-3707", "None", "34.8"]


@pytest.mark.parametrize("size", [1, 2, 3, 73, 74, 75, 1000])
def test_a_handshake_behind_a_record_does_not_change_it(size):
    record = encode(AT, {1: (Decimal("0.604"), Decimal("34.8"))})
    stream = b"\x1b\x02\x1b\xc1" + record + b"\x1b\xfe\x1b\x11"
    reader = decoder()
    found = [each for at in range(0, len(stream), size) for each in reader.feed(stream[at : at + size])]
    assert [str(each.value) for each in of(found)] == ["34.8"]


def test_a_record_may_look_like_a_handshake(readings):
    """Second 27 of minute 1 and 36: 1B 01 and 1B 24."""
    for minute in (1, 36):
        record = encode(AT.replace(second=27, minute=minute), {1: (Decimal(1), Decimal(5))})
        for cuts in ([], range(80)):
            found = readings(decoder(), b"\x1b\x02\x1b\xc1" + record, cuts)
            assert [str(each.value) for each in of(found)] == ["5"]


@given(st.binary(max_size=300), st.sampled_from([DIALOG, TOUCH_DIALOG]))
def test_noise_never_raises_and_the_next_transfer_is_found(readings, noise, dialog):
    found = readings(decoder(), noise + bytes((0xFF,)) * 600 + dialog)
    assert of(found)[-2:] == of(readings(decoder(), dialog))[-2:]


NOISE = [b"\r\n", b"\x1b", b"\0", b"\n", b"\x1b\xc1", b"\x0b" * 7 + bytes(66), b"\x0b" * 9 + b"?" * 64, b"\x05"]


@pytest.mark.parametrize("noise", NOISE)
@pytest.mark.parametrize("model", [0x02, 0x05])
def test_noise_is_read_once_and_not_again_for_every_byte(noise, model, monkeypatch):
    """A place where no record can start costs no look at a record; so noise of any pattern costs the same a byte."""
    seen = []
    monkeypatch.setattr(wire, "decode", lambda frame: seen.append(frame) or decode(frame))
    framer = wire.Frames()
    framer.feed(wire.answer_model(model) + wire.STARTED)
    framer.feed(noise * (20_000 // len(noise)))
    records = [frame for frame in seen if len(frame) > 2]
    assert len(records) <= 20_000
    if noise == b"\r\n":
        assert records == []


@given(times, channels, st.integers(0, 255), st.booleans(), st.binary(max_size=40))
def test_every_record_is_found_behind_noise(at, pairs, group, paper, noise):
    record = encode(at, pairs, group=group, paper=paper)
    framer = wire.Frames()
    framer.feed(wire.STARTED + noise + bytes((0xFF,)) * 80)
    assert [event.raw for event in framer.feed(record) if isinstance(event, Reply)] == [record]


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
    return lambda model="ttnj-16", **options: booth(Session(Options(**options)), Taiyang(model))


def fill(met, count=3):
    return [
        met.device.measure(n, Decimal(n) / 4, AT + timedelta(minutes=n), name="青菜", channel=n)
        for n in range(1, count + 1)
    ]


def unsure(found):
    """What was handed over, each once: a touch model that was read again gave some of it as sure too."""
    return list({each.identity: replace(each, sure=False) for each in found}.values())


KEYS_AND_TOUCH = pytest.mark.parametrize("model", ["ttnj-16", "ttj-10h8", "ttnj-z"])


def test_the_dialogue_is_that_of_the_paper(meet):
    met = meet("ttj-8h24")
    fill(met, 2)
    met.run(10)
    transfer = [b"\x1b\xbf", b"\x1b\xb1", b"\x24", b"\x24", b"\x1b\xff"]
    assert [out for _, out in met.sent] == transfer * 2  # what is new is transferred twice


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
    for n in range(1, 9):
        given = met.run(100)
        if len(given) < n:
            break
        assert len(given) == n and met.session.deadline is None
        sent = len(met.sent)
        met.run(1000)
        assert len(met.sent) == sent
        met.commit()
    assert unsure(met.results) == unsure(kept)
    assert met.device.records == [] if model == "ttnj-z" else len(met.device.records) == 3


def test_a_touch_model_is_emptied_only_when_all_is_on_disk(meet):
    met = meet("ttnj-z")
    met.autocommit = False
    kept = fill(met, 1)
    assert met.run(60) == kept and len(met.device.records) == 1
    met.session = Session(Options())  # the power failed before the commit
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
    assert unsure(met.run(300)) == unsure(kept)


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
    assert unsure(met.run(20)) == unsure(kept[:1])
    found = met.run(440)
    assert [each.verdict for each in found if each.measured_at is None] == [Verdict.INVALID]
    assert next(each for each in found if each.measured_at is None).raw.endswith(bad)
    assert unsure(each for each in found if each.measured_at) == unsure([kept[0], kept[2]])
    assert met.run(3000) == found


def test_what_a_bad_line_makes_of_a_key_models_record_is_not_handed_over(meet):
    met = meet("ttnj-16")
    kept = fill(met)
    turn = []

    def spoil_second(data):
        if len(data) < 73 or met.device.records[1] not in data:
            return data
        turn.append(data)
        return patched(data, 3, len(turn) % 200, 0x63, 0x07, 0x07)

    met.mangle = spoil_second
    assert met.run(600) == [kept[0], kept[2]]
    met.mangle = lambda data: data
    assert met.run(100) == [kept[0], kept[2], kept[1]]


@pytest.mark.parametrize("changed", ["3f189375c29c3333", "3f189375409c3333"])
def test_a_key_models_record_is_handed_over_when_it_came_twice_alike(meet, changed):
    """78.1 % with one flipped bit is -78.1 or 4.88: the transfers differ, and it is asked for once more."""
    met = meet("ttnj-16")
    kept = met.device.measure(1, Decimal("78.1"), AT)
    true = met.device.records[0][9:17]
    spoilt = []

    def spoil_once(data):
        if true in data and not spoilt:
            spoilt.append(data)
            return data.replace(true, bytes.fromhex(changed))
        return data

    met.mangle = spoil_once
    assert met.run(60) == [kept] and spoilt
    assert kept.sure and str(kept.value) == "78.1"
    assert [out for _, out in met.sent].count(wire.READ_ALL) >= 3


@given(at=st.integers(0, 600), flip=st.integers(1, 255), which=st.integers(0, 8))
@example(at=1, flip=0x12 ^ 0xC1, which=0)  # the model becomes the start of a transfer
def test_one_changed_byte_of_a_key_model_never_gives_another_result(meet, damage, at, flip, which):
    met = meet("ttj-8h8")
    kept = fill(met)
    heard = []

    def spoil_one(data):
        heard.append(data)
        return damage(data, at % len(data), "flip", flip) if len(heard) == which + 1 and data else data

    met.mangle = lambda data: spoil_one(data) if data else data
    assert sorted(met.run(400), key=lambda each: each.identity) == sorted(kept, key=lambda each: each.identity)


def test_a_model_said_wrongly_once_does_not_change_a_result(meet):
    met = meet("ttnj-16")
    kept = fill(met)
    said = []

    def other_model(data):
        if data == wire.answer_model(0x02) and not said:
            said.append(data)
            return wire.answer_model(0x12)
        return data

    met.mangle = other_model
    assert met.run(100) == kept and said


def test_a_transfer_of_a_touch_model_that_begins_anew_gives_sure_results(meet):
    met = meet("ttnj-z")
    kept = fill(met, 2)
    cut = []

    def cut_last(data):
        if data == wire.FINISHED and not cut:
            cut.append(met.device.records or list(kept))
            return b""
        return data

    memory = list(met.device.records)
    met.mangle = cut_last
    met.run(30)
    met.device.records[:] = memory  # it did not erase, because it was not told that all is well
    assert [each.sure for each in met.run(100)] == [False, False, True, True]
    assert unsure(met.results) == unsure(kept)


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
    met.session = Session(Options())
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
    assert not Session(Options()).ask(Wish.TARE, 0.0)


def test_the_format_is_in_the_table():
    assert formats.find("taiyang").session is Session
