"""Records as EPCIS 2.0, by the schema that GS1 published."""

import json
from collections.abc import Callable
from typing import Any

from protocol.city import epcis
from protocol.city.events import EVENTS

# What each of these voids or corrects.
AGAIN = {
    "trade.voided": "trade.completed",
    "accept.voided": "accept.completed",
    "entry.corrected": "entry.registered",
    "result.corrected": "test.result",
    "lot.told": "lot.told",
}


def document(events: list[dict[str, Any]]) -> dict[str, Any]:
    return epcis.head("2026-11-30T08:00:00+08:00") | {"epcisBody": {"eventList": events}}


def test_the_schema_of_epcis_takes_every_kind_of_record(
    judged: Callable[..., Any], event_of: Callable[..., bytes]
) -> None:
    alone = [json.loads(event_of(kind, bare=True)) for kind in EVENTS]
    bare = [document(epcis.events_of(record, lambda _: None)) for record in alone]
    assert judged("epcis.mjs", bare) == [""] * len(bare)
    records = {kind: json.loads(event_of(kind)) for kind in EVENTS}
    made = {
        kind: epcis.events_of(record, lambda _, kind=kind: records.get(AGAIN.get(kind, "")))  # type: ignore[misc]
        for kind, record in records.items()
    }
    documents = [document(events) for events in made.values()]
    assert {kind for kind, (first, *_) in made.items() if "errorDeclaration" in first} == {*AGAIN}
    assert judged("epcis.mjs", documents) == [""] * len(documents)
    spoilt = document(epcis.events_of(records["trade.completed"], lambda _: None))
    spoilt["epcisBody"]["eventList"][0]["bizStep"] = "haggling"
    assert judged("epcis.mjs", [spoilt]) != [""]
