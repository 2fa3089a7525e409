"""Paper: templates and layouts that people write, what printers answer, and what the simulated printers read."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from parts import Target, by_name, ensure, readable, storable

from drivers.printers import profile
from edge.documents import DOCUMENTS, SHIPPED, Place, checked, examples, fields
from edge.documents.market_files import BadTemplate
from edge.documents.templates import Templates
from edge.documents.words import PaperWords
from protocol.analyzers.shared import ticket_layout
from protocol.printers import languages, status, text
from protocol.printers.document import Document
from protocol.printers.layout import layout
from protocol.printers.plain import plain
from simulator.printer import escpos
from simulator.printer import tspl as label
from simulator.printer.read import read_papers

PLACE = Place("市场", "sy.example.cn")
PAPER = "检测报告\n编号\t样品名称\t检测结果\t判定结果\n--------\n00001\t青菜\t12.5\t合格\n--------\n"
STATUS_CODES = (0, 1, 2, 3, 4, 5)


class Written:
    """A template in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read_text(self, encoding: str) -> str:
        return self._data.decode(encoding)

    def __str__(self) -> str:
        return "slip.paper"


@cache
def _content(name: str) -> dict[str, object]:
    return fields.values(PaperWords(PLACE.language), PLACE, checked(name, examples(name)[0]))


def template(data: bytes) -> None:
    """A market's template, over a shipped example: refused, or a paper that can be laid out and printed."""
    own = Written(data)

    def find(name: str) -> Path | None:
        return own if name == "slip" else SHIPPED / f"{name}.paper" if (SHIPPED / f"{name}.paper").is_file() else None  # type: ignore[return-value]

    try:
        made = Templates(find, fields.functions(), fields.filters()).document("slip", "title", _content("slip"))
    except BadTemplate as bad:
        ensure(not bad.endless or data, "")
        return
    page = layout(made)
    plain(page)
    for _ in languages.emit(page, profile("generic-58")):
        pass


def layouts(data: bytes) -> None:
    """Layouts of tickets, as TOML text."""
    try:
        known = ticket_layout.parse(data.decode())
    except ValueError:
        return
    for one in known:
        try:
            found = ticket_layout.read(one, PAPER)
        except ticket_layout.Unreadable:
            continue
        for result in found:
            readable(result)


def laid_out(data: bytes) -> None:
    """Any document on any paper: what comes out is what a printer reads back without a stray byte."""
    try:
        made = Document.from_json(json.loads(data))
    except (ValueError, RecursionError):
        return
    for name in ("generic-58", "generic-80"):
        printer = profile(name)
        page = layout(made, printer.columns, printer.encoding)
        try:
            printed = b"".join(languages.emit(page, printer))
        except ValueError:  # a code that does not fit this paper
            continue
        for paper in read_papers(printed, printer.dots, printer.encoding):
            ensure(not paper.unknown, f"stray bytes: {paper.unknown}")


def cleaned(data: bytes) -> None:
    """Texts of anybody, made fit for paper."""
    said = data.decode("utf-8", "replace")
    for encoding in ("gbk", "gb18030", "utf-8", "raster"):
        clean = text.clean(said, encoding).text
        ensure(text.clean(clean, encoding).text == clean, "cleaned twice is something else")
        if encoding != "raster":
            text.encode(clean, encoding)
        for width in (1, 7, 32):
            for line in text.wrap(clean, max(width, 2)):
                ensure(text.columns(line) <= max(width, 2), "a line that is too wide")


def answers(data: bytes) -> None:
    """What a printer says when it is asked: every other byte is a question of ours."""
    reader = status.StatusReader()
    for place, byte in enumerate(data):
        if place % 2:
            reader.receive(bytes((byte,)))
        elif byte % 8 < 5:
            reader.ask(byte % 5)
        elif byte % 8 == 5:
            reader.ask_in_order()
        elif byte % 8 == 6:
            reader.forget()
        else:
            reader.write_off()
    status.cause(reader.status)
    ensure(reader.owed >= 0, "answers to questions that were never asked")
    ensure(len(reader._partial) <= 256 and len(reader._tail) <= 64, "more is kept than an answer is long")
    status.read_paper(data)


def _reader(make: type[escpos.Reader] | type[label.Reader]) -> object:
    def run(data: bytes) -> None:
        """Read whole and byte by byte to the same papers, whatever the bytes are."""
        whole, cut = make(), make()
        papers = whole.feed(data) + whole.finish()
        again = [paper for byte in data for paper in cut.feed(bytes((byte,)))] + cut.finish()
        for paper in papers:
            storable(paper.as_json())
        ensure([p.as_json() for p in papers] == [p.as_json() for p in again], "byte by byte it is another paper")

    return run


