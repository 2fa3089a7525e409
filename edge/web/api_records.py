"""The JSON API's records: found in steps, one with its proof, and the law's books as files."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from starlette.responses import FileResponse, Response

from edge.between.commands import LARGEST_AMOUNT, LARGEST_NUMBER, Number
from edge.records.books import BookName
from edge.records.search import Found, Wanted
from edge.records.shelf import Proof
from edge.web.desk import ALWAYS, NOT_UNDERSTOOD, UNKNOWN_PATH, answers
from edge.web.events import dumps
from edge.web.models import Said
from edge.web.reading import Making, Reading
from edge.web.routes import Routes
from edge.web.taken import Path, Query

READ = ALWAYS | NOT_UNDERSTOOD
MEDIA = {"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "csv": "text/csv; charset=utf-8"}
Text = Annotated[str, Query(max_length=300)]
Day = Annotated[date | None, Query(examples=["2026-11-22"])]
Money = Annotated[int | None, Query(ge=0, le=LARGEST_AMOUNT)]


class RemovedAnswer(Said):
    """Records that were kept their time and left the ledger; the city has them."""

    upto: int = Field(description="The last of them.")
    day: str = Field(description="Of this day and those before, some or all are missing.")
    months: int = Field(description="So long they were kept.")


class RecordsAnswer(Said):
    """A step of a search, newest first. Ask again with `before` = `next` until it is null."""

    records: list[Found]
    next: int | None = Field(description="Where the next step goes on. Null: every record was looked at.")
    done: int = Field(description="How many records were looked at so far, of `total`.")
    total: int
    damaged: list[int] = Field(description="Records of this step that cannot be read.")
    removed: RemovedAnswer | None = Field(description="What is looked for may be among these, which are not here.")


class PaperAnswer(Said):
    paper: str
    job: int | None = Field(description="Its print job; null when it was never printed.")
    copy_number: int = Field(alias="copy")
    state: str
    replaced: bool = Field(description="The record was voided or corrected after it was printed.")


class RecordAnswer(Said):
    """A record, with what speaks for it. `event` is what was signed."""

    record: Found
    event: dict[str, Any]
    proof: Proof
    about: Found | None = Field(description="The record that this one voids, corrects or replaces.")
    by: Found | None = Field(description="The newest record that voids, corrects or replaces this one.")
    papers: list[PaperAnswer]


class BookBody(Said):
    """Which book, of which days; a day left out is the first or the last there is."""

    model_config = ConfigDict(extra="forbid")

    book: BookName = Field(description="进货台账, 销售台账, 检测台账 or 计量器具台账.")
    form: Literal["xlsx", "csv"] = "xlsx"
    since: date | None = Field(None, examples=["2026-11-01"])
    until: date | None = Field(None, examples=["2026-11-30"])


class BookAnswer(Said):
    """A book. Its file is there when `state` is `done`, until the next book is begun."""

    id: str
    state: Literal["making", "done", "failed", "cancelled"]
    done: int = Field(description="How many records were looked at, of `total`.")
    total: int
    rows: int
    damaged: int = Field(description="Records that could not be read and are left out.")
    name: str = Field(description="What the file is called.")


BookKey = Annotated[str, Path(min_length=1, max_length=40)]


def router(reading: Reading) -> Routes:
    api = Routes("/api")

    @api.get("/records", responses=READ | {200: {"model": RecordsAnswer}}, tags=["read"], summary="Find records")
    async def find(
        text: Annotated[str, Query(max_length=300, description="A code, goods or a person.")] = "",
        code: Annotated[
            str, Query(max_length=300, description="A code as scanned (digits or address), or its last digits.")
        ] = "",
        goods: Text = "",
        person: Annotated[
            str, Query(max_length=300, description="Buyer, supplier, or an operator's code; part of it is enough.")
        ] = "",
        kind: Annotated[tuple[str, ...], Query(max_length=40, examples=[["trade.completed"]])] = (),
        since: Day = None,
        until: Day = None,
        least_fen: Money = None,
        most_fen: Money = None,
        before: Annotated[int | None, Query(ge=1, le=LARGEST_NUMBER)] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> Response:
        """The newest first, in steps: each looks at a bounded number of records, so a long search tells its progress,
        and ends when nobody asks on. A step may find none and still say where the next goes on.
        """
        wanted = Wanted(text, code, goods, person, kind, since, until, least_fen, most_fen)
        step = await reading.step(wanted, before, limit)
        return _json(
            {
                "records": step.found,
                "next": step.next,
                "done": step.done,
                "total": step.total,
                "damaged": step.damaged,
                "removed": step.removed,
            }
        )

    @api.get(
        "/records/{seq}",
        responses=READ | UNKNOWN_PATH | {200: {"model": RecordAnswer}},
        tags=["read"],
        summary="A record with its proof",
    )
    async def read_record(seq: Annotated[Number, Path()]) -> Response:
        """Signature and chain are checked when it is asked for."""
        seen, papers = await reading.record(seq), await reading.papers(seq)
        return _json(
            {
                "record": seen.found,
                "event": seen.event,
                "proof": seen.proof,
                "about": seen.about,
                "by": seen.by,
                "papers": papers,
            }
        )

    @api.post("/books", status_code=202, responses=answers(202, BookAnswer), tags=["read"], summary="Make a book")
    async def make_book(body: BookBody) -> Response:
        """A book that the law asks for. It is made beside all other work: look how far it is, then fetch the file."""
        return _json(_book(reading.make(body.book, body.form, body.since, body.until)), 202)

    @api.get(
        "/books/{book}",
        responses=READ | UNKNOWN_PATH | {200: {"model": BookAnswer}},
        tags=["read"],
        summary="How far a book is",
    )
    async def read_book(book: BookKey) -> Response:
        """Rows done of how many, and its state: `making`, then one of an end."""
        return _json(_book(reading.book(book)))

    @api.post(
        "/books/{book}/cancel",
        responses=answers(200, BookAnswer) | UNKNOWN_PATH,
        tags=["read"],
        summary="Cancel a book",
    )
    async def cancel_book(book: BookKey) -> Response:
        """A book that is being made is left off; one that is finished stays."""
        made = reading.book(book)
        made.progress.cancel = True
        return _json(_book(made))

    @api.get(
        "/books/{book}/file",
        response_class=Response,
        responses={
            **READ,
            **UNKNOWN_PATH,
            200: {"content": {kind: {} for kind in MEDIA.values()}, "description": "The file."},
        },
        tags=["read"],
        summary="A book's file",
    )
    async def fetch_book(book: BookKey) -> Response:
        """The finished book, in the form that was asked for."""
        path = reading.file(book)
        return FileResponse(path, media_type=MEDIA[path.suffix[1:]], filename=path.name)

    return api


def _book(made: Making) -> dict[str, Any]:
    how = made.progress
    return {
        "id": made.id,
        "state": made.state,
        "done": how.done,
        "total": how.total,
        "rows": how.rows,
        "damaged": how.damaged,
        "name": made.file.name,
    }


def _json(value: Any, status: int = 200) -> Response:
    return Response(dumps(value), status, media_type="application/json")
