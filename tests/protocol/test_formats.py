"""Options of a wire format: refused in words, never with a crash."""

import pytest

from protocol import formats


@pytest.mark.parametrize("format_id", formats.ids())
def test_a_format_without_options_reads_and_speaks_or_says_what_it_needs(format_id: str) -> None:
    form = formats.find(format_id)
    calendar = {"today": lambda: None} if form.by_date else {}
    for make in (form.reads, form.speaks):
        try:
            make(calendar)
        except ValueError as error:
            assert str(error).strip()


def test_a_session_names_the_option_that_it_cannot_do_without() -> None:
    with pytest.raises(ValueError, match="dayuan_small needs the option model"):
        formats.find("dayuan_small").speaks({})
    with pytest.raises(ValueError, match="modbus_scale needs a profile"):
        formats.find("modbus_scale").speaks({})
