"""Records as an EPCIS 2.0 document: an export for supply-chain systems, never the wire (contract part B2).

Goods are classes: a lot by its code, else a product; a lot that is released becomes one with another code.  Masses
stay whole grams (``GRM``), pieces are counts.  A record that voids or corrects another one declares that event wrong
(``errorDeclaration``), told again as it was, and says what holds.  What is of no goods (a price, the clock, a person)
is an event of our own type, which EPCIS allows, with the record as it is.  Words are those of CBV 2.0; what it has no
word for stands under ``medge:``.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from protocol.city.codes import WALK_IN
from protocol.city.envelope import kind_of, schema_of

CONTEXT = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"medge": "urn:marketedge:"}]
Event = dict[str, Any]
Record = Mapping[str, Any]  # an event of ours, as its JSON is
Earlier = Callable[[str], Record | None]

_DISPOSITIONS = {"qualified": "conformant", "unqualified": "non_conformant"}
_STATES = {"released": "sellable_accessible", "held": "sellable_not_accessible", "pending": "in_progress"}


def head(created: str) -> Event:
    """A document without its events: they belong in ``epcisBody.eventList``. ``created`` is RFC 3339."""
    return {"@context": CONTEXT, "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": created}


def events_of(record: Record, earlier: Earlier) -> list[Event]:
    """What a record is in EPCIS: one event, or two for a correction. ``earlier`` finds a record by its id.

    Raises ValueError, LookupError, TypeError or AttributeError for a damaged record.
    """
    kind = kind_of(record["type"])
    wrong = earlier(told) if (told := pointer(record)) else None
    if wrong is None:
        return [_event(kind, record)]
    declared = {**_event(kind_of(wrong["type"]), wrong), "errorDeclaration": _declaration(kind, record)}
    return [declared] if kind in _VOIDS or record["data"].get("taken_off") else [declared, _event(kind, record)]


def pointer(record: Record) -> str:
    """Id of the record that this one voids or corrects; empty for others."""
    return record["data"].get(_POINTERS.get(kind_of(record["type"]), "")) or ""


_VOIDS = {"trade.voided", "accept.voided"}
_POINTERS = {
    **dict.fromkeys(sorted(_VOIDS), "voids"),
    **dict.fromkeys(("entry.corrected", "result.corrected", "lot.told"), "corrects"),
    "trade.labelled": "replaces",
}


def _declaration(kind: str, record: Record) -> Event:
    data = record["data"]
    why = data["reason"] if "reason" in data else data.get("taken_off")
    said = {"declarationTime": record["time"], **({"medge:why": why} if why else {})}
    if kind in _VOIDS or data.get("taken_off"):
        return {**said, "reason": "did_not_occur", "medge:declaredBy": _event_id(record)}
    return {**said, "reason": "incorrect_data", "correctiveEventIDs": [_event_id(record)]}


# --- parts ------------------------------------------------------------------------------------------------------------


def _urn(what: str, *names: str) -> str:
    return f"urn:marketedge:{what}:{':'.join(map(_quoted, names))}"


def _quoted(name: str) -> str:
    """Any text as part of a URN: what is not plain is its bytes in UTF-8 (RFC 3986)."""
    return re.sub(rb"[^A-Za-z0-9._~-]", lambda found: b"%%%02X" % found[0][0], name.encode()).decode()


def _event_id(record: Record) -> str:
    return f"urn:uuid:{record['id']}"


def _station(record: Record) -> str:
    return str(record["source"]).rpartition("/")[2]


def _event(kind: str, record: Record) -> Event:
    """One record as an event of EPCIS."""
    offset = datetime.fromisoformat(record["time"]).strftime("%z")
    around = {
        "eventID": _event_id(record),
        "eventTime": record["time"],
        "recordTime": record["recordedtime"],
        "eventTimeZoneOffset": f"{offset[:3]}:{offset[3:5]}",
        "medge:kind": kind,
        "medge:sequence": record["sequence"],
    }
    make = _GOODS.get(kind)
    said = make(record, record["data"]) if make else None
    if said is None:
        return {"type": schema_of(kind), **around, "medge:station": _station(record), "medge:data": record["data"]}
    node = _station(record).partition("-")[0]
    return {
        **said,
        **around,
        "readPoint": {"id": _urn("station", _station(record))},
        "bizLocation": {"id": _urn("node", node)},
    }


def _object(action: str, step: str, disposition: str, goods: Iterable[Event], **more: Any) -> Event:
    listed = {"quantityList": [*goods]}
    if not listed["quantityList"]:
        listed = {"epcList": []}
    return {
        "type": "ObjectEvent",
        "action": action,
        "bizStep": step,
        "disposition": disposition,
        **listed,
        **{name: value for name, value in more.items() if value},
    }


def _transaction(
    action: str, step: str, disposition: str, papers: list[Event], goods: Iterable[Event], **more: Any
) -> Event:
    return {
        **_object(action, step, disposition, goods, **more),
        "type": "TransactionEvent",
        "bizTransactionList": papers,
    }


def _lot(code: str | None, grams: int | None = None, product: str = "") -> list[Event]:
    """So much of a lot, or of a product where there is no lot; nothing where there is neither."""
    name = _urn("lot", code) if code else _urn("product", product) if product else ""
    if not name:
        return []
    return [{"epcClass": name} | ({} if grams is None or grams < 0 else {"quantity": grams, "uom": "GRM"})]


def _pieces(code: str | None, product: str, count: int) -> list[Event]:
    return [{**one, "quantity": count} for one in _lot(code, None, product)]


def _paper(kind: str, what: str, number: str) -> Event:
    return {"type": kind, "bizTransaction": _urn(what, number)}


def _party(code: str, name: str = "") -> str:
    known = re.fullmatch(r"[0-9]{13}", code or "") and code != WALK_IN
    return _urn("party", code) if known else _urn("name", name) if name else ""


def _from(code: str, name: str = "") -> list[Event]:
    party = _party(code, name)
    return [{"type": "owning_party", "source": party}] if party else []


def _to(code: str, name: str = "") -> list[Event]:
    party = _party(code, name)
    return [{"type": "owning_party", "destination": party}] if party else []


def _proofs(proofs: Iterable[Record]) -> list[str]:
    """Each once: a document is a set of them."""
    return [*dict.fromkeys(_urn("proof", one["type"], one["no"] or "-") for one in proofs)]


def _named(goods: Record | None, **more: Any) -> Event:
    words = {"medge:product": goods and goods["product"], "medge:name": goods and goods["name"]}
    return {name: value for name, value in (words | more).items() if value}


# --- goods and lots ---------------------------------------------------------------------------------------------------


def _entry(record: Record, data: Record) -> Event:
    upstream = data.get("upstream")
    known = upstream if data.get("source_check") == "accepted" else None  # it is sold by that code
    return _object(
        "OBSERVE" if upstream else "ADD",
        "receiving" if upstream else "commissioning",
        "sellable_accessible" if known else "in_progress",
        _lot(known or record["subject"], data["net_g"]),
        certificationInfo=_proofs(data.get("proofs", ())),
        sourceList=_from(data.get("supplier_code", ""), data["supplier"]),
        **_named(data["goods"], **{"medge:origin": data["origin"], "medge:upstream": upstream}),
    )


def _result(record: Record, data: Record) -> Event:
    verdict = data["verdict"]
    report = {
        "type": "Dimensionless" if data["unit"] == "%" else _urn("measured", data["unit"] or "-"),
        "medge:item": data["item"],
        "medge:verdict": verdict,
        **({"medge:unit": data["unit"]} if data["unit"] else {}),
        **({"exception": "ALARM_CONDITION"} if verdict == "unqualified" else {}),
        **({"value": float(data["value"]), "stringValue": data["value"]} if data["value"] is not None else {}),
    }
    return _object(
        "OBSERVE",
        "inspecting",
        _DISPOSITIONS.get(verdict, "unknown"),
        _lot(data["lot"] or (data.get("brought") or {}).get("code")),
        bizTransactionList=[_paper("testres", "record", record["id"]), _paper("testprd", "method", data["method"])],
        sensorElementList=[{"sensorReport": [report]}],
        **_named(data["goods"], **{"medge:screening": True}),
    )


def _of_lot(step: str, disposition: str, grams: str = "", **more: Any) -> Callable[[Record, Record], Event]:
    """Something was seen or decided of a lot; ``grams`` is the field with the mass that it is about."""

    def make(_: Record, data: Record) -> Event:
        code = data.get("source") or data["lot"]
        why = data.get("why") or data.get("reason")
        return _object(
            "OBSERVE",
            step,
            disposition,
            _lot(code, data.get(grams)),
            **_named(data.get("goods"), **{"medge:why": why, "medge:test": data.get("lot")}),
            **more,
        )

    return make


def _released(_: Record, data: Record) -> Event:
    """The lot that was tested becomes the one that is sold: it has another code from here on."""
    return {
        "type": "TransformationEvent",
        "bizStep": "creating_class_instance",
        "disposition": "sellable_accessible",
        "inputQuantityList": _lot(data["lot"], data["net_g"]),
        "outputQuantityList": _lot(data["source"], data["net_g"]),
        **_named(data["goods"], **{"medge:origin": data["origin"]}),
    }


def _disposed(_: Record, data: Record) -> Event:
    action, step, disposition = {
        "destroyed": ("DELETE", "destroying", "destroyed"),
        "returned": ("OBSERVE", "shipping", "returned"),
        "released_after_recheck": ("OBSERVE", "accepting", "sellable_accessible"),
    }[data["decision"]]
    papers = [_paper("testres", "recheck", data["recheck_no"])] if data.get("recheck_no") else []
    return _object(
        action,
        step,
        disposition,
        _lot(data["lot"], data["mass_g"]),
        bizTransactionList=papers,
        **_named(data["goods"], **{"medge:how": data.get("how"), "medge:witness": data.get("witness")}),
    )


def _verdict(_: Record, data: Record) -> Event:
    return _object(
        "OBSERVE",
        "inspecting",
        _DISPOSITIONS[data["conclusion"]],
        _lot(data["lot"]),
        bizTransactionList=[_paper("testres", "report", data["report_no"])],
        **{"medge:item": data["item"], "medge:laboratory": data["laboratory"]},
    )


def _opened(_: Record, data: Record) -> Event:
    came = [{"type": "location", "source": _urn("station", data["issuer"])}]
    goods = _lot(data["source"], data["net_g"])
    return _object("OBSERVE", "receiving", "sellable_accessible", goods, sourceList=came, **_named(data["goods"]))


def _handed(_: Record, data: Record) -> Event:
    goods = _lot(data["source"], data["net_g"])
    return _object("OBSERVE", "shipping", "in_transit", goods, destinationList=_to(data["to"]), **_named(data["goods"]))


def _entry_corrected(record: Record, data: Record) -> Event:
    return _entry({**record, "subject": data["lot"]}, data["now"])


def _result_corrected(_: Record, data: Record) -> Event:
    brought = data.get("brought") or {}
    goods = _lot(data.get("source") or data["lot"] or brought.get("code"))
    return _object("OBSERVE", "inspecting", _STATES.get(data["state"], "unknown"), goods, **_named(data["goods"]))


def _drawn(_: Record, data: Record) -> Event | None:
    lots = [one for code in dict.fromkeys(data["drawn"]) for one in _lot(code)]
    return _object("OBSERVE", "sampling", "in_progress", lots, **{"medge:seed": data["seed"]}) if lots else None


def _sent(_: Record, data: Record) -> Event:
    return _object(
        "OBSERVE",
        "sampling",
        "sellable_not_accessible",
        _lot(data["lot"], data.get("mass_g")),
        bizTransactionList=[_paper("testprd", "seal", data["seal_no"])],
        destinationList=[{"type": "possessing_party", "destination": _urn("name", data["laboratory"])}],
        **_named(data["goods"]),
    )


def _registered(record: Record, data: Record) -> Event:
    return _object("OBSERVE", "sampling", "in_progress", _lot(record["subject"]), **{"medge:name": data["goods"]})


# --- sales and deliveries ---------------------------------------------------------------------------------------------


def _sale(_: Record, data: Record) -> Event:
    slip, goods = data["slip"], []
    for line, sold in zip(slip["lines"], data["sold"], strict=True):
        if line["net_g"]:
            goods += _lot(line["source"], line["net_g"], line["product"])
        else:
            goods += _pieces(line["source"], line["product"], sold.get("pieces", 0))
    retail = slip["buyer"] == WALK_IN
    return _transaction(
        "ADD",
        "retail_selling" if retail else "shipping",
        "retail_sold" if retail else "in_transit",
        [_paper("inv", "sale", slip["tx"])],
        goods,
        sourceList=_from(slip["seller"]),
        destinationList=_to(slip["buyer"]),
        **{"medge:amountFen": slip["amount_fen"], "medge:replaces": data.get("replaces")},
    )


def _labelled(record: Record, data: Record) -> Event:
    """A label scale has no sale's number of ours: the record is the paper."""
    goods = data["goods"] or {}
    return _transaction(
        "ADD",
        "retail_selling",
        "retail_sold",
        [_paper("inv", "label", record["id"])],
        _lot(data["source"] or data["lot"], data["net_g"], goods.get("product", "")),
        sourceList=_from(data["seller"]["code"], data["seller"]["name"]),
        **_named(data["goods"], **{"medge:amountFen": data["amount_fen"]}),
    )


