"""The core thread: owns all state, the only writer of the ledger.

It drains its whole inbox, does the work, commits once, then lets the effects go: print, publish, answer the page.  So
no effect runs ahead of the disk, and many records share one fsync when many come at once.

Every message is handled in a step of its own.  One that makes the program fail is undone, kept as *unread* and told;
the rest goes on.  Only a ledger that cannot be trusted ends the process.
"""

import contextlib
import logging
import math
import time
from collections.abc import Callable, Mapping, Set
from functools import partial
from queue import Empty
from typing import Any, Protocol

from pydantic import ValidationError

from edge.between import link_causes
from edge.between.board import Showing
from edge.between.commands import ORDERS, Answer, Command, Sell
from edge.between.failures import safely
from edge.between.inbox import (
    BrokerAnswer,
    BrokerAnswers,
    CertificateSeen,
    CityMessage,
    Due,
    Inbox,
    LabelSold,
    LinkChanged,
    Message,
    NewLoad,
    PortChanged,
    PortFound,
    PortGarbage,
    PrintAgain,
    Printed,
    PrinterChanged,
    Refused,
    Request,
    ScanLost,
    Scanned,
    Sensed,
    Stop,
    Stumbled,
    Tested,
    Weighed,
)
from edge.between.logs import fields, quoted
from edge.between.people import BOX, CITY
from edge.between.sparing import Sparing
from edge.between.supervisor import status
from edge.city.downlink import Downlink
from edge.city.mqtt import Mqtt
from edge.city.photos import Courier
from edge.city.publisher import Publisher
from edge.config.sections import Config
from edge.jobs import clock as time_jobs
from edge.jobs import results, siblings, stall
from edge.jobs.doing import do, everything
from edge.jobs.timed import Timetable
from edge.ports.port import Committed, NotCommitted, Port
from edge.records.clock import Clock, Step
from edge.records.joints import reach
from edge.records.ledger import DiskFails, Ledger, LedgerBroken, LedgerFull, LedgerUnusable, Recorded
from edge.records.obeyed import Obeyed
from edge.records.own_keys import newest_change
from edge.state.handover import Handover
from edge.state.prints import PrinterThread
from edge.state.station import Station
from edge.state.views import Views
from protocol.city.envelope import TooLarge, kind_of
from protocol.city.orders import CityOrder
from protocol.city.signed import CityKeys
from protocol.city.state import Reach
from protocol.city.topics import Topics
from protocol.readings import Curve, LabelSale, TestResult, Ticket

TICK_SECONDS = 0.5
STATUS_SECONDS = 5.0  # systemd hears at most so often how it is
SHOW_SECONDS = 0.1  # weights alone reach the pages at most so often …
ALL_SECONDS = 0.5  # … and all else, once it said something new
WEIGHTS = frozenset(("scales",))  # the parts of the board that a weight changes
BATCH = 500
DELIVERED_SECONDS = 5.0  # how far the city is rides along so often: it says so itself at each connection
TRY_SECONDS = 10.0  # a disk that failed is tried again so often
SAVE_SECONDS = 10.0  # progress of printing and delivery is written this long after the last record at the latest
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0  # seconds after a round that failed, doubled while the next ones do
HOLDS_AGAIN_SECONDS = 1.0  # what is held is said again to other stations at most so often …
SAY_AGAIN_SECONDS = 10.0  # … what else stands so often …
STANDING = 60  # … and no more records of either
STUMBLE_SECONDS = 5.0  # delivery that failed in our own program is tried again after so long
UNEXPECTED = Refused(
    "unexpected",
    "程序内部出错，未执行、未记录；其余照常。请把“状态”页的编号告诉技术员",
    "a fault of the program: not done, and nothing recorded; the rest goes on. Tell the technician its number on the "
    "page Status",
)
log = logging.getLogger("core")
everything()


class Saver(Protocol):
    """Progress that is written with the next record, or some seconds after the last one."""

    @property
    def unsaved(self) -> bool: ...

    def save(self) -> None: ...

    def not_saved(self) -> None: ...


