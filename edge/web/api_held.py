"""Who bought of a lot, for a recall: on the page of held lots, for programs, and as a file."""

from typing import Annotated

from pydantic import Field
from starlette.responses import Response

from edge.between.board import LotView, Showing
from edge.records.recall import Bought, as_csv
from edge.web.desk import ALWAYS, NOT_UNDERSTOOD, UNKNOWN_PATH, Problems
from edge.web.events import dumps
from edge.web.models import Said
from edge.web.reading import Reading
from edge.web.routes import Routes
from edge.web.taken import Path

READ = ALWAYS | NOT_UNDERSTOOD | UNKNOWN_PATH
Code = Annotated[str, Path(min_length=1, max_length=64, examples=["41010800130100000031"])]


class BuyersAnswer(Said):
    """Sales of a lot that were not voided, and what was handed to other stalls; oldest first."""

    test_code: str
    net_g: int = Field(description="Grams of them together.")
    buyers: list[Bought]


def router(showing: Showing, reading: Reading) -> Routes:
    api = Routes("/api")

    def find(code: str) -> LotView:
        for lot in showing.board.lots:
            if code in (lot.test_code, lot.source):
                return lot
        raise Problems(404, "no_lot", f"没有批次 {code[:24]}", f"no lot {code[:24]} on the board")

    async def bought(code: str) -> tuple[LotView, list[Bought]]:
        lot = find(code)
        return lot, await reading.buyers(lot.source, lot.seq) if lot.source else []

    @api.get(
        "/lots/{lot}/buyers",
        responses=READ | {200: {"model": BuyersAnswer}},
        tags=["read"],
        summary="Who bought of a lot",
    )
    async def read_buyers(lot: Code) -> Response:
        """Who bought of this lot at this station and how much, for a recall; by its test or source code."""
        found, rows = await bought(lot)
        said = BuyersAnswer(test_code=found.test_code, net_g=sum(row.net_g for row in rows), buyers=rows)
        return Response(dumps(said.model_dump(mode="json")), media_type="application/json")

    @api.get(
        "/lots/{lot}/buyers.csv",
        response_class=Response,
        responses=READ | {200: {"content": {"text/csv": {}}, "description": "The same as a file."}},
        tags=["read"],
        summary="Who bought of a lot, as a file",
    )
    async def read_buyers_file(lot: Code) -> Response:
        """The same rows as CSV, UTF-8 with a mark, for a spreadsheet."""
        found, rows = await bought(lot)
        name = f"buyers-{found.test_code}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(as_csv(rows), media_type="text/csv; charset=utf-8", headers=headers)

    return api
