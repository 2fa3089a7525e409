"""The bundle for whoever helps from elsewhere: a ZIP without secrets and names of people, streamed as it is made.

What the board knows is added here; the rest is made by who put the station together (``Support``).
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from starlette.requests import Request as HttpRequest
from starlette.responses import Response, StreamingResponse

from edge.between.board import Board, Showing
from edge.between.people import SENIORS
from edge.web.desk import ALWAYS, UNKNOWN_PATH, Problems
from edge.web.events import Live, dumps
from edge.web.health import health, metrics
from edge.web.reception import caller_of
from edge.web.routes import Routes

Support = Callable[[Mapping[str, str]], Iterator[bytes]]
"""Makes the bundle with these texts in it, by their file names; called from any thread."""

PARTS = (  # of the board, without lots, sales and people
    *("jobs", "language", "clock_state", "clock_why", "clock_source", "clock_synced", "clock_asks", "expiries"),
    *("disk_free", "disk_total", "trouble", "ledger_why", "cautions", "analyzers", "probes", "ports", "printers"),
    *("certificate", "city", "unread", "lot_counts", "version"),
)
OF_SCALE = (
    "name",
    "up",
    "unit",
    "stable",
    "derived",
    "why",
    "port_why",
    "garbage",
    "writable",
    "max_g",
    "min_g",
    "e_g",
)
SENIORS_ONLY = (
    403,
    "needs_supervisor",
    "需要主管或技术员登录",
    "this needs a supervisor or a technician: sign in as one",
)


def devices(board: Board) -> dict[str, Any]:
    """What is known of devices, link, clock and disk; of prints only how many are in which state."""
    said: dict[str, Any] = {name: getattr(board, name) for name in PARTS}
    said["scales"] = [{name: getattr(one, name) for name in OF_SCALE} for one in board.scales]
    states = [one.state for one in board.prints]
    said["prints"] = {state: states.count(state) for state in dict.fromkeys(states)}
    return said


def _lines(value: Any) -> str:
    return json.dumps(json.loads(dumps(value)), ensure_ascii=False, indent=1) + "\n"


def router(showing: Showing, live: Live, release: str, support: Support | None) -> Routes:
    api = Routes("/api")

    @api.get(
        "/support",
        response_class=Response,
        responses=ALWAYS
        | UNKNOWN_PATH
        | {200: {"content": {"application/zip": {}}, "description": "The ZIP; `INDEX.txt` says what is in it."}},
        tags=["read"],
        summary="A bundle for who helps from elsewhere",
    )
    async def read_support(request: HttpRequest) -> Response:
        """Configuration, health, last frames of devices, log, versions and the ledger's status, without secrets; names
        of people and businesses and telephone numbers are replaced. For supervisors and technicians.
        """
        if not caller_of(request).who.may(SENIORS):
            raise Problems(*SENIORS_ONLY)
        if support is None:
            raise Problems(404, "not_found", "本机没有诊断包", "there is no bundle here")
        now = live.steady()
        parts = {
            "health.json": _lines(health(showing, now)[1]),
            "metrics.txt": metrics(showing, release, now)[0].decode(),
            "devices.json": _lines(devices(showing.board)),
        }
        headers = {"Content-Disposition": 'attachment; filename="marketedge-support.zip"', "Cache-Control": "no-store"}
        return StreamingResponse(support(parts), media_type="application/zip", headers=headers)

    return api
