"""The books that the law asks for (contract A1, A2), out of the ledger: 进货台账, 销售台账, 检测台账.

A row is a line of a sale, an entry, a result; a void or a correction is a row of its own, whose quantity and amount are
what changed, so that the columns add up, and the state of the row that it is about.
"""

import csv
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from itertools import chain, repeat
from pathlib import Path
from typing import Any, Literal

from edge.between.field_words import label
from edge.between.fixed_words import clock_word
from edge.between.words import proof_name, text
from edge.records import canteen_book
from edge.records.checkpoints import Removed, removed_of
from edge.records.corrections import Corrections
from edge.records.packing import unpack
from edge.records.search import UNREADABLE, VOIDS, day_ranges
from protocol.city.codes import WALK_IN
from protocol.city.envelope import kind_of
from protocol.city.written import grouped, kilograms, moment, yuan
from protocol.frozen import frozen

BookName = Literal["purchases", "sales", "tests", "scales"]
Form = Literal["xlsx", "csv"]
Cell = str | Decimal | int
SLICE = 200
FORMULAS = tuple("=+-@\t\r＝＋－＠")
STATES = {"voided": "已作废", "corrected": "已更正", "": "有效"}


class Cancelled(Exception):
    """Nobody wants the book any more."""


@frozen
class Book:
    """A book: its title, the columns' headings, and how a record becomes rows of it. ``code`` as people write it."""

    name: BookName
    title: str
    kinds: tuple[str, ...]
    columns: tuple[str, ...]
    rows: Callable[[Mapping[str, Any]], list[list[Cell]]]


