"""What is written quickly is RFC 8785, to the byte, as its own library writes it; the library has what is unusual."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from protocol.city import canonical
from protocol.city.events import EVENTS, Goods

GOODS = Goods(product="01040201", name="大白菜")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
@example({"\U0001f96c": 1, "\ufb03": 2})
@example({"a": '\x00\x1f\x7f\u2028"\\/', "": [1e21, 1.0, -0.0]})
@example({"a": (1, ("二", True))})
def test_what_is_written_is_what_the_library_writes(value: Any) -> None:
    assert canonical.write(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    "value", [2**53, [-(2**53)], {"a": {"b": 2**60}}, {1: 2}, float("nan"), {"a": "\ud800"}], ids=repr
)
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        canonical.write(value)


@pytest.mark.parametrize("kind", EVENTS)
def test_a_record_is_written_as_the_library_writes_it(kind: str, record_of: Callable[..., dict[str, Any]]) -> None:
    for bare in (False, True):
        record = EVENTS[kind].record.model_validate_json(json.dumps(record_of(kind, bare=bare)))
        data, written = record.written()
        assert data == record.model_dump(mode="json")
        assert written == rfc8785.dumps(data)


@pytest.mark.parametrize("kind", ["trade.completed", "test.result", "entry.registered", "lot.released"])
def test_what_is_recorded_most_is_written_in_one_go(kind: str, monkeypatch: pytest.MonkeyPatch, record_of: Any) -> None:
    record = EVENTS[kind].record.model_validate_json(json.dumps(record_of(kind)))
    expected = rfc8785.dumps(record.model_dump(mode="json"))
    monkeypatch.setattr(canonical, "write", None)
    assert record.written()[1] == expected


@given(TEXTS)
@example('\x00\x1f\x7f\u2028"\\/\b\f\n\r\t\U0001f96c')
def test_texts_of_a_record_are_written_as_the_library_writes_them(text: str) -> None:
    data, written = GOODS.model_copy(update={"name": text}).written()
    assert data == {"name": text, "name_en": "", "product": "01040201"}
    assert written == rfc8785.dumps(data)


@pytest.mark.parametrize("value", [1.0, 1e21, ["二", -0.0]])
def test_a_field_that_was_set_unchecked_is_written_canonically(value: Any) -> None:
    with pytest.warns(UserWarning, match="Expected `str`"):
        data, written = GOODS.model_copy(update={"name": value}).written()
    assert written == rfc8785.dumps(data)
