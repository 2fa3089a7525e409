"""What pages see of lots, results and plans: made from the ledger's tables, by the core thread."""

import json
from typing import Any

from edge.board import LotView, UnmatchedView
from edge.jobs.results import repeats_due
from edge.station import RECENT_UNMATCHED, Lot, Station


def lots(station: Station) -> tuple[LotView, ...]:
    """The newest lots, newest first."""
    return tuple(_lot(station, lot) for lot in station.lots())


def unmatched(station: Station) -> tuple[UnmatchedView, ...]:
    """Results that wait for a person to say whose they are, newest first."""
    rows = station.ledger.conn.execute(
        "SELECT unmatched.seq, analyzer, body FROM unmatched JOIN events USING (seq) ORDER BY seq DESC LIMIT ?",
        (RECENT_UNMATCHED,),
    )
    return tuple(_unmatched(seq, analyzer, json.loads(body)) for seq, analyzer, body in rows)


def unmatched_counts(station: Station) -> dict[str, int]:
    """How many results of each analyzer wait for a person."""
    return dict(station.ledger.conn.execute("SELECT analyzer, count(*) FROM unmatched GROUP BY analyzer").fetchall())


def plan(station: Station) -> tuple[tuple[str, str, str], ...]:
    """The channel plan: analyzer, channel, test code of the lot."""
    rows = station.ledger.conn.execute("SELECT analyzer, channel, test_code FROM channel_plan").fetchall()
    return tuple((analyzer, channel, test_code) for analyzer, channel, test_code in rows)


def _lot(station: Station, lot: Lot) -> LotView:
    entry, test = lot.entry["data"], lot.test["data"] if lot.test else None
    name = test["analyzer"]["name"] if test else ""
    part = next((part for part in station.config.analyzer if part.name == name), None)
    return LotView(
        test_code=lot.test_code,
        source=lot.source,
        state=lot.state,
        product=entry["goods"]["product"],
        product_name=entry["goods"]["name"],
        origin=entry["origin"],
        supplier=entry["supplier"],
        sample=lot.sample,
        net_g=entry["net_g"],
        registered=lot.entry["time"],
        verdict=test and test["verdict"],
        value=test and test["value"],
        unit=test and test["unit"],
        measurements=len(lot.outcomes),
        repeats_due=repeats_due(lot, station.methods[part.method]) if part and lot.state == "pending" else 0,
        repeats=station.methods[part.method].repeats if part else 0,
        whole_plant=lot.whole_plant,
    )


def _unmatched(seq: int, analyzer: str, event: dict[str, Any]) -> UnmatchedView:
    data = event["data"]
    said = data["analyzer"]
    return UnmatchedView(
        seq=seq,
        analyzer=analyzer,
        sample=said["sample"],
        channel=said["channel"],
        item=data["item"],
        value=data["value"],
        unit=data["unit"],
        text=data["text"],
        time=event["time"],
        verdict=said["verdict"],
    )
