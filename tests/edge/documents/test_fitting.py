"""Templates are laid out on the printers' paper before they are used: what does not fit is refused with its line."""

from dataclasses import replace
from pathlib import Path

import pytest

from drivers.printers import PROFILES, profile
from edge.between.print_states import DOCUMENT_NAMES
from edge.documents import DOCUMENTS, SHIPPED, BadTemplate, Documents


def own(folder: Path, name: str, *lines: str) -> Path:
    (folder / f"{name}.paper").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


def test_every_paper_has_a_name_and_a_template() -> None:
    assert tuple(DOCUMENTS) == DOCUMENT_NAMES
    assert {path.stem for path in SHIPPED.glob("*.paper")} >= set(DOCUMENTS)


def test_the_shipped_papers_fit_every_printer(tmp_path: Path) -> None:
    Documents(own(tmp_path, "slip", (SHIPPED / "slip.paper").read_text("utf-8")), PROFILES)


def test_a_label_that_grew_is_refused_where_it_leaves_the_label(tmp_path: Path) -> None:
    folder = own(tmp_path, "label", *["text | 一"] * 8, "text | 二")
    with pytest.raises(BadTemplate, match=r"label\.paper:9: from here on it leaves the label: 30 dots more"):
        Documents(folder, ["label-40x30"])
    Documents(folder, ["label-60x40"])


def test_a_code_too_wide_for_the_station_s_printer_is_refused(tmp_path: Path) -> None:
    folder = own(tmp_path, "slip", "text | 一", "qr | {{ '9A' * 140 }}", "cut")
    narrow = replace(profile("generic-58"), id="narrow", dots=192, columns=16)
    with pytest.raises(BadTemplate, match=r"slip\.paper:2: a QR code of 280 bytes does not fit 192 dots.*narrow"):
        Documents(folder, [narrow])
    Documents(folder, ["generic-80"])
