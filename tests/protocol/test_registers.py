from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.options import BadOptions, parsed
from protocol.registers import ORDERS, Field, TimeField

AT = datetime(2025, 3, 14, 9, 14, 32)  # noqa: DTZ001  (an instrument's local clock)


def field(**table):
    return Field.model_validate({"register": 0, **table})


def cells(*words):
    return {(3, at): word for at, word in enumerate(words)}


TABLE = [
    ({"type": "int16", "decimals": 1}, [0xFFCE], "-5.0"),
    ({"type": "uint16"}, [0xFFCE], "65486"),
    ({"type": "int16", "scale": "0.005"}, [250], "1.250"),
    ({"type": "int16", "scale": 0.1}, [45], "4.5"),
    ({"type": "uint16", "scale": "10"}, [12], "120"),
    ({"type": "int32", "decimals": 3}, [0x0000, 0x04E2], "1.250"),
    ({"type": "int32", "decimals": 3, "order": "CDAB"}, [0x04E2, 0x0000], "1.250"),
    ({"type": "int32", "decimals": 3, "order": "BADC"}, [0x0000, 0xE204], "1.250"),
    ({"type": "int32", "decimals": 3, "order": "DCBA"}, [0xE204, 0x0000], "1.250"),
    ({"type": "int32"}, [0xFFFF, 0xFFFE], "-2"),
    ({"type": "uint32"}, [0xFFFF, 0xFFFE], "4294967294"),
    ({"type": "float", "decimals": 3}, [0x3FA0, 0x0000], "1.250"),
    ({"type": "float", "decimals": 2}, [0x3DCC, 0xCCCD], "0.10"),
    ({"type": "float", "decimals": 1, "order": "CDAB"}, [0x0000, 0xC148], "-12.5"),
    ({"type": "float", "decimals": 3, "scale": "0.001"}, [0x449C, 0x4000], "1.250"),
    ({"type": "uint16", "mask": 0x0FF0}, [0x1234], "35"),
    ({"type": "uint16", "order": "BADC"}, [0x0100], "1"),
]


@pytest.mark.parametrize(("table", "words", "value"), TABLE)
def test_registers_mean_their_value(table, words, value):
    assert str(field(**table).number(cells(*words))) == value
    assert field(**table).text(cells(*words)) == value


@pytest.mark.parametrize(("table", "words", "value"), [row for row in TABLE if "mask" not in row[0]])
def test_a_value_is_encoded_as_the_device_has_it(table, words, value):
    assert field(**table).encode(Decimal(value)) == cells(*words)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"type": "int16", "none": 0x7FFE}, [0x7FFE]),
        ({"type": "int16", "none": -1}, [0xFFFF]),
        ({"type": "float", "decimals": 1}, [0x7FC0, 0x0000]),
        ({"type": "float", "decimals": 1}, [0xFF80, 0x0000]),
        ({"type": "float", "decimals": 9}, [0x7F7F, 0xFFFF]),
    ],
)
def test_no_value_is_none(table, words):
    assert field(**table).number(cells(*words)) is None
    assert field(**table).text(cells(*words)) == ""


def test_zero_has_no_sign():
    assert str(field(type="float", decimals=1).number(cells(0x8000, 0))) == "0.0"


def test_a_text_is_gbk_and_padded():
    name = field(type="text", count=4)
    words = name.encode("青菜")
    assert words == cells(0xC7E0, 0xB2CB, 0, 0) and name.text(words) == "青菜"
    swapped = field(type="text", count=2, order="DCBA")
    assert swapped.text(swapped.encode("青菜")) == "青菜"
    assert field(type="text", count=2).text(cells(0xC7E0, 0xB200)).startswith("青")
    with pytest.raises(ValueError):
        field(type="text", count=1).encode("青菜")


@pytest.mark.parametrize("form", ["words", "bytes", "bcd"])
@pytest.mark.parametrize("order", ["ABCD", "BADC"])
def test_a_time_is_read_in_each_form(form, order):
    when = TimeField(register=0, form=form, order=order)
    assert when.time(when.encode(AT)) == AT


