"""What systemd is told of the service: sd_notify(3), a datagram of ``NAME=value`` lines to a socket that it names."""

import os
import socket
from collections.abc import Callable, Mapping

from edge.between.board import Board
from edge.between.needs import findings
from edge.between.words import text
from protocol.plain import plain

STATUS_LETTERS = 200
PATIENCE_SECONDS = 1.0  # while systemd's queue is full


def notifier(environ: Mapping[str, str] = os.environ) -> Callable[[str], None]:
    """Sends to ``NOTIFY_SOCKET``, a path or, behind an ``@``, an abstract name; without it says nothing to nobody.

    What is not taken in a second is lost: a supervisor that hears nothing does with the service what it was told to.
    """
    name = environ.get("NOTIFY_SOCKET", "")
    if not name.startswith(("/", "@")):
        return lambda words: None
    address = f"\0{name[1:]}" if name[0] == "@" else name
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    sender.settimeout(PATIENCE_SECONDS)

    def tell(words: str) -> None:
        try:
            sender.sendto(words.encode(), address)
        except OSError:
            return

    return tell


def status(board: Board, language: str) -> str:
    """``STATUS=`` in words: the trouble there is, else how many records wait for the city and what needs a hand."""
    if board.trouble:
        return f"STATUS={plain(board.trouble, STATUS_LETTERS)}"
    needs = len(findings(board, alive=True))
    said = text("supervised", "hands" if needs else "well").filled(pending=board.city.pending, needs=needs)
    return f"STATUS={said.said(language)}"