def _shipped() -> Iterator[bytes]:
    for path in sorted(SHIPPED.glob("*.paper")):
        yield path.read_bytes()[:4000]
    yield b"% for line in data.slip.lines\npair | {{ line.net_g }} | {{ 'x' ~ loop.index }}\n% endfor\n"
    yield b"% set ns = namespace(a=1)\n% set ns.a = 2\ntext | {{ [1, 2]|sum + 2 ** 3 }}\nqr | {{ data.url }}\n"


def _layouts() -> Iterator[bytes]:
    yield ticket_layout.OURS.encode()
    bare = "[[layout]]\nid = 'a'\nbegin = '编号.*'\nrow = ['(?P<sample>[0-9]+).*']\n"
    yield (bare + "wrap = 30\nitem = 'x'\n").encode()
    yield (
        bare + "[layout.labels]\n'a' = 'time'\n[layout.lines]\nb = 'x'\n[layout.verdicts]\nOK = 'qualified'\n"
    ).encode()


def _documents() -> Iterator[bytes]:
    for name in DOCUMENTS:
        made = Templates(_find, fields.functions(), fields.filters()).document(name, "t", _content(name))
        yield json.dumps(made.as_json(), ensure_ascii=False).encode()[:8000]


def _find(name: str) -> Path | None:
    path = SHIPPED / f"{name}.paper"
    return path if path.is_file() else None


def _printed(name: str) -> Iterator[bytes]:
    printer = profile(name)
    for paper in ("label",) if printer.label else ("slip", "report"):
        made = Templates(_find, fields.functions(), fields.filters()).document(paper, "t", _content(paper))
        page = layout(made, printer.columns, printer.encoding)
        yield b"".join(languages.emit(page, printer))[:1200]


def _tspl() -> Iterator[bytes]:
    yield from _printed("label-40x30")
    yield b'SIZE 40 mm,30 mm\nCLS\nTEXT 1,1,"K",0,1,1,"a"\nPRINT 1\n'
    yield b'BARCODE 1,1,"128",40,1,0,2,2,"12"\nBITMAP 0,0,1,2,0,ab\nPRINT 1\n'


TEMPLATE_WORDS = (
    *(b"text | ", b"pair | ", b"qr | ", b"columns ", b"feed ", b"rule\n", b"cut\n", b"{{ ", b" }}", b"% for a in "),
    *(b"% endfor\n", b"% if ", b"% endif\n", b"% set ", b"% macro m()\n", b"% include 'head'\n", b"range(9)", b"|join"),
    *(b"data.", b"__class__", b"namespace()", b"|attr('", b"[::-1]", b"** 9", b"* 9999", b"loop.last", b"\xee\x80\x80"),
)
ESCPOS_WORDS = (
    *(b"\x1b@", b"\x1ba\x01", b"\x1b!\x30", b"\x1dv0\x00", b"\x1dV\x42\x00", b"\x1d(k", b"\x1dk\x49", b"\x1b*\x21"),
    *(b"\x1c&", b"\x1c.", b"\x10\x04\x01", b"\x1b{A", b"\x1dr\x01", b"\x1b3\x18", b"\x1d!\x11", b"\x1bd\x03"),
)

MAKERS = by_name(
    (
        Target("template", template, _shipped, TEMPLATE_WORDS),
        Target("layouts", layouts, _layouts, (b"[[layout]]\n", b"labels", b"(?P<value>", b"=")),
        Target("laid-out", laid_out, _documents, (b'"part"', b'"text"', b'"qr"', b'"width"', b"\xe9\xbe\xa5")),
        Target("cleaned", cleaned, lambda: (b"a b 12.5", "龥🥬\u202e\u0335 x".encode()), (b"\xef\xbb\xbf", b"\x1b")),
        Target(
            "answers",
            answers,
            lambda: (b"\x01\x12\x02\x12\x03\x12\x04\x12\x05\x00", b"\x05\x37\x05\x22"),
            (b"\x10\x00",),
        ),
        Target("escpos", _reader(escpos.Reader), lambda: _printed("generic-58"), ESCPOS_WORDS, longest=1024),  # type: ignore[arg-type]
        Target(
            "tspl", _reader(label.Reader), _tspl, (b"SIZE ", b"BITMAP ", b"QRCODE ", b"TEXT ", b"PRINT ", b"\x1b!?")
        ),  # type: ignore[arg-type]
    )
)
