"""`marketedge run`: put the parts together, start their threads, and take them down in order."""

import logging
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from datetime import date
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from drivers.glyphs import FontGlyphs
from drivers.transports import open_port
from drivers.transports.adapters import System
from edge.between import logs
from edge.between.board import Board, Showing
from edge.between.heap import one_heap
from edge.between.inbox import CertificateSeen, Inbox, Stop, Stumbled
from edge.between.pins import new_word
from edge.between.supervisor import notifier
from edge.between.tongue import said
from edge.city import first_commands
from edge.city.mqtt import Mqtt
from edge.config import at_start
from edge.config.cautions import cautions
from edge.config.screens import ScreensSection
from edge.config.sections import Config, PortSection, grams
from edge.core import Core
from edge.documents import Documents
from edge.ports.doorkeeper import Doorkeeper
from edge.ports.last_frames import LastFrames
from edge.ports.port import Port
from edge.ports.silence import Nature
from edge.printing.archive import Archive
from edge.printing.handheld import HandheldPrinter
from edge.printing.typesetting import Typesetter
from edge.printing.worker import Printer
from edge.records import lock, mark, private
from edge.records.clock import Clock
from edge.records.identity import load_city_keys
from edge.records.ledger import Ledger, Signer, past
from edge.records.obeyed import Obeyed
from edge.records.own_keys import NEXT, earlier_keys, opened
from edge.records.shelf import Shelf
from edge.state.known_devices import remembered
from edge.state.operators import anybody
from edge.state.scale_register import as_entered
from edge.state.siblings import listen
from edge.web.addresses import is_loopback
from edge.web.binding import CannotListen
from edge.web.look import CanteenLook, Look, Screens, Seat, Stall
from edge.web.server import WebServer
from protocol.city.codes import kept_codes
from protocol.city.state import Reach, encode_state
from protocol.city.token import kid_of
from protocol.city.topics import Topics
from protocol.labels import Pattern

if TYPE_CHECKING:
    from edge.records.tls import Tls

JOIN_SECONDS = 3.0
SWITCH_SECONDS = 0.0005
TOKEN = "MARKETEDGE_TOKEN"  # given by whoever starts the station, and shown by /health: it is his own that answers
log = logging.getLogger("service")


LARGEST_PICTURE = 200_000


def software() -> str:
    return f"marketedge {version('marketedge')}"


def run(config: Config, path: Path, allowed_by: str = "", bound: socket.socket | None = None) -> None:
    """Serve until SIGTERM or SIGINT. ``path`` is the configuration's; ``allowed_by`` as in ``Ledger``; ``bound`` is the
    pages' address, where it was taken before.

    A terminal that is closed (SIGHUP) ends nothing.

    Raises BadKey, BadCertificate, BadTemplate, NoFont, DataInUse, LedgerUnusable and CannotListen before anything is
    started; later only LedgerBroken.
    """
    one_heap()
    recent = logs.keep_recent()
    for made_private in private.tighten(own_files(config, path)):
        log.info("%s could be read by others: now by this user alone", made_private)
    key = opened(config.station.key, config.station.data)
    city_keys = load_city_keys(config.city.keys_file)
    station = config.station
    earlier = earlier_keys(station.key, key.public_key())
    signer = Signer(key, station.host, station.node, station.terminal, earlier)
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
    _not_for_strangers(config, path, anybody(ledger.conn))
    clock = Clock(config.clock.trust, past(ledger.conn), as_entered(config, ledger.conn).certificates())
    topics = Topics(station.region, station.node, station.terminal)

    def say(state: Literal["online", "offline"], reach: Reach) -> bytes:
        return encode_state(
            state,
            f"{station.node}-{station.terminal}",
            key,
            time=clock.now().text,
            bootid=clock.boot_id,
            reach=reach,
            software=software(),
        )

    mqtt = Mqtt(
        config.city,
        f"marketedge-{station.node}-{station.terminal}",
        topics.listen,
        (topics.state, say("offline", Reach(ledger.head.seq, ledger.head.prevhash))),
        inbox,
        listen(topics) if config.market.siblings else (),
    )
    devices = config.devices
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
    printers: dict[str, Printer | HandheldPrinter] = {
        part.name: HandheldPrinter(part, inbox) if part.fetched else Printer(part, typesetter, inbox)
        for part in config.printer
    }
    archive = Archive(station.data, typesetter)
    token = os.environ.get(TOKEN) or secrets.token_hex(8)
    console = new_word()
    web = WebServer(
        config.web.listen,
        showing,
        inbox,
        config.web.allow,
        _tls(config, clock, inbox),
        bound,
        frames=config.web.frames,
        release=software(),
        archive=archive,
        shelf=Shelf(station.data, key.public_key(), earlier),
        token=token,
        console=console,
        support=partial(_support, path.resolve(), config, recent, ports),
        look=Look(
            config.web.theme,
            config.web.day,
            {code: grams(mass) for code, mass in config.stall.containers.items()},
            _stall(config),
            screens=_screens(config.screens),
            seats={one.name: Seat(one.scale, one.printer, one.stall, one.seller, one.people) for one in config.seat},
            canteen=CanteenLook(
                functions=config.canteen.functions,
                automatic=config.canteen.automatic,
                sample_g=grams(config.canteen.sample),
                kept=kept_codes(f"{config.station.node}{config.station.terminal}"),
            ),
        ),
    )
    # Drawing a QR code holds the interpreter for milliseconds; paho's thread must not wait for that.
    sys.setswitchinterval(SWITCH_SECONDS)
    notify = notifier()
    online = partial(say, "online")
    core = Core(config, ledger, clock, inbox, showing, ports, printers, mqtt, online, city_keys, notify)

    threading.excepthook = partial(_stranded, inbox)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: inbox.put(Stop()))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    threads = (*ports.values(), *printers.values(), mqtt)
    try:
        web.start()
        ledger.lock.note(web.url, console)
        log.info("%s station=%s-%s pages=%s", software(), station.node, station.terminal, web.url)
        for line in at_start.lines(config, path, ledger.path, kid_of(key.public_key()).hex(), city_keys.by_kid):
            log.info("%s", line)
        today = clock.today() if clock.trusted else None
        for caution in cautions(config, today, bool(city_keys)):
            log.warning("%s: %s", caution.about, caution.said("en"))
        for message in list(first_commands.waiting(path.resolve().parent, topics, Obeyed(ledger.conn))):
            inbox.put(message)
        for thread in threads:
            thread.start()
        core.run()
    finally:  # also of what a start came no further with: a thread that is left keeps the process
        notify("STOPPING=1")
        for thread in threads:
            thread.stop()
        web.stop()
        for thread in threads:
            if thread.is_alive():
                thread.join(JOIN_SECONDS)
        ledger.close()
        log.info("stopped")


