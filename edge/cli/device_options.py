"""Naming a device on the command line, alike for every command that takes one.

``--protocol`` or ``--model`` says what it is, ``--option`` sets its wire format, as in station.toml.
"""

import tomllib
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from drivers import catalogue
from drivers.model import Model
from edge.cli.main import BadInput, as_typed
from edge.config.sections import with_files
from protocol.frozen import frozen

_OPTIONS = (
    click.option(
        "--protocol", default="", metavar="ID", help="The device's protocol; `marketedge protocols` lists them."
    ),
    click.option("--model", default="", metavar="ID", help="The device's model instead; listed there as well."),
    click.option(
        "--option",
        "options",
        multiple=True,
        metavar="NAME=VALUE",
        help="A setting of the protocol, as under `options` in station.toml; once for each setting. "
        "A name that is not known is answered with those there are.",
    ),
)


@frozen
class Named:
    """What was typed to name a device."""

    protocol: str
    model: str
    options: tuple[str, ...]

    def row(self) -> Model | None:
        """The row with these settings; None when no device was named. Raises BadInput."""
        if self.protocol and self.model:
            raise BadInput("name either a protocol or a model")
        given = dict(map(parsed, self.options))
        if not self.protocol and not self.model:
            if given:
                raise BadInput(f"--option {', '.join(given)}: of which device? Add --model or --protocol")
            return None
        with as_typed():
            row = catalogue.find(self.model) if self.model else Model(self.protocol, "", "", self.protocol)
            row.default_link()  # is there such a protocol?
            return row.with_options(with_files(given))


def device_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command takes ``--protocol``, ``--model`` and ``--option``, and gets them as ``device``, a ``Named``."""

    @wraps(command)
    def taking(*args: Any, protocol: str, model: str, options: tuple[str, ...], **others: Any) -> Any:
        return command(*args, device=Named(protocol, model, options), **others)

    for option in reversed(_OPTIONS):
        taking = option(taking)
    return taking


def parsed(text: str) -> tuple[str, Any]:
    """``name=value``, the value in TOML; what is no TOML is text. Raises BadInput."""
    name, equals, value = text.partition("=")
    if not name.strip() or not equals:
        raise BadInput(f"option {text!r}: write NAME=VALUE, for example reversed=false")
    try:
        return name.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name.strip(), value
