"""What stands in a simulator's way, in words: an address that is taken, a folder that may not be written."""

import errno
import fcntl
import http.client
import json
import os
import random
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

ASK_SECONDS = 1.0
OWN_PORTS = range(18_000, 32_000)  # below those that Linux gives to whoever connects to somebody
WORDS = {
    errno.EACCES: "no permission",
    errno.EPERM: "no permission",
    errno.ENOENT: "no such file or folder",
    errno.EEXIST: "it exists already",
    errno.ENOTDIR: "a file stands where a folder is needed",
    errno.EISDIR: "a folder stands where a file is needed",
    errno.ENOSPC: "the disk is full",
    errno.EROFS: "the disk cannot be written to",
    errno.ENAMETOOLONG: "the name is too long",
}


class InTheWay(OSError):
    """Something is in the way; the message says what, and what helps."""


def in_words(error: BaseException) -> str:
    """One line for a person, without the system's number."""
    if isinstance(error, InTheWay) or not isinstance(error, OSError) or error.errno is None:
        return str(error) or type(error).__name__
    what = WORDS.get(error.errno, str(error.strerror).lower())
    return f"{error.filename}: {what}" if error.filename is not None else what


@contextmanager
def plain_errors(*more: type[Exception]) -> Iterator[None]:
    """Mistakes of the world, and ``more``, end a command with one clear line and exit code 1."""
    kinds: tuple[type[Exception], ...] = (OSError, ValueError, sqlite3.Error, *more)
    try:
        yield
    except kinds as error:
        raise click.ClickException(in_words(error)) from None


# --- addresses --------------------------------------------------------------------------------------------------------


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 takes a free one. Raises InTheWay."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=128)
    except (OSError, OverflowError) as error:
        raise InTheWay(_cannot_listen(host, port, error)) from None


def _cannot_listen(host: str, port: int, error: Exception) -> str:
    number = getattr(error, "errno", None)
    if isinstance(error, OverflowError):
        return f"port {port}: a port is 0 to 65535"
    if isinstance(error, socket.gaierror):
        return f"{host}: no such host name"
    if number == errno.EADDRINUSE:
        return taken(host, port)
    if number == errno.EACCES:
        return f"port {port}: no permission; ports below 1024 are the administrator's, give a higher one"
    if number == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine"
    return f"{host}:{port}: cannot listen there: {in_words(error)}"


def taken(host: str, port: int) -> str:
    """That somebody else has this port, and who as far as he says."""
    who = answers_as(host, port)
    return f"port {port} is used by another program{f' (it answers as {who})' if who else ''}: give another one"


def usual(host: str, port: int) -> int:
    """This port while it is free, else another one that is."""
    for each in (port, 0):
        with suppress(InTheWay), listening(host, each) as probe:
            return int(probe.getsockname()[1])
    return 0


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody uses just now, and that no connection is given meanwhile."""
    for port in random.SystemRandom().sample(OWN_PORTS, 100):
        with suppress(InTheWay), listening("127.0.0.1", port):
            return port
    raise InTheWay("no port of 127.0.0.1 is free: end some of what listens there")


def reached_at(host: str) -> str:
    """By which address this machine itself reaches what listens on ``host``."""
    return "127.0.0.1" if host in ("0.0.0.0", "") else host


def shown_at(host: str) -> str:
    """By which address others reach it: this machine's own in its network."""
    if host != "0.0.0.0":
        return host
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing: it only asks which way it would go
        return str(probe.getsockname()[0])
    return "127.0.0.1"


def answers_as(host: str, port: int) -> str:
    """Who is there: a station by its name, else what its web server calls itself; empty when nobody answers."""
    connection = http.client.HTTPConnection(reached_at(host), port, timeout=ASK_SECONDS)
    try:
        connection.connect()
    except OSError:
        return ""
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        return _name(answer, answer.read(65536))
    except (OSError, http.client.HTTPException):
        return "something that is no web server"
    finally:
        connection.close()


def _name(answer: http.client.HTTPResponse, body: bytes) -> str:
    with suppress(ValueError):
        said = json.loads(body)
        if isinstance(said, dict) and "station" in said and "core" in said:
            return f"the station {str(said['station'])[:60]!r}"
    return f"the web server {answer.getheader('Server', 'without a name').strip()[:60]}"


# --- folders ----------------------------------------------------------------------------------------------------------


@contextmanager
def alone_in(folder: Path) -> Iterator[Path]:
    """Make the folder, and keep others of us out of it meanwhile. Raises InTheWay."""
    if folder.exists() and not folder.is_dir():
        raise InTheWay(f"{folder} is a file: give a folder")
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / "marketsim.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InTheWay(f"{folder} is in use by another marketsim: give another folder") from None
        yield folder
    finally:
        os.close(lock)
