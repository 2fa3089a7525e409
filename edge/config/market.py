"""The section [market]: what its papers say of it, its other stations, and the lots that come from them."""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints

from edge.config.values import ConfigSection
from protocol.city.events import ONE_LINE


def no_bool(value: object) -> object:
    """true is no number."""
    if isinstance(value, bool):
        raise ValueError("no number")
    return value


Said = Annotated[str, StringConstraints(max_length=120), ONE_LINE]


class MarketSection(ConfigSection):
    """The market, and the other stations of the node.

    On papers: ``address``; ``complaint``, the line that takes complaints; ``testing_body``, who tests (empty: the
    market); ``authority``, whom a positive is reported to.

    ``keys_file`` has their public keys, one a line with its station: who may sign source cards.  With ``siblings`` the
    station listens to what they say of lots over the broker: what is released, held, opened and handed on.  What it was
    told of may be opened without a card for ``offer_days``.
    """

    address: Said = ""
    complaint: Said = "12315"
    testing_body: Said = ""
    authority: Said = ""
    keys_file: Path = Path("node.keys")
    siblings: bool = False
    offer_days: Annotated[int, BeforeValidator(no_bool)] = Field(3, ge=1, le=90)