class Core:
    """Call ``run`` in the thread that is to own the state; it returns after ``Stop``.

    ``ports``, ``printers`` and ``mqtt`` are only given orders; what comes of them arrives as messages.  ``notify``
    takes what systemd is told (sd_notify).
    """

    def __init__(
        self,
        config: Config,
        ledger: Ledger,
        clock: Clock,
        inbox: Inbox,
        showing: Showing,
        ports: dict[str, Port],
        printers: Mapping[str, PrinterThread],
        mqtt: Mqtt,
        birth: Callable[[Reach], bytes],
        city_keys: CityKeys,
        notify: Callable[[str], object] = lambda state: None,
    ) -> None:
        self._fences: dict[str, _Fence] = {}  # by their parts
        self._config = config
        self._ledger = ledger
        self._clock = clock
        self._inbox = inbox
        self._showing = showing
        self._ports = ports
        self._mqtt = mqtt
        self._birth = birth
        self._topics = Topics(config.station.region, config.station.node, config.station.terminal)
        self._station = station = Station(config, ledger, clock, printers, ports, city_keys)
        self._prints = self._station.prints
        self._asked = self._station.asked
        self._known = self._station.known
        self._told_lost = Sparing()
        self._publisher = Publisher(config.city, ledger, self._topics, mqtt, clock, city_keys)
        self._downlink = Downlink(
            self._topics, city_keys, clock, ledger.signer, Obeyed(ledger.conn), mqtt, station.after
        )
        photos = station.photos
        self._courier = Courier(config.city, photos.table, photos.files, self._topics, mqtt)
        self._publisher.about_photos = self._courier.said
        self._publisher.key_since = newest_change(ledger)
        station.trust, station.resend = self._trust, self._publisher.resend
        station.delivering = self._publisher
        self._trust()
        self._handover = Handover(
            self._station.analyzers,
            {part.name: part for part in config.analyzer},
            clock,
            keep=lambda device: self._ports[device].order(Committed()),
            again=lambda device: self._ports[device].order(NotCommitted()),
        )
        self._views = Views(self._station, self._fence, bool(city_keys))
        self._timetable = Timetable(self._station)
        self._unread = self._station.unread
        self._sessions = self._station.sessions
        self._savers: tuple[Saver, ...] = (
            *(self._publisher, self._downlink, self._courier, self._prints),
            *(self._known, self._unread, self._sessions, station.goods_use, photos, station.on_time),
        )
        self._saving: list[Saver] = []  # what the transaction at hand carries
        self._full: LedgerFull | None = None  # why the ledger takes nothing
        self._try_at = float("-inf")  # when a disk that failed is tried again
        self._deliver_at = float("-inf")
        self._to_say: set[str] = set()
        self._say_at: dict[str, float] = {}
        self._show_at = self._all_at = 0.0
        self._weights_due = False  # weights came since they were shown …
        self._all_due = False  # … or anything else
        self._attend_at = float("-inf")  # to all else, however many weights come
        self._answers: list[tuple[Request, Answer | Refused]] = []
        self._last_record = 0.0
        self._delivered_at = float("-inf")  # when it was written last how far the city is
        self._continuous_told = ""
        self._continuous = bool(config.stall.continuous)
        self._notify = notify
        self._status_at, self._status = 0.0, ""
        self._sleep = time.sleep
        self._pause = 0.0  # after the last round, which failed
        self._committed_now = False  # whether this round's transaction is on the disk

    def run(self) -> None:
        """Work until told to stop. Raises LedgerBroken.

        A round that fails in spite of all fences costs itself: it is kept as unread, who asked in it is told, and the
        next one comes after a pause that doubles while it happens again.
        """
        self.start()
        while self.go_round():
            pass

    def go_round(self) -> bool:
        """Take what is there and work on it; False when told to stop."""
        messages: list[Message] = []
        self._committed_now = False
        self._handover.in_round.clear()
        try:
            self._gather(messages)
            going = self.turn(messages, patient=True)
            self._pause = 0.0
        except Exception as error:
            if isinstance(about := self._ledger.explained(error), LedgerBroken):
                raise about from error
            self._came_through(error, messages)
            going = not any(isinstance(message, Stop) for message in messages)
            if going:
                self._pause = min(LONGEST_PAUSE, 2 * self._pause or FIRST_PAUSE)
                self._sleep(self._pause)
        return going

    def _came_through(self, error: Exception, messages: list[Message]) -> None:
        """A round failed outside every fence: nobody is left waiting, and what was not committed is handed over again.

        What was committed has its answer. Of the rest it is certain that nothing was recorded, unless the commit was
        reached: then nobody is told that it was not.
        """
        with contextlib.suppress(Exception):
            self._keep("round", error)
        answers, self._answers = {id(request): answer for request, answer in self._answers}, []
        for message in messages:
            with contextlib.suppress(Exception):
                if isinstance(message, Request) and not message.answer.done():
                    answer = answers.get(id(message), error)
                    sure = self._committed_now or isinstance(answer, Refused)
                    _tell(message, answer if sure else UNEXPECTED)
        for device in {
            *self._handover.in_round,
            *(message.device for message in messages if isinstance(message, Tested | LabelSold)),
        }:
            with contextlib.suppress(Exception):
                if not self._committed_now:
                    self._handover.again(device)

    def start(self) -> None:
        """Take up what the last run left, and show it."""
        with self._fence("papers of the last run"):
            self._full = self._prints.recover()
        self._show()
        with self._fence("watchdog"):
            self._notify("READY=1")
            self._say_how_it_is(self._clock.steady())

    def turn(self, messages: list[Message], *, patient: bool = False) -> bool:
        """One round with these messages: work, commit, effects, answers. False when told to stop.

        ``patient``: what nobody waits for is shown when pages look again, not after each message.  A record's answer
        says itself what was done, so its board may follow; whoever reads that before asks for it (``CatchUp``).
        """
        stopping = any(isinstance(message, Stop) for message in messages)
        messages = sorted(self._handover.sliced(messages), key=_in_no_hurry)
        step = None
        with self._fence("clock"):
            step = self._clock.look(self._ledger.head.unsynced_in == self._clock.boot_id)
        with self._fence("timetable"):
            messages = [*messages, *(Due(name) for name in self._timetable.due(self._clock.steady()))]
        weights_only = not step and all(isinstance(message, Weighed | NewLoad) for message in messages)
        waited = not messages and not (patient and (self._weights_due or self._all_due))  # for nothing, and for no page
        attend = not weights_only or waited or self._clock.steady() >= self._attend_at or self._station.tally.behind
        if weights_only and messages:
            for message in messages:
                if isinstance(message, Weighed):
                    self._weigh(message, lambda load: self._work([load], None))
                else:
                    self._work([message], None)
        elif messages or attend:
            self._work(messages, step)
        now = self._clock.steady()
        if attend:
            self._attend(now, stopping, patient and not self._awaited(messages), quiet=not messages)
        else:
            self._show_weights(now, quiet=not messages)
        self._reply()
        return not stopping

    def _attend(self, now: float, stopping: bool, patient: bool, *, quiet: bool) -> None:
        """See to all that weights alone do not change: after anything else, and now and then."""
        if quiet:
            with self._fence("keys"):
                self._asked.look_back()
        with self._fence("order"):
            self._handover.another_day()
        with self._fence("sessions"):
            self._sessions.look()
        with self._fence("photos"):
            self._station.photos.look()
        with self._fence("clock"):
            if self._publisher.up and self._clock.wants_word(self._publisher.born_at):
                self._announce()
        self._deliver(now)
        with self._fence("siblings"):
            self._say_again(now)
        self._save_when_quiet(now, stopping)
        with self._fence("disk"):
            self._try_disk(now)
        if patient and not quiet and not stopping and now < self._all_at:
            self._all_due = True
            self._showing.behind = self._showing.behind or bool(self._answers)
            self._show_weights(now, quiet=False)
        else:
            self._show_all(now)
        with self._fence("answers"):  # last: who ordered finds on the board what the answer speaks of
            self._downlink.pump()
        self._attend_at = now + TICK_SECONDS
        with self._fence("delivery"):
            if (deadline := self._publisher.deadline()) is not None:
                self._attend_at = min(self._attend_at, max(deadline, self._deliver_at))

    # --- one round --------------------------------------------------------------------------------------------------

    def _gather(self, messages: list[Message]) -> None:
        """Everything that is in the inbox; waits a tick for the first.

        Weights, and what became of papers and deliveries, wait for each other until they can be shown, or for whatever
        else comes; a load that is sold by itself waits for nothing.
        """
        wait, until, patient = TICK_SECONDS, 0.0, False
        with self._fence("clock"):
            now = self._clock.steady()
            due = min(
                self._attend_at,
                self._show_at if self._weights_due else math.inf,
                self._all_at if self._all_due else math.inf,
            )
            wait = min(wait, max(0.0, due - now))
            shown = min(self._show_at, self._attend_at) - now
            until, patient = time.monotonic() + shown, wait <= shown
        if self._handover.waiting or self._station.tally.behind:
            wait = until = 0.0
        with contextlib.suppress(Empty):
            self._inbox.patience = self._may_come_quietly if patient else None
            waits = self._heard(self._inbox.get(timeout=wait), messages)
            self._inbox.patience = self._may_come_quietly
            while waits and len(messages) < BATCH and (left := until - time.monotonic()) > 0:
                waits = self._heard(self._inbox.get(timeout=left), messages)
            while len(messages) < BATCH:
                messages.append(self._inbox.get_nowait())
        self._inbox.patience = None

    def _heard(self, message: Message, messages: list[Message]) -> bool:
        """Add what is to be worked on; whether more of the kind may be waited for.

        Where loads are sold by themselves a weight is taken at once, since only then it is known whether it waits.
        """
        if not self._continuous or not isinstance(message, Weighed):
            messages.append(message)
            return self._may_wait(message)
        before = len(messages)
        self._weigh(message, messages.append)
        self._weights_due = True
        return len(messages) == before

    def _may_come_quietly(self, message: Message) -> bool:
        """Whether the core, which waits until something is to be shown, need not be woken; asked by who puts it."""
        return not (self._continuous and isinstance(message, Weighed)) and self._may_wait(message)

    def _may_wait(self, message: Message) -> bool:
        """Whether nothing follows from it but what pages show; of a delivery, when there is nothing more to send."""
        if isinstance(message, BrokerAnswers) or (
            isinstance(message, CityMessage) and message.topic == self._topics.ack
        ):
            return self._publisher.at_ease
        return isinstance(message, Printed | Weighed)

    def _work(self, messages: list[Message], step: Step | None) -> None:
        """One batch: handle, commit, let the effects go. When the ledger takes nothing everybody who waits is told so.

        A step of the clock is recorded before anything that bears the new time. Raises LedgerBroken.
        """
        station = self._station
        station.after.clear()
        station.undo.clear()
        self._answers.clear()
        self._saving.clear()
        rest = iter(messages)
        before = self._ledger.head.seq
        try:
            with self._ledger.batch():
                if step is not None:
                    self._step(lambda: time_jobs.step(station, step), lambda error: self._keep("clock", error))
                for message in rest:
                    self._handle(message)
                if self._ledger.head.seq != before or self._unread.fresh:
                    self._save_progress()
        except LedgerBroken:
            raise
        except Exception as error:
            self._answers.clear()
            self._take_back(0, 0)
            refusal = self._not_recorded(error)
            self._answers = [(message, refusal) for message in messages if isinstance(message, Request)]
            for message in rest:  # what comes after and records nothing is still news: a link, a port, an ack
                if not isinstance(message, Request | Tested | LabelSold | Weighed | NewLoad) and not self._is_order(
                    message
                ):
                    with self._fence("news"):
                        self._handle(message)
            self._progress_not_saved()
            for device in {message.device for message in messages if isinstance(message, Tested | LabelSold)}:
                with self._fence("order"):
                    self._handover.again(device)
            return
        self._committed_now = True
        if self._ledger.head.seq != before:
            self._full = None
            self._deliver(self._clock.steady())  # before a printer's thread takes the processor
        for effect in station.after:
            with self._fence("effect"):
                effect()

    def _not_recorded(self, error: Exception) -> Refused:
        """The commit failed: what to say to everybody who waits."""
        if isinstance(error, LedgerFull):
            self._told_full(error)
            return Refused(error.code, error.zh, error.en)
        self._keep("commit", error)
        return UNEXPECTED

    def _told_full(self, full: LedgerFull) -> None:
        """The ledger takes nothing: said once, and shown until it takes a record."""
        if self._full is None or self._full.code != full.code:
            log.error("nothing recorded: %s", full)
            self._try_at = self._clock.steady() + TRY_SECONDS
        self._full = full

    def _try_disk(self, now: float) -> None:
        """A disk that failed is looked at now and then: it may take records again, or another one stands there.

        Raises LedgerUnusable for another one: what this process has open is dead, and only a new one can open it.
        """
        if not isinstance(self._full, DiskFails) or now < self._try_at:
            return
        self._try_at = now + TRY_SECONDS
        if self._ledger.taken_out():
            raise LedgerUnusable(f"{self._ledger.path}: another disk stands here now; the service has to start again")
        if self._ledger.takes_again():
            log.info("the disk takes records again")
            self._full = None

    # --- the fence --------------------------------------------------------------------------------------------------

    def _handle(self, message: Message) -> None:
        """One message, in a step of its own: when it makes us fail it is undone and kept, and costs nothing else.

        Raises LedgerFull and LedgerBroken.
        """
        if isinstance(message, Weighed):
            self._weigh(message, self._handle)
        else:
            self._step(lambda: self._do(message), lambda error: self._failed(message, error))

    def _step(self, work: Callable[[], None], failed: Callable[[Exception], None]) -> None:
        """Work whose changes, effects and entries to take back are undone when it fails; the batch goes on."""
        effects, undo = len(self._station.after), len(self._station.undo)
        try:
            with self._ledger.step():
                work()
        except Exception as error:
            if (about := self._ledger.explained(error)) is not None:
                raise about from error
            self._take_back(effects, undo)
            failed(error)

    def _take_back(self, effects: int, undo: int) -> None:
        """Undo what was done in memory since there were so many effects and entries to take back."""
        station = self._station
        taken, station.undo[undo:] = station.undo[undo:], []
        del station.after[effects:]
        for take_back in reversed(taken):
            with self._fence("taking back"):
                take_back()

    def _fence(self, part: str) -> "_Fence":
        """Around what the core does besides messages: it fails alone. Raises LedgerBroken."""
        fence = self._fences.get(part)
        if fence is None:
            fence = self._fences[part] = _Fence(self._fell, part)
        return fence

    def _fell(self, part: str, error: Exception) -> None:
        """Raises LedgerBroken."""
        about = self._ledger.explained(error)
        if isinstance(about, LedgerBroken):
            raise about from error
        if about is not None:
            self._told_full(about)
        else:
            self._keep(part, error)

    def _keep(self, part: str, error: Exception) -> None:
        self._unread.keep("program", part, error)

    def _failed(self, message: Message, error: Exception) -> None:
        """This message was undone: its sender is told, its bytes are kept."""
        match message:
            case Request():
                if isinstance(error, ValidationError | TooLarge):
                    error = _unfit(error)
                if not isinstance(error, Refused):
                    name = type(message.command).__name__
                    self._unread.keep("request", name, error, _shown(message.command))
                    error = UNEXPECTED
                self._answers = [one for one in self._answers if one[0] is not message]
                self._answers.append((message, error))
            case Tested(device, results):
                for result in results:
                    self._result_failed(device, result, error)
                self._station.after.append(partial(self._handover.committed, message))
            case LabelSold(device, sale):
                self._unread.keep("sale", device, error, sale.raw, sale.identity)
                self._station.after.append(partial(self._ports[device].order, Committed(sale.identity)))
            case Weighed(device, weighing):
                self._unread.keep("reading", device, error, weighing.raw or _shown(weighing))
                if device in self._station.scales:
                    with self._fence("weighing"):
                        self._station.scales[device].disturbed()
            case NewLoad(weighed) if isinstance(error, Refused):
                self._not_sold(weighed.device, error)
            case NewLoad(weighed):
                self._failed(weighed, error)
            case Sensed(device, measured):
                self._unread.keep("reading", device, error, measured.raw or _shown(measured))
            case PortChanged(device) | PortFound(device) | PortGarbage(device) | Stumbled(device):
                self._unread.keep("device", device, error, _shown(message))
            case Printed(job) | PrintAgain(job):
                self._unread.keep("paper", f"job {job}", error, _shown(message))
            case CityMessage(topic, payload):
                self._unread.keep("city", topic, error, payload)
            case LinkChanged() | BrokerAnswer() | BrokerAnswers():
                self._unread.keep("city", type(message).__name__, error, _shown(message))
            case _:
                self._unread.keep("program", type(message).__name__, error, _shown(message))

    def _weigh(self, weighed: Weighed, sell: Callable[[NewLoad], None]) -> None:
        """A weight alone needs no transaction; ``sell`` has one for what lies there and is sold by itself."""
        try:
            self._station.scales[weighed.device].feed(weighed.weighing, weighed.at)
            sold = self._sold_by_itself(weighed.device)
        except Exception as error:
            self._failed(weighed, error)
        else:
            if sold:
                sell(NewLoad(weighed))

    def _do(self, message: Message) -> None:
        match message:
            case NewLoad(weighed):
                self._sell_continuously(weighed.device)
            case Request():
                self._station.who = message.who
                try:
                    self._answers.append((message, self._asked.once(message, partial(do, self._station))))
                finally:
                    self._station.who = BOX
            case Tested():
                self._take_results(message)
            case LabelSold(device, sale):
                self._take_label_sale(device, sale)
            case Stumbled(device, kind, error, raw):
                self._unread.keep(kind, device, error, raw)
            case Sensed(device, measured):
                self._station.probes[device].measured(measured)
            case Scanned(device, scan):
                self._hand(device, scan.text)
            case ScanLost(device):
                self._scan_lost(device)
            case PortChanged(device, up, why):
                self._known.changed(message)
                self._station.devices[device].changed(up, why)
            case PortFound():
                self._known.found(message)
            case PortGarbage(device):
                self._station.devices[device].disturbed()
                if device in self._station.scanners:
                    self._hand(device, "")
            case Printed():
                self._prints.news(message)
            case PrintAgain(job, begun):
                self._prints.again(job, begun)
            case PrinterChanged(printer, state, why, near_end):
                self._station.printers[printer].changed(state, why, near_end)
            case LinkChanged(up):
                self._publisher.link(message, self._clock.steady())
                self._downlink.link(up)
                self._courier.link(message)
                if up:
                    self._announce()
            case BrokerAnswer():
                self._answered(message)
            case BrokerAnswers(answers):
                for answer in answers:
                    with self._fence("delivery"):
                        self._answered(answer)
            case CityMessage(topic, payload, retained):
                if topic == self._topics.ack:
                    self._publisher.acknowledged(payload, retained, self._clock.steady())
                    if self._publisher.birth_due:
                        self._publisher.birth_due = False
                        self._announce()
                elif (order := self._downlink.hear(topic, payload)) is not None:
                    self._step(partial(self._obey, order, payload), partial(self._not_obeyed, order, payload))
                elif siblings.hear(self._station, topic, payload, retained=retained):
                    self._to_say = {"holds", "others"}
            case Due(name):
                self._timetable.do(name)
            case CertificateSeen(view):
                self._station.certificate = view
            case Stop():
                pass

    def _answered(self, answer: BrokerAnswer) -> None:
        """The broker has something that was published, or does not take it."""
        now = self._clock.steady()
        self._publisher.answered(answer, now)
        self._downlink.answered(answer.mid)
        self._courier.answered(answer.mid, answer.refused, now)

    def _announce(self) -> None:
        """Tell the city who we are and how far our ledger goes."""
        birth = self._birth(reach(self._ledger.conn, self._ledger.head, self._publisher.upto))
        self._publisher.born(birth)
        self._mqtt.announce(self._topics.state, birth)

    # --- what the city orders ---------------------------------------------------------------------------------------

    def _obey(self, order: CityOrder, payload: bytes) -> None:
        """Do what the city ordered; the answer goes with it to the disk."""
        from edge.jobs import city as city_jobs  # with the first order: see ``doing.WITH_THE_CITY``

        self._station.who = CITY
        try:
            seq = city_jobs.obey(self._station, self._downlink.timely(order))
        finally:
            self._station.who = BOX
        self._downlink.keep(order, payload, "done", seq=seq)

    def _not_obeyed(self, order: CityOrder, payload: bytes, error: Exception) -> None:
        """It was undone: the city is told why, once and for all."""
        if isinstance(error, ValidationError | TooLarge):
            error = _unfit(error)
        if isinstance(error, Refused):
            self._downlink.keep(order, payload, "refused", error)
            return
        self._unread.keep("city", order.head.name, error, payload)
        self._downlink.keep(order, payload, "failed", UNEXPECTED)

    def _is_order(self, message: Message) -> bool:
        """Whether it is a command of the city; one that was not done comes again."""
        return isinstance(message, CityMessage) and message.topic != self._topics.ack

    def _awaited(self, messages: list[Message]) -> bool:
        """Whether somebody is answered with what the board or the roster has, or the city with what the board says."""
        plain = (request for request, _ in self._answers if not ORDERS[type(request.command)].records)
        return any(plain) or any(map(self._is_order, messages))

    def _trust(self) -> None:
        """The keys of the city and of the node are those of the files with what the city said of them."""
        keys = self._station.keys.read()
        self._downlink.keys = keys
        self._publisher.trust(keys)

    def _say_again(self, now: float) -> None:
        """Another station of the node is there again: what stands of our lots is said to it, once for all who come, and
        holds first."""
        lots = self._station.lots
        for what, pause, records in (
            ("holds", HOLDS_AGAIN_SECONDS, lots.holds),
            ("others", SAY_AGAIN_SECONDS, lots.standing),
        ):
            if what in self._to_say and now >= self._say_at.get(what, now):
                self._to_say.discard(what)
                self._say_at[what] = now + pause
                self._say(records(STANDING))

    def _say(self, records: list[int]) -> None:
        for seq in records:
            body = self._ledger.body(seq)
            kind = kind_of(self._ledger.event(seq)["type"])
            urgent = kind in ("lot.held", "lot.disputed")
            topic = self._topics.alarm(kind) if urgent else self._topics.event(kind)
            self._mqtt.announce(topic, body, retain=False)

    # --- requests ---------------------------------------------------------------------------------------------------

    def _reply(self) -> None:
        """Last of all: who asked finds on the board what the answer speaks of, or that it is ``behind``."""
        answers, self._answers = self._answers, []
        for request, answer in answers:
            with self._fence("answer"):
                _tell(request, answer)
        with self._fence("log"):
            self._station.tell_log()
            for request, answer in answers:
                _note(request.command, answer)

    def _hand(self, device: str, text: str) -> None:
        """To the page that is open: what was scanned, or empty for what was no code."""
        scan = self._station.scanners[device].scanned(text)
        if not self._showing.hand(scan):
            self._scan_lost(device)

    def _scan_lost(self, device: str) -> None:
        self._station.scanners[device].lost(self._clock.now().text[11:16])
        if self._told_lost.due(device, self._clock.steady()):
            log.warning("%s a scan found no page: open one on this box, or write pages_at for another screen", device)

    def _sold_by_itself(self, device: str) -> bool:
        """Whether continuous weighing sells what lies there now."""
        if not self._continuous:
            return False
        scale, now = self._station.scales[device], self._clock.steady()
        return not scale.why_not(now, None) and not scale.why_not(now, self._station.today())  # few get to the date

    def _sell_continuously(self, device: str) -> None:
        """Continuous weighing: each new load of the configured product becomes a sale by itself. Raises Refused."""
        product = self._config.stall.continuous
        lot = self._station.lots.on_sale(product)
        if lot is None:
            raise Refused("no_lot", "没有可售批次", "no released lot of this product")
        stall.sell(self._station, Sell(scale=device, product=product, lot=lot.test_code))
        self._continuous_told = ""

    def _not_sold(self, device: str, refused: Refused) -> None:
        """Told once, until something is sold."""
        if self._continuous_told != refused.code:
            log.warning("%s continuous weighing: not sold: %s", device, refused)
        self._continuous_told = refused.code

    def _take_label_sale(self, device: str, sale: LabelSale) -> None:
        """The scale is answered when it is on the disk, whether it is new or not, also one that made us fail."""
        from edge.jobs import label_sales  # most boxes have no such scale

        if not self._unread.set_aside("sale", device, sale.identity):
            label_sales.take(self._station, device, sale)
            self._unread.resolved("sale", device, sale.identity)
        self._station.after.append(partial(self._ports[device].order, Committed(sale.identity)))

    def _take_results(self, message: Tested) -> None:
        """Each result in a step of its own: one that makes us fail is kept with its bytes, and costs no other."""
        device = message.device
        new: list[Recorded] = []
        too_many: list[TestResult | Ticket | Curve] = []
        for result in message.results:
            if not self._unread.set_aside("result", device, result.identity):
                self._step(
                    partial(self._take_result, device, result, new, too_many),
                    partial(self._result_failed, device, result),
                )
        if too_many:
            self._station.after.append(lambda: self._handover.full(device))
        else:
            self._station.after.append(lambda: self._handover.committed(message))
        self._handover.taken(message, len(new))

    def _take_result(
        self,
        device: str,
        result: TestResult | Ticket | Curve,
        new: list[Recorded],
        too_many: list[TestResult | Ticket | Curve],
    ) -> None:
        try:
            recorded = results.take(self._station, device, result)
        except results.TooMany:
            too_many.append(result)
            return
        self._unread.resolved("result", device, result.identity)
        if recorded is not None:
            new.append(recorded)

    def _result_failed(self, device: str, result: TestResult | Ticket | Curve, error: Exception) -> None:
        self._unread.keep("result", device, error, result.raw or _shown(result), result.identity)

    # --- progress that may wait -------------------------------------------------------------------------------------

    def _save_progress(self, *, alone: bool = False) -> None:
        """Write what became of papers, deliveries, ports and of what failed, inside the current transaction; ``alone``
        when it has no record."""
        self._last_record = now = self._clock.steady()
        waits = now < self._delivered_at + DELIVERED_SECONDS and not (alone or self._publisher.urgent)
        self._saving = [
            part
            for part in self._savers
            if (part.unsaved and not (waits and part is self._publisher))
            or (part is self._unread and self._unread.counted)  # its counts ride along
        ]
        if self._publisher in self._saving:
            self._delivered_at = now
        for part in self._saving:
            self._step(part.save, partial(self._not_saved, part))

    def _not_saved(self, part: Saver, error: Exception) -> None:
        part.not_saved()
        self._keep(type(part).__name__, error)

    def _progress_not_saved(self) -> None:
        """The commit failed: what it carried is to be written with the next one."""
        for part in self._saving:
            part.not_saved()

    def _save_when_quiet(self, now: float, stopping: bool) -> None:
        """Progress rides with the next record; when none comes, it is written by itself.

        Losing it is harmless: an unknown paper is asked about, a delivered record is sent again and dropped as a
        repeat.  Writing it at once would double what one sale writes to the SD card.
        """
        due = stopping or self._publisher.urgent or now - self._last_record >= SAVE_SECONDS
        if due and any(part.unsaved for part in self._savers):
            try:
                with self._ledger.batch():
                    self._save_progress(alone=True)
            except LedgerBroken:
                raise
            except Exception as error:
                self._not_recorded(error)
                self._progress_not_saved()

    def _deliver(self, now: float) -> None:
        """Fill the window to the city. A fault of ours in it is not repeated at once: it would be met again."""
        if now < self._deliver_at:
            return
        self._deliver_at = now + STUMBLE_SECONDS
        with self._fence("delivery"):
            self._publisher.pump(now)
            self._courier.pump(now, self._publisher.settled, named=self._station.photos.newly_named)
            self._deliver_at = float("-inf")

    # --- what pages see ---------------------------------------------------------------------------------------------

    def _show(self) -> bool:
        """Post what changed, and the beat: whether it was more than weights. A part that cannot be made stays as it
        was."""
        now = self._clock.steady()
        self._showing.beat = now
        link = {
            "ports": self._known.views,
            "trouble": self._why_trouble,
            "ledger_why": lambda: self._full.code if self._full else "",
            "city": lambda: self._publisher.view(self._mqtt.broker, self._odd()),
        }
        changes: dict[str, Any] = {}
        for part, view in (self._views.due(now) | link).items():
            with self._fence(f"board {part}"):
                changes[part] = view()
        new: Set[str] = frozenset()
        with self._fence("board"):
            new = self._showing.post(**changes)
        with self._fence("roster"):
            if self._sessions.changed or self._station.operators.changed:
                self._showing.roster = self._station.roster()
        return not new <= WEIGHTS

    def _odd(self) -> Any:
        """What is told of messages that prove nothing: the connection's, the city's and the other stations'."""
        return self._mqtt.odd + self._downlink.odd + self._station.siblings.odd

    def _show_weights(self, now: float, *, quiet: bool) -> None:
        """What came, as soon as pages look again: what a weight changes, and the beat, unless all else is due.

        ``quiet``: that was waited for.
        """
        if self._all_due and (now >= self._all_at or (quiet and not self._weights_due)):
            self._show_all(now)
            return
        self._weights_due = not quiet and now < self._show_at
        if self._weights_due:
            return
        self._show_at = now + SHOW_SECONDS
        self._showing.beat = now
        with self._fence("board"):
            self._showing.post(scales=self._views.scales(now))

    def _show_all(self, now: float) -> None:
        """Whatever changed. After a board that said something new the next one takes its time: what follows a sale
        follows within some milliseconds, and one board shows it."""
        new = self._show()
        self._weights_due = self._all_due = False
        self._show_at = now + SHOW_SECONDS
        self._all_at = now + (ALL_SECONDS if new else SHOW_SECONDS)
        self._showing.behind = False
        with self._fence("watchdog"):
            self._notify("WATCHDOG=1")
            if now >= self._status_at:
                self._say_how_it_is(now)

    def _say_how_it_is(self, now: float) -> None:
        self._status_at = now + STATUS_SECONDS
        said = status(self._showing.board, self._config.station.language)
        if said != self._status:
            self._status = said
            self._notify(said)

    def _why_trouble(self) -> str:
        language = self._config.station.language
        if self._full is not None:
            return self._full.en if language == "en" else self._full.zh
        return link_causes.trouble(self._publisher.cause()[0], language)


