"""What people ask of papers: print one again, print one on demand, fetch one, say that one did come out."""

from datetime import date

from edge.between.commands import (
    ConfirmAnswer,
    ConfirmPrint,
    PrintAnswer,
    PrintDocument,
    Reprint,
    TakeAnswer,
    TakePrint,
)
from edge.between.inbox import Refused
from edge.between.print_states import (
    ASKS_A_PERSON,
    DAY,
    STALL_CARD,
    TEST_PAGE,
    UNDONE,
    UNRECORDED,
    PrintState,
)
from edge.documents import DOCUMENTS, documents_of
from edge.jobs.doing import does
from edge.records.checkpoints import removed_of
from edge.records.print_jobs import PrintRow
from edge.state.station import Station
from protocol.city.codes import BadCode, TraceCode
from protocol.city.envelope import kind_of


def reprint(station: Station, command: Reprint) -> PrintAnswer:
    """Print a paper again; the new paper says COPY and counts."""
    row = _row(station, command.job)
    if station.prints.state_of(row) in UNDONE:
        raise Refused(
            "not_done",
            "这张纸还在排队，打印机就绪后会自动打印；如已出纸，请按“已出纸”",
            "this paper is still waiting and is printed by itself when the printer is ready; confirm it if it came out",
        )
    known = any(part.name == row.printer for part in station.config.printer)
    copy = (
        station.prints.table.next_copy(row.seq, row.paper, row.detail)
        if row.paper not in (TEST_PAGE, STALL_CARD)
        else 0
    )
    return _queue(station, row.paper, row.seq, row.detail, row.printer if known else "", copy)


def confirm(station: Station, command: ConfirmPrint) -> ConfirmAnswer:
    """A person looked: it came out. Nothing more is printed of this job."""
    if station.prints.state_of(_row(station, command.job)) not in ASKS_A_PERSON:
        raise Refused("already_confirmed", "这张纸无需确认", "this print needs no confirmation")
    station.prints.confirm(command.job)
    return ConfirmAnswer(job=command.job, state=PrintState.CONFIRMED)


def take(station: Station, command: TakePrint) -> TakeAnswer:
    """A handheld prints it itself: once, for what becomes of it there is not known here. Raises Refused."""
    row = _row(station, command.job)
    if not any(part.name == row.printer and part.fetched for part in station.config.printer):
        raise Refused(
            "not_of_a_handheld",
            f"这张纸由打印机 {row.printer} 打印，不由手持机取",
            f"printer {row.printer} prints this paper: no handheld fetches it",
        )
    if station.prints.state_of(row) != PrintState.WAITING:
        raise Refused(
            "taken",
            "这张纸已取走或已作废：请看纸后确认，需要时重打",
            "this paper was taken before, or is not printed any more: look, then confirm it or print it again",
        )
    station.prints.fetched(command.job)
    return TakeAnswer(job=command.job, copy_number=row.copy, state=PrintState.UNKNOWN)


def print_document(station: Station, command: PrintDocument) -> PrintAnswer:
    """Print one paper on demand: of a lot or a sale, of a day, or a printer's test page."""
    paper = command.paper
    if paper not in DOCUMENTS:
        known = ", ".join(DOCUMENTS)
        raise Refused("no_paper", f"没有这种纸张：{paper[:20]}", f"no such paper; there are: {known}")
    printer = _printer(station, command)
    if paper in (TEST_PAGE, STALL_CARD):
        return _queue(station, paper, 0, "", printer, 0)
    if paper == DAY:
        return _queue(station, paper, station.ledger.head.seq, _date(station, command.subject), printer, 0)
    if command.record is not None:
        seq = _of_record(station, paper, command.record)
    else:
        seq = _seq(station, paper, command.subject.replace(" ", ""))
    table = station.prints.table
    return _queue(
        station, paper, seq, "", printer, table.next_copy(seq, paper, "") if table.wanted_before(seq, paper) else 0
    )


def _row(station: Station, job: int) -> PrintRow:
    row = station.prints.table.row(job)
    if row is None:
        raise Refused("no_paper", f"没有打印任务 {job}", f"no print job {job}")
    return row


def _queue(station: Station, paper: str, seq: int, detail: str, printer: str, copy: int) -> PrintAnswer:
    body = b"" if paper in UNRECORDED else station.ledger.body(seq)
    job = station.prints.add(paper, seq, body, detail=detail, copy=copy, printer=printer)
    if job is None:
        raise Refused("no_printer", "未配置打印机", "no printer is configured for this paper")
    return PrintAnswer(job=job, copy_number=copy)


def _printer(station: Station, command: PrintDocument) -> str:
    """The printer named, when it prints such papers, or the first that does."""
    part = station.prints.printer_for(command.paper, command.printer)
    if part is None:
        zh = DOCUMENTS[command.paper].zh
        raise Refused(
            "no_printer",
            f"没有可打印{zh}的打印机，请在 station.toml 中配置",
            "no printer takes this paper: see `papers` of the printers in station.toml",
        )
    return part.name


def _date(station: Station, text: str) -> str:
    """The day asked for, or today."""
    if not text.strip():
        return station.clock.today().isoformat()
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise Refused("date", "日期请写成 2026-11-23 的形式", "write the date like 2026-11-23") from None
    removed = removed_of(station.ledger.conn)
    if removed is not None and removed.touches(day):
        raise Refused("record_gone", f"这一天的合计不全。{removed.zh}", f"of this day not all is here: {removed.en}")
    return day.isoformat()


def _of_record(station: Station, paper: str, seq: int) -> int:
    """The record of this number, when it has such a paper. Raises Refused."""
    event = station.ledger.event(seq) if 0 < seq <= station.ledger.head.seq else None
    if event is None or paper not in documents_of(kind_of(event["type"]), event["data"]):
        raise Refused(
            "no_record",
            f"记录 {seq} 没有可打印的{DOCUMENTS[paper].zh}",
            f"record {seq} has no paper {DOCUMENTS[paper].en!r}",
        )
    return seq


def _seq(station: Station, paper: str, code: str) -> int:
    """The newest record about this code that has such a paper; a lot is found by either of its codes."""
    try:
        trace = TraceCode.parse(code)
    except BadCode as error:
        raise Refused("bad_code", f"编码 {code[:24]} 有误，请重新扫描或输入", str(error)) from None
    station.ledger.refuse_gone(trace)
    given = station.ledger.seq_of(trace)
    lots = station.lots.records(code)
    found = {seq for seqs in lots.values() for seq in seqs} | ({given} if given else set())
    found |= {seq for lot in lots for seq in station.holds.records(lot)} | station.public_samples.records(code)
    found |= {by for seq in found if (by := station.corrections.of(seq))}
    sources = {source for lot in lots if (source := station.lots.find(lot).source)}
    found |= {first for source in sources if (first := station.ledger.seq_of(TraceCode.parse(source)))}
    for seq in sorted(found, reverse=True):
        event = station.ledger.event(seq)
        about = {event["subject"], *(str(event["data"].get(name)) for name in ("source", "upstream", "lot"))}
        if paper == "card" and not about & sources:
            continue  # of a source code that the lot has lost
        if about & {code, *lots} and paper in documents_of(kind_of(event["type"]), event["data"]):
            return seq
    raise Refused(
        "no_record",
        f"该编码没有可打印的{DOCUMENTS[paper].zh}",
        f"no record about this code that has the paper {DOCUMENTS[paper].en!r}",
    )


does(Reprint, reprint)
does(ConfirmPrint, confirm)
does(TakePrint, take)
does(PrintDocument, print_document)
