"""A plug that uploads: what the device says goes as an HTTP request to a station, and the answer comes back."""

import http.client
import json
import os
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode, urlsplit

from protocol import uploads
from protocol.files import File, Files
from protocol.uploads import Answer, Said

SECONDS = 40.0  # longer than a station lets an upload wait


class Uploads:
    """The way to ``http://HOST:PORT[/…]``; the device's own path comes behind it.

    Fields go as a form; those that hold JSON as JSON, with that inside as a text, as Dimaier's testers do.  A station
    that does not answer is an answer 0.
    """

    def __init__(self, url: str, *, token: str = "") -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"{url!r}: write http://HOST:PORT")
        self._host, self._port, self._before = parts.hostname, parts.port or 80, parts.path.rstrip("/")
        self._token = token
        self._files = Files()
        self._pipe: tuple[int, int] | None = None

    @property
    def address(self) -> str:
        return f"http://{self._host}:{self._port}{self._before}"

    def plug_in(self) -> None:
        self._pipe = os.pipe()
        os.set_blocking(self._pipe[0], False)

    def pull_out(self) -> None:
        for end in self._pipe or ():
            os.close(end)
        self._pipe = None

    def files(self) -> list[int]:
        return [self._pipe[0]] if self._pipe else []

    def read(self, file: int, size: int = 4096) -> bytes:
        with suppress(BlockingIOError):
            return os.read(file, size)
        return b""

    def write(self, data: bytes) -> int:
        for found in self._files.feed(data):
            if isinstance(found, File) and self._pipe is not None:
                os.write(self._pipe[1], self._upload(found).as_bytes())
        return len(data)

    def _upload(self, found: File) -> Answer:
        request = uploads.read(found.content)
        kind, body = _body(request.said, self._token)
        connection = http.client.HTTPConnection(self._host, self._port, timeout=SECONDS)
        try:
            connection.request("POST", self._before + request.path, body, {"Content-Type": kind})
            answer = connection.getresponse()
            return Answer(found.digest, answer.status, answer.read().decode("utf-8", "replace"))
        except (OSError, http.client.HTTPException) as error:
            return Answer(found.digest, 0, str(error))
        finally:
            connection.close()


def _body(said: Said, token: str) -> tuple[str, bytes]:
    fields: dict[str, Any] = dict(said) if isinstance(said, dict) else {"rows": said}
    if token:
        fields["token"] = token
    if all(isinstance(each, str) for each in fields.values()):
        return "application/x-www-form-urlencoded", urlencode(fields).encode()
    inner = {name: each if isinstance(each, str) else json.dumps(each) for name, each in fields.items()}
    return "application/json", json.dumps(inner).encode()
