import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import formats
from protocol.readings import Garbage, Scan
from protocol.scanners import scanner_hid
from protocol.scanners.scanner_hid import (
    ALTS,
    DOWN,
    ENTER,
    EV_SYN,
    EVENT,
    KEYPAD,
    KEYPAD_ENTER,
    KEYS,
    SYN_DROPPED,
    TAB,
    UP,
    Decoder,
    Options,
    Reading,
    encode,
    key,
    press,
)

CODES = {
    # 6901, as a kernel says it: MSC_SCAN, EV_KEY, SYN_REPORT for down and up, then Enter
    "0400040023000700 0100070001000000 0000000000000000 0400040023000700 0100070000000000 0000000000000000"
    "01000a0001000000 0000000000000000 01000a0000000000 0000000000000000"
    "01000b0001000000 0000000000000000 01000b0000000000 0000000000000000"
    "0100020001000000 0000000000000000 0100020000000000 0000000000000000"
    "01001c0001000000 0000000000000000": "6901",
}
DIGITS = {digit: code for code, digit in KEYPAD.items()}


def heard(data, reading=None):
    decoder = Decoder(reading)
    return [*decoder.feed(data), *decoder.finish()]


def texts(data, reading=None):
    return [event.text for event in heard(data, reading) if isinstance(event, Scan)]


def alt(number):
    return key(56, DOWN) + b"".join(press(DIGITS[digit]) for digit in number) + key(56, UP)


@pytest.mark.parametrize(("events", "text"), CODES.items())
def test_what_a_kernel_says_is_the_code(events, text):
    assert texts(bytes.fromhex(events)) == [text]


@pytest.mark.parametrize(
    "text",
    [
        "6901234567892",
        "https://sy.example.cn/b/ElZH_-9?a=1&b=$;:",
        "ABCabc!@#$%^&*()[]{}|\\'\"`~<>,./",
        "10 个 上海青",
        "01\x1d10A",
    ],
)
def test_a_code_is_read_and_typed(text):
    keys = encode(Scan(text))
    assert heard(keys) == [Scan(text)]
    (scan,) = heard(keys)
    assert scan.raw and keys.startswith(scan.raw)


@pytest.mark.parametrize("ending", [ENTER, KEYPAD_ENTER, TAB])
def test_every_ending_key_ends_a_code(ending):
    assert texts(encode(Scan("12"), ending=ending) + encode(Scan("34"), ending=ending)) == ["12", "34"]


def test_an_ending_alone_is_no_code_and_a_repeated_key_is_one():
    repeats = key(2, DOWN) + key(2, 2) * 5 + key(2, UP)
    assert heard(press(ENTER) * 3 + repeats + press(ENTER)) == [Scan("1")]


def test_capslock_changes_letters_and_no_digits():
    assert texts(press(58) + encode(Scan("aB1:")) + press(58) + encode(Scan("aB1:"))) == ["Ab1:", "aB1:"]


def test_numlock_makes_no_difference():
    assert texts(press(69) + b"".join(press(DIGITS[digit]) for digit in "4210") + press(KEYPAD_ENTER)) == ["4210"]


@pytest.mark.parametrize(
    ("numbers", "reading", "text"),
    [
        (("45217", "47586", "51680"), "gb18030", "啊光舌"),
        (("176", "161"), "gb18030", "啊"),  # its two bytes, one after the other
        (("0176", "0161"), "gb18030", "啊"),
        (("21834",), "unicode", "啊"),
        (("65",), "unicode", "A"),
        (("233",), "gb18030", None),  # half of a character
        (("65535",), "gb18030", None),
        (("55296",), "unicode", None),
        (("9999999999",), "gb18030", None),
        (("9999999999",), "unicode", None),
    ],
)
def test_what_no_key_says_comes_by_its_number(numbers, reading, text):
    typed = press(2) + b"".join(alt(number) for number in numbers) + press(2) + press(ENTER)
    expected = [f"1{text}1"] if text is not None else []
    assert texts(typed, Reading(alt=reading)) == expected
    assert len(heard(typed, Reading(alt=reading))) == 1


