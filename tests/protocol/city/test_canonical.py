"""What is written quickly is RFC 8785, to the byte, as its own library writes it; the library has what is unusual."""

from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from protocol.city import canonical

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
