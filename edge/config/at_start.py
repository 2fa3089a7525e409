"""What the station runs with, for the head of its log: a line for each part, ``about name=value``.

What is shown is named here one by one, so a new setting is not shown by accident; what a section marks as ``SECRET`` is
only said to be there.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from edge.between.logs import fields, quoted
from edge.config.sections import Config, PortSection, PrinterSection, ScaleSection

NETWORK = (
    "listen:",
    "http:",
    "evdev:",
    "ws://",
    "socket://",
    "tcp://",
    "folder:",
    "usb",
    "w1:",
    "replay:",
    "file:",
)  # no line settings of ours


def lines(config: Config, path: Path, ledger: Path, key: str, city_keys: Iterable[str]) -> Iterator[str]:
    """``path`` is station.toml's; ``key`` and ``city_keys`` are fingerprints."""
    station, city, paper = config.station, config.city, config.paper
    yield "config " + fields(
        file=quoted(path.resolve()),
        name=quoted(station.name),
        jobs=",".join(station.jobs),
        language=station.language,
        region=station.region,
        host=station.host,
        clock=config.clock.trust,
        products=len(config.product),
        methods=len(config.method),
    )
    yield "ledger " + fields(file=quoted(ledger))
    yield "key " + fields(file=quoted(station.key), fingerprint=key)
    yield "city " + fields(
        brokers=",".join(map(_broker, city.brokers)),
        mqtt=city.mqtt,
        confirm=city.confirm,
        window=city.window,
        login="yes" if city.user else "no",
        ca=quoted(city.ca_file or ""),
        certificate=quoted(city.cert_file or ""),
        keys=",".join(sorted(city_keys)) or "none",
    )
    yield "web " + fields(
        listen=config.web.listen,
        allow=",".join(config.web.allow) or "none",
        frames=",".join(config.web.frames) or "none",
        tls=config.web.tls,
        certificate=quoted(config.web.cert_file or ""),
        insecure="yes" if config.web.insecure else "no",
    )
    for part in config.devices:
        yield f"{part.name} " + _device(part)
    for printer in config.printer:
        yield f"{printer.name} " + _printer(printer)
    yield "paper " + fields(
        language=paper.language or station.language,
        automatic=",".join(paper.automatic) or "none",
        templates=quoted(paper.templates or ""),
    )


def _device(part: PortSection) -> str:
    scale = part if isinstance(part, ScaleSection) else None
    return fields(
        kind=part.kind,
        model=part.model,
        protocol=part.row().format,
        port=quoted(part.port),
        link="" if part.port.startswith(NETWORK) else part.settings(),
        options=",".join(part.options),
        max=quoted(scale.max) if scale else None,
        e=quoted(scale.e) if scale else None,
        verified_until=scale.verified_until if scale else None,
    )


def _printer(part: PrinterSection) -> str:
    return fields(
        kind="printer",
        profile=part.profile,
        port=quoted(part.port),
        link=part.link if part.serial else "",
        papers=",".join(part.papers),
        change=",".join(part.change),
    )


def _broker(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
