"""`marketedge render`: a paper as the printer would get it, without a printer."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import click
from pydantic import ValidationError

from drivers.glyphs import FontGlyphs, NoFont, png
from drivers.printers import BY_WIDTH, LABEL, PROFILES, profile
from edge.documents import DOCUMENTS, Documents, Place, documents_of, example_names, record_kind, testpage
from edge.documents import example as example_of
from edge.documents.words import Language as Words
from protocol.printers import bitmap, languages
from protocol.printers.document import Document
from protocol.printers.layout import Page, layout
from protocol.printers.plain import plain
from protocol.printers.profile import Encoding, Language, Profile

LANGUAGES = get_args(Language)


@click.command()
@click.argument(
    "file",
    metavar="[DOCUMENT.json]",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    required=False,
)
@click.option(
    "--as",
    "form",
    type=click.Choice(["text", "escpos", "png", "tspl"]),
    default="text",
    show_default=True,
    help="What to write: tspl is for a label of 40 x 30 mm.",
)
@click.option(
    "--paper", "size", type=click.Choice(list(BY_WIDTH)), default="58", show_default=True, help="Width in mm."
)
@click.option(
    "--printer", "model", type=click.Choice(list(PROFILES)), help="For this printer model instead of a generic one."
)
@click.option("--encoding", type=click.Choice(get_args(Encoding)), help="Its text encoding; raster draws every line.")
@click.option(
    "--example",
    type=click.Choice(list(example_names())),
    metavar="NAME",
    help="Show the paper of a sample record, such as slip or slip-two-lines; no file needed.",
)
@click.option(
    "--form", "name", type=click.Choice(list(DOCUMENTS)), help="Which paper of the event; default: its first."
)
@click.option(
    "--templates",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="A market's own templates, before the shipped ones.",
)
@click.option("--market", default="市场", show_default=True, help="The market's name, for events.")
@click.option("--host", default="sy.example.cn", show_default=True, help="Host of source QR codes, for events.")
@click.option(
    "--language", type=click.Choice(["zh", "en", "both"]), default="zh", show_default=True, help="For events."
)
@click.option("--copy", type=click.IntRange(0, 99), default=0, help="Number of the reprint, for events.")
@click.option("-o", "out", type=click.Path(path_type=Path, dir_okay=False), help="Write here instead of to stdout.")
def render(
    file: Path | None,
    form: str,
    size: str,
    model: str | None,
    encoding: Encoding | None,
    example: str | None,
    name: str | None,
    templates: Path | None,
    market: str,
    host: str,
    language: Words,
    copy: int,
    out: Path | None,
) -> None:
    """Show a document on paper.

    DOCUMENT.json is a document ({"kind", "title", "parts"}), or an event as `ledger export` gives it, or its type and
    data alone. Characters that the printer cannot show are named on stderr.

    \b
      marketedge render --example slip
      marketedge render --example day --as png -o day.png
    """
    if (file is None) == (example is None):
        raise click.UsageError("name either a DOCUMENT.json or an --example")
    source = str(file or example)
    try:
        printer = profile(model or (LABEL if form == "tspl" else BY_WIDTH[size]))
        tree = _read(file) if file else _sample(str(example), printer)
        if form in LANGUAGES and printer.language != form:
            raise ValueError(f"printer {printer.id} speaks {printer.language}, not {form}")
        place = Place(market, host, language, printer.label)
        document = _document(
            tree, Documents(templates), name or (example_names()[example] if example else None), place, copy
        )
        printer = replace(printer, encoding=encoding or printer.encoding)
        glyphs = _glyphs(needed=form == "png")
        page = layout(document, printer.columns, printer.encoding, glyphs.__contains__ if glyphs else None)
        made = _made(form, page, printer, glyphs)
        if page.replaced:
            shown = ", ".join(f"U+{ord(letter):04X}" for letter in page.replaced)
            click.echo(f"{source}: the printer has no character for {shown}", err=True)
        if out is None:
            sys.stdout.buffer.write(made)
        else:
            out.write_bytes(made)
    except ValidationError as error:
        lines = [
            f"{source}: data.{'.'.join(str(step) for step in one['loc'])}: {one['msg']}"
            for one in error.errors(include_input=False, include_url=False)
        ]
        raise click.ClickException("\n".join(lines)) from None
    except NoFont as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None
    except ValueError as error:
        raise click.ClickException(f"{source}: {error}") from None


def _sample(name: str, printer: Profile) -> dict[str, Any]:
    """The content of an example; a test page is about this printer."""
    return testpage.content("printer-1", "usb:0416:5011", printer) if name == "test" else example_of(name)


def _glyphs(*, needed: bool) -> FontGlyphs | None:
    """The font for what the printer lacks; a picture needs one, and raises NoFont."""
    try:
        return FontGlyphs()
    except NoFont:
        if needed:
            raise
        return None


def _made(form: str, page: Page, printer: Profile, glyphs: FontGlyphs | None) -> bytes:
    if form == "text":
        return plain(page).encode()
    if form == "png":
        assert glyphs is not None
        return png(bitmap.draw(page, printer, glyphs))
    return b"".join(languages.emit(page, printer, glyphs if page.drawn or printer.encoding == "raster" else None))


def _read(file: Path) -> dict[str, Any]:
    data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(tree, dict):
        raise ValueError("must be an object: a document or an event")
    return tree


def _document(tree: dict[str, Any], papers: Documents, name: str | None, place: Place, copy: int) -> Document:
    if "parts" in tree:
        return Document.from_json(tree)
    if name in DOCUMENTS and not DOCUMENTS[name].kinds:
        return papers.document(name, tree, place, copy=copy)
    for key in ("type", "data"):
        if key not in tree:
            raise ValueError(f"{key} is missing: a document has `parts`, an event has `type` and `data`")
    if not isinstance(tree["data"], dict):
        raise ValueError("data: must be an object")
    kind = record_kind(str(tree["type"]))
    content = {**tree, "subject": str(tree.get("subject") or _subject(tree["data"]))}
    name = name or next(iter(documents_of(kind, tree["data"])), None)
    if name is None:
        known = ", ".join(sorted({kind for paper in DOCUMENTS.values() for kind in paper.kinds}))
        raise ValueError(f"nothing is printed for {kind!r}; there are papers for: {known}")
    return papers.document(name, content, place, copy=copy)


def _subject(data: dict[str, Any]) -> str:
    """The test code an event without an envelope is about."""
    lot = data.get("lot")
    return lot if isinstance(lot, str) else "0" * 20
