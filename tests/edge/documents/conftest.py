"""Recorded events as a slip and a report are made from them, and papers held against what they were made of."""

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from drivers.glyphs import FontGlyphs, png
from protocol.city.events import TestRecorded, TradeCompleted
from protocol.printers import bitmap, languages
from protocol.printers.document import QR, Barcode, Document
from protocol.printers.layout import CutRow, Page, TextRow, layout
from protocol.printers.plain import plain
from protocol.printers.profile import Profile
from protocol.printers.text import holds
from simulator.printer import picture
from simulator.printer.printed import Paper
from simulator.printer.read import read_papers

TOKEN = (
    "EVZHWqcM9iybAjkjoWzFB1SoA7rbas2LA7rbas7YAAAwNAAAEN8NC-RRt05NB-gBAjkjoWplD9RarAUOD4cJFaLc3hO7NzAIEfdcvQJrwAF"
    "-7-ycVtWIpQzDaosuteovsyY4AUAAescWt-CoWLiStqtw5CuQDTWvCA"
)


@pytest.fixture
def trade_data() -> dict[str, Any]:
    """The sale of the contract's test vector."""
    return {
        "slip": {
            "amount_fen": 4319,
            "buyer": "4101080010456",
            "lines": [
                {
                    "amount_fen": 4319,
                    "net_g": 12340,
                    "price": {"fen": 175, "per_g": 500},
                    "product": "01040201",
                    "source": "41010800110100010074",
                }
            ],
            "seller": "4101080010123",
            "time": "2026-11-22T05:31:07+08:00",
            "tx": "41010800120300000424",
        },
        "seller": {"code": "4101080010123", "name": "刘记蔬菜", "stall": "A区012", "contact": "0371-0000 0000"},
        "buyer": {"code": "4101080010456", "name": "东风路第二小学食堂"},
        "sold": [
            {
                "goods": {"product": "01040201", "name": "上海青", "name_en": "Bok choy"},
                "origin": "河南省新郑市",
                "test": {
                    "code": "41010800130100000071",
                    "item": "有机磷和氨基甲酸酯类农药",
                    "verdict": "qualified",
                    "value": "12.50",
                    "unit": "%",
                    "time": "2026-11-22T04:12:44.123456+08:00",
                },
                "weighed": {
                    "scale": "scale-1",
                    "model": "yaohua-a9",
                    "value": "12.340",
                    "unit": "kg",
                    "stability": "derived",
                    "raw": "3d30342e333231",
                    "verified_until": "2027-03-01",
                },
            }
        ],
        "clock_trusted": True,
        "scale_verified": True,
        "digest": "0be451b74e4d07e8",
        "url": f"https://sy.example.cn/j/{TOKEN}",
    }


@pytest.fixture
def trade(trade_data: dict[str, Any]) -> TradeCompleted:
    return TradeCompleted.model_validate(trade_data)


@pytest.fixture
def result_data() -> dict[str, Any]:
    """A result that released its lot."""
    return {
        "lot": "41010800130100000071",
        "goods": {"product": "01040201", "name": "上海青", "name_en": "Bok choy"},
        "item": "有机磷和氨基甲酸酯类农药",
        "value": "12.50",
        "unit": "%",
        "method": "GB/T 5009.199-2003",
        "limit": "50",
        "limit_basis": "instrument",
        "verdict": "qualified",
        "screening": True,
        "analyzer": {
            "name": "tester-1",
            "model": "lz4000t",
            "sample": "7",
            "channel": "3",
            "verdict": "qualified",
            "measured_at": "2026-11-22T04:12:44",
            "raw": "00",
        },
        "source": "41010800110100010074",
    }


@pytest.fixture
def result(result_data: dict[str, Any]) -> TestRecorded:
    return TestRecorded.model_validate(result_data)


@pytest.fixture(scope="session")
def glyphs() -> FontGlyphs:
    return FontGlyphs()


Same = Callable[..., None]


@pytest.fixture(scope="session")
def same(glyphs: FontGlyphs) -> Same:
    """Prints a document, reads its bytes back and holds the paper against the other forms: the plain text where the
    printer sets letters, the PNG dot by dot where all is drawn. With ``drawable``, letters it lacks are drawn."""

    def check(document: Document, printer: Profile, *, drawable: bool = False) -> None:
        printer = replace(printer, cutter=printer.language == "escpos")
        page = layout(document, printer.columns, printer.encoding, glyphs.__contains__ if drawable else None)
        data = b"".join(languages.emit(page, printer, glyphs))
        papers = read_papers(data, printer.dots, "gbk" if printer.encoding == "raster" else printer.encoding)
        assert [paper.unknown for paper in papers] == [()] * len(papers)
        for paper, part in zip(papers, sections(page), strict=True):
            if printer.encoding == "raster" or (printer.label and page.drawn):
                assert_drawn(paper, png(bitmap.draw(part, printer, glyphs), margin=0))
            elif printer.label:
                assert words(paper.text) == words(plain(part).replace('"', "'"))
            else:
                text = "".join(f"{line}\n" for line in paper.text.splitlines() if line != "[picture]")
                assert text.rstrip("\n") == plain(printed(part)).rstrip("\n")
        if not (printer.label and page.drawn):
            assert [code for paper in papers for code in paper.qr] == payloads(document, QR)
            assert [code for paper in papers for code in paper.barcodes] == payloads(document, Barcode)

    return check


def payloads(document: Document, kind: type[QR] | type[Barcode]) -> list[str]:
    return [part.payload for part in document.parts if isinstance(part, kind)]


def sections(page: Page) -> Iterator[Page]:
    """A page for each piece of paper."""
    start = 0
    for place, row in enumerate(page.rows):
        if isinstance(row, CutRow):
            yield replace(page, rows=page.rows[start:place])
            start = place + 1
    assert start == len(page.rows), "every paper ends with a cut"


def printed(page: Page) -> Page:
    """Without the lines that have to be drawn."""
    return replace(
        page,
        rows=tuple(
            row
            for row in page.rows
            if not isinstance(row, TextRow) or all(holds(run.text, page.encoding) for run in row.runs)
        ),
    )


def words(text: str) -> list[str]:
    """The lines on a label, wherever they stand."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def assert_drawn(paper: Paper, made: bytes) -> None:
    """The simulated printer's picture has the dots of ours, and below them nothing."""
    ours = Image.open(io.BytesIO(made)).convert("L")
    edge, margin = (picture.LABEL_MARGIN,) * 2 if paper.label_height else (picture.EDGE, picture.MARGIN[paper.dots])
    left, top = margin + picture.BORDER, edge + picture.BORDER
    sheet = picture.draw(paper).convert("L")
    theirs = sheet.crop((left, top, left + ours.width, top + paper.height)).point(lambda value: 255 * (value > 128))
    whole = Image.new("L", theirs.size, 255)
    whole.paste(ours, (0, 0))
    assert theirs.tobytes() == whole.tobytes()