def test_times_lie_as_described():
    assert TimeField(register=0, form="bytes").encode(AT) == cells(0x1903, 0x0E09, 0x0E20)
    assert TimeField(register=0, form="bcd").encode(AT) == cells(0x2503, 0x1409, 0x1432)
    assert TimeField(register=0, form="words").encode(AT) == cells(2025, 3, 14, 9, 14, 32)
    assert TimeField(register=0, form="words").time(cells(25, 3, 14, 9, 14, 32)) == AT


@pytest.mark.parametrize(("form", "words"), [("bcd", [0xFF03, 0, 0]), ("bytes", [0, 0, 0]), ("words", [0] * 6)])
def test_what_is_no_time_is_none(form, words):
    assert TimeField(register=0, form=form).time(cells(*words)) is None


@given(st.sampled_from(["int16", "uint16", "int32", "uint32", "float"]), st.sampled_from(ORDERS), st.data())
def test_any_words_are_a_value_or_none(kind, order, data):
    one = field(type=kind, order=order, decimals=3)
    words = data.draw(st.lists(st.integers(0, 0xFFFF), min_size=one.size, max_size=one.size))
    value = one.number(cells(*words))
    assert value is None or value.as_tuple().exponent == -3


@given(st.sampled_from(["int16", "uint16", "int32", "uint32"]), st.sampled_from(ORDERS), st.integers(0, 9), st.data())
def test_what_is_encoded_is_read(kind, order, decimals, data):
    one = field(type=kind, order=order, decimals=decimals)
    low, high = (0, 1) if kind.startswith("u") else (-1, 1)
    limit = 2 ** (8 * 2 * one.size - (low < 0)) - 1
    value = Decimal(data.draw(st.integers(low * limit, high * limit))).scaleb(-decimals)
    assert one.number(one.encode(value)) == value


@pytest.mark.parametrize(
    ("table", "key", "why"),
    [
        ({}, "register", "it is missing; it must be a whole number, 0 to 65535"),
        ({"register": -1}, "register", "a whole number, 0 to 65535"),
        ({"register": True}, "register", "a whole number"),
        ({"register": "80"}, "register", "a whole number"),
        ({"register": 65535, "type": "int32"}, "register", "0 to 65534"),
        ({"register": 0, "type": "int64"}, "type", '"int16", "uint16"'),
        ({"register": 0, "function": 6}, "function", "3, 4"),
        ({"register": 0, "order": "AB"}, "order", "ABCD"),
        ({"register": 0, "type": "float"}, "decimals", "it is missing: a float"),
        ({"register": 0, "decimals": 12}, "decimals", "0 to 9"),
        ({"register": 0, "scale": "x"}, "scale", "a number like"),
        ({"register": 0, "scale": "0"}, "scale", "a number like"),
        ({"register": 0, "scale": True}, "scale", "a number like"),
        ({"register": 0, "scale": "0.01", "decimals": 1}, "decimals", "too few"),
        ({"register": 0, "mask": 1}, "mask", "uint16 or uint32"),
        ({"register": 0, "type": "uint16", "mask": 0x10000}, "mask", "16 bits"),
        ({"register": 0, "type": "float", "decimals": 1, "none": 1}, "none", "whole numbers"),
        ({"register": 0, "regster": 1}, "regster", "no such option; there are: register"),
    ],
)
def test_a_mistake_is_named(table, key, why):
    with pytest.raises(BadOptions) as bad:
        parsed("modbus", Field, table)
    (problem,) = bad.value.problems
    assert problem.key == key and why in problem.en and problem.zh


@pytest.mark.parametrize(
    ("table", "value"), [({}, "40000"), ({"decimals": 1}, "0.05"), ({}, None), ({"type": "uint16"}, "-1")]
)
def test_what_does_not_fit_is_not_encoded(table, value):
    with pytest.raises(ValueError):
        field(**table).encode(None if value is None else Decimal(value))
