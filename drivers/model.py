"""A device model is a row: which wire format it speaks and with which settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from protocol import formats
from protocol.link import Link
from protocol.session import Decoder, Session


@dataclass(frozen=True, slots=True)
class Model:
    """One device model.

    ``link`` is None where the format's default holds.  ``unit`` is the unit of formats that send none, as this model
    is delivered.  ``options`` go to the format's session.  ``agree`` and ``still`` are how many equal weighings over
    how many seconds make a weight of this scale stable, where it is known to need others than scales usually do.
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

    def default_link(self) -> Link:
        return self.link or formats.find(self.format).link

    def decoder(self) -> Decoder:
        """A new decoder of what this model sends."""
        found = formats.find(self.format)
        return found.decoder(**{name: self.options[name] for name in found.decoder_options if name in self.options})

    def session(self, **options: Any) -> Session:
        """A new session of this model; ``options`` win over the row's own."""
        return formats.find(self.format).session(**{**self.options, **options})
