"""`marketedge papers`: the papers there are, and templates of one's own."""

import shutil
from pathlib import Path

import click

from drivers.printers import PROFILES, USUAL
from edge.documents import DOCUMENTS, SHARED_TEMPLATES, SHIPPED, BadTemplate, Documents
from edge.documents.market_files import SUFFIX
from edge.documents.words import words_on_paper


@click.group()
def papers() -> None:
    """Papers that can be printed, and templates to change them."""


@papers.command("list")
@click.option("--fields", is_flag=True, help="Also list the words that templates can use.")
def list_papers(fields: bool) -> None:
    """The papers, and the records they are made of."""
    for paper in DOCUMENTS.values():
        click.echo(f"{paper.name:11} {paper.zh}  {paper.en}  {', '.join(paper.kinds)}".rstrip())
    if fields:
        click.echo("\nwords: " + ", ".join(f"word.{name}" for name in words_on_paper()))
        click.echo("values: data (the record), code, time, clock_trusted, clock_note, place.name, place.host")


@papers.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def copy(folder: Path) -> None:
    """Write the shipped templates and words to FOLDER for you to edit; existing files are kept.

    Name the folder in station.toml: [paper] templates = "FOLDER". Files you do not change may be deleted again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(SHIPPED.iterdir()):
        if path.suffix in (SUFFIX, ".md") and not (folder / path.name).exists():
            shutil.copyfile(path, folder / path.name)
            click.echo(folder / path.name)
    words = folder / "words.toml"
    if not words.exists():
        rows = (f"{name} = [{_quoted(zh)}, {_quoted(en)}]" for name, (zh, en) in words_on_paper().items())
        words.write_text("\n".join(rows) + "\n", "utf-8")
        click.echo(words)


@papers.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option(
    "--printer",
    "printers",
    type=click.Choice(list(PROFILES)),
    multiple=True,
    default=USUAL,
    show_default=True,
    help="The printer whose paper they must fit; may be repeated.",
)
def check(folder: Path, printers: tuple[str, ...]) -> None:
    """Try the templates in FOLDER with every kind of record and report each mistake. Exit code 1 when there is one.

    Files that are not used, and what a sale slip lacks as a voucher, are said as warnings.
    """
    try:
        tried = Documents(folder, printers)
    except BadTemplate as error:
        raise click.ClickException(str(error)) from None
    for warning in tried.warnings:
        click.echo(f"warning: {warning}", err=True)
    click.echo(f"ok {folder}: {', '.join((*DOCUMENTS, *SHARED_TEMPLATES))}")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
