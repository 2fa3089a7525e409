"""`marketedge check`: try everything the station needs, a line each."""

import contextlib
import logging
import os
import shutil
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from queue import Empty

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from drivers.discover import naming
from drivers.transports import LinkLost, open_port
from drivers.transports.adapters import Identity, System
from edge import link_causes
from edge.city_word import CityWord
from edge.cli import config_option
from edge.clock import UNKNOWN, WORDS, Clock
from edge.config import BadConfig, Config, PortPart, PrinterPart, load
from edge.documents import BadTemplate, Papers
from edge.doorkeeper import Doorkeeper
from edge.identity import BadKey, load_city_keys, load_key
from edge.inbox import CityMessage, Inbox, LinkChanged
from edge.known_devices import recall
from edge.ledger import open_reader, past
from edge.mqtt import Mqtt
from edge.papers import BUSY, READY, SILENT
from edge.printer_link import PrinterLink
from protocol.city.state import encode_state
from protocol.city.topics import Topics
from protocol.link import Link
from protocol.readings import Garbage

LISTEN_SECONDS = 3.0
BROKER_SECONDS = 6.0
CITY_SECONDS = 5.0
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
    yield "city key", lambda: _city_keys(config)
    for warning in config.city.warnings():
        yield "warning", lambda warning=warning: (True, warning)  # type: ignore[misc]
    clock, system = _clock_of(config), System.of(os.environ)
    devices = (*config.scale, *config.analyzer, *config.probe)
    known = recall(config.station.data, devices)
    for part in devices:
        keeper = Doorkeeper(part.port, known.get(part.name, Identity()), system)
        yield from _name(part, system)
        yield part.name, lambda part=part, keeper=keeper: _port(part, clock, keeper, system)  # type: ignore[misc]
    for printer in config.printer:
        yield from _name(printer, system)
        yield printer.name, lambda printer=printer: _printer(printer)  # type: ignore[misc]
    yield "broker", lambda: _broker(config)
    yield "web", lambda: _web(config.web.listen)
    yield "clock", lambda: _clock(clock, config.station.language)
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


def _name(part: PortPart | PrinterPart, system: System) -> Iterator[tuple[str, Callable[[], Outcome]]]:
    """Whether the name of a device's port leads to that device only; nothing for what cannot be mixed up."""
    said = naming(part.port, system)
    if said.by:
        yield f"{part.name} name", lambda: (said.by != "unsafe", f"{part.port}: {said}")


def _port(part: PortPart, clock: Clock, keeper: Doorkeeper, system: System) -> Outcome:
    """Open the port, unless another device than the station knows is there, and wait for one frame that can be read."""
    garbage = 0
    try:
        with contextlib.closing(open_port(part.port, part.settings(), keeper.admit, system)) as transport:
            session, end = part.session(clock.day_to_ask), time.monotonic() + LISTEN_SECONDS
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
    """Connect; where the city confirms, say who we are and wait for its word."""
    inbox: Inbox = Inbox()
    station = config.station
    topics = Topics(station.region, station.node, station.terminal)
    name = f"marketedge-check-{station.node}-{station.terminal}"
    mqtt = Mqtt(config.city, name, (topics.ack,), None, inbox)
    mqtt.start()
    try:
        end, last = time.monotonic() + BROKER_SECONDS, LinkChanged(False, "no answer", "mute")
        while time.monotonic() < end:
            with contextlib.suppress(Empty):
                message = inbox.get(timeout=0.2)
                if isinstance(message, LinkChanged):
                    if message.up:
                        return _city_word(config, mqtt, inbox, topics, message)
                    last = message
        return False, _told(last)
    finally:
        mqtt.stop()


def _told(link: LinkChanged) -> str:
    """Why there is no way, with the next step."""
    cause = link_causes.CAUSES[link.cause]
    return f"{cause.en} ({link.why}). {cause.do_en}"


def _city_word(config: Config, mqtt: Mqtt, inbox: Inbox, topics: Topics, link: LinkChanged) -> Outcome:
    if link.cause:
        return False, _told(link)
    if config.city.confirm == "broker":
        return True, f'{mqtt.broker}; that the city takes records cannot be tried with confirm = "broker"'
    try:
        keys, key = load_city_keys(config.city.keys_file), load_key(config.station.key)
    except BadKey as error:
        return False, str(error)
    clock = Clock(config.clock.trust)
    word = CityWord(config.city, topics.station, keys, clock)
    mqtt.announce(topics.state, _birth(config, key, clock), retain=False)  # the station itself is not up
    end = time.monotonic() + CITY_SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(Empty):
            message = inbox.get(timeout=0.2)
            if isinstance(message, CityMessage) and word.read(message.payload, message.retained):
                return True, f"{mqtt.broker}; the city answers"
            if isinstance(message, LinkChanged):
                return False, _told(message)
    cause = "no_city_key" if not keys and config.city.confirm == "city" else "unproven" if word.odd else "silent"
    return False, _told(LinkChanged(True, _counted(word.odd) or mqtt.broker, cause))


def _counted(odd: Mapping[str, int]) -> str:
    return ", ".join(f"{link_causes.ODDITIES[word][1].lower()}: {count}" for word, count in odd.items())


def _birth(config: Config, key: Ed25519PrivateKey, clock: Clock) -> bytes:
    """The station's word about itself, as ``run`` says it; with the true end of the ledger, when there is one."""
    last = 0
    with contextlib.suppress(FileNotFoundError):
        last = open_reader(config.station.data).execute("SELECT max(seq) FROM events").fetchone()[0] or 0
    name = f"{config.station.node}-{config.station.terminal}"
    return encode_state(
        "online", name, key, time=clock.now().text, bootid=clock.boot_id, last=last, software="marketedge check"
    )


def _city_keys(config: Config) -> Outcome:
    try:
        keys = load_city_keys(config.city.keys_file)
    except BadKey as error:
        return False, str(error)
    if not keys and config.city.confirm == "city":
        return False, f"{config.city.keys_file}: {link_causes.CAUSES['no_city_key'].do_en}"
    return True, ", ".join(sorted(keys.by_kid)) or "none"


def _web(listen: str) -> Outcome:
    host, _, port = listen.rpartition(":")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            return False, f"{listen}: {error}; choose another address in [web] listen, or stop what uses it"
    return True, f"http://{listen}/"


def _clock_of(config: Config) -> Clock:
    """The clock as the station would have it, from its ledger on."""
    try:
        db = open_reader(config.station.data)
        with contextlib.closing(db.conn):
            before = past(db.conn)
    except (OSError, sqlite3.Error):
        before = UNKNOWN
    return Clock(config.clock.trust, before, config.certificates())


def _clock(clock: Clock, language: str) -> Outcome:
    """Whether the station would believe the time; the reason is in the station's language."""
    step = clock.look()
    if step is not None:
        clock.take(step)
    state = clock.state()
    if state != "unsynced" and not clock.asks:
        return True, f"{clock.now().text} {state}"
    why = WORDS[clock.why or "unsynced"][language == "en"]
    asked = f" ({clock.asks.replace('T', ' ')})" if clock.asks else ""
    return False, f"{clock.now().text} is not synchronised{asked}: {why}"


def _disk(config: Config) -> Outcome:
    folder = config.station.data
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    return free >= LEAST_DISK, f"{folder}: {free // 1_000_000} MB free"
