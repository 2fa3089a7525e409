"""Documents survive JSON; what is wrong in one is named with its part."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.printers.document import QR, Align, Cell, Columns, Cut, Document, Feed, Pair, Rule, Size, Text

EVERYTHING = Document(
    "slip",
    "样张",
    (
        Text("标题", Align.CENTER, Size.LARGE, bold=True),
        Rule(),
        Pair("合计", "￥1.00", size=Size.TALL),
        Pair("产地", "新郑", Align.LEFT, key_width=6),
        Columns((Cell("净重", 9), Cell("金额", align=Align.RIGHT)), Size.TALL),
        Pair("摊位", "A区012", Align.LEFT, half=True),
        Text("17", Align.CENTER, Size.HUGE),
        Text("合格", Align.CENTER, Size.FIT),
        QR("https://sy.example.cn/b/41010800110100010074", "41010 80011", big=True),
        Feed(2),
        Cut(),
    ),
)


def test_a_document_survives_json() -> None:
    assert Document.from_json(json.loads(json.dumps(EVERYTHING.as_json()))) == EVERYTHING


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([{"part": "text"}], r"parts\[0\] \(text\): text is missing"),
        ([{"part": "rule"}, {"part": "line"}], r"parts\[1\]: part: 'line' is none of text, pair"),
        ([{"part": "rule", "width": 3}], r"parts\[0\] \(rule\): 'width' is not known here"),
        ([{"part": "text", "text": 3}], r"text: must be a string, not 3"),
        ([{"part": "text", "text": "", "size": "vast"}], r"size: 'vast' is none of normal, tall, large, huge, fit"),
        ([{"part": "text", "text": "", "bold": 1}], r"bold: must be true or false"),
        ([{"part": "pair", "key": "", "value": "", "align": "center"}], r"align: a value stands left or right"),
        ([{"part": "pair", "key": "", "value": "", "half": True}], r"half: a pair that shares its line stands left"),
        ([{"part": "feed", "lines": True}], r"lines: must be an integer from 0 to 64"),
        ([{"part": "feed", "lines": 65}], r"lines: must be an integer from 0 to 64"),
        ([{"part": "columns", "cells": []}], r"cells: 0 cells"),
        ([{"part": "columns", "cells": [{"text": "a", "w": 1}]}], r"\(columns\): cells\[0\]: 'w' is not known"),
        ([{"part": "columns", "cells": [{"text": ""}], "size": "large"}], r"size: columns are normal or tall"),
        ([{"part": "qr", "payload": ""}], r"payload"),
        ([{"part": "qr", "payload": "白菜"}], r"payload: .*ASCII"),
        ([{"part": "qr", "payload": "x" * 288}], r"payload: 288 bytes"),
        (["text"], r"parts\[0\]: a part is written as an object"),
        ({}, r"parts: a list of parts is missing"),
        ([{"part": "rule"}] * 2001, r"parts: 2001"),
    ],
)
def test_what_is_wrong_is_named_with_its_part(parts: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Document.from_json({"kind": "", "title": "", "parts": parts})


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["part", "text", "cells"]), inner),
)


@given(
    st.one_of(
        ANY_JSON,
        st.fixed_dictionaries({"parts": st.lists(ANY_JSON, max_size=3)}),
        st.fixed_dictionaries(
            {
                "parts": st.lists(
                    st.fixed_dictionaries(
                        {"part": st.sampled_from(["text", "pair", "columns", "qr", "feed"])},
                        optional=dict.fromkeys(("text", "key", "value", "cells", "payload", "size"), ANY_JSON),
                    ),
                    max_size=3,
                )
            }
        ),
    )
)
def test_any_json_is_a_document_or_a_value_error(tree: Any) -> None:
    try:
        Document.from_json(tree)
    except ValueError as error:
        assert str(error)
