"""The day's figures, the open shift's and the reference prices, for programs; pages have them on the board."""

from pydantic import Field
from starlette.responses import Response

from edge.between.board import Showing
from edge.between.day_views import DayView, PricesView, ShiftView
from edge.web.desk import ALWAYS
from edge.web.events import dumps
from edge.web.models import Said
from edge.web.routes import Routes


class DayAnswer(Said):
    """Sold less what was voided, by the station's own day; null before the core's first word."""

    day: DayView | None = Field(description="While `counted` is false its figures are not whole yet.")
    shift: ShiftView | None
    reference_prices: PricesView | None = Field(description="The newest report of a day's prices, in fen per kilogram.")


def router(showing: Showing) -> Routes:
    api = Routes("/api")

    @api.get("/day", responses=ALWAYS | {200: {"model": DayAnswer}}, tags=["read"], summary="Today's figures")
    async def read_day() -> Response:
        """What was sold, tested, held and printed since midnight at the station's place."""
        board = showing.board
        said = {name: getattr(board, name) for name in ("day", "shift", "reference_prices")}
        return Response(dumps(said), media_type="application/json")

    return api
