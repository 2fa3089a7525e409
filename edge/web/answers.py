"""What the local API answers besides commands, as its OpenAPI says it: of interest to what describes it alone, so what
serves names these models and does not load them (``described.py``)."""

from typing import Any, Literal

from pydantic import Field

from edge.between.board import Board
from edge.between.day_views import DayView, PricesView, ShiftView
from edge.between.people import Role
from edge.between.people_commands import PersonAnswer, ProgramAnswer
from edge.web.models import Problem, Said


class OutcomeAnswer(Said):
    """`waiting`: ask again. `not_done` is final. `unknown`: the station was restarted since, or has forgotten it."""

    state: Literal["done", "waiting", "not_done", "unknown"]
    answer: dict[str, Any] | None = Field(description="What the request was answered, when it is `done`.")


class BoardAnswer(Said):
    """Everything the station shows. `alive` is false when the station's core has stopped: then trust none of it."""

    alive: bool
    board: Board


class PortHealth(Said):
    """A port or printer; `why` is for the technician."""

    ok: bool
    why: str


class PrinterHealth(PortHealth):
    waiting: int = Field(description="Papers that wait for it.")


class Ok(Said):
    ok: bool


class DiskHealth(Ok):
    free_bytes: int


class CityHealth(Said):
    up: bool
    why: str
    broker: str
    pending: int
    set_aside: int
    sent_again: int
    cause: str
    silent_since: str
    last_ack: str
    left: list[str] = Field(description="Brokers that were left for the next of the list, each with why.")


class HealthAnswer(Said):
    """What works. `ok` is false when a port, printer, the disk or the core fails."""

    ok: bool
    token: str = Field(description="The process's own; who started it knows it.")
    station: str
    core: Ok
    ports: dict[str, PortHealth]
    printer: dict[str, PrinterHealth]
    city: CityHealth
    disk: DiskHealth
    clock: str
    clock_why: str
    clock_source: str = Field(description="Who vouched for the time last, a word of `clock_source`.")
    clock_synced: str = Field(description="When, to the minute in the market's zone; empty when nobody did.")
    trouble: str


HealthOrProblem = HealthAnswer | Problem


class DayAnswer(Said):
    """Sold less what was voided, by the station's own day; null before the core's first word."""

    day: DayView | None = Field(description="While `counted` is false its figures are not whole yet.")
    shift: ShiftView | None
    reference_prices: PricesView | None = Field(description="The newest report of a day's prices, in fen per kilogram.")


class ApprovalAnswer(Said):
    """Send it in the header `Approval`."""

    approval: str
    seconds: int = Field(description="For so long it is good, and once.")


class Named(Said):
    """Who you are here; `code` is empty where nobody has a name."""

    code: str
    name: str
    roles: tuple[Role, ...]


class People(Said):
    people: tuple[PersonAnswer, ...]


class TokenAnswer(ProgramAnswer):
    """The token is shown this once; the station keeps only its SHA-256."""

    token: str


class Programs(Said):
    programs: tuple[ProgramAnswer, ...]