class _Fence:
    """A block whose exceptions end here; thirty stand round a sale, too many for generators. It keeps nothing, so each
    part has one for good."""

    __slots__ = ("_fell", "_part")

    def __init__(self, fell: Callable[[str, Exception], None], part: str) -> None:
        self._fell = fell
        self._part = part

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, Exception):
            return False
        self._fell(self._part, error)
        return True


def _tell(request: Request, answer: Answer | Exception) -> None:
    if isinstance(answer, Exception):
        request.answer.set_exception(answer)
    else:
        request.answer.set_result(answer)


def _note(command: Command, answer: Answer | Exception) -> None:
    """To the log: what was refused and why, and what was done without a record; nothing of a person."""
    row = ORDERS[type(command)]
    refused = answer.code if isinstance(answer, Refused) else ""
    if row.address and (refused or not row.records):
        said = {name: quoted(value) for name in row.told if (value := getattr(command, name)) not in (None, "")}
        log.info("%s %s", type(command).__name__, fields(refused=refused, **said))


def _unfit(error: ValidationError | TooLarge) -> Refused:
    """A value that does not fit a record: too long, or not of its form."""
    if isinstance(error, TooLarge):
        return Refused("too_large", "内容过长，未记录", str(error))
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return Refused("bad_value", f"{where} 的内容不符合要求", f"{where}: {first['msg']}")


def _in_no_hurry(message: Message) -> bool:
    """All but a stop of the city: that goes before everything else that came with it."""
    return not (isinstance(message, CityMessage) and message.topic.endswith("/cmd/stop_lot"))


def _shown(value: object) -> bytes:
    """What a message said, where it has no bytes of its own."""
    return safely(repr, value).encode("utf-8", "backslashreplace")
