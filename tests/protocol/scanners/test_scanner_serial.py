import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.readings import Garbage, Scan
from protocol.scanners import scanner_serial
from protocol.scanners.scanner_serial import CAP, Decoder, Options, encode

LINES = {
    b"6901234567892\r\n": "6901234567892",
    b"6901234567892\r": "6901234567892",
    b"0012345678\n": "0012345678",
    b"\x02ABC-1\x03": "ABC-1",
    "https://sy.example.cn/b/上海青\r".encode(): "https://sy.example.cn/b/上海青",
    "上海青\r\n".encode("gb18030"): "上海青",
    b"01069\x1d10A\t": "01069\x1d10A",
}


def heard(data):
    decoder = Decoder()
    return [*decoder.feed(data), *decoder.finish()]


@pytest.mark.parametrize(("line", "text"), LINES.items())
def test_a_line_is_a_code(line, text):
    assert heard(line) == [Scan(text)]


@pytest.mark.parametrize("ending", [b"\r", b"\n", b"\r\n", b"\t", b"\x03"])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_code_comes_back(ending, encoding):
    for text in LINES.values():
        assert heard(encode(Scan(text), encoding=encoding, ending=ending)) == [Scan(text)]


def test_a_code_with_an_end_inside_is_not_written():
    with pytest.raises(ValueError, match="has the end of a code inside"):
        encode(Scan("a\tb"))


def test_ends_alone_say_nothing():
    assert heard(b"\r\n\r\n\x02\x03 \r") == []


@pytest.mark.parametrize("noise", [b"\xff\xfe\xff\r", b"\x80\r\n", b"12\x0034\r", b"\x07\r", b"12\x7f\r"])
def test_what_is_no_text_is_no_code(noise):
    (garbage,) = heard(noise)
    assert isinstance(garbage, Garbage) and "check speed and parity" in garbage.why


def test_a_code_without_end_is_thrown_away_with_its_end():
    decoder = Decoder()
    assert [type(event) for event in decoder.feed(b"1" * (CAP + 1))] == [Garbage]
    assert [type(event) for event in decoder.feed(b"234\r")] == [Garbage]
    assert decoder.feed(b"5\r") == [Scan("5")]


def test_a_pause_ends_a_code_of_a_scanner_without_an_end():
    session = scanner_serial.session(Options(rest=0.5))
    assert session.receive(b"6901", 5.0) == [] and session.deadline == 5.5
    assert session.receive(b"23", 5.4) == [] and session.deadline == 5.9
    assert session.expired(5.9) == [Scan("690123")]
    assert session.deadline is None
    assert session.receive(b"\r\n", 6.0) == []
    assert session.receive(b"7\r\n", 6.1) == [Scan("7")] and session.deadline is None


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_noise_never_raises_and_reads_the_same_in_any_pieces(chunks):
    decoder = Decoder()
    pieces = [event for chunk in chunks for event in decoder.feed(chunk)] + decoder.finish()
    assert pieces == heard(b"".join(chunks))
    assert decoder.feed(b"1\r") == [Scan("1")]


@given(st.text(max_size=40))
def test_what_is_written_is_read(text):
    try:
        line = encode(Scan(text))
    except (ValueError, UnicodeEncodeError):
        return
    for event in heard(line):
        assert isinstance(event, Garbage) or event.text in text
