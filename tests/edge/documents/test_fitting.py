"""Templates are laid out on the printers' paper before they are used: what does not fit is refused with its line."""

import copy
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.printers import PROFILES, profile
from edge.between.print_states import DOCUMENT_NAMES
from edge.documents import DOCUMENTS, LANGUAGES, SHIPPED, BadTemplate, Documents, Place, example
from edge.documents.words import Language
from protocol.city.codes import kept_code
from protocol.printers import bitmap, codes
from protocol.printers.layout import QRRow, layout
from protocol.printers.profile import DOTS_PER_MM


def own(folder: Path, name: str, *lines: str) -> Path:
    (folder / f"{name}.paper").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


def test_every_paper_has_a_name_and_a_template() -> None:
    assert tuple(DOCUMENTS) == DOCUMENT_NAMES
    assert {path.stem for path in SHIPPED.glob("*.paper")} >= set(DOCUMENTS)


def test_the_shipped_papers_fit_every_printer(tmp_path: Path) -> None:
    Documents(own(tmp_path, "slip", (SHIPPED / "slip.paper").read_text("utf-8")), PROFILES)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("printer", ["label-40x30", "label-60x40"])
def test_the_label_of_a_kept_sample_fits_with_its_code_whatever_it_says(printer: str, language: Language) -> None:
    row, longest = profile(printer), copy.deepcopy(example("kept"))
    longest["subject"] = "999999999-99"
    longest["data"] |= {
        "number": 9_999_999,
        "dish": "红" * 120,
        "meal": "午" * 40,
        "place": "柜" * 40,
        "person": "赵" * 40,
    }
    for content in (example("kept"), longest):
        for number in (0, 12):
            place = Place("惠民农产品批发市场" * 4, "sy.example.cn", language, row.label)
            page = layout(Documents().document("kept", content, place, copy=number), row.columns)
            assert row.label is not None and bitmap.height(page, row) <= row.label[1] * DOTS_PER_MM
            (code,) = (one for one in page.rows if isinstance(one, QRRow))
            assert code.payload == kept_code(content["subject"], content["data"]["number"])
            module = codes.qr_module(code.payload, codes.qr_modules(code.payload), row, taken=code.taken)
            assert module >= 3 and (module >= 4 or number)


def test_a_kept_sample_s_label_that_grew_is_refused_and_its_slip_may_grow(tmp_path: Path) -> None:
    folder = own(tmp_path, "kept", *["text | 一"] * 8, "text | 二", "cut")
    with pytest.raises(BadTemplate, match=r"kept\.paper:9: from here on it leaves the label"):
        Documents(folder, ["generic-58", "label-40x30"])
    Documents(folder, ["generic-58"])


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
