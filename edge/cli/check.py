"""`marketedge check`: try everything the station needs, a line each."""

import contextlib
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from queue import Empty

import click

from drivers.conversation import Conversation
from drivers.discover import naming
from drivers.transports import LinkLost, open_port
from drivers.transports.adapters import Identity, Stranger, System
from edge.between import words
from edge.between.board import Caution, Showing
from edge.between.fixed_words import clock_word
from edge.between.inbox import CityMessage, Inbox, LinkChanged
from edge.between.needs import disk_state
from edge.between.print_states import TAKES_PAPERS, PrinterState
from edge.between.tongue import said, then
from edge.city.city_word import CityWord
from edge.city.mqtt import Mqtt
from edge.cli.main import config_option
from edge.cli.market import city_commands, market_keys, people
from edge.cli.running import lines as running_lines
from edge.cli.scales import entered_by_page, with_entered
from edge.config.cautions import UNFILLED, cautions
from edge.config.sections import BadConfig, Config, PortSection, PrinterSection, load
from edge.documents import BadTemplate, Documents
from edge.ports.doorkeeper import Doorkeeper
from edge.ports.last_frames import LastFrames
from edge.printing.open_printer import OpenPrinter
from edge.records import mark
from edge.records.clock import UNKNOWN, Clock
from edge.records.database import Database
from edge.records.identity import BadKey, load_city_keys, load_key
from edge.records.ledger import (
    FILE,
    LedgerBroken,
    LedgerUnusable,
    behind,
    body_of,
    damaged,
    fault,
    last_of,
    older,
    past,
    reading,
)
from edge.records.lock import Holder, holder
from edge.records.own_keys import Chains, earlier_of, own_keys
from edge.state.known_devices import recall
from edge.web.binding import CannotListen
from edge.web.server import WebServer
from edge.web.wording import ucum
from protocol.city import envelope
from protocol.city.signed import CityKeys
from protocol.city.state import Reach, encode_state
from protocol.city.topics import Topics
from protocol.ed25519 import PrivateKey
from protocol.link import Link
from protocol.readings import Event, Garbage, Measured, State, TestResult, Weighing

DO_OWN_CERTIFICATE = ("运行 marketedge tls make", "Run `marketedge tls make`")
DO_CITY_CERTIFICATE = (
    "把平台给的证书和密钥放到 [web] cert_file、key_file 写的位置",
    "Put the city's certificate and key where [web] cert_file and key_file say",
)
LISTEN_SECONDS, POLL_SECONDS = 3.0, 0.05
BROKER_SECONDS = 6.0
CITY_SECONDS = 5.0
BUSY_SECONDS = 8.0  # a printer is waited for that has something else to print

SLIP_BYTES = 15_300  # with its QR code as a picture
QUICK_BAUD = 57_600

Outcome = tuple[bool | None, str]
"""True well, None to be looked at, False failed; and the words, which then end with the next step."""
DO_PORTS = ("运行 marketedge ports，写它列出的名称", "Run `marketedge ports` and take a name from it")
MARKS = {True: "ok  ", None: "warn", False: "FAIL"}
QUICK_BYTES = 64_000_000  # a ledger up to this size is looked through whole


@click.command()
@config_option
@click.pass_context
def check(ctx: click.Context, config_path: Path) -> None:
    """Test configuration, key, ledger, ports, printers, broker, clock and disk. Exit code 1 when one fails.

    A running station is asked about its devices and its way to the city, because a port can be opened by one program
    only. What still stands there as in the template fails. Each line that is not `ok` ends with the next step.
    """
    failed = [name for good, name, text in tried(config_path) if not _echoed(good, name, text)]
    ctx.exit(1 if failed else 0)


def _echoed(good: bool | None, name: str, text: str) -> bool:
    """Say it; whether it is no failure."""
    click.echo(f"{MARKS[good]} {name}: {text}")
    return good is not False


def tried(path: Path, held: str = "") -> Iterator[tuple[bool | None, str, str]]:
    """What each try came to, as soon as it is known: how it is, what it is about, and the words.

    ``held`` is the address that this process keeps until the station comes.
    """
    logging.disable(logging.WARNING)  # each line says it
    for name, attempt in _attempts(path, held):
        good, text = attempt()
        yield good, name, text
        if name == "config" and not good:
            return


