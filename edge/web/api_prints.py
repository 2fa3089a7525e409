"""The JSON API's papers, to be seen as text and as pictures."""

import logging
from dataclasses import asdict
from typing import Annotated

from starlette.responses import Response

from drivers.glyphs import NoFont
from edge.between.board import PrintView, Showing
from edge.between.commands import Number
from edge.printing.archive import Archive, NotTaken
from edge.web.desk import ALWAYS, ERRORS, NOT_UNDERSTOOD, UNKNOWN_PATH, Problems
from edge.web.events import dumps
from edge.web.gallery import Busy, Gallery
from edge.web.routes import Routes
from edge.web.taken import Path

log = logging.getLogger(__name__)
READ = ALWAYS | UNKNOWN_PATH | NOT_UNDERSTOOD
NOT_NOW = {409: ERRORS[409] | {"description": "`not_taken`: no handheld has taken it, or it came out."}}
BUSY = ("单据图片请求过多，请稍后再试", "too many pictures of papers are asked for: try again")


def router(showing: Showing, archive: Archive | None = None) -> Routes:
    api = Routes("/api")
    gallery = Gallery(archive)

    @api.get(
        "/prints/{job}.png",
        response_class=Response,
        responses={**READ, 200: {"content": {"image/png": {}}, "description": "The picture."}},
        tags=["read"],
        summary="A paper as a picture",
    )
    async def draw_print(job: Annotated[Number, Path()]) -> Response:
        """One pixel a dot. 503 `no_font` names the package that draws Chinese; `busy`: too many are asked for."""
        return Response(await _drawn(gallery, job), media_type="image/png", headers={"Cache-Control": "max-age=60"})

    @api.get(
        "/prints/{job}.escpos",
        response_class=Response,
        responses={**READ, **NOT_NOW, 200: {"content": {"application/octet-stream": {}}, "description": "The bytes."}},
        tags=["read"],
        summary="A paper for the head of a handheld",
    )
    async def fetch_print(job: Annotated[Number, Path()]) -> Response:
        """ESC/POS bytes of a paper that a handheld has taken (`POST /api/prints/{job}/take`), until it is confirmed.
        409 `not_taken` before, after, and for the papers of all other printers. They change nothing: a handheld that
        did not receive them whole asks again."""
        body = await _fetched(gallery, job)
        return Response(body, media_type="application/octet-stream", headers={"Cache-Control": "no-store"})

    @api.get(
        "/prints/{job}",
        responses={**READ, 200: {"model": PrintView}},
        tags=["read"],
        summary="A paper with its text",
    )
    async def read_print(job: Annotated[Number, Path()]) -> Response:
        """State and text of a print job on the board. 404 `no_paper` for one that is no longer there."""
        for paper in showing.board.prints:
            if paper.job == job:
                text = paper.text or await _text(gallery, job)
                return Response(dumps({**asdict(paper), "text": text}), media_type="application/json")
        raise Problems(404, "no_paper", f"没有打印任务 {job}", f"no print job {job} on the board")

    return api


async def _text(gallery: Gallery, job: int) -> str:
    try:
        return await gallery.text(job)
    except Busy:
        raise Problems(503, "busy", *BUSY) from None
    except (LookupError, ValueError, FileNotFoundError):
        return ""


async def _fetched(gallery: Gallery, job: int) -> bytes:
    """The bytes; raises Problems."""
    try:
        return await gallery.escpos(job)
    except NotTaken:
        zh = "手持机还没有取这张纸，或已确认出纸：先取纸（take）；需要再打请按“重打”"
        en = "no handheld has taken this paper, or it came out: take it first, or print it again"
        raise Problems(409, "not_taken", zh, en) from None
    except Busy:
        raise Problems(503, "busy", *BUSY) from None
    except NoFont as error:
        zh = "没有中文字体，请安装 fonts-wqy-microhei 后重启"
        raise Problems(503, "no_font", zh, str(error)) from None
    except (LookupError, ValueError, FileNotFoundError) as error:
        log.info("paper %d cannot be laid out: %s", job, error)
    raise Problems(404, "no_paper", f"没有打印任务 {job}", f"no print job {job}")


async def _drawn(gallery: Gallery, job: int) -> bytes:
    """The picture; raises Problems."""
    try:
        return await gallery.png(job)
    except Busy:
        raise Problems(503, "busy", *BUSY) from None
    except NoFont as error:
        zh = "没有中文字体，请安装 fonts-wqy-microhei 后重启"
        raise Problems(503, "no_font", zh, str(error)) from None
    except (LookupError, ValueError, FileNotFoundError) as error:
        log.info("paper %d cannot be drawn: %s", job, error)
    raise Problems(404, "no_paper", f"没有打印任务 {job}", f"no print job {job}")
