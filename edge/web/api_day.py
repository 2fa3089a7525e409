"""The day's figures, the open shift's and the reference prices, for programs; pages have them on the board."""

from starlette.responses import Response

from edge.between.board import Showing
from edge.web.desk import ALWAYS
from edge.web.events import dumps
from edge.web.routes import Routes


def router(showing: Showing) -> Routes:
    api = Routes("/api")

    @api.get("/day", responses=ALWAYS | {200: {"model": "DayAnswer"}}, tags=["read"], summary="Today's figures")
    async def read_day() -> Response:
        """What was sold, tested, held and printed since midnight at the station's place."""
        board = showing.board
        said = {name: getattr(board, name) for name in ("day", "shift", "reference_prices")}
        return Response(dumps(said), media_type="application/json")

    return api
