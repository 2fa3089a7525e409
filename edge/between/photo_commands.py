"""What the web says of a photo that came (``edge/web/api_photos.py``); other commands name it (``NamedPhotos``)."""

from typing import Annotated

from pydantic import Field

from edge.between.command_table import Answer, Command, order
from protocol.city.photos import LARGEST, PhotoHash


class PhotoAnswer(Answer):
    """The photo is on the disk. It stays for a day, and for good when a record names it."""

    sha256: str = Field(description="SHA-256 of the file, 64 hex digits: what commands and records name it by.")


@order("", PhotoAnswer, "Keep a photo")
class KeepPhoto(Command):
    """Its file is on the disk; from now on a command may name it."""

    sha256: PhotoHash
    size: Annotated[int, Field(ge=1, le=LARGEST, description="Bytes.")]
