"""The JSON API's papers: see them, print them, say that one came out."""

import logging
from dataclasses import asdict

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from drivers.glyphs import NoFont
from edge.between.board import PaperView, Showing
from edge.between.inbox import ConfirmPaper, PrintPaper, Reprint
from edge.printing.archive import Archive
from edge.web.bodies import ConfirmAnswer, Number, PaperBody, ReprintAnswer
from edge.web.desk import ALWAYS, NOT_UNDERSTOOD, UNKNOWN_PATH, Desk, Key, Problems, answers
from edge.web.events import dumps
from edge.web.gallery import Busy, Gallery

log = logging.getLogger(__name__)
READ = ALWAYS | UNKNOWN_PATH | NOT_UNDERSTOOD
BUSY = ("单据图片请求过多，请稍后再试", "too many pictures of papers are asked for: try again")


def router(showing: Showing, desk: Desk, archive: Archive | None = None) -> APIRouter:
    api = APIRouter(prefix="/api")
    gallery = Gallery(archive)

    @api.get(
        "/papers/{job}.png",
        response_class=Response,
        responses={**READ, 200: {"content": {"image/png": {}}, "description": "The picture."}},
        tags=["read"],
        summary="A paper as a picture",
    )
    async def draw_paper(job: Number) -> Response:
        """One pixel a dot. 503 `no_font` names the package that draws Chinese; `busy`: too many are asked for."""
        return Response(await _drawn(gallery, job), media_type="image/png", headers={"Cache-Control": "max-age=60"})

    @api.get(
        "/papers/{job}",
        responses={**READ, 200: {"model": PaperView}},
        tags=["read"],
        summary="A paper with its text",
    )
    async def read_paper(job: Number) -> Response:
        for paper in showing.board.papers:
            if paper.job == job:
                text = paper.text or await _text(gallery, job)
                return Response(dumps({**asdict(paper), "text": text}), media_type="application/json")
        raise Problems(404, "no_paper", f"没有打印任务 {job}", f"no print job {job} on the board")

    @api.post(
        "/papers",
        status_code=201,
        responses=answers(201, ReprintAnswer),
        tags=["write"],
        summary="Print a paper on demand",
    )
    async def print_paper(body: PaperBody, key: Key = "") -> Response:
        """The source card or sample label of a lot, a day's summary, a printer's test page …"""
        return JSONResponse(await desk.ask(PrintPaper(**body.model_dump()), key), 201)

    @api.post(
        "/papers/{job}/confirm",
        responses=answers(200, ConfirmAnswer),
        tags=["write"],
        summary="A person saw that it came out",
    )
    async def confirm_paper(job: Number, key: Key = "") -> Response:
        """For a paper that is held, unknown or failed. It is then not printed by itself any more."""
        return JSONResponse(await desk.ask(ConfirmPaper(job), key))

    @api.post(
        "/papers/{job}/reprint",
        status_code=201,
        responses=answers(201, ReprintAnswer),
        tags=["write"],
        summary="Print a paper again",
    )
    async def reprint(job: Number, key: Key = "") -> Response:
        """The new paper is marked COPY (重打) and counted."""
        return JSONResponse(await desk.ask(Reprint(job), key), 201)

    return api


async def _text(gallery: Gallery, job: int) -> str:
    try:
        return await gallery.text(job)
    except Busy:
        raise Problems(503, "busy", *BUSY) from None
    except (LookupError, ValueError, FileNotFoundError):
        return ""


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
