"""One thread a port: open, read, decode, hand to the inbox; when the device goes, close, wait, open again.

A port is lost and found aloud once each; the board always has the newest reason.  What a person asks of the device
travels through the port's own queue, because only its thread touches the device.  A device that is not the one this
name has meant so far is not read: ``doorkeeper.py``.

Whatever fails here costs one session: the device is told as lost, its last bytes are kept, and it is opened again.
With a trouble, the log has the last frames that passed.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from queue import SimpleQueue

from drivers.conversation import Conversation
from drivers.ticking import SteadyClock, Ticking
from drivers.transports import LinkLost, Telling, Transport
from drivers.transports.adapters import Identity, Stranger
from edge.between.failures import cause_of, place_of
from edge.between.inbox import (
    Inbox,
    LabelSold,
    PortChanged,
    PortFound,
    PortGarbage,
    Scanned,
    Sensed,
    Stumbled,
    Tested,
    Weighed,
)
from edge.between.sparing import Allowance
from edge.ports.doorkeeper import Doorkeeper
from edge.ports.last_frames import LastFrames
from edge.ports.silence import Nature, Silence
from protocol.frozen import frozen
from protocol.plain import plain
from protocol.readings import Curve, Event, Garbage, LabelSale, Measured, Reply, Scan, TestResult, Ticket, Weighing
from protocol.session import Owing, Session, Wish

BACK_OFF = (0.2, 0.5, 1.0)  # a replugged device is read again within 2 s
LOOK_SECONDS = 1.0
NEWS_SECONDS = 60.0  # of a transport, told at most so often
ALIKE = 3  # so many failures in a row at one place of the program double the pause
LONGEST_PAUSE = 60.0
GOOD_SECONDS = 60.0  # a session that lasted so long was a good one
WHY_LETTERS = 400
MOST_TOLD = 50  # reasons of one loss that are remembered
CONVERSATIONS, CONVERSATION_SECONDS = 3, 600.0  # so many troubles in so long are told with their last frames
log = logging.getLogger("port")


@frozen
class Committed:
    """All results this port handed over are on disk; with an ``identity`` the sale that it is of, and no other."""

    identity: str = ""


@frozen
class NotCommitted:
    """Results this port handed over could not be written: begin anew, so that the instrument hands them over again."""


class Port(threading.Thread):
    """Reads one device for ever. ``open_it`` and ``new_session`` are called anew each time the device appears.

    ``keeper`` is the one that ``open_it`` asks whether this device may be read; ``frames`` are for the log.
    """

    def __init__(
        self,
        name: str,
        inbox: Inbox,
        open_it: Callable[[], Transport],
        new_session: Callable[[], Session],
        nature: Nature | None = None,
        keeper: Doorkeeper | None = None,
        frames: LastFrames | None = None,
        ticking: Ticking | None = None,
    ) -> None:
        super().__init__(name=f"port {name}", daemon=True)
        self.device = name
        self._inbox = inbox
        self._open = open_it
        self._new_session = new_session
        self._nature = nature or Nature()
        self._keeper = keeper or Doorkeeper()
        self._frames = LastFrames() if frames is None else frames
        self._ticking = ticking or SteadyClock()
        self._orders: SimpleQueue[Wish | Committed | NotCommitted] = SimpleQueue()
        self._confirmed: SimpleQueue[Identity] = SimpleQueue()
        self._halt = threading.Event()
        self._why = ""
        self._told: set[str] = set()
        self._look_at = 0.0
        self._news_at = 0.0
        self._allowance = Allowance()
        self._conversations = Allowance(CONVERSATIONS, CONVERSATION_SECONDS)
        self._failures = 0  # to open it, in a row
        self._stumbles = 0  # in a row at ``_place``
        self._place = ""

    def order(self, order: Wish | Committed | NotCommitted) -> None:
        """From another thread: a person's wish, or the news that results are committed."""
        self._orders.put(order)

    def confirm(self, identity: Identity) -> None:
        """From another thread: a person confirmed that this device is the right one."""
        self._confirmed.put(identity)

    def last_frames(self) -> list[str]:
        """From another thread: a line for each frame that passed last, since the last trouble that was told."""
        return list(self._frames.lines(self._ticking.now()))

    def stop(self) -> None:
        self._halt.set()

    def run(self) -> None:
        while not self._halt.is_set():
            began = self._ticking.now()
            try:
                pause = self._visit()
            except Exception as error:
                pause = self._stumbled(error, self._ticking.now() - began)
            self._ticking.wait(self._halt, pause)

    def _visit(self) -> float:
        """Open the device and serve it until it is lost. Answers the seconds to wait before the next try."""
        self._take_confirmations()
        try:
            transport = self._open()
        except LinkLost as lost:
            self._report(False, str(lost), lost.now if isinstance(lost, Stranger) else None)
            self._failures += 1
            return BACK_OFF[min(self._failures, len(BACK_OFF)) - 1]
        try:
            self._keeper.opened()
            self._tell_found()
            self._report(True, "")
            self._failures = 0
            self._serve(transport)
        except LinkLost as lost:
            self._report(False, str(lost))
            return BACK_OFF[0]
        finally:
            transport.close()
        return 0.0

    def _stumbled(self, error: Exception, lasted: float) -> float:
        """The program was not made for what came: tell it, and begin anew. Answers the seconds to wait."""
        place = place_of(error)
        self._stumbles = self._stumbles + 1 if place == self._place and lasted < GOOD_SECONDS else 1
        self._place = place
        self._inbox.put(Stumbled(self.device, "device", error, self._frames.heard))
        self._report(False, f"a fault of the program; reconnecting: {cause_of(error)}")
        return min(LONGEST_PAUSE, BACK_OFF[-1] * 2.0 ** min(self._stumbles // ALIKE, 16))

    def _serve(self, transport: Transport) -> None:
        session = self._new_session()
        told = transport if isinstance(transport, Telling) else None
        self._frames.clear()
        silence = Silence(self._nature, self._ticking.now())
        talk = Conversation(transport, session, self._ticking.now, self._frames.note)
        while not self._halt.is_set():
            turn = talk.turn()
            now = turn.at
            if turn.sent:
                silence.asked(turn.sent_at)
            if turn.events:
                self._frames.complete()
            if turn.heard or turn.events:
                silence.heard(turn.heard, turn.events, now)
            self._complain(silence.news(now))  # before what ends it: a device that is told anew has no readings yet
            self._hand_over(turn.events, now, told)
            self._obey(session, now)
            self._pass_on(told, now)
            self._look_round(now)

    def _hand_over(self, events: list[Event], now: float, told: Telling | None) -> None:
        """To the core, the results of one turn together."""
        results = []
        for event in events:
            match event:
                case Weighing():
                    self._inbox.put(Weighed(self.device, event, now))
                case LabelSale():
                    self._inbox.put(LabelSold(self.device, event))
                case TestResult() | Ticket() | Curve():
                    results.append(replace(event, peer=told.peer) if told else event)
                case Measured():
                    self._inbox.put(Sensed(self.device, event))
                case Scan():
                    self._inbox.put(Scanned(self.device, event))
                case Garbage(data=raw, why=why):
                    log.debug("%s garbage why=%r hex=%s", self.device, why, raw.hex())
                    self._inbox.put(PortGarbage(self.device, plain(why, WHY_LETTERS), raw))
                case Reply():
                    log.debug("%s reply %s", self.device, event.as_json())
        if results:
            self._inbox.put(Tested(self.device, tuple(results)))

    def _obey(self, session: Session, now: float) -> None:
        while not self._orders.empty():
            order = self._orders.get_nowait()
            if isinstance(order, NotCommitted):
                raise LinkLost("results not saved; requesting them again")
            if isinstance(order, Committed):
                if order.identity and isinstance(session, Owing):
                    session.committed_one(order.identity, now)
                else:
                    session.committed(now)
            elif not session.ask(order, now):
                log.warning("%s %s not possible: its protocol has no such command", self.device, order.value)

    def _complain(self, news: str | None) -> None:
        """An open device that says nothing, or nothing readable, and its return: to the log and to the board."""
        if news is None:
            return
        if news := plain(news, WHY_LETTERS):
            self._say_with_frames("%s: %s", news)
        else:
            self._say(logging.INFO, "%s sending again")
        self._inbox.put(PortChanged(self.device, True, news))

    def _pass_on(self, told: Telling | None, now: float) -> None:
        """What the transport did not serve, and that this is over."""
        if told is None or now < self._news_at or (news := told.news()) is None:
            return
        self._news_at = now + NEWS_SECONDS
        if news := plain(news, WHY_LETTERS):
            self._say(logging.WARNING, "%s: %s", news)
        self._inbox.put(PortChanged(self.device, True, news))

    def _report(self, up: bool, why: str, stranger: Identity | None = None) -> None:
        """Tell the core what is new: each change, and each newer reason why the device is away."""
        why = plain(why, WHY_LETTERS)
        if up:
            self._told.clear()
            self._say(logging.INFO, "%s connected")
        elif why == self._why:
            return
        else:
            self._log_loss(why, stranger)
        self._why = why
        self._inbox.put(PortChanged(self.device, up, why, stranger))

    def _log_loss(self, why: str, stranger: Identity | None) -> None:
        """The loss once, each further reason once while it lasts, a stranger always aloud."""
        if why in self._told:
            return
        if stranger is not None:
            self._say(logging.WARNING, "%s not read: %s", why)
        elif self._told:
            self._say(logging.INFO, "%s still disconnected: %s", why)
        else:
            self._say_with_frames("%s disconnected: %s", why)
        if len(self._told) < MOST_TOLD:
            self._told.add(why)

    def _say(self, level: int, what: str, *why: str) -> bool:
        """To the log; a device that comes and goes all the time, or is made to, does not fill it: False then."""
        kept_back = self._allowance.due(self._ticking.now())
        if kept_back is None:
            return False
        more = f" ({kept_back} similar lines suppressed)" if kept_back else ""
        log.log(level, f"{what}{more}", self.device, *why)
        return True

    def _say_with_frames(self, what: str, why: str) -> None:
        """A trouble, and the frames that passed before it; each frame once."""
        now = self._ticking.now()
        if self._say(logging.WARNING, what, why) and self._frames and self._conversations.due(now) is not None:
            for line in self._frames.lines(now):
                log.info("%s %s", self.device, line)
            self._frames.clear()

    # --- which device it is -----------------------------------------------------------------------------------------

    def _tell_found(self) -> None:
        keeper = self._keeper
        if keeper.known or keeper.naming.by:
            self._inbox.put(PortFound(self.device, keeper.known, keeper.naming))

    def _take_confirmations(self) -> bool:
        taken = False
        while not self._confirmed.empty():
            self._keeper.confirm(self._confirmed.get_nowait())
            taken = True
        return taken

    def _look_round(self, now: float) -> None:
        """What was plugged in or confirmed while the port is open. Raises LinkLost when it is open to the wrong one."""
        if self._take_confirmations() and not self._keeper.still():
            raise LinkLost("another device was confirmed for this name; opening it again")
        if now < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        if news := self._keeper.look_round():
            self._say(logging.WARNING, "%s: %s", plain(news, WHY_LETTERS))
            self._tell_found()
