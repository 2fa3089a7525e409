"""`marketedge render`: a document or a recorded event as the printer would get it, without a printer."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from drivers.printers import profile
from edge.documents import document_of_data
from edge.documents.words import Language
from protocol.city.envelope import kind_of
from protocol.city.events import EVENT_TYPES
from protocol.printers.document import Document
from protocol.printers.escpos import emit
from protocol.printers.layout import layout
from protocol.printers.plain import plain

PAPERS = {"58": "generic-58", "80": "generic-80"}


@dataclass(frozen=True, slots=True)
class Shown:
    """The place on a paper that belongs to no station."""

    name: str
    host: str
    language: Language


@click.command()
@click.argument("file", metavar="DOCUMENT.json", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option(
    "--as", "form", type=click.Choice(["text", "escpos"]), default="text", show_default=True, help="What to write."
)
@click.option("--paper", type=click.Choice(list(PAPERS)), default="58", show_default=True, help="Paper width in mm.")
@click.option("--market", default="市场", show_default=True, help="The market's name, for events.")
@click.option("--host", default="sy.example.cn", show_default=True, help="Host of source QR codes, for events.")
@click.option(
    "--language", type=click.Choice(["zh", "en", "both"]), default="zh", show_default=True, help="For events."
)
@click.option("--copy", type=click.IntRange(0, 99), default=0, help="Number of the reprint, for events.")
@click.option("-o", "out", type=click.Path(path_type=Path, dir_okay=False), help="Write here instead of to stdout.")
def render(
    file: Path, form: str, paper: str, market: str, host: str, language: Language, copy: int, out: Path | None
) -> None:
    """Show a document on paper.

    DOCUMENT.json is a document ({"kind", "title", "parts"}), or an event of the types trade.completed and test.result:
    whole, as `ledger export` gives it, or its type and data alone. Characters that the printer cannot show are named
    on stderr.
    """
    try:
        document = _document(_read(file), Shown(market, host, language), copy)
        printer = profile(PAPERS[paper])
        page = layout(document, printer.columns)
        made = plain(page).encode() if form == "text" else b"".join(emit(page, printer))
        if page.replaced:
            shown = ", ".join(f"U+{ord(letter):04X}" for letter in page.replaced)
            click.echo(f"{file}: the printer has no character for {shown}", err=True)
        if out is None:
            sys.stdout.buffer.write(made)
        else:
            out.write_bytes(made)
    except ValidationError as error:
        lines = [
            f"{file}: data.{'.'.join(str(step) for step in one['loc'])}: {one['msg']}"
            for one in error.errors(include_input=False, include_url=False)
        ]
        raise click.ClickException("\n".join(lines)) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None
    except ValueError as error:
        raise click.ClickException(f"{file}: {error}") from None


def _read(file: Path) -> dict[str, Any]:
    data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"this is not JSON: {error}") from None
    if not isinstance(tree, dict):
        raise ValueError("an object is due, a document or an event")
    return tree


def _document(tree: dict[str, Any], shown: Shown, copy: int) -> Document:
    if "parts" in tree:
        return Document.from_json(tree)
    for name in ("type", "data"):
        if name not in tree:
            raise ValueError(f"{name} is missing: a document has `parts`, an event has `type` and `data`")
    kind = str(tree["type"])
    code = str(tree.get("subject") or _subject(tree["data"]))
    return document_of_data(
        kind if kind in EVENT_TYPES else kind_of(kind),
        tree["data"],
        shown,
        code=code,
        time=str(tree.get("time", "")),
        clock_trusted=tree.get("clockstate", "synced") != "unsynced",
        copy=copy,
    )


def _subject(data: Any) -> str:
    """The test code an event without an envelope is about."""
    lot = data.get("lot") if isinstance(data, dict) else None
    return lot if isinstance(lot, str) else "0" * 20
