"""QR codes for screens: a slip in place of paper, drawn by what draws those on paper."""

import asyncio
import re
from typing import Annotated

from starlette.responses import Response

from edge.web.desk import ALWAYS, NOT_UNDERSTOOD, Problems
from edge.web.routes import Routes
from edge.web.taken import Query
from protocol.printers.codes import matrix


def router() -> Routes:
    api = Routes("/api")

    @api.get(
        "/qr.svg",
        response_class=Response,
        responses={
            **ALWAYS,
            **NOT_UNDERSTOOD,
            200: {"content": {"image/svg+xml": {}}, "description": "The picture, one unit a module."},
        },
        tags=["read"],
        summary="A QR code for a screen",
    )
    async def draw(text: Annotated[str, Query(min_length=1, max_length=600, pattern=r"^[ -~]+$")]) -> Response:
        """For the slip's address (`url` of a sale), to be scanned from the screen."""
        try:
            picture = await asyncio.to_thread(svg, text)
        except ValueError as error:
            raise Problems(422, "too_long", "内容太长，放不进二维码", str(error)) from None
        return Response(picture, media_type="image/svg+xml", headers={"Cache-Control": "max-age=3600"})

    return api


def svg(text: str) -> str:
    """The code with its quiet zone, black on white whatever the page's colours are. Raises ValueError."""
    rows = matrix(text)
    path = "".join(f"M{x} {y}h{length}v1h-{length}z" for y, row in enumerate(rows) for x, length in _runs(row))
    size = len(rows)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" width="{size * 8}" height="{size * 8}" '
        f'shape-rendering="crispEdges"><rect width="{size}" height="{size}" fill="#fff"/>'
        f'<path fill="#000" d="{path}"/></svg>'
    )


def _runs(row: str) -> list[tuple[int, int]]:
    """Where black modules begin, and how many there are."""
    return [(found.start(), len(found[0])) for found in re.finditer("1+", row)]
