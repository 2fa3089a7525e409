"""A device model is a row: which wire format it speaks and with which settings."""

from collections.abc import Callable, Mapping
from dataclasses import field, replace
from datetime import date
from typing import Any

from protocol import formats
from protocol.frozen import frozen
from protocol.link import Link
from protocol.session import Decoder, Session


@frozen
class Model:
    """One device model.

    ``link`` is None where the format's default holds.  ``unit`` is the unit of formats that send none, as this model
    is delivered.  ``options`` are the format's own, as they would stand in station.toml.
    ``agree`` and ``still`` are how many equal weighings over how many seconds make a weight of this scale stable, where
    it is known to need others than scales usually do.  ``channels`` are the names of an analyzer's channels, as its
    format writes them, where they are known.  ``proven``: ``tests/logs`` has a log of the device itself.
    """

    id: str
    vendor: str
    name: str
    format: str
    link: Link | None = None
    unit: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    agree: int | None = None
    still: float | None = None
    channels: tuple[str, ...] = ()
    proven: bool = False

    def default_link(self) -> Link:
        return self.link or formats.find(self.format).link

    def decoder(self) -> Decoder:
        """A new decoder of what this model sends: it reads what the model's session reads."""
        return formats.find(self.format).reads(self.options)

    def session(self, today: Callable[[], date] | None = None) -> Session:
        """A new session of this model; ``today`` is for those that are asked by date. Raises BadOptions."""
        return formats.find(self.format).speaks(self.options, today)

    def with_options(self, options: Mapping[str, Any]) -> "Model":
        """The same model set otherwise. Raises BadOptions, but not for those that are still missing."""
        found = replace(self, options={**self.options, **options})
        formats.find(self.format).check(found.options)
        return found
