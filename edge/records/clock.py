"""Time on a box whose clock may be wrong (contract part C7).

The station's time runs on the steady clock of this boot.  The wall clock is only looked at, every few seconds, and
taken as far as it deserves:

* It agrees with the station's time within ``SMALL_SECONDS``: followed, and synced while the kernel says so.
* It stands elsewhere and is vouched for: a ``Step``, forward or back.  Whoever owns the ledger writes the step down as
  a record, and then says ``take``: so no earlier time is given before the record that explains it.
* Nobody vouches for it: it may only put an unsynced time forward.  The time never goes back by itself, and after a
  restart it goes on from the last record, within one boot with all the time that passed since.
* It lies outside 2020 to 2099, or is too far ahead of the last time that was believed: not taken.  A date too far ahead
  is *doubted*: the clock is unsynced until the wall clock comes back or a person confirms the date by name.

Where no time service speaks, the city's signed answer to a birth of this station does: it was signed between our
question and its arrival, which bounds the time from both sides.  That is an *estimate*: its state is holdover, its
source ``platform``.  The system's clock is never set by us.
"""

import ctypes
import functools
import logging
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

from edge.between import words
from edge.between.fixed_words import ClockSource, ClockWhy
from protocol.city.token import CHINA
from protocol.frozen import frozen

ClockState = Literal["synced", "holdover", "unsynced"]
Trust = Literal["kernel", "host"]

log = logging.getLogger("clock")

FIRST, END = 1_577_836_800, 4_102_444_800  # 2020-01-01 and 2100-01-01, UTC: no time outside is taken
CHECK_SECONDS = 5.0
SMALL_SECONDS = 2.0  # a leap second, or a time service's small correction: followed without a record
STAND_SECONDS = 60.0  # a host that put the clock back is believed when it has stood so long
HOLDOVER_SECONDS = 24 * 3600.0
DAY_SECONDS = 24 * 3600.0
OFF_SECONDS = 30 * DAY_SECONDS  # switched off for so long is usual: a certificate that ended meanwhile is no surprise
LONG_SECONDS = 400 * DAY_SECONDS  # longer than any scale's verification: always asked
ROUND_TRIP_SECONDS = 30.0  # an answer of the city that took longer says too little of the time
ASK_SECONDS = 3 * 3600.0  # so often the city is asked while no time service speaks


# --- the kernel's word ----------------------------------------------------------------------------------------------

_STA_UNSYNC = 0x40
_FILTERED = "2"  # seccomp's mode when a unit or container filters system calls
_ASK = "import ctypes; ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512))"


class _Timex(ctypes.Structure):
    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


@functools.cache
def _deadly() -> bool:
    """Whether a filter of system calls would kill us for asking: a child of ours, under the same filter, tries it."""
    status = Path("/proc/self/status").read_text("ascii", "replace")
    if f"Seccomp:\t{_FILTERED}" not in status:
        return False
    try:
        return subprocess.run([sys.executable, "-I", "-S", "-c", _ASK], capture_output=True, timeout=30).returncode != 0
    except (OSError, subprocess.SubprocessError):
        return True


def kernel_synced() -> bool | None:
    """What adjtimex(2) says: True while a time service disciplines the clock; None when we cannot know.

    Where a sandbox forbids to ask the kernel, systemd-timesyncd's own mark may still be seen.
    """
    if _deadly():
        return timesyncd_synced()
    timex = _Timex()
    said = ctypes.CDLL(None).adjtimex(ctypes.byref(timex))
    return timesyncd_synced() if said < 0 else not timex.status & _STA_UNSYNC


_TIMESYNCD = Path("/run/systemd/timesync/synchronized")  # touched at each sync, says systemd-timesyncd.service(8) …
_POLL_SECONDS = 2048.0  # … at most this far apart (PollIntervalMaxSec=)


def timesyncd_synced(mark: Path = _TIMESYNCD, wall: Callable[[], float] = time.time) -> bool | None:
    """True when systemd-timesyncd set the clock lately; None when that cannot be seen: another service may have."""
    try:
        ago = wall() - mark.stat().st_mtime
    except OSError:
        return None
    return True if -SMALL_SECONDS <= ago <= 2 * _POLL_SECONDS else None


