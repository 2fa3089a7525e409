"""How single values of station.toml are written: masses, prices, ways to a device, days.

Each function raises ValueError for what is none; the sections that have such values are in the other files.
"""

import re
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import date
from decimal import Decimal
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    TypeAdapter,
)

from drivers.transports.listen import named_peers
from edge.config.mistakes import Mistake
from protocol.city.codes import operator
from protocol.city.events import ONE_LINE
from protocol.city.written import GRAMS
from protocol.labels import Pattern
from protocol.link import Link

T = TypeVar("T")
SECRET = "secret"
"""Marks a field whose value, or what stands in the file it names, never comes to a log or a page."""

DeviceName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
Node = Annotated[str, StringConstraints(pattern=r"^[0-9]{9}$")]
OperatorCode = Annotated[str, AfterValidator(operator)]
ChannelName = Annotated[str, StringConstraints(min_length=1, max_length=8), ONE_LINE]
OF_DAY = "([01][0-9]|2[0-3]):[0-5][0-9]"


def grams(text: str) -> int:
    """``"30 kg"`` → 30000; raises ValueError for a part of a gram or an unknown unit."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?(kg|g|t)", text.strip())
    if not found:
        raise ValueError(f"{text!r}: write a mass like 30 kg or 200 g")
    mass = Decimal(found[1]) * GRAMS[found[2]]
    if mass != int(mass):
        raise ValueError(f"{text!r} is not a whole number of grams")
    return int(mass)


def masses(text: str) -> tuple[int, ...]:
    """``"6/15 kg"`` → (6000, 15000), as the type plate of a scale with several intervals has it; raises ValueError."""
    *smaller, largest = text.split("/")
    unit = largest.strip().lstrip("0123456789.")
    return (*(grams(f"{mass.strip()}{unit}") for mass in smaller), grams(largest))


@lru_cache(maxsize=128)  # each sale asks for its price
def fen(text: str) -> int:
    """``"3.50"`` yuan → 350 fen; raises ValueError."""
    if not re.fullmatch(r"[0-9]{1,7}(\.[0-9]{1,2})?", text.strip()):
        raise ValueError(f"{text!r}: write a price in yuan like 3.50")
    return int(Decimal(text) * 100)


def checked(parse: Any) -> Any:
    def check(text: str) -> str:
        parse(text)
        return text

    return AfterValidator(check)


def link_settings(text: str) -> None:
    """Raises ValueError for what is no link, or for a speed no line has."""
    if not 110 <= Link.parse(text).baud <= 4_000_000:
        raise ValueError("speed out of range")


def address(text: str) -> None:
    """``HOST:PORT`` to listen at, ``[::1]:8080`` for IPv6; raises ValueError."""
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\s\[\]]+):([0-9]{1,5})", text)
    if not found or int(found[2]) > 65_535:
        raise ValueError("no address")


SERVER = re.compile(r"(?:socket|rfc2217|tcp|ws)://(\[[0-9A-Fa-f:.]+\]|[^/:\s]+):([0-9]{1,5})(?:[/?].*)?")
WAITING = re.compile(r"listen:(\[[0-9A-Fa-f:.]*\]|[^:\s]*):([0-9]{1,5})(?:\?.*)?")
USB = re.compile(r"usb(-hid)?:([0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}([:@].+)?)?")


def device_port(text: str) -> None:
    """Raises ValueError for what is no way to a scale, an analyzer, a probe or a scanner."""
    if WAITING.fullmatch(text):
        try:
            named_peers(text)
        except ValueError:
            raise Mistake(
                "? 后写允许连接的地址或网段，如 listen:0.0.0.0:5001?from=192.168.1.20,192.168.2.0/24",
                "behind the ? write who may connect, addresses or networks, as in "
                "listen:0.0.0.0:5001?from=192.168.1.20,192.168.2.0/24",
            ) from None
    if text.startswith("http:"):
        from drivers.transports import upload  # most stations have no instrument that uploads

        try:
            named_peers(upload.as_listening(text))
        except ValueError:
            raise Mistake(
                "写 http:主机:端口，? 后写允许的地址或网段，或口令文件（完整路径），如 "
                "http:0.0.0.0:8090?from=192.168.1.20 或 http:0.0.0.0:8090?token_file=/etc/marketedge/token",
                "write http:HOST:PORT, behind the ? who may connect, or the file (its whole path) with a token, as in "
                f"{upload.EXAMPLE}",
            ) from None
        return
    _port_of(text, ("replay:", "w1:", "folder:", "evdev:"), ("usb-hid:", "socket://", "rfc2217://", "ws://", "listen:"))


def one_address(text: str) -> None:
    """An address of the network, or empty; raises ValueError."""
    if text:
        ip_address(text)


HANDHELD = "handheld:"  # the port of a printer whose head is in a handheld: it fetches its papers


def printer_port(text: str) -> None:
    """Raises ValueError for what is no way to a printer."""
    if text == HANDHELD:
        return
    _port_of(text, ("file:",), ("usb:", "tcp://"))


def _port_of(text: str, paths: tuple[str, ...], others: tuple[str, ...]) -> None:
    if text.startswith("/") or any(text.startswith(one) and text != one for one in paths):
        return
    found = SERVER.fullmatch(text) or WAITING.fullmatch(text)
    numbered = found is not None and 0 <= int(found[2]) <= 65_535
    if not text.startswith(others) or not (numbered or USB.fullmatch(text)):
        raise ValueError("no port")


def no_bool(value: Any) -> Any:
    """true is no number."""
    if isinstance(value, bool):
        raise ValueError("no number")
    return value


def a_day(value: Any) -> Any:
    """A date, or its text from the environment: a number would be taken for seconds."""
    if isinstance(value, int | float) or (isinstance(value, date) and not 2000 <= value.year <= 2099):
        raise ValueError("no date")
    return value


def label_pattern(text: str) -> None:
    """Raises ValueError for what no label's code is read by."""
    Pattern.parse(text)