def _reweighed(_: Record, data: Record) -> Event:
    seen = "completeness_verified" if data["within"] else "mismatch_quantity"
    papers = [_paper("inv", "sale", data["slip"])]
    return _transaction("OBSERVE", "inspecting", seen, papers, [], **{"medge:differenceGrams": data["difference_g"]})


def _accepted(record: Record, data: Record) -> Event:
    papers = [_paper("recadv", "acceptance", record["subject"])]
    papers += [_paper("po", "order", data["order"])] if data["order"] else []
    goods: list[Event] = []
    for line in data["lines"]:
        source, product = line.get("source"), line["goods"]["product"]
        goods += _lot(source, line["accepted_g"], product) if line["accepted_g"] else []
        goods += _pieces(source, product, line["accepted_n"]) if line.get("accepted_n") else []
    return _transaction(
        "ADD",
        "accepting",
        "sellable_not_accessible",
        papers,
        goods,
        certificationInfo=_proofs(data.get("proofs", ())),
        sourceList=_from(data.get("supplier_code", ""), data["supplier"]),
    )


def _dropped(_: Record, data: Record) -> Event:
    papers = [_paper("po", "order", data["order"])] if data["order"] else []
    why = {"medge:why": data["reason"], "medge:weighedGrams": data["weighed_g"]}
    source = _from("", data["supplier"])
    return _object("OBSERVE", "accepting", "returned", [], bizTransactionList=papers, sourceList=source, **why)