def _attempts(path: Path, held: str) -> Iterator[tuple[str, Callable[[], Outcome]]]:
    try:
        config = load(path)
    except BadConfig as error:
        message = str(error)
        yield "config", lambda: (False, message)
        return
    yield "config", lambda: (True, str(path))
    yield "key", lambda: _key(config)
    written, config = config, with_entered(config)
    yield "ledger", lambda: _ledger(config)
    yield "papers", lambda: _papers(config)
    yield "city key", lambda: _city_keys(config)
    yield "market keys", lambda: market_keys(config)
    yield "city commands", lambda: city_commands(config)
    yield "people", lambda: people(config)
    for scale in written.scale:
        yield from entered_by_page(scale, config)
    clock, system = _clock_of(config), System.of(os.environ)
    for caution in cautions(config, _today(clock), bool(_known_keys(config))):
        if caution.word != "no_city_key":  # said already
            yield caution.about, lambda caution=caution: _caution(caution)  # type: ignore[misc]
    devices = config.devices
    running = _running(config)
    if running is not None:
        named: tuple[PortSection | PrinterSection, ...] = (*devices, *config.printer)
        for part in named:
            yield from _name(part, system)
        for about, good, line in running_lines(config, running):
            yield about, lambda good=good, line=line: (good, line)  # type: ignore[misc]
        yield "disk", lambda: _disk(config)
        return
    known = recall(config.station.data, devices)
    for device in devices:
        keeper = Doorkeeper(device.port, known.get(device.name, Identity()), system)
        yield from _name(device, system)
        yield device.name, lambda part=device, keeper=keeper: _port(part, clock, keeper, system)  # type: ignore[misc]
    for printer in config.printer:
        yield from _name(printer, system)
        yield printer.name, lambda printer=printer: _printer(printer)  # type: ignore[misc]
    yield "broker", lambda: _broker(config)
    yield "web", lambda: _web(config, held)
    if config.web.tls != "off":
        yield "certificate", lambda: _certificate(config, clock)
    yield "clock", lambda: _clock(clock, config.station.language)
    yield "disk", lambda: _disk(config)


def _key(config: Config) -> Outcome:
    try:
        load_key(config.station.key)
    except BadKey as error:
        return False, str(error)
    return True, str(config.station.key)


def _caution(caution: Caution) -> Outcome:
    bad = caution.severity == "bad" or caution.word == UNFILLED
    return (False if bad else None), said(caution.said("zh"), caution.said("en"))


def _today(clock: Clock) -> date | None:
    return clock.today() if clock.trusted else None


def _known_keys(config: Config) -> CityKeys:
    try:
        return load_city_keys(config.city.keys_file)
    except BadKey:
        return CityKeys()


def _running(config: Config) -> Holder | None:
    """The station that works in this data folder, if any."""
    try:
        return holder(config.station.data)
    except OSError:
        return None


def _ledger(config: Config) -> Outcome:
    """Whether it can be read, is the one that was written last, and its end is signed by this station."""
    folder = config.station.data
    path, before = folder / FILE, mark.read(mark.beside(config.station.key)) or mark.Mark()
    try:
        if not path.exists():
            empty = said(f"{path}：还没有，第一次运行时建立", f"{path}: none yet, the first run makes it")
            return not before.records, older(path, before, 0) if before.records else empty
        with reading(folder) as db:
            if why := behind(db.conn, path, before):
                return False, why
            if path.stat().st_size <= QUICK_BYTES and (found := fault(db.conn)):
                return False, damaged(path, found)
            return _end_of(db, config)
    except (LedgerBroken, LedgerUnusable, BadKey) as error:
        return False, str(error)
    except OSError as error:
        return False, then(
            f"{path}: {error.strerror}",
            "以服务的用户运行；数据盘是否挂上、能否读取？",
            "Run this as the service's user; is the disk mounted, can it be read?",
        )


def _end_of(db: Database, config: Config) -> Outcome:
    """The newest record, by the station's own key."""
    path = config.station.data / FILE
    if not (seq := last_of(db.conn)):
        return True, said(f"{path}：还没有记录", f"{path}: no record yet")
    try:
        key = load_key(config.station.key).public_key()
        Chains(own_keys(db.conn, key, earlier_of(config.station.key))).link(body_of(db.conn, seq))
    except (envelope.BadEvent, LedgerBroken) as error:
        return False, damaged(path, said(f"第 {seq} 条：{error}", f"record {seq}: {error}"))
    return True, said(f"{path}：{seq} 条记录", f"{path}: {seq} records")


