"""What the API answers besides commands, as its OpenAPI says it: errors, what became of a request, board and health."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt

from edge.between.board import Board


class Said(BaseModel):
    """What is said over HTTP and is no command. A model that nobody asks for is not built (``routes.py``)."""

    model_config = ConfigDict(defer_build=True)


class Problem(Said):
    """Why something was not done, for programs (`code`) and for people."""

    code: str = Field(examples=["weight_changed"])
    message_zh: str
    message_en: str


class OutcomeBody(Said):
    """What a page knows of a request whose answer did not come."""

    model_config = ConfigDict(extra="forbid")

    age_ms: Annotated[StrictInt, Field(ge=0, le=2**53)] = Field(
        description="Milliseconds since the request was sent, or more."
    )
    address: str = Field("", max_length=200, description="Where it was sent, for example `/api/sales`.")
    token: str = Field("", max_length=64, description="`token` of the stream that was heard before it was sent.")
    heard_ms: Annotated[StrictInt, Field(ge=-1, le=2**53)] = Field(
        -1, description="The newest `at` of that stream that was heard before it was sent; -1 for none."
    )


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