def since_boot() -> float:
    """Seconds since the kernel started, with the time it slept."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


# --- values ---------------------------------------------------------------------------------------------------------


def text_of(seconds: float, timespec: str = "microseconds") -> str:
    """RFC 3339 in the market's zone; cut, not rounded, to the ``timespec``."""
    return datetime.fromtimestamp(seconds, CHINA).isoformat(timespec=timespec)


def day_of(seconds: float) -> date:
    """The market's date."""
    return _day_of_hour(seconds // 3600)


@functools.lru_cache(maxsize=8)
def _day_of_hour(hour: float) -> date:
    """The market's zone is whole hours from UTC."""
    return datetime.fromtimestamp(hour * 3600, CHINA).date()


def inside(seconds: float) -> bool:
    """Whether it can be a time at all."""
    return FIRST <= seconds < END


@frozen
class Stamp:
    """A moment: seconds since 1970, and what the clock was worth.

    ``source`` is who vouched for it last, ``up`` the seconds since the kernel started.
    """

    seconds: float
    state: ClockState
    source: ClockSource = ClockSource.NONE
    up: float = 0.0

    @property
    def text(self) -> str:
        """RFC 3339 with microseconds, in the market's zone; written when it is asked for, which few do."""
        return text_of(self.seconds)

    @property
    def to_the_second(self) -> str:
        """The moment without its fraction, as slips and their digests carry it."""
        return text_of(self.seconds, "seconds")

    @property
    def trusted(self) -> bool:
        """False when the date cannot be believed."""
        return self.state != "unsynced"


@frozen
class Past:
    """What the ledger knows of the time. Seconds since 1970.

    ``seconds`` is the last record's, ``believed`` that of the last record whose time was trusted or confirmed by a
    person (None: nothing is known).  ``boot`` is the boot of the last record, which was made ``up`` seconds after it
    began (None: it does not say); ``unsynced_in`` is that boot, when the record was made unsynced.
    """

    seconds: float = 0.0
    believed: float | None = None
    unsynced_in: str = ""
    boot: str = ""
    up: float | None = None


UNKNOWN = Past()


@frozen
class Step:
    """The station's time is to go from ``before`` to ``after``; ``at`` is since boot, ``state`` what it is worth then.

    ``source`` is who vouches: the kernel's time service, the host, a person, the city's platform, or none.  ``why``:
    ``synced`` (for the first time since it was lost or the boot), ``stepped`` (a believed time was put elsewhere),
    ``set`` (put forward, nobody vouches), ``confirmed`` (by ``person``), ``estimated`` (from the city's word, right to
    ``error`` seconds).
    """

    at: float
    before: float
    after: float
    state: ClockState
    source: ClockSource
    why: Literal["synced", "stepped", "set", "confirmed", "estimated"]
    person: str | None = None
    error: float | None = None

    @property
    def stamp(self) -> Stamp:
        return Stamp(self.after, self.state, self.source, self.at)

    @property
    def offset_ms(self) -> int:
        return round((self.after - self.before) * 1000)


@frozen
class _Held:
    """What the clock holds to be true. ``offset`` added to the seconds since boot is the station's time.

    ``believed`` is such an offset too: of the last time that was believed, carried on.  ``followed``: it was believed
    in this very run, so the time that passed since is known.  ``source`` vouched for it, last at ``synced_at``.
    ``asks`` is the wall clock's time a person may confirm.  ``error`` is that of an estimate.
    """

    offset: float
    believed: float | None = None
    followed: bool = False
    synced_at: float = float("-inf")
    why: ClockWhy = ClockWhy.UNSYNCED
    asks: float | None = None
    source: ClockSource = ClockSource.NONE
    error: float = 0.0


# --- the clock ------------------------------------------------------------------------------------------------------


class Clock:
    """The station's clock. Only the core thread gives stamps and looks; ``today`` and ``state`` may be asked by any.

    ``trust`` is ``kernel`` (a time service keeps the wall clock, the kernel says whether) or ``host`` (a virtual
    machine's host keeps it; a clock it puts back is taken when it has stood a minute).  ``certificates`` are the last
    days of the scales' verifications.  The sources of time are callables, so that tests hand it in.
    """

    def __init__(
        self,
        trust: Trust = "kernel",
        past: Past = UNKNOWN,
        certificates: tuple[date, ...] = (),
        *,
        wall: Callable[[], float] = time.time,
        since_boot: Callable[[], float] = since_boot,
        steady: Callable[[], float] = time.monotonic,
        kernel: Callable[[], bool | None] = kernel_synced,
        boot_id: str = "",
    ) -> None:
        self.boot_id = boot_id or Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        self.steady = steady
        self._trust = trust
        self.certificates = certificates
        self._wall, self._since_boot, self._kernel = wall, since_boot, kernel
        self._last = past.seconds if inside(past.seconds) else float(FIRST)
        self._back: tuple[float, float] | None = None
        self._looked = float("-inf")
        self._estimate: tuple[float, float] | None = None  # from the city's word: an offset, and its error
        self._start(past)

    def _start(self, past: Past) -> None:
        """Go on from the last record, or from the wall clock when that is later and not doubted."""
        boot, wall = self._since_boot(), self._wall()
        believed = None if past.believed is None or not inside(past.believed) else past.believed - boot
        self._held = _Held(self._last - boot, believed)
        if inside(past.seconds) and past.up is not None and past.boot == self.boot_id and past.up <= boot:
            self._held = replace(self._held, offset=past.seconds - past.up)  # the same boot: it has run on
        if inside(wall) and wall > self._ours(boot) and not self._doubted(wall, boot):
            self._held = replace(self._held, offset=wall - boot)
        self.look(past.unsynced_in == self.boot_id)
        self._looked = float("-inf")  # a step that was seen here is seen again by who can record it

    # --- what time it is ---

    def now(self) -> Stamp:
        """Never before a time that was given, but for a step that was taken."""
        boot = self._since_boot()
        self._last = self._ours(boot)
        return Stamp(self._last, self._state(boot), self.source, boot)

    def up(self) -> float:
        """Seconds since the kernel started, with the time it slept: no step of a clock changes them."""
        return self._since_boot()

    def today(self) -> date:
        """The market's date, whatever it is worth."""
        return day_of(self._ours(self._since_boot()))

    def day_to_ask(self) -> date:
        """The date for instruments that are asked by date: the year 1, which none is asked for, while none is known."""
        today = self.today()
        return today if today.year > day_of(FIRST).year else date.min

    def state(self) -> ClockState:
        """Loss of sync is ``holdover`` for a day, then ``unsynced``; a doubted date is ``unsynced`` at once."""
        return self._state(self._since_boot())

    @property
    def trusted(self) -> bool:
        """False when the date cannot be believed."""
        return self._state(self._since_boot()) != "unsynced"

    @property
    def source(self) -> ClockSource:
        """Who vouched for the time that is carried on; ``unknown`` while we may not ask whether anybody does."""
        unknown = self._held.why is ClockWhy.REFUSED and self.state() == "unsynced"
        return ClockSource.UNKNOWN if unknown else self._held.source

    @property
    def last_sync(self) -> str:
        """When the source vouched last, to the minute by the station's time; empty when nobody did in this run."""
        held = self._held
        return "" if held.synced_at == float("-inf") else text_of(held.offset + held.synced_at)[:16]

    @property
    def why(self) -> ClockWhy:
        """Why the clock is not synced, a code of ``clock_why`` in the catalogue of texts; empty when it is."""
        return self._held.why

    @property
    def asks(self) -> str:
        """The wall clock's time to the minute while a person may confirm it, else empty."""
        return "" if self._held.asks is None else text_of(self._held.asks)[:16]

    # --- what the wall clock says ---

    def look(self, owing: bool = False) -> Step | None:
        """Look at the wall clock, at most every CHECK_SECONDS. A step that is answered counts once it is taken.

        ``owing``: records of this boot were made unsynced, so the coming sync is a step however small.
        """
        boot, before = self._since_boot(), self._held.why
        if boot - self._looked < CHECK_SECONDS:
            return None
        self._looked = boot
        step = self._judge(boot, owing)
        if step is None or step.source is ClockSource.NONE:
            step = self._by_the_city(boot, owing) or step
        if self._held.why not in (ClockWhy.SYNCED, before):
            log.warning("clock: %s", words.text("clock_why", self._held.why).en)
        return step

    def take(self, step: Step) -> Callable[[], None]:
        """Go on with the step's time; its record is written in the same transaction. Answers how to take it back."""
        before = self._held, self._last
        offset = step.after - step.at
        if step.source is ClockSource.PLATFORM:
            self._go_by(offset, step.at, step.error or 0.0)
        elif step.state == "synced":
            self._believe(offset, step.at)
        elif step.person is not None:
            self._held = _Held(offset, offset, followed=True, source=ClockSource.PERSON)
        else:
            self._held = replace(self._held, offset=offset, source=ClockSource.NONE)
        self._last = step.after

        def back() -> None:
            self._held, self._last = before

        return back

    def confirmed(self, day: date, person: str) -> Step | None:
        """A person says that the wall clock's date is right. None when that is not asked, or ``day`` is another."""
        boot, wall = self._since_boot(), self._wall()
        if self._held.asks is None or not inside(wall) or day_of(wall) != day:
            return None
        state: ClockState = "synced" if self._vouched() else "unsynced"
        return self._step(wall, boot, state, ClockSource.PERSON, "confirmed", person)

    # --- what the city says ---

    def told(self, issued: float, asked: float) -> None:
        """The city signed ``issued`` (since 1970) after it had what left here ``asked`` seconds after the boot."""
        boot = self._since_boot()
        if 0.0 <= boot - asked <= ROUND_TRIP_SECONDS:
            self._estimate = issued - (asked + boot) / 2, (boot - asked) / 2
            self._looked = float("-inf")

    def wants_word(self, asked: float) -> bool:
        """Whether the city is to be asked for the time, when it was asked last ``asked`` seconds after the boot."""
        boot = self._since_boot()
        needed = self._held.source is ClockSource.PLATFORM or self._state(boot) == "unsynced"
        return self._trust == "kernel" and needed and boot - asked >= ASK_SECONDS

    def _by_the_city(self, boot: float, owing: bool) -> Step | None:
        """Where nothing better is known, the city's newest word is gone by, and so it was an estimate."""
        newest, self._estimate = self._estimate, None
        ours = self._held.source is ClockSource.PLATFORM and self._state(boot) != "unsynced"
        if newest is None or self._trust == "host" or not (ours or self._state(boot) == "unsynced"):
            return None
        offset, error = newest
        time, ahead = boot + offset, boot + offset - self._ours(boot)
        if not inside(time) or self._doubted(time, boot):
            return None
        if abs(ahead) <= SMALL_SECONDS + error + self._held.error and not owing:
            self._go_by(self._held.offset, boot, error + abs(ahead))
            return None
        return Step(boot, self._ours(boot), time, "holdover", ClockSource.PLATFORM, "estimated", error=error)

    def _go_by(self, offset: float, boot: float, error: float) -> None:
        self._held = _Held(
            offset,
            offset,
            followed=True,
            synced_at=boot,
            why=ClockWhy.PLATFORM,
            source=ClockSource.PLATFORM,
            error=error,
        )

    # --- inside ---

    def _judge(self, boot: float, owing: bool) -> Step | None:
        """What the wall clock is worth now, and the step it asks for."""
        wall = self._wall()
        vouched = self._vouched()  # asked after the wall clock was read: of that time, not of one before a step
        ahead = wall - self._ours(boot)
        if not inside(wall):
            self._not_by(ClockWhy.RANGE, boot)
        elif self._doubted(wall, boot):
            self._not_by(ClockWhy.DOUBTED, boot, wall)
        elif not vouched:
            return self._unvouched(wall, boot, refused=vouched is None)
        elif ahead < -SMALL_SECONDS and not self._stood(wall - boot, boot):
            self._not_by(ClockWhy.STANDING, boot)
        elif owing or abs(ahead) > SMALL_SECONDS:
            why: Literal["synced", "stepped"] = "synced" if self._state(boot) == "unsynced" else "stepped"
            return self._step(wall, boot, "synced", ClockSource(self._trust), why)
        else:
            self._believe(wall - boot, boot)
        return None

    def _ours(self, boot: float) -> float:
        """The station's time; the wall clock is not asked."""
        return max(min(boot + self._held.offset, END - 1.0), self._last)

    def _state(self, boot: float) -> ClockState:
        age = boot - self._held.synced_at
        if self._held.why is ClockWhy.DOUBTED or age >= HOLDOVER_SECONDS:
            return "unsynced"
        vouched = age < 2 * CHECK_SECONDS and self._held.source is not ClockSource.PLATFORM
        return "synced" if vouched else "holdover"

    def _vouched(self) -> bool | None:
        return True if self._trust == "host" else self._kernel()

    def _believe(self, offset: float, boot: float) -> None:
        source = ClockSource(self._trust)
        self._held = _Held(offset, offset, followed=True, synced_at=boot, why=ClockWhy.SYNCED, source=source)
        self._back = None

    def _not_by(self, why: ClockWhy, boot: float, asks: float | None = None) -> None:
        """The wall clock is not gone by. While the city's word is, that is said, and nobody is asked."""
        if self._held.source is ClockSource.PLATFORM and boot - self._held.synced_at < HOLDOVER_SECONDS:
            why, asks = ClockWhy.PLATFORM, None
        self._held = replace(self._held, why=why, asks=asks)

    def _unvouched(self, wall: float, boot: float, *, refused: bool) -> Step | None:
        """Nobody vouches for the wall clock: it may put a time forward that is worth no more."""
        ahead = wall - self._ours(boot)
        far = abs(ahead) > DAY_SECONDS
        why = ClockWhy.REFUSED if refused else ClockWhy.UNSYNCED
        self._not_by(why, boot)
        if self._held.why is ClockWhy.PLATFORM:
            return None
        if abs(ahead) <= SMALL_SECONDS:
            self._held = replace(self._held, offset=wall - boot)
        elif ahead > 0 and self._state(boot) == "unsynced":
            return self._step(wall, boot, "unsynced", ClockSource.NONE, "set")
        elif far:
            self._held = replace(self._held, why=why if refused else ClockWhy.APART, asks=wall)
        return None

    def _stood(self, offset: float, boot: float) -> bool:
        """Whether a clock that was put back has kept its new time long enough; a kernel's sync needs no waiting."""
        if self._trust == "kernel":
            return True
        if self._back is None or abs(offset - self._back[0]) > SMALL_SECONDS:
            self._back = offset, boot
        return boot - self._back[1] >= STAND_SECONDS

    def _doubted(self, wall: float, boot: float) -> bool:
        """Whether the wall clock is further ahead of the last believed time than passes by itself.

        More than LONG_SECONDS, always.  Over the last day of a scale's verification, more than OFF_SECONDS after a
        start, when nobody knows how long the box was off, and more than a day while it runs.
        """
        if self._held.believed is None:
            return False
        expected = boot + self._held.believed
        ahead = wall - expected
        if ahead > LONG_SECONDS:
            return True
        if ahead <= (DAY_SECONDS if self._held.followed else OFF_SECONDS):
            return False
        return any(day_of(expected) <= until < day_of(wall) for until in self.certificates)

    def _step(
        self,
        wall: float,
        boot: float,
        state: ClockState,
        source: ClockSource,
        why: Literal["synced", "stepped", "set", "confirmed"],
        person: str | None = None,
    ) -> Step:
        return Step(boot, self._ours(boot), wall, state, source, why, person)


def parse_time(text: str) -> datetime:
    """An RFC 3339 text as an aware datetime in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)
