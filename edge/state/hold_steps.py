"""The steps of a hold, as a table: what a person may do in which, and what comes of it.

``edge/jobs/README-holds.md`` draws it from here.  A test's hold asks for the whole way (contract A1, A3); a person's
ends by a reason, or with the goods.
"""

from enum import StrEnum
from typing import Literal

from protocol.frozen import frozen

FOUR_HOURS = 4 * 3600.0
SOON = 30 * 60.0  # so long before the end people are warned

HoldKind = Literal["test", "person"]


class Step(StrEnum):
    """How far a hold is."""

    HELD = "held"
    TOLD = "told"
    ASKED = "asked"
    WAIVED = "waived"
    SENT = "sent"
    CONFORMING = "conforming"
    FAILED = "failed"
    DISPOSED = "disposed"
    RELEASED = "released"


class Deed(StrEnum):
    """What is done with a hold."""

    TELL = "tell"
    ASK = "ask"
    WAIVE = "waive"
    SEND = "send"
    VERDICT = "verdict"
    RELEASE = "release"
    PLAN = "plan"
    RETURN = "return"
    DESTROY = "destroy"


class If(StrEnum):
    """What has to be so besides."""

    ALWAYS = ""
    IN_TIME = "in time, or late with a reason"
    OVER = "the four hours are over"
    POLICY = "destroy_at_once"


@frozen
class Row:
    """In these steps of a hold of this kind the deed may be done, and leads to ``to``; None: it stays."""

    kind: HoldKind
    at: tuple[Step, ...]
    deed: Deed
    to: Step | None
    needs: If = If.ALWAYS


S, D = Step, Deed
OPEN = (S.HELD, S.TOLD, S.ASKED, S.WAIVED, S.SENT, S.CONFORMING, S.FAILED)
TABLE = (
    Row("test", (S.HELD,), D.TELL, S.TOLD),
    Row("test", (S.TOLD,), D.ASK, S.ASKED, If.IN_TIME),
    Row("test", (S.TOLD, S.ASKED), D.WAIVE, S.WAIVED, If.POLICY),
    Row("test", (S.ASKED, S.SENT), D.SEND, S.SENT),
    Row("test", OPEN, D.VERDICT, None),  # to CONFORMING or FAILED, by what it says
    Row("test", (S.CONFORMING,), D.RELEASE, S.RELEASED),
    Row("test", (S.TOLD, S.WAIVED, S.FAILED), D.PLAN, None),
    Row("test", (S.WAIVED,), D.DESTROY, S.DISPOSED),
    Row("test", (S.FAILED,), D.DESTROY, S.DISPOSED),
    Row("test", (S.FAILED,), D.RETURN, S.DISPOSED),
    Row("test", (S.TOLD, S.WAIVED), D.RETURN, S.DISPOSED, If.OVER),
    Row("test", (S.TOLD,), D.DESTROY, S.DISPOSED, If.OVER),
    Row("person", (S.HELD,), D.TELL, S.TOLD),
    Row("person", (S.HELD, S.TOLD, S.SENT), D.SEND, S.SENT),
    Row("person", OPEN, D.VERDICT, None),
    Row("person", (S.HELD, S.TOLD, S.SENT, S.CONFORMING), D.RELEASE, S.RELEASED),
    Row("person", OPEN, D.PLAN, None),
    Row("person", (S.HELD, S.TOLD, S.SENT, S.CONFORMING, S.FAILED), D.RETURN, S.DISPOSED),
    Row("person", (S.HELD, S.TOLD, S.SENT, S.CONFORMING, S.FAILED), D.DESTROY, S.DISPOSED),
)


def rows(kind: HoldKind, step: Step) -> tuple[Row, ...]:
    """What may be done in this step, if what each needs is so."""
    return tuple(row for row in TABLE if row.kind == kind and step in row.at)


def row(kind: HoldKind, step: Step, deed: Deed) -> Row | None:
    return next((one for one in rows(kind, step) if one.deed is deed), None)


def drawn() -> str:
    """The table in Markdown."""
    lines = ["| hold by a | step | deed | leads to | needs |", "| --- | --- | --- | --- | --- |"]
    for one in TABLE:
        to = one.to or ("conforming or failed" if one.deed is Deed.VERDICT else "stays")
        lines.append(f"| {one.kind} | {', '.join(one.at)} | {one.deed} | {to} | {one.needs or '–'} |")
    return "\n".join(lines)