@pytest.mark.parametrize(
    ("lost", "why"),
    [
        (EVENT.pack(EV_SYN, SYN_DROPPED, 0), "keys were lost"),
        (press(89), "key 89 has no character; add it to options.keys"),
        (key(56, DOWN) + press(30) + key(56, UP), "Alt with another key"),
        (EVENT.pack(77, 1, 1), "not an event of a keyboard"),
        (EVENT.pack(1, 0x300, 1), "not an event of a keyboard"),
    ],
)
def test_a_code_of_which_a_key_is_missing_is_no_code(lost, why):
    (garbage,) = heard(press(2) + lost + press(3) + press(ENTER))
    assert isinstance(garbage, Garbage) and why in garbage.why
    assert texts(press(2) + lost + press(3) + press(ENTER) + encode(Scan("77"))) == ["77"]


def test_what_was_left_in_the_kernels_queue_after_a_loss_is_passed_over():
    dropped = EVENT.pack(EV_SYN, SYN_DROPPED, 0) + EVENT.pack(1, 2, DOWN) + EVENT.pack(EV_SYN, 0, 0)
    assert texts(dropped + press(ENTER) + encode(Scan("5"))) == ["5"]


def test_a_key_of_ones_own_is_read_by_the_option():
    assert texts(press(89) + press(ENTER), Reading(keys={"89": "\\_"})) == ["\\"]
    assert texts(key(42, DOWN) + press(89) + key(42, UP) + press(ENTER), Reading(keys={"89": "\\_"})) == ["_"]


@pytest.mark.parametrize("given_", [{"keys": {"x": "ab"}}, {"keys": {"1": "a"}}, {"alt": "ascii"}, {"rest": 0.0}])
def test_options_that_make_no_sense_are_refused(given_):
    with pytest.raises(formats.BadOptions):
        formats.find("scanner_hid").speaks(given_)


def test_a_code_without_end_is_cut_and_costs_no_memory():
    decoder = Decoder()
    events = decoder.feed(press(2) * 10_000)
    assert events == [] and len(decoder._raw) <= 64 << 10 and len(decoder._text) <= 3000
    (garbage,) = decoder.feed(press(ENTER))
    assert isinstance(garbage, Garbage) and "more than 3000 characters" in garbage.why
    assert decoder.feed(encode(Scan("1"))) == [Scan("1")]


def test_a_pause_ends_a_code_of_a_scanner_without_an_ending_key():
    session = scanner_hid.session(Options())
    assert session.receive(encode(Scan("6901"), ending=None), 5.0) == []
    assert session.deadline == 5.3
    assert session.expired(5.3) == [Scan("6901")]
    assert session.deadline is None and session.expired(9.0) == []
    assert session.receive(encode(Scan("1")), 10.0) == [Scan("1")] and session.deadline is None
    assert session.receive(key(56, DOWN) + press(DIGITS["2"]), 11.0) == [] and session.deadline is None


@given(st.text(st.sampled_from([*"".join(KEYS.values()), "\x1d", *"上海青é€㐀𠀀"]), min_size=1, max_size=30))
def test_what_is_typed_is_read(text):
    said = text.strip(" \t")
    assert heard(encode(Scan(text))) == ([Scan(said)] if said else heard(encode(Scan(text))))
    if said and all(ord(char) < 128 or ord(char) > 255 for char in text):
        assert texts(encode(Scan(text), alt="unicode"), Reading(alt="unicode")) == [said]


@given(st.lists(st.binary(max_size=60), max_size=6), st.text("abc123", min_size=1, max_size=5))
def test_noise_never_raises_and_reads_the_same_in_any_pieces(chunks, text):
    stream = b"".join(chunks)
    whole, pieces = Decoder(), Decoder()
    once = [*whole.feed(stream), *whole.finish()]
    assert [event for chunk in chunks for event in pieces.feed(chunk)] + pieces.finish() == once
    assert whole.feed(encode(Scan(text)))[-1:] == [Scan(text)] or whole._caps


def test_every_modifier_comes_up_again():
    decoder = Decoder()
    decoder.feed(encode(Scan("A:上")) * 3)
    assert decoder._held == set() and not decoder.begun
    assert {100} < ALTS
