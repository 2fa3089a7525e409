"""Options of a wire format: refused in words, never with a crash."""

from collections.abc import Mapping
from datetime import date
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import catalogue
from protocol import formats
from protocol.analyzers import dayuan_03ff, dayuan_small
from protocol.options import MISSING, BadOptions, FormatOptions, NoOptions, schema

every_format = pytest.mark.parametrize("format_id", formats.ids())


@every_format
def test_a_format_without_options_reads_and_speaks_or_says_what_it_needs(format_id: str) -> None:
    form = formats.find(format_id)
    form.reads()
    try:
        form.speaks({}, date.today)
    except BadOptions as bad:
        assert all(problem.awaited and "missing" in problem.en for problem in bad.problems)


@every_format
def test_what_reads_the_bytes_is_among_what_may_be_set(format_id: str) -> None:
    form = formats.find(format_id)
    assert set(form.reading.model_fields) <= set(form.options.model_fields)


@every_format
def test_every_option_says_what_it_is(format_id: str) -> None:
    whole = schema(formats.find(format_id).options)
    assert all(node.get("description") for node in whole.get("properties", {}).values()) or not whole["properties"]


@pytest.mark.parametrize("row", catalogue.models().values(), ids=lambda row: row.id)
def test_the_options_of_a_row_fit_its_format(row: Any) -> None:
    row.with_options({})


def test_formats_without_options_share_one_model() -> None:
    assert formats.find("yaohua_tf0").options is formats.find("astm").options is NoOptions
    with pytest.raises(BadOptions, match="this format has no options"):
        formats.find("yaohua_tf0").parse({"poll": 1})


def test_the_instruments_that_may_be_named_are_those_there_are() -> None:
    named = {"dayuan_03ff": dayuan_03ff.MODELS, "dayuan_small": dayuan_small.VARIANTS}
    for name, known in named.items():
        assert set(get_args(formats.find(name).options.model_fields["model"].annotation)) == set(known)


@pytest.mark.parametrize(
    ("format_id", "options", "key", "value", "en"),
    [
        ("dayuan_small", {}, "model", MISSING, 'it is missing; it must be one of "dy6200"'),
        ("modbus_scale", {}, "profile", MISSING, "it is missing; it must be a table { name = value }, such as"),
        ("mt_sics", {"poll": 0}, "poll", 0, "a number, 0.02 to 86400"),
        ("mt_sics", {"poll": True}, "poll", True, "a number, 0.02 to 86400"),
        ("mt_sics", {"poll": float("nan")}, "poll", ..., "a number, 0.02 to 86400"),
        ("mt_sics", {"polll": 1}, "polll", 1, "there is no such option; there are: poll, patience"),
        ("yaohua_equals", {"width": 9}, "width", 9, "one of 7, 8"),
        ("yaohua_command", {"address": "AB"}, "address", "AB", "of one character"),
        ("modbus_scale", {"profile": {"unit": "kg", "weight": {}}}, "profile.weight.register", MISSING, "0 to 65535"),
        ("csv_drop", {"columns": {"item": 0}}, "columns.item", 0, "a text, in quotation marks or a whole number, 1"),
        ("csv_drop", {"verdicts": {"i.O.": "good"}}, "verdicts.i.O.", "good", 'one of "qualified"'),
        ("csv_drop", {"columns": {"gewicht": 1}}, "columns.gewicht", 1, "there are: sample, item"),
    ],
)
def test_a_problem_names_the_key_and_says_what_is_wanted(
    format_id: str, options: Mapping[str, Any], key: str, value: Any, en: str
) -> None:
    with pytest.raises(BadOptions) as bad:
        formats.find(format_id).parse(options)
    (problem,) = bad.value.problems
    assert problem.key == key and en in problem.en and problem.zh
    assert value is ... or problem.value is value or problem.value == value
    assert str(bad.value).startswith(f"{format_id}: option {key}")


def test_a_stream_is_read_without_what_only_a_session_needs() -> None:
    assert formats.find("dayuan_crc8").reads().feed(b"") == []
    with pytest.raises(BadOptions, match="option model = 'dy1'"):
        formats.find("dayuan_crc8").reads({"model": "dy1"})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.sampled_from(["uint16", "set"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["register", "weight", "unit", "new", "status", "item", "1"]), inner, max_size=4
        )
    ),
    max_leaves=6,
)


@every_format
@given(data=st.data())
def test_no_value_of_an_option_ends_in_anything_but_words(format_id: str, data: st.DataObject) -> None:
    form = formats.find(format_id)
    names = st.sampled_from([*form.options.model_fields, "other"])
    try:
        assert isinstance(form.parse(data.draw(st.dictionaries(names, VALUES, max_size=4))), FormatOptions)
    except BadOptions as bad:
        assert bad.problems and all(problem.key and problem.zh and problem.en for problem in bad.problems)
