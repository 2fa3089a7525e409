"""Photos over HTTP: one comes as the bytes of its file, and is looked at again by its hash."""

import asyncio
import errno
import logging
from typing import Annotated

from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response

from edge.between.board import Showing
from edge.between.photo_commands import KeepPhoto, PhotoAnswer
from edge.records.photos import PhotoFiles
from edge.web.api_people import allowed
from edge.web.approvals import Approvals
from edge.web.desk import ALWAYS, ERRORS, NOT_UNDERSTOOD, UNKNOWN_PATH, Desk, Problems, answers, written
from edge.web.reception import caller_of
from edge.web.routes import Routes
from edge.web.taken import Path
from protocol.city.photos import JPEG, LARGEST, PNG, WEBP, BadPhoto, PhotoHash, hash_of, picture_of

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
FAILS = {errno.EIO, errno.EROFS}
NOTHING_KEPT = {507: ERRORS[409] | {"description": "`disk_full`, `disk_fails`: nothing is kept."}}
FOREVER = "private, max-age=31536000, immutable"  # what a hash names does not change
SAID = {
    "not_a_photo": "不是照片：请用 JPEG、PNG 或 WebP",
    "photo_large": f"照片过大：不超过 {LARGEST >> 20} MB",
    "photo_sides": "照片尺寸过大：每边不超过 4096 像素",
}
BODY = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in (JPEG, PNG, WEBP)},
    }
}
log = logging.getLogger("photos")


class PhotoDesk:
    """Takes photos, one at a time. Lives in the web thread's loop; the disk is written in a thread."""

    def __init__(self, files: PhotoFiles | None, desk: Desk) -> None:
        self.files = files
        self._desk = desk
        self._one = asyncio.Lock()

    async def take(self, data: bytes, request: HttpRequest, showing: Showing, approvals: Approvals) -> PhotoAnswer:
        """On the disk, and known to the core; or nothing of it is. Raises Problems."""
        try:
            picture_of(data)
        except BadPhoto as bad:
            raise Problems(422, bad.code, SAID[bad.code], f"no photo that is taken: {bad}") from None
        if self.files is None:
            raise Problems(503, "no_photos", "本机不保存照片", "no photos are kept here")
        who = allowed(showing, approvals, caller_of(request), KeepPhoto, "")
        sha256 = hash_of(data)
        async with self._one:
            try:
                fresh = await asyncio.to_thread(self.files.keep, sha256, data)
            except OSError as error:
                raise _unwritten(error) from None
            try:
                answer = await self._desk.ask(KeepPhoto(sha256=sha256, size=len(data)), who=who)
            except Problems as problem:
                if fresh and problem.status == 409:
                    await asyncio.to_thread(self.files.drop, sha256)
                raise
        assert isinstance(answer, PhotoAnswer)
        return answer


def _unwritten(error: OSError) -> Problems:
    log.error("a photo was not written: %s", error)
    if error.errno in FULL:
        return Problems(
            507,
            "disk_full",
            "磁盘已满，照片没有存下；登记和销售照常，请联系技术员",
            "the disk is full and the photo is not kept; all else goes on: call the technician",
        )
    if error.errno in FAILS:
        return Problems(
            507,
            "disk_fails",
            "磁盘只读或出错，照片没有存下。请联系技术员检查存储卡",
            "the disk is read-only or fails, and the photo is not kept: have the technician check the card",
        )
    return Problems(500, "photo_unwritten", "照片没有存下，请重试", "the photo is not kept: try again")


def router(showing: Showing, desk: Desk, approvals: Approvals, files: PhotoFiles | None) -> Routes:
    api = Routes("/api")
    photos = PhotoDesk(files, desk)

    @api.post(
        "/photos",
        status_code=201,
        responses=answers(201, PhotoAnswer)
        | {507: ERRORS[409] | {"description": "`disk_full`, `disk_fails`: nothing is kept."}},
        tags=["write"],
        summary="Send a photo",
        openapi_extra=BODY,
    )
    async def take(request: HttpRequest) -> Response:
        """The file itself, JPEG, PNG or WebP, of at most 4 MiB and 4096 pixels a side. The same one twice is kept once.

        Commands name it by the `sha256` of the answer, within a day: then it is taken away again.
        """
        answer = await photos.take(await request.body(), request, showing, approvals)
        return JSONResponse(written(answer), 201)

    @api.get(
        "/photos/{sha256}",
        response_class=Response,
        responses=ALWAYS
        | UNKNOWN_PATH
        | NOT_UNDERSTOOD
        | {200: {"content": {kind: {} for kind in (JPEG, PNG, WEBP)}, "description": "The file."}},
        tags=["read"],
        summary="A photo",
    )
    async def show(sha256: Annotated[PhotoHash, Path()]) -> Response:
        """By the hash that a record names it by."""
        try:
            if files is None:
                raise FileNotFoundError
            data = await asyncio.to_thread(files.read, sha256)
            kind = picture_of(data).kind
        except (OSError, BadPhoto):
            raise Problems(404, "no_photo", "没有这张照片", "there is no such photo") from None
        return Response(data, media_type=kind, headers={"Cache-Control": FOREVER})

    return api