def harmless(value: Any) -> Any:
    """A spreadsheet runs a text that starts with ``FORMULAS`` as a formula; an apostrophe keeps it text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULAS) else value


# --- what stands in a row ---------------------------------------------------------------------------------------------

HEAD = ("记录号", "时间", "类别")
TAIL = ("状态", "相关记录号", "说明", "经办人编码", "同意者编码", "时钟")


def _entry(event: Mapping[str, Any]) -> list[list[Cell]]:
    data, kind = event["data"], kind_of(event["type"])
    if kind.startswith("accept."):
        return canteen_book.accepted(event) if kind == "accept.completed" else canteen_book.voided(event)
    entry, change = (data["now"], data["changes"]) if kind == "entry.corrected" else (data, None)
    net_g = entry["net_g"] if change is None else _more_g(change)
    proofs = "；".join(_proof(proof) for proof in entry["proofs"])
    lacks = "；".join(f"缺 {proof_name(one).zh}" for one in entry.get("missing_proofs", ()))
    return [
        [
            "登记" if change is None else "更正",
            grouped(event["subject"]),
            entry["goods"]["name"],
            entry["goods"]["product"],
            Decimal(kilograms(net_g)),
            entry["origin"],
            entry["origin_code"],
            entry["supplier"],
            entry["supplier_code"],
            "",
            entry.get("supplier_address", ""),
            entry.get("supplier_contact", ""),
            entry["plate"],
            "；".join(part for part in (proofs, lacks) if part),
            grouped(entry["upstream"] or ""),
            entry["sample"],
            _mass_by(entry),
            entry.get("spec", ""),
            " ".join(part for part in (entry.get("produced", ""), entry.get("batch", "")) if part),
            str(entry["shelf_days"]) if entry.get("shelf_days") else "",
            text("field", entry["retention"]).zh if entry.get("retention") else "",
            len(entry.get("photos", ())),
        ]
    ]


def _proof(proof: Mapping[str, Any]) -> str:
    """A voucher by its name, its number, who gave it and when."""
    said = (proof["no"], proof.get("issuer", ""), proof.get("issued", ""))
    return " ".join((proof_name(proof["type"]).zh, *(part for part in said if part)))


def _mass_by(entry: Mapping[str, Any]) -> str:
    if entry.get("mass_by") != "scale":
        return text("field", "by_person").zh if entry.get("mass_by") else ""
    scales = "、".join(dict.fromkeys(f"{one['scale']} {one['model']}" for one in entry["weighings"]))
    return f"{text('field', 'by_scale').zh} {scales}"


def _more_g(changes: Sequence[Mapping[str, str]]) -> int:
    return sum(int(one["after"]) - int(one["before"]) for one in changes if one["field"] == "net_g")


ADDRESS = ("", "")  # of a buyer: no record holds them; they stand in the market's directory


def _sale(event: Mapping[str, Any]) -> list[list[Cell]]:
    data, void = event["data"], kind_of(event["type"]) == "trade.voided"
    sign = -1 if void else 1
    rows: list[list[Cell]] = []
    for place, line in enumerate(data["slip"]["lines"]):
        sold = None if void else data["sold"][place]
        test = sold and sold["test"]
        price = Decimal(line["price"]["fen"] * 1000) / line["price"]["per_g"] / 100
        buyer, seller = data["buyer"], data["seller"]
        rows.append(
            [
                "作废" if void else "销售",
                grouped(data["slip"]["tx"]),
                (sold["goods"] if sold else data["goods"][place])["name"],
                line["product"],
                sign * Decimal(kilograms(line["net_g"])),
                price.quantize(Decimal("0.01"), ROUND_HALF_UP),
                sign * Decimal(yuan(line["amount_fen"])),
                sold["origin"] if sold else "",
                grouped(line["source"]),
                f"{test['item']} {text('verdict', test['verdict']).zh} {moment(test['time'])[:10]}" if test else "",
                buyer["name"] or (text("paper", "walk_in").zh if buyer["code"] == WALK_IN else ""),
                "" if buyer["code"] == WALK_IN else buyer["code"],
                *ADDRESS,
                seller["name"],
                seller["code"],
                seller["stall"],
                seller["contact"],
                _weighed(sold) if sold else _pieces(data, place),
            ]
        )
    if data.get("rounded_fen"):
        rows.append(_rounded(rows[-1], sign * Decimal(yuan(data["rounded_fen"]))))
    return rows


def _sold(event: Mapping[str, Any]) -> list[list[Cell]]:
    return _labelled(event) if kind_of(event["type"]) == "trade.labelled" else _sale(event)


def _labelled(event: Mapping[str, Any]) -> list[list[Cell]]:
    """What a label scale sold by itself, once goods and mass are known; or that it is no sale after all."""
    data = event["data"]
    if not data["counts"]:
        return []
    seller, off = data["seller"], data.get("taken_off")
    price = data["price"] and Decimal(data["price"]["fen"] * 1000) / data["price"]["per_g"] / 100
    sign = -1 if off else 1
    return [
        [
            "作废" if off else "销售",
            data.get("number", ""),
            data["goods"]["name"],
            data["goods"]["product"],
            sign * Decimal(kilograms(data["net_g"])),
            price.quantize(Decimal("0.01"), ROUND_HALF_UP) if price else "",
            sign * Decimal(yuan(data["amount_fen"])) if data["amount_fen"] is not None else "",
            "",
            grouped(data["source"]),
            "",
            text("paper", "walk_in").zh,
            "",
            *ADDRESS,
            seller["name"],
            seller["code"],
            seller["stall"],
            seller["contact"],
            f"{data['label_scale']} {data['model']}",
        ]
    ]


def _rounded(line: list[Cell], off: Decimal) -> list[Cell]:
    """What was let off a slip, in a row of its own: so the amounts add up to what was paid."""
    called = text("rounding", "none").zh
    return [line[0], line[1], called, "", Decimal(0), Decimal(0), -off, "", "", "", *line[10:-1], ""]


def _pieces(void: Mapping[str, Any], place: int) -> str:
    """How many were sold by the piece, in the row of a void."""
    pieces = void.get("pieces") or ()
    return f"{pieces[place]} {text('paper', 'piece_word').zh}" if place < len(pieces) and pieces[place] else ""


def _weighed(sold: Mapping[str, Any]) -> str:
    weighed = sold["weighed"]
    if sold.get("pieces"):
        return f"{sold['pieces']} {text('paper', 'piece_word').zh}"
    if weighed["stability"] == "label":
        return text("paper", "weight_label").zh
    how = f"{text('paper', 'typed').zh} {weighed['reason']}" if weighed["stability"] == "manual" else ""
    return f"{weighed['scale']} {weighed['model']} {how}".strip()


def _test(event: Mapping[str, Any]) -> list[list[Cell]]:
    data = event["data"]
    if kind_of(event["type"]) == "result.corrected":
        verdict = text("verdict", data["verdict"]).zh if data["verdict"] else ""
        said = [data["item"], "", "", "", "", verdict, "", "", "", "", "", "", grouped(data["source"] or "")]
        goods = data["goods"] or {"name": data["brought"]["goods"], "product": ""}
        return [["更正", grouped(event["subject"]), "", goods["name"], goods["product"], *said]]
    goods, analyzer = data["goods"] or {"name": "", "product": ""}, data["analyzer"]
    return [
        [
            "未归属" if data["lot"] is None else "检测",
            grouped(event["subject"]),
            analyzer["sample"] or "",
            goods["name"],
            goods["product"],
            data["item"],
            data["method"],
            data["value"] if data["value"] is not None else data["text"] or "",
            data["unit"] or "",
            data["limit"] or "",
            text("verdict", data["verdict"]).zh,
            f"{analyzer['name']} {analyzer['model']}",
            analyzer.get("serial", ""),
            analyzer.get("calibrated", ""),
            moment(analyzer["measured_at"] or ""),
            data["person"] or "",
            "是" if data["whole_plant"] else "",
            grouped(data["source"] or ""),
        ]
    ]


def _scale(event: Mapping[str, Any]) -> list[list[Cell]]:
    data = event["data"]
    names = (
        "scale",
        "maker",
        "model",
        "serial",
        "accuracy",
        "max",
        "min",
        "e",
        "cpa",
        "production_code",
        "repair_code",
    )
    return [
        [
            "停用" if not data["active"] else "变更" if data["changed"] else "登记",
            *(str(data[name]) for name in names),
            *(str(data[name] or "") for name in ("verification_code", "seal", "software", "certificate")),
            data["verified_until"] or "",
            "是" if data["fair"] else "",
            data["person"] or "",
        ]
    ]


BOOKS: dict[str, Book] = {
    book.name: book
    for book in (
        Book(
            "purchases",
            "进货台账",
            ("entry.registered", "entry.corrected", "accept.completed", "accept.voided"),
            (
                *("检测码", "食用农产品名称", "商品编码", "数量(kg)", "产地", "产地代码", "供货者名称", "供货者编码"),
                *("供货者许可证", "供货者地址", "供货者联系方式", "车牌", "进货凭证及编号", "随货来源码", "样品号"),
                *("重量来源", "规格", "生产日期/批号", "保质期(天)", "记录保存期", "照片数"),
            ),
            _entry,
        ),
        Book(
            "sales",
            "销售台账",
            ("trade.completed", "trade.voided", "trade.labelled"),
            (
                *("交易码", "食用农产品名称", "商品编码", "数量(kg)", "单价(元/kg)", "金额(元)", "产地", "来源码"),
                *("检测信息", "购货者名称", "购货者编码", "购货者地址", "购货者联系方式", "销售者名称", "销售者编码"),
                *("摊位", "销售者联系方式", "称重"),
            ),
            _sold,
        ),
        Book(
            "tests",
            "检测台账",
            ("test.result", "result.corrected"),
            (
                *("检测码", "样品号", "食用农产品名称", "商品编码", "检测项目", "检测方法", "检测值", "单位", "限值"),
                *("结论(快检筛查)", "仪器", "仪器编号", "仪器校准日期", "仪器时间", "判读人", "整株浸提", "来源码"),
            ),
            _test,
        ),
        Book(
            "scales",
            "计量器具台账",
            ("scale.registered",),
            (
                *(
                    "秤号",
                    "制造商",
                    "型号",
                    "出厂编号",
                    "准确度等级",
                    "最大秤量",
                    "最小秤量",
                    "检定分度值",
                    "型式批准号",
                ),
                *(
                    "生产码",
                    "维修码",
                    "检定码",
                    "封签号",
                    "软件标识",
                    "检定证书编号",
                    "检定有效期至",
                    "公平秤",
                    "登记人",
                ),
            ),
            _scale,
        ),
    )
}


def headings(book: Book) -> list[str]:
    return [*HEAD, *book.columns, *TAIL]


# --- out of the ledger ------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Progress:
    """How far a book is; read by other threads. ``cancel`` ends it."""

    done: int = 0
    total: int = 0
    rows: int = 0
    damaged: int = 0
    cancel: bool = False


def rows(
    conn: sqlite3.Connection, book: Book, first: date | None, last: date | None, progress: Progress
) -> Iterator[list[Cell]]:
    """The rows of these days, oldest first, read in slices; none is open between two of them. Raises Cancelled.

    Where records of these days left the ledger, the first row says so, and which.
    """
    removed = removed_of(conn)
    if removed is not None and removed.touches(first):
        yield _left(book, removed)
    ranges = day_ranges(conn, first, last)[::-1]
    progress.total = sum(high - low + 1 for low, high in ranges)
    begin, end = first.isoformat() if first else "", last.isoformat() if last else "~"
    for low, high in ranges:
        for start in range(low, high + 1, SLICE):
            if progress.cancel:
                raise Cancelled
            stop = min(high, start + SLICE - 1)
            corrections = Corrections(conn)
            marks = corrections.between(start, stop)
            sql = "SELECT seq, body FROM events WHERE seq BETWEEN ? AND ? ORDER BY seq"
            for seq, stored in conn.execute(sql, (start, stop)).fetchall():
                try:
                    made = _rows_of(seq, json.loads(unpack(stored)), book, marks.get(seq), begin, end, corrections)
                except UNREADABLE:
                    progress.damaged += 1
                    continue
                progress.rows += len(made)
                yield from made
            progress.done += stop - start + 1


def _left(book: Book, removed: Removed) -> list[Cell]:
    """The row of what is missing; it has no quantity and no amount."""
    cells: dict[str, Cell] = {"记录号": f"1–{removed.upto}", "时间": f"≤ {removed.day}"}
    cells |= {"类别": text("removed", "row").zh, "说明": removed.zh}
    return [cells.get(heading, "") for heading in headings(book)]


def _rows_of(
    seq: int,
    event: Mapping[str, Any],
    book: Book,
    by: int | None,
    begin: str,
    end: str,
    corrections: Corrections,
) -> list[list[Cell]]:
    kind = kind_of(event["type"])
    if kind not in book.kinds or not begin <= event["time"][:10] <= end:
        return []
    about = corrections.corrected_by(seq)
    void = kind in VOIDS
    state = "" if by is None or void else "voided" if kind in VOIDS.values() else "corrected"
    head: list[Cell] = [seq, moment(event["time"])]
    tail: list[Cell] = [
        STATES[state],
        " ".join(str(one) for one in (about, by) if one is not None),
        _note(event["data"]),
        str(event.get("operator", "")),
    ]
    worth = clock_word(event["clockstate"], event.get("clocksource", ""))
    clock = "" if worth in ("synced", "holdover") else text("clock", worth).zh
    words = approved(event)
    of_rows = chain(words, repeat(words[-1]))
    return [[*head, *row, *tail, word, clock] for row, word in zip(book.rows(event), of_rows, strict=False)]


def approved(event: Mapping[str, Any]) -> list[str]:
    """Who gave the word for each line of a record, and at last for what is of no line: codes with a blank between."""
    data = event["data"]
    whole = (event.get("approvedby", ""), data.get("approvedby", ""))
    of_lines = [_words_of(line) for line in data.get("sold") or data.get("lines") or ()]
    return [_each((whole[0], *line)) for line in of_lines] + [_each(whole)]


def _words_of(line: Mapping[str, Any]) -> list[str]:
    names = ("approvedby", "price_approvedby", "difference_approvedby")
    return [*(line.get(name, "") for name in names), *(load.get("approvedby", "") for load in line.get("loads", ()))]


def _each(codes: Iterable[str]) -> str:
    return " ".join(dict.fromkeys(code for code in codes if code))


def _note(data: Mapping[str, Any]) -> str:
    reason = data.get("reason") or data.get("taken_off") or ""
    changes = "；".join(
        f"{label(one['field']).zh}：{one['before']} → {one['after']}" for one in data.get("changes", ())
    )
    return "；".join(part for part in (reason, changes) if part)


# --- as files ---------------------------------------------------------------------------------------------------------


def write(path: Path, form: Form, book: Book, lines: Iterator[list[Cell]]) -> None:
    """The whole book in a file. Raises Cancelled, and OSError: then what is there of the file is of no use."""
    if form == "csv":
        with path.open("w", encoding="utf-8-sig", newline="") as out:
            table = csv.writer(out)
            table.writerow(headings(book))
            for line in lines:
                table.writerow([harmless(cell) for cell in line])
        return
    _spreadsheet(path, book, lines)


def _spreadsheet(path: Path, book: Book, lines: Iterator[list[Cell]]) -> None:
    from xlsxwriter import Workbook
    from xlsxwriter.exceptions import XlsxFileError

    workbook = Workbook(str(path), {"constant_memory": True, "tmpdir": str(path.parent), "strings_to_formulas": False})
    try:
        sheet = workbook.add_worksheet(book.title)
        bold, number = workbook.add_format({"bold": True}), workbook.add_format({"num_format": "0.00#"})
        sheet.freeze_panes(1, 0)
        for column, heading in enumerate(headings(book)):
            sheet.set_column(column, column, 12 if len(heading) < 8 else 16)
            sheet.write_string(0, column, heading, bold)
        for place, line in enumerate(lines, 1):
            for column, cell in enumerate(line):
                if isinstance(cell, str):
                    sheet.write_string(place, column, cell)
                else:
                    sheet.write_number(place, column, float(cell), None if isinstance(cell, int) else number)
    finally:
        try:
            workbook.close()
        except XlsxFileError as error:
            raise OSError(*error.args[0].args) if isinstance(error.args[0], OSError) else OSError(str(error)) from error
