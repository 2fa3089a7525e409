"""`marketedge run`: put the parts together, start their threads, and take them down in order."""

import logging
import os
import secrets
import signal
import sys
import threading
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import sdnotify

from drivers.glyphs import FontGlyphs
from drivers.transports import open_port
from drivers.transports.adapters import System
from edge.between.board import Board, Showing
from edge.between.inbox import Inbox, Stop, Stumbled
from edge.city.mqtt import Mqtt
from edge.config import at_start
from edge.config.cautions import cautions
from edge.config.sections import Config, PortSection
from edge.core import Core
from edge.documents import Documents
from edge.ports.doorkeeper import Doorkeeper
from edge.ports.last_frames import LastFrames
from edge.ports.port import Port
from edge.ports.silence import Nature
from edge.printing.archive import Archive
from edge.printing.typesetting import Typesetter
from edge.printing.worker import Printer
from edge.records import lock, mark, private
from edge.records.clock import Clock
from edge.records.identity import load_city_keys, load_key
from edge.records.ledger import Ledger, Signer, past
from edge.state.known_devices import remembered
from edge.web.server import WebServer
from protocol.city.state import encode_state
from protocol.city.token import kid_of
from protocol.city.topics import Topics

JOIN_SECONDS = 3.0
SWITCH_SECONDS = 0.0005
TOKEN = "MARKETEDGE_TOKEN"  # given by whoever starts the station, and shown by /health: it is his own that answers
log = logging.getLogger("service")


def software() -> str:
    return f"marketedge {version('marketedge')}"


def run(config: Config, path: Path, allowed_by: str = "") -> None:
    """Serve until SIGTERM or SIGINT. ``path`` is the configuration's; ``allowed_by`` as in ``Ledger``.

    A terminal that is closed (SIGHUP) ends nothing.

    Raises BadKey, BadTemplate, NoFont, DataInUse, LedgerUnusable and CannotListen before anything is started; later
    only LedgerBroken.
    """
    for made_private in private.tighten(own_files(config, path)):
        log.info("%s could be read by others: now by this user alone", made_private)
    key = load_key(config.station.key)
    city_keys = load_city_keys(config.city.keys_file)
    station = config.station
    signer = Signer(key, station.host, station.node, station.terminal)
    inbox: Inbox = Inbox()
    showing = Showing(
        Board(
            station=station.name,
            seller=config.seller.name,
            stall=config.seller.stall,
            language=station.language,
            jobs=station.jobs,
        )
    )
    ledger = Ledger(station.data, signer, mark.beside(station.key), allowed_by)
    clock = Clock(config.clock.trust, past(ledger.conn), config.certificates())
    topics = Topics(station.region, station.node, station.terminal)

    def say(state: Literal["online", "offline"], last: int) -> bytes:
        return encode_state(
            state,
            f"{station.node}-{station.terminal}",
            key,
            time=clock.now().text,
            bootid=clock.boot_id,
            last=last,
            software=software(),
        )

    mqtt = Mqtt(
        config.city,
        f"marketedge-{station.node}-{station.terminal}",
        (topics.ack,),
        (topics.state, say("offline", ledger.head.seq)),
        inbox,
    )
    devices = (*config.scale, *config.analyzer, *config.probe)
    known, system = remembered(ledger.conn, devices), System.of(os.environ)

    def port(part: PortSection) -> Port:
        keeper = Doorkeeper(part.port, known.get(part.name), system)
        return Port(
            part.name,
            inbox,
            partial(open_port, part.port, part.settings(), keeper.admit, system),
            partial(part.session, clock.day_to_ask),
            Nature.of(part.device(), part.settings()),
            keeper,
            LastFrames.of(part.device()),
        )

    ports = {part.name: port(part) for part in devices}
    typesetter = Typesetter(config, Documents(config.paper.templates, [part.row() for part in config.printer]))
    for part in config.printer:
        if part.row().encoding == "raster":
            FontGlyphs()  # says at once when there is no font to draw with
    printers = {part.name: Printer(part, typesetter, inbox) for part in config.printer}
    archive = Archive(station.data, typesetter)
    token = os.environ.get(TOKEN) or secrets.token_hex(8)
    web = WebServer(
        config.web.listen, showing, inbox, config.web.allow, release=software(), archive=archive, token=token
    )
    # Drawing a QR code holds the interpreter for milliseconds; paho's thread must not wait for that.
    sys.setswitchinterval(SWITCH_SECONDS)
    notify = sdnotify.SystemdNotifier().notify
    online = partial(say, "online")
    core = Core(config, ledger, clock, inbox, showing, ports, printers, mqtt, online, city_keys, notify)

    threading.excepthook = partial(_stranded, inbox)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: inbox.put(Stop()))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    web.start()
    ledger.lock.note(web.url)
    log.info("%s station=%s-%s pages=%s", software(), station.node, station.terminal, web.url)
    for line in at_start.lines(config, path, ledger.path, kid_of(key.public_key()).hex(), city_keys.by_kid):
        log.info("%s", line)
    today = clock.today() if clock.now().trusted else None
    for caution in cautions(config, today, bool(city_keys)):
        log.warning("%s: %s", caution.about, caution.said("en"))
    for thread in (*ports.values(), *printers.values(), mqtt):
        thread.start()
    try:
        core.run()
    finally:
        stops = [port.stop for port in ports.values()] + [printer.stop for printer in printers.values()]
        for stop in (*stops, mqtt.stop):
            stop()
        web.stop()
        for thread in (*ports.values(), *printers.values(), mqtt):
            thread.join(JOIN_SECONDS)
        ledger.close()
        log.info("stopped")


def own_files(config: Config, path: Path) -> tuple[Path, ...]:
    """What the station wrote itself, or reads alone."""
    key, data = config.station.key, config.station.data
    beside = (key, key.with_suffix(".pub"), mark.beside(key), config.city.keys_file, path)
    return (*beside, data, *sorted(data.glob("ledger.db*")), data / lock.FILE)


def _stranded(inbox: Inbox, failure: Any) -> None:
    """A thread ended although each has a fence of its own: the others go on, and people are told."""
    name = failure.thread.name if failure.thread else "thread"
    log.critical("%s has ended; restart the station when nobody waits", name)
    if isinstance(failure.exc_value, Exception):
        inbox.put(Stumbled(f"{name} has ended", "program", failure.exc_value))
