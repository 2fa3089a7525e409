"""The core thread: owns all state, the only writer of the ledger.

It drains its whole inbox, does the work, commits once, then lets the effects go: print, publish, answer the page.  So
no effect runs ahead of the disk, and many records share one fsync when many come at once.
"""

import contextlib
import logging
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from queue import Empty
from typing import Any

import sdnotify
from pydantic import ValidationError

from edge import link_causes
from edge.board import AnalyzerView, PrinterView, ProbeView, Showing
from edge.cautions import cautions
from edge.clock import Clock, Step
from edge.config import Config
from edge.inbox import (
    AskScale,
    BrokerAnswer,
    CityMessage,
    ConfirmDate,
    ConfirmPaper,
    ConfirmPort,
    DismissResult,
    Inbox,
    LinkChanged,
    MatchResult,
    Message,
    PlanChannel,
    PortChanged,
    PortFound,
    PortGarbage,
    PrintAgain,
    Printed,
    PrinterChanged,
    PrintPaper,
    Refused,
    RegisterEntry,
    Reprint,
    Request,
    Sell,
    Sensed,
    SetPrice,
    Stop,
    Tested,
    Weighed,
    WholePlantDone,
)
from edge.jobs import clock as time_jobs
from edge.jobs import gate, papers, results, stall
from edge.known_devices import KnownDevices
from edge.ledger import Ledger, LedgerFull
from edge.mqtt import Mqtt
from edge.paper_queue import PaperQueue
from edge.papers import READY, SILENT, UNKNOWN
from edge.ports import Committed, NotCommitted, Port
from edge.printing import Printer
from edge.publisher import Publisher
from edge.station import Station
from protocol.city.envelope import TooLarge
from protocol.city.signed import CityKeys
from protocol.city.topics import Topics
from protocol.readings import Measured
from protocol.session import Wish

TICK_SECONDS = 0.5
SHOW_SECONDS = 0.1  # weights alone reach the pages at most so often
BATCH = 500
SAVE_SECONDS = 10.0  # progress of printing and delivery is written this long after the last record at the latest
DISK_SECONDS = 10.0
log = logging.getLogger("core")


