"""The plan of the day, for pages and programs."""

from starlette.responses import JSONResponse, Response

from edge.between.bench_commands import AskPlan, PlanAnswer
from edge.web.desk import ALWAYS, Desk, written
from edge.web.routes import Routes


def router(desk: Desk) -> Routes:
    api = Routes("/api")

    @api.get(
        "/plan",
        responses={**ALWAYS, 200: {"model": PlanAnswer}},
        tags=["read"],
        summary="The plan of the day, and how far it is done",
    )
    async def plan() -> Response:
        """Today's goods by group: how many lots came in, how many are to be tested, were drawn, and are tested."""
        return JSONResponse(written(await desk.ask(AskPlan())))

    return api
