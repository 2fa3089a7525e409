"""No paper of any record breaks a code, loses its QR code or leaves its paper: records are made from their models."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from drivers.printers import profile
from edge.documents import DOCUMENTS, Documents, Place, documents_of, prints
from edge.documents.words import Language
from protocol.checks import mod11_10
from protocol.city.events import EVENTS
from protocol.city.written import grouped
from protocol.printers import bitmap
from protocol.printers.document import QR
from protocol.printers.layout import layout
from protocol.printers.plain import plain

PAPERS = Documents()
OF = [(name, kind) for name, paper in DOCUMENTS.items() for kind in paper.kinds]
URL = "https://sy.example.cn/j/EVZHWqcM9iybAjkjoWzFB1SoA7rbas2LA7rbas7YAAAwNAAAEN8NC"
CODE = re.compile(r"^[0-9]{20}$")


TEXTS = st.text(st.sampled_from("白菜 上海青，。ab12 3-/．《x"), max_size=60)


def made_of(schema: dict[str, Any], known: dict[str, Any]) -> st.SearchStrategy[Any]:
    """What a model of this JSON schema holds; every field is there, lists are short."""
    match schema:
        case {"$ref": str(ref)}:
            return made_of(known[ref.rpartition("/")[2]], known)
        case {"const": const}:
            return st.just(const)
        case {"enum": list(words)}:
            return st.sampled_from(words)
        case {"anyOf": list(ways)}:
            return st.one_of([made_of(way, known) for way in ways])
        case {"type": "object", "properties": dict(fields)}:
            return st.fixed_dictionaries({name: made_of(field, known) for name, field in fields.items()})
        case {"type": "array", "items": dict(items)}:
            return st.lists(made_of(items, known), min_size=schema.get("minItems", 0), max_size=3)
        case {"type": "string", "pattern": str(pattern)}:
            return st.from_regex(pattern, fullmatch=True, alphabet=st.characters(max_codepoint=126, min_codepoint=32))
        case {"type": "string"}:
            return TEXTS.map(lambda text: text[: schema.get("maxLength", 40)])
        case {"type": "integer"}:
            return st.integers(schema.get("minimum", -100_000), schema.get("maximum", 10_000_000))
        case {"type": "boolean"}:
            return st.booleans()
        case {"type": "null"}:
            return st.none()
    raise ValueError(f"no values for {schema}")


def records_of(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    schema = EVENTS[kind].record.model_json_schema()
    return made_of(schema, schema.get("$defs", {})).map(mended).filter(whole)


def mended(tree: Any, name: str = "") -> Any:
    """The record as a station makes it: codes with their check digit, addresses that a QR code can hold."""
    if isinstance(tree, dict):
        for name in (
            {"sold", "goods"} & set(tree) if isinstance(tree.get("slip"), dict) else ()
        ):  # of each line of a slip what was sold
            tree[name] = (tree[name] * 3)[: len(tree["slip"]["lines"])]
        return {key: mended(value, key) for key, value in tree.items()}
    if isinstance(tree, list):
        return [mended(one) for one in tree]
    if name == "url":
        return URL
    if name == "sample":
        return "17"
    if isinstance(tree, str) and CODE.match(tree):
        body = f"{tree[:9]}1{tree[10:12]}{tree[13:19]}7"
        return body + mod11_10(body)
    return tree


def codes(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict | list):
        for one in tree.values() if isinstance(tree, dict) else tree:
            yield from codes(one)
    elif isinstance(tree, str) and CODE.match(tree):
        yield tree


def whole(data: dict[str, Any]) -> bool:
    """Whether a slip has lines, and each of them is described; and an accepted code is there."""
    if data.get("source_check") and not data.get("upstream"):
        return False
    return not isinstance(data.get("slip"), dict) or (
        bool(data["slip"]["lines"]) and len(data["slip"]["lines"]) == len(data.get("sold") or data.get("goods") or ())
    )


@pytest.mark.parametrize(("name", "kind"), OF, ids=str)
def test_no_paper_of_any_record_breaks_a_code_loses_its_qr_or_leaves_its_paper(name: str, kind: str) -> None:
    widths = ("generic-58", "generic-80", "label-40x30", "label-60x40")
    printers = [one for one in map(profile, widths) if prints(one, name)]

    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
    @given(records_of(kind), st.sampled_from(["zh", "en", "both"]))
    def check(data: dict[str, Any], language: Language) -> None:
        content = {"type": kind, "subject": "41010800130100000071", "time": "2026-11-22T04:12:50+08:00", "data": data}
        if name not in documents_of(kind, data):
            return
        for printer in printers:
            document = PAPERS.document(name, content, Place("惠民市场", "sy.example.cn", language, printer.label))
            page = layout(document, printer.columns)
            high = bitmap.height(page, printer)
            assert printer.label is None or high <= printer.label[1] * 8
            lines = plain(page).splitlines()
            together = "".join(lines).replace(" ", "")
            for code in codes(data):
                assert code not in together or any(grouped(code) in line or code in line for line in lines)
            squares = [f"[QR {part.payload}]" for part in document.parts if isinstance(part, QR)]
            assert [line for line in lines if line.startswith("[QR ")] == squares
            assert not data.get("url") or squares

    check()