def _papers(config: Config) -> Outcome:
    """Try the templates on the station's own printers."""
    if config.paper.templates is None:
        return True, said("随站点提供的模板", "the shipped templates")
    try:
        papers = Documents(config.paper.templates, [part.row() for part in config.printer])
    except BadTemplate as error:
        return False, then(
            str(error),
            "改好这一行，再运行 marketedge papers check；在此之前按标准版式打印",
            "Correct this line and run `marketedge papers check`; until then the standard layout is printed",
        )
    return True, "; ".join([str(config.paper.templates), *papers.warnings])


def _name(part: PortSection | PrinterSection, system: System) -> Iterator[tuple[str, Callable[[], Outcome]]]:
    """Whether the name of a device's port leads to that device only; nothing for what cannot be mixed up."""
    found = naming(part.port, system)
    if found.by:
        told = f"{part.port}: {found}"
        if found.by == "unsafe" and not found.write:
            told = then(told, *DO_PORTS)
        yield f"{part.name} name", lambda: (found.by != "unsafe", told)


def _port(part: PortSection, clock: Clock, keeper: Doorkeeper, system: System) -> Outcome:
    """Open the port, unless another device than the station knows is there, and wait for one frame that can be read."""
    frames, whys = LastFrames.of(part.device()), []
    try:
        with contextlib.closing(open_port(part.port, part.settings(), keeper.admit, system)) as transport:
            talk = Conversation(transport, part.session(clock.day_to_ask), time.monotonic, frames.note)
            end = time.monotonic() + LISTEN_SECONDS
            while time.monotonic() < end:
                for event in talk.turn(POLL_SECONDS).events:
                    frames.complete()
                    if not isinstance(event, Garbage):
                        return True, f"{part.port} {part.settings()}: {heard(event)}"
                    whys.append(event.why)
    except LinkLost as lost:
        return False, _with_frames(_lost(lost, part), frames)
    if whys:
        text = then(
            said(f"{part.port}：收到的字节读不懂（{whys[-1]}）", f"{part.port}: only unreadable bytes ({whys[-1]})"),
            f"协议或波特率不符：运行 marketedge identify {part.port}",
            f"Protocol or link settings do not fit: run `marketedge identify {part.port}`",
        )
    else:
        text = then(
            said(
                f"{part.port}：{LISTEN_SECONDS:.0f} 秒内没有数据",
                f"{part.port}: no frame within {LISTEN_SECONDS:.0f} s",
            ),
            f"检查电源、数据线和设备的输出方式；仍没有就运行 marketedge identify {part.port}",
            f"Check power, cable and the device's output mode; if nothing comes, run `marketedge identify {part.port}`",
        )
    return False, _with_frames(text, frames)


def _lost(lost: LinkLost, part: PortSection) -> str:
    """Why its port cannot be used, with the next step."""
    if isinstance(lost, Stranger):
        return str(lost)  # ends with it
    if "another program" in str(lost):
        taken = f"fuser -v {part.port}"
        return then(
            str(lost), f"关掉占用它的程序（{taken} 会列出）", f"Close the program that uses it ({taken} names it)"
        )
    return then(str(lost), *words.by_key()[f"do_{part.kind}"])


def _with_frames(text: str, frames: LastFrames) -> str:
    """And below it what passed last."""
    return "\n".join([text, *(f"     {line}" for line in frames.lines(time.monotonic()))])


def heard(event: Event) -> str:
    """What a device said, in a person's words."""
    match event:
        case Weighing(value, unit, state=state) if value is None or state is not State.OK:
            return said(f"秤已应答（{state.value}），没有重量", f"the scale answers ({state.value}), without a weight")
        case Weighing(value, unit, stable=stable):
            still = {True: said(*words.by_key()["stable"]), False: said(*words.by_key()["moving"]), None: ""}[stable]
            return " ".join(word for word in (str(value), unit or "", still) if word)
        case Measured(what, value, unit):
            return f"{said(*words.section('measured').get(what, (what, what)))} {value} {ucum(unit)}"
        case TestResult(sample, _, item, value, unit):
            sample = said(f"样品 {sample}", f"sample {sample}") if sample else ""
            return " ".join(word for word in (sample, item, str(value or ""), unit or "") if word)
    return said("设备已应答", "the device answers")