class Core:
    """Call ``run`` in the thread that is to own the state; it returns after ``Stop``.

    ``ports``, ``printers`` and ``mqtt`` are only given orders; what comes of them arrives as messages.
    """

    def __init__(
        self,
        config: Config,
        ledger: Ledger,
        clock: Clock,
        inbox: Inbox,
        showing: Showing,
        ports: dict[str, Port],
        printers: dict[str, Printer],
        mqtt: Mqtt,
        birth: Callable[[int], bytes],
        city_keys: CityKeys,
    ) -> None:
        self._config = config
        self._ledger = ledger
        self._clock = clock
        self._inbox = inbox
        self._showing = showing
        self._ports = ports
        self._mqtt = mqtt
        self._birth = birth
        self._topics = Topics(config.station.region, config.station.node, config.station.terminal)
        self._papers = PaperQueue(config, ledger, clock, printers)
        self._station = Station(config, ledger, clock, self._papers.print, self._papers.settle)
        self._known = KnownDevices((*config.scale, *config.analyzer, *config.probe), self._station)
        self._publisher = Publisher(config.city, ledger, self._topics, mqtt, clock, city_keys)
        self._analyzers = {
            part.name: AnalyzerView(part.name, False, "", 0, 0, 0, part.match) for part in config.analyzer
        }
        self._printer_views = {
            part.name: PrinterView(part.name, True, "", 0, UNKNOWN, papers=self._station.papers_for(part))
            for part in config.printer
        }
        self._probes = {part.name: ProbeView(part.name, False, "", ()) for part in config.probe}
        self._city_keys = bool(city_keys)
        self._cautioned: date | None = date.min  # the day whose cautions are shown
        self._trouble = ""
        self._disk_at = float("-inf")
        self._show_at = 0.0
        self._show_due = False
        self._answers: list[tuple[Request, dict[str, Any] | Refused]] = []
        self._last_record = 0.0
        self._continuous_told = ""
        self._notify = sdnotify.SystemdNotifier()

    def run(self) -> None:
        """Work until told to stop."""
        self.start()
        while self.turn(self._gather()):
            pass

    def start(self) -> None:
        """Take up what the last run left, and show it."""
        self._trouble = self._papers.recover(self._station)
        self._show()
        self._notify.notify("READY=1")

    def turn(self, messages: list[Message]) -> bool:
        """One round with these messages: work, commit, effects, answers. False when told to stop."""
        stopping = any(isinstance(message, Stop) for message in messages)
        step = self._clock.look(self._ledger.head.unsynced_in == self._clock.boot_id)
        weights_only = bool(messages) and all(isinstance(message, Weighed) for message in messages) and not step
        if weights_only and not self._config.stall.continuous:
            for message in messages:
                self._handle(message)  # nothing to commit
        else:
            self._work(messages, step)
        now = self._clock.steady()
        self._publisher.pump(now)
        self._save_when_quiet(now, stopping)
        self._show_due = weights_only and now < self._show_at
        if not self._show_due:
            self._show()
            self._show_at = now + SHOW_SECONDS
        self._reply()
        self._notify.notify("WATCHDOG=1")
        return not stopping

    # --- one round --------------------------------------------------------------------------------------------------

    def _gather(self) -> list[Message]:
        """Everything that is in the inbox; waits a tick for the first."""
        wait = TICK_SECONDS
        if (deadline := self._publisher.deadline()) is not None:
            wait = min(wait, max(0.0, deadline - self._clock.steady()))
        if self._show_due:
            wait = min(wait, max(0.0, self._show_at - self._clock.steady()))
        messages: list[Message] = []
        with contextlib.suppress(Empty):
            messages.append(self._inbox.get(timeout=wait))
            while len(messages) < BATCH:
                messages.append(self._inbox.get_nowait())
        return messages

    def _work(self, messages: list[Message], step: Step | None) -> None:
        """One batch: handle, commit, let the effects go. When the disk is full everybody who waits is told so.

        A step of the clock is recorded before anything that bears the new time.
        """
        station = self._station
        station.after.clear()
        station.undo.clear()
        self._answers.clear()
        rest = iter(messages)
        before = self._ledger.head.seq
        try:
            with self._ledger.batch():
                if step is not None:
                    time_jobs.step(station, step)
                for message in rest:
                    self._handle(message)
                if self._ledger.head.seq != before:
                    self._save_progress()
        except LedgerFull as full:
            for take_back in reversed(station.undo):
                take_back()
            if self._trouble != str(full):
                log.error("nothing recorded: %s", full)
            self._trouble = str(full)
            refusal = Refused("disk_full", "磁盘已满，未记录。请联系技术员", f"not recorded: {full}")
            self._answers = [(message, refusal) for message in messages if isinstance(message, Request)]
            for message in rest:  # what comes after and records nothing is still news: a link, a port, an ack
                if not isinstance(message, Request | Tested | Weighed):
                    self._handle(message)
            self._progress_not_saved()
            for device in {message.device for message in messages if isinstance(message, Tested)}:
                self._ports[device].order(NotCommitted())
            return
        if self._ledger.head.seq != before:
            self._trouble = ""
        for effect in station.after:
            effect()

    def _handle(self, message: Message) -> None:
        match message:
            case Weighed(device, weighing, at):
                self._station.scales[device].feed(weighing, at)
                if self._config.stall.continuous:
                    self._sell_continuously(device)
            case Request():
                self._answer(message)
            case Tested():
                self._take_results(message)
            case Sensed(device, measured):
                self._sensed(device, measured)
            case PortChanged(device, up, why):
                self._known.changed(message)
                self._port_changed(device, up, why)
            case PortFound():
                self._known.found(message)
            case PortGarbage(device):
                self._garbage(device)
            case Printed():
                self._papers.news(self._station, message)
            case PrintAgain(job, begun):
                self._papers.again(self._station, job, begun)
            case PrinterChanged(printer, state, why, near_end):
                view = self._printer_views[printer]
                up = state in (READY, SILENT)
                self._printer_views[printer] = replace(view, up=up, why=why, state=state, near_end=near_end)
            case LinkChanged(up):
                self._publisher.link(message, self._clock.steady())
                if up:
                    self._announce()
            case BrokerAnswer():
                self._publisher.answered(message, self._clock.steady())
            case CityMessage(topic, payload, retained):
                if topic == self._topics.ack:
                    self._publisher.acknowledged(payload, retained, self._clock.steady())
                    if self._publisher.birth_due:
                        self._publisher.birth_due = False
                        self._announce()
            case Stop():
                pass

    def _announce(self) -> None:
        """Tell the city who we are and how far our ledger goes."""
        self._mqtt.announce(self._topics.state, self._birth(self._ledger.head.seq))

    # --- requests ---------------------------------------------------------------------------------------------------

    def _answer(self, request: Request) -> None:
        """Do a command in a step of its own; the answer goes out after the commit."""
        effects, undo = len(self._station.after), len(self._station.undo)
        try:
            with self._ledger.step():
                answer = self._obey(request.command)
        except (Refused, ValidationError, TooLarge) as error:
            for take_back in reversed(self._station.undo[undo:]):
                take_back()
            del self._station.after[effects:], self._station.undo[undo:]
            self._answers.append((request, error if isinstance(error, Refused) else _unfit(error)))
            return
        self._answers.append((request, answer))

    def _reply(self) -> None:
        """Last of all: who asked finds on the board what the answer speaks of."""
        for request, answer in self._answers:
            if isinstance(answer, Refused):
                request.answer.set_exception(answer)
            else:
                request.answer.set_result(answer)
        self._answers.clear()

    def _obey(self, command: Any) -> dict[str, Any]:
        station = self._station
        match command:
            case Sell():
                return stall.sell(station, command)
            case RegisterEntry():
                return gate.register(station, command)
            case PlanChannel():
                return results.plan(station, command)
            case MatchResult():
                return results.match(station, command)
            case DismissResult():
                return results.dismiss(station, command)
            case WholePlantDone():
                return results.whole_plant(station, command)
            case SetPrice():
                return stall.set_price(station, command)
            case Reprint():
                return papers.reprint(station, command)
            case ConfirmPaper():
                return papers.confirm(station, command)
            case PrintPaper():
                return papers.print_paper(station, command)
            case ConfirmDate():
                return time_jobs.confirm(station, command)
            case ConfirmPort(device):
                answer = self._known.confirm(command, self._ports)
                if (scale := station.scales.get(device)) is not None:
                    station.after.append(scale.exchanged)
                return answer
            case AskScale(scale, wish):
                stall.may_ask(station, command)
                station.scales[scale].asked(Wish(wish))
                self._ports[scale].order(Wish(wish))
                return {"scale": scale, "asked": wish}
        raise TypeError(f"no such command: {command!r}")

    def _sell_continuously(self, device: str) -> None:
        """Continuous weighing: each new load of the configured product becomes a sale by itself."""
        scale = self._station.scales[device]
        if scale.why_not(self._clock.steady(), self._station.today()):
            return
        product = self._config.stall.continuous
        try:
            with self._ledger.step():
                lot = self._station.lots.on_sale(product)
                if lot is None:
                    raise Refused("no_lot", "没有可售批次", "no released lot of this product")
                stall.sell(self._station, Sell(device, product, lot.test_code))
        except Refused as refused:
            if self._continuous_told != refused.code:
                log.warning("%s continuous weighing: not sold: %s", device, refused)
            self._continuous_told = refused.code
            return
        self._continuous_told = ""

    def _take_results(self, message: Tested) -> None:
        device = message.device
        recorded = results.tested(self._station, message)
        view = self._analyzers[device]
        self._analyzers[device] = replace(view, results=view.results + len(recorded))
        log.info("%s handed over %d results, %d of them new", device, len(message.results), len(recorded))
        self._station.after.append(lambda: self._ports[device].order(Committed()))

    # --- devices ----------------------------------------------------------------------------------------------------

    def _port_changed(self, device: str, up: bool, why: str) -> None:
        if device in self._station.scales:
            self._station.scales[device].port(up, why)
        elif device in self._probes:
            self._probes[device] = replace(self._probes[device], up=up, why=why, measured=())
        else:
            self._analyzers[device] = replace(self._analyzers[device], up=up, why=why)

    def _garbage(self, device: str) -> None:
        if device in self._station.scales:
            self._station.scales[device].disturbed()
        elif device in self._analyzers:
            view = self._analyzers[device]
            self._analyzers[device] = replace(view, garbage=view.garbage + 1)

    def _sensed(self, device: str, measured: Measured) -> None:
        """Keep the newest value of each kind."""
        view = self._probes[device]
        values = {what: (what, value, unit) for what, value, unit in view.measured}
        values[measured.what] = (measured.what, format(measured.value, "f"), measured.unit)
        self._probes[device] = replace(view, measured=tuple(values[what] for what in sorted(values)))

    # --- progress that may wait -------------------------------------------------------------------------------------

    def _save_progress(self) -> None:
        """Write what became of papers, deliveries and ports, inside the current transaction."""
        self._last_record = self._clock.steady()
        self._publisher.save()
        self._papers.save()
        self._known.save()

    def _progress_not_saved(self) -> None:
        """The commit failed: what it carried is to be written with the next one."""
        self._papers.not_saved()
        self._publisher.not_saved()
        self._known.not_saved()

    def _save_when_quiet(self, now: float, stopping: bool) -> None:
        """Progress rides with the next record; when none comes, it is written by itself.

        Losing it is harmless: an unknown paper is asked about, a delivered record is sent again and dropped as a
        repeat.  Writing it at once would double what one sale writes to the SD card.
        """
        if not (self._papers.unsaved or self._publisher.unsaved or self._known.unsaved):
            return
        if stopping or now - self._last_record >= SAVE_SECONDS:
            try:
                with self._ledger.batch():
                    self._save_progress()
            except LedgerFull:
                self._progress_not_saved()

    # --- what pages see ---------------------------------------------------------------------------------------------

    def _show(self) -> None:
        """Post what changed, and the beat."""
        station, publisher, now = self._station, self._publisher, self._clock.steady()
        self._showing.beat = now
        today = station.today()
        changes: dict[str, Any] = {
            "scales": tuple(scale.view(now, today) for scale in station.scales.values()),
            "analyzers": tuple(self._analyzers.values()),
            "printers": tuple(
                replace(view, waiting=self._papers.waiting(name)) for name, view in self._printer_views.items()
            ),
            "probes": tuple(self._probes.values()),
            "ports": self._known.views(),
            "papers": station.paper_views(),
            "clock_state": self._clock.state(),
            "clock_why": self._clock.why,
            "clock_asks": self._clock.asks,
            "trouble": self._trouble or link_causes.trouble(publisher.cause()[0], self._config.station.language),
            "city": publisher.view(self._mqtt.broker, self._mqtt.odd),
        }
        if today != self._cautioned:
            self._cautioned = today
            changes["cautions"] = cautions(self._config, today, self._city_keys)
        lots = station.lots
        if lots.unmatched_changed:
            counts = lots.unmatched_counts()
            for name, view in self._analyzers.items():
                self._analyzers[name] = replace(view, unmatched=counts.get(name, 0))
            changes |= {"analyzers": tuple(self._analyzers.values()), "unmatched": lots.unmatched_views()}
        if lots.changed:
            changes |= {"lots": lots.views(), "lot_counts": lots.counts()}
        if lots.plan_changed:
            changes["plan"] = lots.plan_view()
        if station.prices_changed:
            changes["products"] = station.product_views()
        lots.unmatched_changed = lots.plan_changed = station.prices_changed = False
        if now - self._disk_at >= DISK_SECONDS:
            self._disk_at = now
            changes["disk_free"] = shutil.disk_usage(self._ledger.path.parent).free
        self._showing.post(**changes)


def _unfit(error: ValidationError | TooLarge) -> Refused:
    """A value that does not fit a record: too long, or not of its form."""
    if isinstance(error, TooLarge):
        return Refused("too_large", "内容过长，未记录", str(error))
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return Refused("bad_value", f"{where} 的内容不符合要求", f"{where}: {first['msg']}")