Mass = Annotated[str, checked(grams)]
Masses = Annotated[str, checked(masses)]
Yuan = Annotated[str, checked(fen)]
LinkText = Annotated[str, checked(link_settings)]
Number = BeforeValidator(no_bool)


FOLDER: ContextVar[Path] = ContextVar("the folder of station.toml", default=Path())


def with_files(options: Mapping[str, Any]) -> dict[str, Any]:
    """An option that names a file becomes the file's text; the others stay as they are. Raises ValueError."""
    return {name.removesuffix("_file"): _file(name, value) for name, value in options.items()}


def _file(name: str, value: Any) -> Any:
    if not name.endswith("_file"):
        return value
    path = FOLDER.get() / str(value)
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise Mistake(f"{path} 不是 UTF-8 编码", f"{path}: not UTF-8", key=f"options.{name}") from None
    except FileNotFoundError:
        raise Mistake(f"没有文件 {path}", f"{path}: no such file", key=f"options.{name}") from None
    except (OSError, ValueError):
        raise Mistake(f"{path} 不能读取", f"{path}: cannot be read", key=f"options.{name}") from None


class ConfigSection(BaseModel):
    """A table of station.toml. What checks one alone is made where that is done first: see ``checked_by``."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


def checked_by(kind: type[T], data: Any) -> T:
    """What was read, as this kind. Raises ValidationError.

    What checks it is gone afterwards: a file is read once, and for all sections that is a megabyte.
    """
    return TypeAdapter(kind).validate_python(data)


def plain_digits(fingerprint: str) -> str:
    """A fingerprint as phones and openssl show it, in small letters without colons."""
    return fingerprint.replace(":", "").lower()


def is_loopback(host: str) -> bool:
    """Whether an address to listen at is reached from this box alone. A name is taken at its word."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def percent(text: str) -> Decimal:
    """``"5 %"`` → 5; raises ValueError."""
    found = re.fullmatch(r"([0-9]{1,2}(?:\.[0-9]{1,2})?) ?%", text.strip())
    if not found:
        raise ValueError(f"{text!r}: write a part of the order like 5 %")
    return Decimal(found[1])


Percent = Annotated[str, checked(percent)]
