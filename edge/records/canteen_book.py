"""A canteen's acceptances as rows of the purchase book (进货台账): each line that was taken, and what was voided."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from edge.between.words import proof_name, text
from protocol.city.written import grouped, kilograms

Cell = str | Decimal | int


def accepted(event: Mapping[str, Any]) -> list[list[Cell]]:
    """A row for each line: what was accepted of it, by whom it was brought, what proves where it is from."""
    data = event["data"]
    proofs = "；".join(f"{proof_name(proof['type']).zh} {proof['no']}".strip() for proof in data["proofs"])
    return [_line(event, data, line, proofs) for line in data["lines"]]


def _line(event: Mapping[str, Any], data: Mapping[str, Any], line: Mapping[str, Any], proofs: str) -> list[Cell]:
    sources, loads = line.get("sources", ()), line.get("loads", ())
    scales = "、".join(dict.fromkeys(f"{one['scale']} {one['model']}" for one in loads))
    return [
        text("document", "acceptance").zh,
        grouped(event["subject"]),
        line["goods"]["name"],
        line["goods"]["product"],
        Decimal(kilograms(line["accepted_g"])),
        "、".join(dict.fromkeys(one["origin"] for one in sources if one["origin"])),
        "",
        data["supplier"],
        data["supplier_code"],
        data.get("licence", ""),
        data.get("supplier_address", ""),
        data.get("supplier_contact", ""),
        data.get("plate", ""),
        proofs,
        "；".join(grouped(one["source"]) for one in sources),
        "",
        f"{text('field', 'by_scale').zh} {scales}" if scales else "",
        _spec(line),
        line.get("batch", ""),
        line.get("best_before", ""),
        text("field", "two_years").zh,
        len(line.get("photos", ())),
    ]


def _spec(line: Mapping[str, Any]) -> str:
    """What a package states, and how many were taken of what is counted."""
    counted = f"{line['accepted_n']} {line['unit']}" if line.get("unit") else ""
    return " ".join(part for part in (line.get("spec", ""), counted) if part)


def voided(event: Mapping[str, Any]) -> list[list[Cell]]:
    """An acceptance counts no more: its mass is taken off again."""
    data = event["data"]
    row: list[Cell] = [text("page", "cn_void").zh, grouped(event["subject"]), "", ""]
    row += [Decimal(kilograms(-data["accepted_g"])), "", "", data["supplier"]]
    return [row + [""] * 13 + [0]]
