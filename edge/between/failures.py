"""What failed, in words: where, why, and what a person has to do."""

from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from protocol.plain import plain

CAUSE_LETTERS = 200
OURS = ("edge", "protocol", "drivers")


class Words(NamedTuple):
    """What it is, and what a person has to do, in Chinese and English."""

    zh: str
    en: str
    do_zh: str
    do_en: str


_SEND_ZH, _SEND_EN = "请把编号和日志发给技术员", "send its number and the log to the technician"
KINDS = {
    "reading": Words("读数", "reading", f"该读数未使用；{_SEND_ZH}", f"it was not used; {_SEND_EN}"),
    "result": Words(
        "检测结果",
        "test result",
        f"该结果未记入任何批次：请重新检测；{_SEND_ZH}",
        f"it counts for no lot: test again; {_SEND_EN}",
    ),
    "device": Words("设备", "device", f"设备会自动重连；{_SEND_ZH}", f"the device is connected again; {_SEND_EN}"),
    "request": Words(
        "操作", "request", f"该操作未执行、未记录；{_SEND_ZH}", f"it was not done, nor recorded; {_SEND_EN}"
    ),
    "paper": Words("纸张", "paper", f"请到“纸张”页核对该纸；{_SEND_ZH}", f"look at it on the page Papers; {_SEND_EN}"),
    "city": Words("平台消息", "message of the city", f"上报照常进行；{_SEND_ZH}", f"delivery goes on; {_SEND_EN}"),
    "record": Words(
        "损坏的记录",
        "damaged record",
        "账本中这条记录已损坏，其余照常：运行 marketedge ledger verify，并请技术员从备份恢复",
        "this record is damaged in the ledger, the rest goes on: run marketedge ledger verify; the technician puts it "
        "back from a backup",
    ),
    "program": Words("程序", "program", f"其余照常运行；{_SEND_ZH}", f"the rest goes on; {_SEND_EN}"),
}


def cause_of(error: BaseException) -> str:
    """Type and text of an error on one line."""
    return plain(f"{type(error).__name__}: {safely(str, error)}", CAUSE_LETTERS)


def place_of(error: BaseException) -> str:
    """Where in our program it failed: ``lots.py:193``; the last place at all when it is none of ours."""
    frames = list(_frames(error.__traceback__))
    own = [frame for frame in frames if any(part in OURS for part in Path(frame[0]).parts[-4:-1])]
    file, line = next(chain(reversed(own), reversed(frames)), ("", 0))
    return f"{type(error).__name__} {Path(file).name}:{line}"


def _frames(trace: TracebackType | None) -> Iterable[tuple[str, int]]:
    while trace is not None:
        yield trace.tb_frame.f_code.co_filename, trace.tb_lineno
        trace = trace.tb_next


def safely(text: Any, value: Any) -> str:
    """``str`` or ``repr`` of anything, also of what cannot even be shown."""
    try:
        return str(text(value))
    except Exception:
        return f"<{type(value).__name__}>"