def _printer(part: PrinterSection) -> Outcome:
    """Open it and ask how it is. One that never answers is no failure: many cannot."""
    if part.fetched:
        return True, said(*words.text("printer", PrinterState.FETCHES))
    link = OpenPrinter(part)
    try:
        end = time.monotonic() + BUSY_SECONDS
        while (state := link.look()) is PrinterState.BUSY and time.monotonic() < end:
            continue
    finally:
        link.close()
    how = words.text("printer" if state in TAKES_PAPERS else "print_why", state)
    parts = [then(link.why, *how) if link.why else f"{part.port}: {said(*how)}"]
    if link.near_end:
        parts.append(said(*words.by_key()["near_end"]))
    line = Link.parse(part.link)
    if part.serial and part.row().codes == "raster" and line.baud < QUICK_BAUD:
        seconds = SLIP_BYTES * line.byte_seconds
        parts.append(
            said(
                f"{line.baud} 波特时一张小票约 {seconds:.0f} 秒：把打印机和 link 设为 115200，"
                '或在打印机能画二维码时写 change = { codes = "native" }',
                f"a slip takes about {seconds:.0f} s at {line.baud} baud: set printer and link to 115200, "
                'or change = { codes = "native" } if the printer draws QR codes',
            )
        )
    return state in TAKES_PAPERS, "; ".join(parts)


def _broker(config: Config) -> Outcome:
    """Connect; where the city confirms, say who we are and wait for its word."""
    inbox: Inbox = Inbox()
    station = config.station
    topics = Topics(station.region, station.node, station.terminal)
    name = f"marketedge-check-{station.node}-{station.terminal}"
    mqtt = Mqtt(config.city, name, topics.listen, None, inbox)
    mqtt.start()
    try:
        end, last = time.monotonic() + BROKER_SECONDS, LinkChanged(False, "no answer", "mute")
        closed: set[str] = set()
        while time.monotonic() < end:
            with contextlib.suppress(Empty):
                message = inbox.get(timeout=0.2)
                if isinstance(message, LinkChanged):
                    if message.up:
                        return _city_word(config, mqtt, inbox, topics, message)
                    last = message
                    if message.cause == "closed_port":
                        closed.add(message.why)
            if len(closed) >= len(config.city.brokers):
                break  # nobody listens at any of them: waiting tells no more
        return False, _told(last)
    finally:
        mqtt.stop()


def _told(link: LinkChanged) -> str:
    """Why there is no way, with the next step."""
    what, step = words.text("link", link.cause), words.text("link_do", link.cause)
    return then(f"{said(*what)} ({link.why})", *step)


def _city_word(config: Config, mqtt: Mqtt, inbox: Inbox, topics: Topics, link: LinkChanged) -> Outcome:
    if link.cause:
        return False, _told(link)
    if config.city.confirm == "broker":
        return True, said(
            f'{mqtt.broker}；confirm = "broker" 时无法测试平台是否接收记录',
            f'{mqtt.broker}; whether the city accepts records cannot be tested with confirm = "broker"',
        )
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
            if (
                isinstance(message, CityMessage)
                and message.topic == topics.ack
                and word.read(message.payload, message.retained)
            ):
                return True, said(f"{mqtt.broker}；平台有回执", f"{mqtt.broker}; the city answers")
            if isinstance(message, LinkChanged):
                return False, _told(message)
    cause = "no_city_key" if not keys and config.city.confirm == "city" else "unproven" if word.odd else "silent"
    return False, _told(LinkChanged(True, _counted(word.odd) or mqtt.broker, cause))


def _counted(odd: Mapping[str, int]) -> str:
    return ", ".join(f"{said(*words.text('odd', word)).lower()}: {count}" for word, count in odd.items())