def _not_for_strangers(config: Config, path: Path, anybody: bool) -> None:
    """Raises CannotListen: pages for a whole network, where nobody has a name, sell for whoever finds them."""
    listen = config.web.listen
    if anybody or config.web.insecure or is_loopback(listen.rpartition(":")[0].strip("[]")):
        return
    raise CannotListen(
        said(
            f"[web] listen = {listen}：还没有人员，网络里任何人都能卖货。先添加一位："
            f"marketedge operators add 1 姓名 --role supervisor -c {path}；或只在本机使用，写 127.0.0.1:8080；"
            "执意不设密码，写 [web] insecure = true",
            f"[web] listen = {listen}: nobody has a name here, so whoever is in the network could sell. Add one: "
            f"marketedge operators add 1 NAME --role supervisor -c {path}; or write 127.0.0.1:8080 for this box alone; "
            "or, to do without PINs, [web] insecure = true",
        )
    )


def _support(
    path: Path, config: Config, recent: logs.Recent, ports: Mapping[str, Port], texts: Mapping[str, str]
) -> Iterator[bytes]:
    """The bundle with what the board knows; its modules are loaded when somebody asks for it."""
    from edge.care.bundle import Bundle, Part

    about = {
        "health.json": ("站点自检结果", "what the station says of its health"),
        "metrics.txt": ("监控指标", "metrics for Prometheus"),
        "devices.json": ("设备、平台连接、时钟", "devices, the way to the city, the clock"),
    }
    frames = {name: port.last_frames for name, port in ports.items()}
    bundle = Bundle(path, config, release=software(), log=recent.lines, frames=frames)
    return bundle.stream([Part(name, *about[name], partial(str, text)) for name, text in texts.items()])


def _stall(config: Config) -> Stall:
    """What the page of the stall is told of the settings."""
    part = config.stall
    patterns = [Pattern.parse(one.pattern) for one in config.barcode]
    return Stall(
        rounding=part.rounding,
        before_slip=part.payment == "before_slip",
        payments=part.payments,
        print=part.print,
        lot=part.lot,
        keep=part.keep_product,
        labels=tuple((one.prefix, len(one.letters)) for one in patterns if one.letters),
        gs1=any(not one.letters for one in patterns),
    )


def _tls(config: Config, clock: Clock, inbox: Inbox) -> "Tls | None":
    """What the pages are encrypted with; its modules are loaded where they are. Raises BadCertificate."""
    if config.web.tls == "off":
        return None
    from edge.config.certificate import served_of
    from edge.records.tls import Tls

    def day() -> tuple[date, bool]:
        return clock.today(), clock.state() != "unsynced"

    return Tls(served_of(config), day, lambda view: inbox.put(CertificateSeen(view)))


def _screens(part: ScreensSection) -> Screens:
    """With the picture of the pay code, made or read once. A picture that cannot be had is told, and missed."""
    pay = None
    try:
        if part.pay_file is not None:
            kind = "image/png" if part.pay_file.suffix.lower() == ".png" else "image/jpeg"
            pay = _picture(part.pay_file), kind
        elif part.pay_text:
            from edge.web.api_codes import svg  # with the frameworks, which a start does not wait for

            pay = svg(part.pay_text).encode(), "image/svg+xml"
    except (OSError, ValueError) as error:
        log.warning("[screens] the pay code is not shown: %s", error)
    return Screens(frozenset(part.open), pay, part.pay_words, part.held, part.page_seconds)


def _picture(path: Path) -> bytes:
    if path.stat().st_size > LARGEST_PICTURE:
        raise ValueError(f"{path} has more than {LARGEST_PICTURE // 1000} kB: make it smaller")
    return path.read_bytes()


def own_files(config: Config, path: Path) -> tuple[Path, ...]:
    """What the station wrote itself, or reads alone."""
    key, data = config.station.key, config.station.data
    beside = (
        key,
        key.with_name(f"{key.name}{NEXT}"),
        key.with_suffix(".keys"),
        key.with_suffix(".pub"),
        mark.beside(key),
        config.city.keys_file,
        path,
    )
    secret = sorted((key.parent / "tls").glob("*.pem"))
    return (*beside, data, *sorted(data.glob("ledger.db*")), data / lock.FILE, *secret)


def _stranded(inbox: Inbox, failure: Any) -> None:
    """A thread ended although each has a fence of its own: the others go on, and people are told."""
    name = failure.thread.name if failure.thread else "thread"
    log.critical("%s has ended; restart the station when nobody waits", name)
    if isinstance(failure.exc_value, Exception):
        inbox.put(Stumbled(f"{name} has ended", "program", failure.exc_value))
