"""The contract with other programs, as documents that their tools read."""

import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from edge.cli.main import plain_errors

Documents = dict[str, Any]


def _asyncapi() -> Documents:
    from protocol.city.asyncapi import document

    return {"asyncapi": document(version("marketedge"))}


def _schemas() -> Documents:
    from protocol.city.schemas import schemas

    return schemas()


def _openapi() -> Documents:
    from edge.web.described import openapi

    return {"openapi": openapi(version("marketedge"))}


PARTS: dict[str, Callable[[], Documents]] = {"asyncapi": _asyncapi, "schemas": _schemas, "openapi": _openapi}


@click.command()
@click.argument("what", type=click.Choice([*PARTS]))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="A folder: a file for each document.")
def contract(what: str, out: Path | None) -> None:
    """Print the contract: asyncapi and schemas of what station and city say to each other, openapi of the local API."""
    documents = PARTS[what]()
    if out is None:
        click.echo(json.dumps(documents.get(what, documents), ensure_ascii=False, indent=2))
        return
    with plain_errors():
        out.mkdir(parents=True, exist_ok=True)
        for name, one in documents.items():
            ending = ".schema.json" if what == "schemas" else ".json"
            file = out / f"{name.replace('/', '.')}{ending}"
            file.write_text(json.dumps(one, ensure_ascii=False, indent=2) + "\n", "utf-8")
            click.echo(file)


__all__ = ["contract"]
