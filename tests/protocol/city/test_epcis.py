"""Records as EPCIS 2.0: what the system of another chain reads of goods, masses and owners."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from protocol.city import epcis
from protocol.city.events import EVENTS

LOT, SOURCE, TX = "41010800130100010072", "41010800120100010073", "41010800140100010071"
CABBAGE = {"product": "01040201", "name": "大白菜", "name_en": "Chinese cabbage"}
NAMED = {"medge:product": "01040201", "medge:name": "大白菜"}
WANG = "urn:marketedge:name:%E7%8E%8B"
TESTED = {"medge:test": LOT}
PROOF = {"type": "hgz", "no": "A/7"}
OBSERVED: dict[str, Any] = {"type": "ObjectEvent", "action": "OBSERVE"}
TRADED: dict[str, Any] = {"type": "TransactionEvent", "action": "ADD"}
LINE = {
    "product": "01040201",
    "source": SOURCE,
    "net_g": 2_500,
    "price": {"fen": 350, "per_g": 1000},
    "amount_fen": 875,
}
ID = "urn:uuid:019a2b3c-4d5e-7f60-8123-456789abcdef"


def lot(code: str = LOT, grams: int | None = None) -> dict[str, Any]:
    return {"epcClass": f"urn:marketedge:lot:{code}"} | ({} if grams is None else {"quantity": grams, "uom": "GRM"})


def goods(*listed: dict[str, Any]) -> dict[str, Any]:
    return {"quantityList": list(listed)}


def owner(side: str, party: str) -> list[dict[str, str]]:
    return [{"type": "owning_party", side: party}]


def papers(*listed: tuple[str, str]) -> dict[str, Any]:
    return {"bizTransactionList": [{"type": kind, "bizTransaction": f"urn:marketedge:{what}"} for kind, what in listed]}


def seen(step: str, disposition: str) -> dict[str, Any]:
    return OBSERVED | {"bizStep": step, "disposition": disposition}


HELD = seen("holding", "sellable_not_accessible") | NAMED
SAID: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {  # the record, what differs in it, and its event
    "goods with their own code from here on": (
        "entry.registered",
        {
            "upstream": None,
            "net_g": 250_000,
            "supplier_code": "",
            "supplier": "王",
            "origin": "中牟",
            "proofs": [PROOF] * 2,
        },
        {"type": "ObjectEvent", "action": "ADD", "bizStep": "commissioning", "disposition": "in_progress"}
        | goods(lot(grams=250_000))
        | {"certificationInfo": ["urn:marketedge:proof:hgz:A%2F7"], "sourceList": owner("source", WANG)}
        | {**NAMED, "medge:origin": "中牟"},
    ),
    "goods whose code of elsewhere nobody answered for": (
        "entry.registered",
        {"upstream": SOURCE, "source_check": "unchecked", "supplier_code": "4101080010789", "origin": "", "proofs": []},
        seen("receiving", "in_progress")
        | goods(lot(grams=500))
        | {"sourceList": owner("source", "urn:marketedge:party:4101080010789")}
        | {**NAMED, "medge:upstream": SOURCE},
    ),
    "goods that are sold by their code of elsewhere": (
        "entry.registered",
        {
            "upstream": SOURCE,
            "source_check": "accepted",
            "supplier_code": "",
            "supplier": "",
            "origin": "",
            "proofs": [],
        },
        seen("receiving", "sellable_accessible") | goods(lot(SOURCE, 500)) | {**NAMED, "medge:upstream": SOURCE},
    ),
    "a test that passed": (
        "test.result",
        {"verdict": "qualified", "value": "12.50", "unit": "%", "item": "农药残留", "method": "GB/T 5009", "lot": LOT},
        seen("inspecting", "conformant")
        | goods(lot())
        | papers(("testres", f"record:{ID[9:]}"), ("testprd", "method:GB%2FT%205009"))
        | {
            "sensorElementList": [
                {
                    "sensorReport": [
                        {
                            "type": "Dimensionless",
                            "medge:item": "农药残留",
                            "medge:verdict": "qualified",
                            "medge:unit": "%",
                            "value": 12.5,
                            "stringValue": "12.50",
                        }
                    ]
                }
            ],
            **NAMED,
            "medge:screening": True,
        },
    ),
    "a test of food that somebody brought, without a number": (
        "test.result",
        {
            "verdict": "unqualified",
            "value": None,
            "unit": None,
            "item": "有机磷",
            "method": "m",
            "lot": None,
            "brought": {"code": TX, "goods": "草莓", "asked_by": "张"},
            "goods": None,
        },
        seen("inspecting", "non_conformant")
        | goods(lot(TX))
        | papers(("testres", f"record:{ID[9:]}"), ("testprd", "method:m"))
        | {
            "sensorElementList": [
                {
                    "sensorReport": [
                        {
                            "type": "urn:marketedge:measured:-",
                            "medge:item": "有机磷",
                            "medge:verdict": "unqualified",
                            "exception": "ALARM_CONDITION",
                        }
                    ]
                }
            ],
            "medge:screening": True,
        },
    ),
    "a test of nobody's goods, in a unit": (
        "test.result",
        {
            "verdict": None,
            "value": "0.5",
            "unit": "mg/kg",
            "item": "i",
            "method": "m",
            "lot": None,
            "brought": None,
            "goods": None,
        },
        seen("inspecting", "unknown")
        | {"epcList": []}
        | papers(("testres", f"record:{ID[9:]}"), ("testprd", "method:m"))
        | {
            "sensorElementList": [
                {
                    "sensorReport": [
                        {
                            "type": "urn:marketedge:measured:mg%2Fkg",
                            "medge:item": "i",
                            "medge:verdict": None,
                            "medge:unit": "mg/kg",
                            "value": 0.5,
                            "stringValue": "0.5",
                        }
                    ]
                }
            ],
            "medge:screening": True,
        },
    ),
    "a lot that is released has another code": (
        "lot.released",
        {"lot": LOT, "source": SOURCE, "net_g": 250_000, "origin": "中牟"},
        {"type": "TransformationEvent", "bizStep": "creating_class_instance", "disposition": "sellable_accessible"}
        | {"inputQuantityList": [lot(grams=250_000)], "outputQuantityList": [lot(SOURCE, 250_000)]}
        | {**NAMED, "medge:origin": "中牟"},
    ),
    "a lot that is held before it was released": (
        "lot.held",
        {"lot": LOT, "source": None, "left_g": 247_500, "why": "检出"},
        HELD | goods(lot(grams=247_500)) | {"medge:why": "检出"} | TESTED,
    ),
    "a lot of elsewhere that is held, nobody knows how much of it": (
        "lot.held",
        {"lot": None, "source": SOURCE, "left_g": None, "why": "检出"},
        HELD | goods(lot(SOURCE)) | {"medge:why": "检出"},
    ),
    "a lot of which more was sold than there was": (
        "lot.held",
        {"lot": LOT, "source": SOURCE, "left_g": -1, "why": "检出"},
        HELD | goods(lot(SOURCE)) | {"medge:why": "检出"} | TESTED,
    ),
    "a lot of which nothing is left": (
        "lot.held",
        {"lot": LOT, "source": SOURCE, "left_g": 0, "why": "检出"},
        HELD | goods(lot(SOURCE, 0)) | {"medge:why": "检出"} | TESTED,
    ),
    "a hold that ended": (
        "lot.resumed",
        {"lot": LOT, "source": SOURCE, "why": "复检合格"},
        seen("accepting", "sellable_accessible") | goods(lot(SOURCE)) | {**NAMED, "medge:why": "复检合格"} | TESTED,
    ),
    "a notice to the owner": (
        "lot.told",
        {"lot": LOT, "left_g": 900, "why": "检出"},
        HELD | goods(lot(grams=900)) | {"medge:why": "检出"} | TESTED,
    ),
    "a portion that two took over": (
        "lot.disputed",
        {"lot": LOT, "source": SOURCE, "own_g": 40_000},
        seen("holding", "mismatch_quantity") | goods(lot(SOURCE, 40_000)) | NAMED | TESTED,
    ),
    "a portion that a supervisor settled": (
        "lot.settled",
        {"lot": LOT, "source": SOURCE, "net_g": 30_000, "why": "已核对"},
        seen("stock_taking", "sellable_accessible")
        | goods(lot(SOURCE, 30_000))
        | {**NAMED, "medge:why": "已核对"}
        | TESTED,
    ),
    "a lot that is opened at a stall": (
        "lot.opened",
        {"source": SOURCE, "net_g": 50_000, "issuer": "410108001-02"},
        seen("receiving", "sellable_accessible")
        | goods(lot(SOURCE, 50_000))
        | {"sourceList": [{"type": "location", "source": "urn:marketedge:station:410108001-02"}]}
        | NAMED,
    ),
    "a portion that is handed to a stall": (
        "lot.handed",
        {"source": SOURCE, "net_g": 50_000, "to": "4101080010789"},
        seen("shipping", "in_transit")
        | goods(lot(SOURCE, 50_000))
        | {"destinationList": owner("destination", "urn:marketedge:party:4101080010789")}
        | NAMED,
    ),
    "a laboratory's word": (
        "lot.verdict",
        {"lot": LOT, "conclusion": "unqualified", "report_no": "JC-8", "item": "克百威", "laboratory": "市检验所"},
        seen("inspecting", "non_conformant")
        | goods(lot())
        | papers(("testres", "report:JC-8"))
        | {"medge:item": "克百威", "medge:laboratory": "市检验所"},
    ),
    "goods that were destroyed": (
        "lot.disposed",
        {"decision": "destroyed", "lot": LOT, "mass_g": 900, "recheck_no": "", "how": "深埋", "witness": "周丽"},
        {"type": "ObjectEvent", "action": "DELETE", "bizStep": "destroying", "disposition": "destroyed"}
        | goods(lot(grams=900))
        | {**NAMED, "medge:how": "深埋", "medge:witness": "周丽"},
    ),
    "goods that went back": (
        "lot.disposed",
        {"decision": "returned", "lot": LOT, "mass_g": 900, "recheck_no": "", "how": "", "witness": ""},
        seen("shipping", "returned") | goods(lot(grams=900)) | NAMED,
    ),
    "goods that a recheck cleared": (
        "lot.disposed",
        {
            "decision": "released_after_recheck",
            "lot": LOT,
            "mass_g": 900,
            "recheck_no": "JC-8",
            "how": "",
            "witness": "",
        },
        seen("accepting", "sellable_accessible") | goods(lot(grams=900)) | papers(("testres", "recheck:JC-8")) | NAMED,
    ),
    "a disposal that is planned": ("disposal.planned", {"lot": LOT}, HELD | goods(lot()) | TESTED),
    "a recheck that the owner asks for": (
        "retest.requested",
        {"lot": LOT, "reason": "不服"},
        HELD | goods(lot()) | {"medge:why": "不服"} | TESTED,
    ),
    "a recheck that the owner gives up": (
        "retest.waived",
        {"lot": LOT, "net_g": 900},
        HELD | goods(lot(grams=900)) | TESTED,
    ),
    "lots that are drawn": (
        "sampling.drawn",
        {"drawn": [LOT, TX, LOT], "seed": "ab"},
        seen("sampling", "in_progress") | goods(lot(), lot(TX)) | {"medge:seed": "ab"},
    ),
    "a sample that goes to a laboratory": (
        "sample.sent",
        {"lot": LOT, "mass_g": 1_000, "seal_no": "F-1", "laboratory": "王"},
        seen("sampling", "sellable_not_accessible")
        | goods(lot(grams=1_000))
        | papers(("testprd", "seal:F-1"))
        | {"destinationList": [{"type": "possessing_party", "destination": WANG}]}
        | NAMED,
    ),
    "food that somebody brings": (
        "sample.registered",
        {"goods": "草莓"},
        seen("sampling", "in_progress") | goods(lot()) | {"medge:name": "草莓"},
    ),
    "a sale to who passes by": (
        "trade.completed",
        {
            "slip": {
                "tx": TX,
                "seller": "4101080010123",
                "buyer": "0000000000000",
                "amount_fen": 1_375,
                "lines": [LINE, LINE | {"net_g": 0, "source": "", "amount_fen": 500}, LINE | {"source": ""}],
            },
            "sold": [{"goods": CABBAGE}, {"goods": CABBAGE, "pieces": 3}, {"goods": CABBAGE, "pieces": 0}],
            "replaces": None,
        },
        TRADED
        | {"bizStep": "retail_selling", "disposition": "retail_sold"}
        | goods(
            lot(SOURCE, 2_500),
            {"epcClass": "urn:marketedge:product:01040201", "quantity": 3},
            {"epcClass": "urn:marketedge:product:01040201", "quantity": 2_500, "uom": "GRM"},
        )
        | papers(("inv", f"sale:{TX}"))
        | {"sourceList": owner("source", "urn:marketedge:party:4101080010123"), "medge:amountFen": 1_375},
    ),
    "what a label scale sold by itself": (
        "trade.labelled",
        {
            "source": SOURCE,
            "net_g": 2_330,
            "amount_fen": None,
            "replaces": None,
            "taken_off": "",
            "seller": {"code": "4101080010123", "name": "李", "stall": ""},
        },
        TRADED
        | {"bizStep": "retail_selling", "disposition": "retail_sold"}
        | goods(lot(SOURCE, 2_330))
        | NAMED
        | papers(("inv", f"label:{ID.rpartition(':')[2]}"))
        | {"sourceList": owner("source", "urn:marketedge:party:4101080010123")},
    ),
    "a sale to a buyer with a code, in place of another one": (
        "trade.completed",
        {
            "slip": {
                "tx": TX,
                "seller": "4101080010123",
                "buyer": "4101080010789",
                "amount_fen": 500,
                "lines": [LINE | {"net_g": 0, "amount_fen": 500}],
            },
            "sold": [{"goods": CABBAGE}],
            "replaces": SOURCE,
        },
        TRADED
        | {"bizStep": "shipping", "disposition": "in_transit"}
        | goods({"epcClass": f"urn:marketedge:lot:{SOURCE}", "quantity": 0})
        | papers(("inv", f"sale:{TX}"))
        | {"sourceList": owner("source", "urn:marketedge:party:4101080010123")}
        | {"destinationList": owner("destination", "urn:marketedge:party:4101080010789")}
        | {"medge:amountFen": 500, "medge:replaces": SOURCE},
    ),
    "a slip that was short on the fair scale": (
        "slip.reweighed",
        {"slip": TX, "within": False, "difference_g": -20},
        TRADED
        | {"action": "OBSERVE", "bizStep": "inspecting", "disposition": "mismatch_quantity", "epcList": []}
        | papers(("inv", f"sale:{TX}"))
        | {"medge:differenceGrams": -20},
    ),
    "a slip that was right on the fair scale": (
        "slip.reweighed",
        {"slip": TX, "within": True, "difference_g": 0},
        TRADED
        | {"action": "OBSERVE", "bizStep": "inspecting", "disposition": "completeness_verified", "epcList": []}
        | papers(("inv", f"sale:{TX}")),
    ),
    "a delivery with an order": (
        "accept.completed",
        {
            "order": "XX-01",
            "proofs": [{"type": "jy", "no": ""}],
            "supplier": "王",
            "supplier_code": "",
            "lines": [
                {"goods": CABBAGE, "source": SOURCE, "accepted_g": 300_000, "accepted_n": 0},
                {"goods": CABBAGE, "source": None, "accepted_g": 0, "accepted_n": 10},
                {"goods": CABBAGE, "source": None, "accepted_g": 2_500},
                {"goods": CABBAGE, "accepted_g": 0},
            ],
        },
        TRADED
        | {"bizStep": "accepting", "disposition": "sellable_not_accessible"}
        | goods(
            lot(SOURCE, 300_000),
            {"epcClass": "urn:marketedge:product:01040201", "quantity": 10},
            {"epcClass": "urn:marketedge:product:01040201", "quantity": 2_500, "uom": "GRM"},
        )
        | papers(("recadv", f"acceptance:{LOT}"), ("po", "order:XX-01"))
        | {"certificationInfo": ["urn:marketedge:proof:jy:-"], "sourceList": owner("source", WANG)},
    ),
    "a delivery that nobody ordered": (
        "accept.completed",
        {"order": "", "proofs": [], "supplier": "王", "supplier_code": "4101080010789", "lines": []},
        TRADED
        | {"bizStep": "accepting", "disposition": "sellable_not_accessible", "epcList": []}
        | papers(("recadv", f"acceptance:{LOT}"))
        | {"sourceList": owner("source", "urn:marketedge:party:4101080010789")},
    ),
    "a delivery that was sent away": (
        "accept.dropped",
        {"order": "XX-01", "supplier": "王", "reason": "变质", "weighed_g": 31_500},
        seen("accepting", "returned")
        | {"epcList": [], "sourceList": owner("source", WANG), "medge:why": "变质", "medge:weighedGrams": 31_500}
        | papers(("po", "order:XX-01")),
    ),
    "a delivery without an order that was sent away": (
        "accept.dropped",
        {"order": "", "supplier": "王", "reason": "变质", "weighed_g": 0},
        seen("accepting", "returned") | {"epcList": [], "sourceList": owner("source", WANG), "medge:why": "变质"},
    ),
    "a sample of a dish": (
        "sample.kept",
        {"number": 7, "net_g": 130, "dish": "红烧肉", "hours": 48},
        {"type": "ObjectEvent", "action": "ADD", "bizStep": "sampling", "disposition": "reserved"}
        | goods({"epcClass": "urn:marketedge:sample:410108001-01:7", "quantity": 130, "uom": "GRM"})
        | {"medge:name": "红烧肉", "medge:hours": 48},
    ),
    "a sample of a dish that is not kept any more": (
        "sample.discarded",
        {"number": 7, "dish": "红烧肉"},
        {"type": "ObjectEvent", "action": "DELETE", "bizStep": "destroying", "disposition": "disposed"}
        | goods({"epcClass": "urn:marketedge:sample:410108001-01:7"})
        | {"medge:name": "红烧肉"},
    ),
    "kitchen waste": (
        "waste.handed",
        {"waste": "oil", "net_g": 20_000, "code": TX, "receiver": "王"},
        {"type": "ObjectEvent", "action": "DELETE", "bizStep": "collecting", "disposition": "disposed"}
        | goods({"epcClass": "urn:marketedge:waste:oil", "quantity": 20_000, "uom": "GRM"})
        | papers(("urn:marketedge:waste:handed", f"disposal:{TX}"))
        | {"destinationList": [{"type": "possessing_party", "destination": WANG}]},
    ),
}
ENTRY = {"upstream": None, "net_g": 310_000, "supplier_code": "", "supplier": "王", "origin": "", "proofs": []}


@pytest.fixture
def record(event_of: Callable[..., bytes]) -> Callable[..., dict[str, Any]]:
    """A record of a kind, with these other values in its data."""

    def made(kind: str, **said: Any) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(event_of(kind))
        known = {"goods": CABBAGE} if isinstance(event["data"].get("goods"), dict) else {}
        return event | {"data": event["data"] | known | said, "sequence": f"{7:020}"}

    return made


def around(kind: str) -> dict[str, Any]:
    """What the event of each record about goods has of its envelope."""
    return {
        "eventID": ID,
        "eventTime": "2026-11-22T04:12:50.000001+08:00",
        "recordTime": "2026-11-22T04:12:50.000001+08:00",
        "eventTimeZoneOffset": "+08:00",
        "medge:kind": kind,
        "medge:sequence": f"{7:020}",
        "readPoint": {"id": "urn:marketedge:station:410108001-01"},
        "bizLocation": {"id": "urn:marketedge:node:410108001"},
    }


@pytest.mark.parametrize("what", SAID)
def test_what_another_system_reads(what: str, record: Callable[..., dict[str, Any]]) -> None:
    kind, said, event = SAID[what]
    assert epcis.events_of(record(kind, **said), lambda _: None) == [event | around(kind)]


def test_nothing_of_goods_is_left_out_of_the_table() -> None:
    corrections = {"entry.corrected", "result.corrected"}
    assert {kind for kind, _, _ in SAID.values()} | corrections == {*epcis._GOODS} <= {*EVENTS}


def test_what_is_of_no_goods_is_an_event_of_our_own(record: Callable[..., dict[str, Any]]) -> None:
    for kind, said in {"price.changed": {}, "sampling.drawn": {"drawn": []}}.items():
        told = record(kind, **said)
        (event,) = epcis.events_of(told, lambda _: None)
        own = {"type": f"urn:marketedge:{kind}:v1", "medge:station": "410108001-01", "medge:data": told["data"]}
        assert event == {name: value for name, value in around(kind).items() if name[-2:] not in ("nt", "on")} | own


def test_a_label_of_which_more_is_known_is_told_anew_and_one_that_is_no_sale_did_not_occur(
    record: Callable[..., dict[str, Any]],
) -> None:
    _, said, _ = SAID["what a label scale sold by itself"]
    first = record("trade.labelled", **said)
    again = record("trade.labelled", **said | {"replaces": "first"}) | {"id": "second"}
    wrong, right = epcis.events_of(again, {"first": first}.get)
    assert wrong["errorDeclaration"] == {
        "declarationTime": again["time"],
        "reason": "incorrect_data",
        "correctiveEventIDs": ["urn:uuid:second"],
    }
    assert right["eventID"] == "urn:uuid:second" and "errorDeclaration" not in right
    off = record("trade.labelled", **said | {"replaces": "first", "taken_off": "试打标签"}) | {"id": "third"}
    (only,) = epcis.events_of(off, {"first": first}.get)
    assert only["errorDeclaration"] == {
        "declarationTime": off["time"],
        "medge:why": "试打标签",
        "reason": "did_not_occur",
        "medge:declaredBy": "urn:uuid:third",
    }


def test_an_entry_that_was_wrong_is_declared_so_and_told_anew(record: Callable[..., dict[str, Any]]) -> None:
    first = record("entry.registered", **ENTRY | {"net_g": 250_000})
    now = record("entry.registered", **ENTRY)["data"]
    corrected = record("entry.corrected", corrects="first", reason="抄错", lot=TX, now=now) | {"id": "second"}
    wrong, right = epcis.events_of(corrected, {"first": first}.get)
    assert wrong.pop("errorDeclaration") == {
        "declarationTime": corrected["time"],
        "medge:why": "抄错",
        "reason": "incorrect_data",
        "correctiveEventIDs": ["urn:uuid:second"],
    }
    assert [wrong] == epcis.events_of(first, lambda _: None)
    assert right["quantityList"] == [lot(TX, 310_000)]
    assert (right["medge:kind"], right["eventID"]) == ("entry.corrected", "urn:uuid:second")
    assert epcis.events_of(corrected, lambda _: None) == [right]  # the first one is not here any more


def test_a_sale_that_was_voided_did_not_occur(record: Callable[..., dict[str, Any]]) -> None:
    _, said, event = SAID["a sale to who passes by"]
    sale = record("trade.completed", **said)
    voided = record("trade.voided", voids="sale", reason="选错了") | {"id": "void"}
    (only,) = epcis.events_of(voided, {"sale": sale}.get)
    assert only.pop("errorDeclaration") == {
        "declarationTime": voided["time"],
        "medge:why": "选错了",
        "reason": "did_not_occur",
        "medge:declaredBy": "urn:uuid:void",
    }
    assert only == event | around("trade.completed")


@pytest.mark.parametrize(
    ("said", "disposition", "code"),
    [
        ({"state": "released", "source": SOURCE, "lot": LOT}, "sellable_accessible", SOURCE),
        ({"state": "held", "source": None, "lot": LOT}, "sellable_not_accessible", LOT),
        ({"state": "pending", "source": None, "lot": LOT}, "in_progress", LOT),
        ({"state": None, "source": None, "lot": None, "brought": {"code": TX}}, "unknown", TX),
        ({"state": None, "source": None, "lot": None, "brought": None}, "unknown", ""),
    ],
)
def test_a_result_that_was_corrected_says_how_the_lot_stands(
    said: dict[str, Any], disposition: str, code: str, record: Callable[..., dict[str, Any]]
) -> None:
    told = record("result.corrected", **said)
    (event,) = epcis.events_of(told, lambda _: None)
    listed = goods(lot(code)) if code else {"epcList": []}
    assert event == seen("inspecting", disposition) | listed | NAMED | around("result.corrected")


def test_a_document_names_its_words_and_when_it_was_made() -> None:
    assert epcis.head("2026-11-30T08:00:00+08:00") == {
        "@context": epcis.CONTEXT,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-11-30T08:00:00+08:00",
    }
