"""`marketedge check`: try everything the station needs, a line each."""

import contextlib
import logging
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty

import click

from drivers.transports import LinkLost, open_port
from edge.cli import config_option
from edge.clock import Clock
from edge.config import BadConfig, Config, PortPart, PrinterPart, load
from edge.documents import BadTemplate, Papers
from edge.identity import BadKey, load_key
from edge.inbox import Inbox, LinkChanged
from edge.mqtt import Mqtt
from edge.papers import BUSY, READY, SILENT
from edge.printer_link import PrinterLink
from protocol.link import Link
from protocol.readings import Garbage

LISTEN_SECONDS = 3.0
BROKER_SECONDS = 6.0
BUSY_SECONDS = 8.0  # a printer is waited for that has something else to print
LEAST_DISK = 200_000_000

SLIP_BYTES = 15_300  # with its QR code as a picture
QUICK_BAUD = 57_600

Outcome = tuple[bool, str]
PRINTER_SAYS = {
    "ready": "ready",
    "silent": "opened, but it does not answer: papers cannot be proven, a person has to look at them",
    "paper": "no paper: put in a roll",
    "cover": "the cover is open: close it",
    "cutter": "the cutter is jammed: clear it, switch the printer off and on",
    "hot": "the head is too hot: wait, it goes on by itself",
    "error": "it reports an error: switch it off and on",
    "busy": "it prints something else, or does not come to our questions: try again when it is done",
    "offline": "it takes no bytes: check its power and its online key",
}


@click.command()
@config_option
@click.pass_context
def check(ctx: click.Context, config_path: Path) -> None:
    """Try configuration, key, ports, printers, broker, clock and disk. Exit code 1 when one fails.

    Stop the station first: a port can be opened by one program only.
    """
    logging.disable(logging.WARNING)  # each line below says it
    failed = 0
    for name, attempt in _attempts(config_path):
        good, text = attempt()
        failed += not good
        click.echo(f"{'ok  ' if good else 'FAIL'} {name}: {text}")
        if name == "config" and not good:
            break
    ctx.exit(1 if failed else 0)


def _attempts(path: Path) -> Iterator[tuple[str, Callable[[], Outcome]]]:
    try:
        config = load(path)
    except BadConfig as error:
        message = str(error)
        yield "config", lambda: (False, message)
        return
    yield "config", lambda: (True, str(path))
    yield "key", lambda: _key(config)
    yield "papers", lambda: _papers(config)
    clock = Clock(config.clock.trust)
    for part in (*config.scale, *config.analyzer, *config.probe):
        yield part.name, lambda part=part: _port(part, clock)  # type: ignore[misc]
    for printer in config.printer:
        yield printer.name, lambda printer=printer: _printer(printer)  # type: ignore[misc]
    yield "broker", lambda: _broker(config)
    yield "web", lambda: _web(config.web.listen)
    yield "clock", lambda: _clock(clock)
    yield "disk", lambda: _disk(config)


def _key(config: Config) -> Outcome:
    try:
        load_key(config.station.key)
    except BadKey as error:
        return False, str(error)
    if config.station.key.stat().st_mode & 0o077:
        return False, f"{config.station.key} can be read by others; run: chmod 600 {config.station.key}"
    return True, str(config.station.key)


def _papers(config: Config) -> Outcome:
    """Try the templates on the station's own printers."""
    if config.paper.templates is None:
        return True, "the shipped templates"
    try:
        papers = Papers(config.paper.templates, [part.row() for part in config.printer])
    except BadTemplate as error:
        return False, str(error)
    return True, "; ".join([str(config.paper.templates), *papers.warnings])


def _port(part: PortPart, clock: Clock) -> Outcome:
    """Open the port and wait for one frame that can be read."""
    garbage = 0
    try:
        with contextlib.closing(open_port(part.port, part.settings())) as transport:
            session, end = part.session(clock.today), time.monotonic() + LISTEN_SECONDS
            while (now := time.monotonic()) < end:
                events = session.receive(transport.read(0.05), now)
                if session.deadline is not None and now >= session.deadline:
                    events += session.expired(now)
                if out := session.pending():
                    transport.write(out)
                for event in events:
                    if not isinstance(event, Garbage):
                        return True, f"{part.port} {part.settings()}: {event.as_json()}"
                    garbage += 1
                    why = event.why
    except LinkLost as lost:
        return False, str(lost)
    if garbage:
        return False, f"{part.port}: only bytes that cannot be read ({why}); check protocol and link settings"
    return False, f"{part.port}: nothing heard in {LISTEN_SECONDS:.0f} s; check cable, power and the output mode"


def _printer(part: PrinterPart) -> Outcome:
    """Open it and ask how it is. One that never answers is no failure: many cannot."""
    link = PrinterLink(part)
    try:
        end = time.monotonic() + BUSY_SECONDS
        while (state := link.look()) == BUSY and time.monotonic() < end:
            continue
    finally:
        link.close()
    said = [link.why or f"{part.port}: {PRINTER_SAYS[state]}"]
    if link.near_end:
        said.append("the paper is nearly out")
    line = Link.parse(part.link)
    if part.serial and part.row().codes == "raster" and line.baud < QUICK_BAUD:
        seconds = SLIP_BYTES * line.byte_seconds
        said.append(
            f"a slip takes about {seconds:.0f} s at {line.baud} baud: set printer and link to 115200, "
            'or change = { codes = "native" } if the printer draws QR codes'
        )
    return state in (READY, SILENT), "; ".join(said)


def _broker(config: Config) -> Outcome:
    inbox: Inbox = Inbox()
    mqtt = Mqtt(config.city, f"marketedge-check-{config.station.node}-{config.station.terminal}", (), None, inbox)
    mqtt.start()
    try:
        end, why = time.monotonic() + BROKER_SECONDS, "no answer"
        while time.monotonic() < end:
            with contextlib.suppress(Empty):
                message = inbox.get(timeout=0.2)
                if isinstance(message, LinkChanged):
                    if message.up:
                        return True, mqtt.broker
                    why = message.why
        return False, f"{why}; check [city] brokers, and that the uplink works"
    finally:
        mqtt.stop()


def _web(listen: str) -> Outcome:
    host, _, port = listen.rpartition(":")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            return False, f"{listen}: {error}; choose another address in [web] listen, or stop what uses it"
    return True, f"http://{listen}/"


def _clock(clock: Clock) -> Outcome:
    state = clock.state()
    if state == "unsynced":
        return False, f"{clock.now().text} is not synchronised; slips will say so until a time service sets it"
    return True, f"{clock.now().text} {state}"


def _disk(config: Config) -> Outcome:
    folder = config.station.data
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    return free >= LEAST_DISK, f"{folder}: {free // 1_000_000} MB free"
