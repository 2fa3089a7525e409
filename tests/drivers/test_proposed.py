"""Printers without a row of ours, as python-escpos' database has them."""

from dataclasses import replace

import pytest

from drivers import proposed
from drivers.printers import PROFILES


@pytest.mark.parametrize("name", proposed.names())
def test_every_proposal_is_a_row_that_can_be_used(name: str) -> None:
    one = proposed.named(name)
    assert one is not None
    row = replace(PROFILES[one.profile], **one.change)
    assert 0.75 * row.dots <= row.columns * 12 <= row.dots


def test_width_columns_and_cutter_are_taken_from_the_database() -> None:
    one = proposed.named("Epson TM-T88V Receipt")
    assert one is not None and (one.profile, one.change) == ("generic-80", {"dots": 512, "columns": 42})
    assert one.pages[:2] == ("CP437", "CP932") and "Unknown" not in one.pages
    small = proposed.named("rp-f10-58mm")
    assert small is not None and small.change == {"dots": 432, "columns": 36, "cutter": True}
    impact = proposed.named("TM-U220B")
    assert impact is not None and (impact.profile, impact.change) == ("impact-76", {"cutter": True})


def test_columns_that_cannot_be_and_displays_are_left_out() -> None:
    one = proposed.named("NT-80-V-UL")  # the database says 12 columns on 576 dots
    assert one is not None and one.change == {}
    assert "OCD-100" not in proposed.names() and "default" not in proposed.names()


@pytest.mark.parametrize(
    ("stated", "row"),
    [
        ("EPSON TM-T20II", "tm-t20ii"),
        ("EPSON TM T20II", "tm-t20ii"),
        ("EPSON TM-T20III", None),
        ("STMicro POS58", None),
    ],
)
def test_our_own_row_goes_before_it(stated: str, row: str | None) -> None:
    found = proposed.own_row(stated)
    assert (found and found.id) == row


def test_what_states_no_name_that_is_known_is_told_by_its_vendor() -> None:
    assert {one.vendor for one in proposed.likely("EPSON UB-U05", 0x04B8)} == {"Epson"}
    assert [one.id for one in proposed.likely("EPSON TM-T88V", 0x04B8)] == ["TM-T88V"]
    assert proposed.likely("STMicro POS58 Printer", 0x0416) == ()