def _birth(config: Config, key: PrivateKey, clock: Clock) -> bytes:
    """The station's word about itself, as ``run`` says it; with the true end of the ledger, when there is one."""
    reach = Reach()
    with contextlib.suppress(FileNotFoundError, LedgerUnusable), reading(config.station.data) as db:
        if last := last_of(db.conn):
            reach = Reach(last, envelope.hash_of(body_of(db.conn, last)))
    name = f"{config.station.node}-{config.station.terminal}"
    return encode_state(
        "online",
        name,
        key,
        time=clock.now().text,
        bootid=clock.boot_id,
        reach=reach,
        software="marketedge check",
    )


def _city_keys(config: Config) -> Outcome:
    try:
        keys = load_city_keys(config.city.keys_file)
    except BadKey as error:
        return False, then(
            str(error),
            "改好这一行：每行一个公钥，64 位十六进制，向平台方索取",
            "Correct this line: one public key a line, 64 hex digits, as the platform's people gave it",
        )
    if not keys and config.city.confirm == "city":
        return False, f"{config.city.keys_file}: {said(*words.text('link_do', 'no_city_key'))}"
    return True, ", ".join(sorted(keys.by_kid)) or said("没有", "none")


def _web(config: Config, held: str) -> Outcome:
    """Whether the address is free, or will be."""
    if config.web.listen != held:
        server = WebServer(config.web.listen, Showing(), Inbox())
        try:
            server.bind()
        except CannotListen as error:
            return False, str(error)
        finally:
            server.stop()
    return True, f"{'http' if config.web.tls == 'off' else 'https'}://{config.web.listen}/"


def _certificate(config: Config, clock: Clock) -> Outcome:
    """Whether it can be used, for which names, and for how long; nothing is renewed here."""
    from edge.config.certificate import served_of
    from edge.records.certificates import SOON, BadCertificate, context_of, read

    served = served_of(config)
    try:
        context_of(served)
        one = read(served.certificate)
    except BadCertificate as error:
        return False, then(str(error), *(DO_CITY_CERTIFICATE if config.web.tls == "files" else DO_OWN_CERTIFICATE))
    names, ends = ", ".join(one.names), one.ends.date()
    issued = said(f"{one.issuer} 签发，{ends} 到期", f"by {one.issuer}, until {ends}")
    if not clock.trusted:
        return None, said(
            f"{names}；{issued}；时钟未校准。先校时，再运行 marketedge check",
            f"{names}; {issued}; the clock is not set. Set it, then run `marketedge check` again",
        )
    left = one.days_left(clock.today())
    if left >= SOON:
        return True, said(f"{names}；{issued}，还有 {left} 天", f"{names}; {issued}, {left} days left")
    state = "expired" if left < 0 else "soon"
    what, step = words.text("encryption", state), words.text("encryption_do", state)
    return left >= 0 and None, then(f"{said(*what)} ({names}; {issued})", *step)


def _clock_of(config: Config) -> Clock:
    """The clock as the station would have it, from its ledger on."""
    try:
        with reading(config.station.data) as db:
            before = past(db.conn)
    except (OSError, LedgerUnusable):
        before = UNKNOWN
    return Clock(config.clock.trust, before, config.certificates())


def _clock(clock: Clock, language: str) -> Outcome:
    """Whether the station would believe the time; the reason is in the station's language."""
    step = clock.look()
    if step is not None:
        clock.take(step)
    state = clock.state()
    if state != "unsynced" and not clock.asks:
        by = words.text("clock_source", clock.source).said(language)
        return True, f"{clock.now().text} {words.text('clock', state).said(language)} ({by})"
    why = words.text("clock_why", clock.why or "unsynced").said(language)
    asked = f" ({clock.asks.replace('T', ' ')})" if clock.asks else ""
    is_it = words.text("clock", clock_word(state, clock.source)).said(language)
    return False, f"{clock.now().text} {is_it}{asked}: {why}"


def _disk(config: Config) -> Outcome:
    folder = config.station.data
    there = next(path for path in (folder, *folder.parents) if path.is_dir())
    disk = shutil.disk_usage(there)
    state = disk_state(disk.free, disk.total)
    free, total = disk.free // 1_000_000, disk.total // 1_000_000
    told = said(f"{folder}：剩余 {free} MB，共 {total} MB", f"{folder}: {free} MB free of {total} MB")
    if state == "enough":
        return True, told
    return False, then(told, "换大一些的存储卡，或清理", "Get a larger card, or make room")
