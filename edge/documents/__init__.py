"""What is on paper: each kind of record that is printed, as a document.

A paper is made from the recorded event and nothing else, so a copy says what was recorded.
"""

import json
from typing import Any, Protocol

from edge.documents.report import report
from edge.documents.slip import slip
from edge.documents.words import Language
from protocol.city.envelope import kind_of
from protocol.city.events import EVENT_TYPES, TestRecorded, TradeCompleted
from protocol.printers.document import Document

PRINTED = ("trade.completed", "test.result")


class Place(Protocol):
    """What a paper takes from the station's settings: the market's name, the host of its QR codes, the language."""

    @property
    def name(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def language(self) -> Language: ...


class NoPaper(ValueError):
    """This kind of record is not printed; the message lists those that are."""


def document_of(body: bytes, place: Place, *, copy: int = 0) -> Document:
    """The paper of a recorded event, from the event's own bytes; raises NoPaper, and ValueError for a broken event."""
    event: dict[str, Any] = json.loads(body)
    kind = kind_of(event["type"])
    return document_of_data(
        kind,
        event["data"],
        place,
        code=event["subject"],
        time=event["time"],
        clock_trusted=event["clockstate"] != "unsynced",
        copy=copy,
    )


def document_of_data(
    kind: str, data: Any, place: Place, *, code: str, time: str, clock_trusted: bool, copy: int = 0
) -> Document:
    """The paper of an event's ``data``. Raises NoPaper; pydantic's ValidationError names a field that is wrong."""
    if kind not in PRINTED:
        raise NoPaper(f"nothing is printed for {kind!r}; there are papers for: {', '.join(PRINTED)}")
    # Through JSON, because a tuple there is a list.
    record = EVENT_TYPES[kind].model_validate_json(json.dumps(data))
    if isinstance(record, TradeCompleted):
        return slip(record, market=place.name, language=place.language, copy=copy)
    assert isinstance(record, TestRecorded)
    return report(
        record,
        code=code,
        time=time,
        clock_trusted=clock_trusted,
        market=place.name,
        host=place.host,
        language=place.language,
        copy=copy,
    )


__all__ = ["PRINTED", "NoPaper", "Place", "document_of", "document_of_data", "report", "slip"]