# --- what a canteen keeps and hands over ------------------------------------------------------------------------------


def _sample(record: Record, number: int, grams: int | None = None) -> list[Event]:
    mass = {} if grams is None else {"quantity": grams, "uom": "GRM"}
    return [{"epcClass": _urn("sample", _station(record), str(number)), **mass}]


def _kept(record: Record, data: Record) -> Event:
    goods = _sample(record, data["number"], data["net_g"])
    return _object("ADD", "sampling", "reserved", goods, **{"medge:name": data["dish"], "medge:hours": data["hours"]})


def _discarded(record: Record, data: Record) -> Event:
    goods = _sample(record, data["number"])
    return _object("DELETE", "destroying", "disposed", goods, **{"medge:name": data["dish"]})


def _waste(_: Record, data: Record) -> Event:
    goods = [{"epcClass": _urn("waste", data["waste"]), "quantity": data["net_g"], "uom": "GRM"}]
    papers = [_paper(_urn("waste", "handed"), "disposal", data["code"])]
    taker = [{"type": "possessing_party", "destination": _urn("name", data["receiver"])}]
    return _object("DELETE", "collecting", "disposed", goods, bizTransactionList=papers, destinationList=taker)


_GOODS: dict[str, Callable[[Record, Record], Event | None]] = {
    "entry.registered": _entry,
    "entry.corrected": _entry_corrected,
    "test.result": _result,
    "result.corrected": _result_corrected,
    "lot.released": _released,
    "lot.held": _of_lot("holding", "sellable_not_accessible", "left_g"),
    "lot.resumed": _of_lot("accepting", "sellable_accessible"),
    "lot.told": _of_lot("holding", "sellable_not_accessible", "left_g"),
    "lot.disputed": _of_lot("holding", "mismatch_quantity", "own_g"),
    "lot.settled": _of_lot("stock_taking", "sellable_accessible", "net_g"),
    "lot.opened": _opened,
    "lot.handed": _handed,
    "lot.verdict": _verdict,
    "lot.disposed": _disposed,
    "disposal.planned": _of_lot("holding", "sellable_not_accessible"),
    "retest.requested": _of_lot("holding", "sellable_not_accessible"),
    "retest.waived": _of_lot("holding", "sellable_not_accessible", "net_g"),
    "sampling.drawn": _drawn,
    "sample.sent": _sent,
    "sample.registered": _registered,
    "sample.kept": _kept,
    "sample.discarded": _discarded,
    "trade.completed": _sale,
    "trade.labelled": _labelled,
    "slip.reweighed": _reweighed,
    "accept.completed": _accepted,
    "accept.dropped": _dropped,
    "waste.handed": _waste,
}
