"""Naming a device on the command line: its model or protocol, and the settings of its wire format."""

import tomllib
from collections.abc import Callable, Iterable
from typing import Any

import click

from drivers import catalogue
from drivers.model import Model
from edge.cli.main import BadInput, as_typed
from edge.config.sections import with_files

model_option: Callable[[Any], Any] = click.option(
    "--model", default="", metavar="ID", help="The device's model, as `marketedge protocols` lists it."
)
settings_option: Callable[[Any], Any] = click.option(
    "--option",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="A setting of the wire format, as under `options` in station.toml; may be given several times.",
)


def chosen(protocol: str, model: str, options: Iterable[str]) -> Model | None:
    """The row that is named, with these settings; None when nothing is. Raises BadInput."""
    if protocol and model:
        raise BadInput("name either a protocol or a model")
    given = dict(map(parsed, options))
    if not protocol and not model:
        if given:
            raise BadInput(f"whose option is {', '.join(given)}? Name the protocol or the model")
        return None
    with as_typed():
        row = catalogue.find(model) if model else Model(protocol, "", "", protocol)
        row.default_link()  # is there such a protocol?
        return row.with_options(with_files(given))


def parsed(text: str) -> tuple[str, Any]:
    """``name=value``, the value in TOML; what is no TOML is text. Raises BadInput."""
    name, equals, value = text.partition("=")
    if not name.strip() or not equals:
        raise BadInput(f"option {text!r}: write NAME=VALUE, for example reversed=false")
    try:
        return name.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name.strip(), value
