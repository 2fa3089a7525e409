"""Analyzers that speak Modbus and keep their last result in registers, by a profile: makers publish no common map.

The profile is written in station.toml, from the instrument's manual:

    [[analyzer]]
    model = "modbus-analyzer"
    port = "/dev/ttyUSB0"                       # or "socket://10.0.0.5:502" with framing = "tcp"

    [analyzer.options]
    framing = "rtu"

    [analyzer.options.profile]
    address = 1                                 # of the device, 1 to 247
    function = 3                                # 3 holding registers, 4 input registers
    item = "农药残留"
    unit = "%"
    new = { register = 0, type = "uint16", when = "changes", none = 0 }
    value = { register = 1, type = "uint16", decimals = 1, none = 0x7FFE }
    sample = { register = 2, type = "uint16" }
    channel = { register = 3, type = "uint16" }
    name = { register = 4, type = "text", count = 3 }
    time = { register = 7, form = "words" }
    verdict = { register = 13, qualified = 2, unqualified = 1, suspect = 3, invalid = 4 }
    limit = { register = 14, type = "uint16", decimals = 1 }

``new``, ``value``, ``item`` and ``unit`` must be there.  ``new`` tells when a result is complete: its number
``changes`` (a counter; ``none`` is the number before the first result), or its number is ``set``, anything but zero,
after it was zero (a flag; with ``mask`` a bit).  How a value lies in registers is in ``protocol/registers.py``.  What
is not in ``verdict`` is no conclusion.  A result without a value is invalid.

Two results are one and the same when everything in them is the same, counter included.  An instrument that tells no
time could count from 1 again tomorrow: then the station's date of reading takes the time's place, and nothing is asked
while the station has no date.  Such a result that is still there after midnight, when the station starts, is handed
over a second time.  A flag needs a sample number or a time beside it.

Registers that are not side by side are read one after the other and the trigger once more at the end; a result counts
only if it has not moved.  A result is handed over once, and nothing more is asked before it is on disk.  Nothing is
ever written: an instrument that wants its flag reset by the host cannot be read this way.

The decoder knows no profile: it gives the answers' words.  Frames carry a CRC-16 (on TCP the network's checks).
Source: Modbus Application Protocol V1.1b3.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from protocol import modbus
from protocol.formats import WireFormat
from protocol.framing import Scanner
from protocol.link import Link
from protocol.modbus import Framing, Master, Registers
from protocol.readings import Event, TestResult, Verdict
from protocol.registers import TEXT, Field, TimeField, known_keys, one_of, whole
from protocol.session import Wish

FIELDS = ("sample", "channel", "name", "limit")
KEYS = ("address", "function", "item", "unit", "new", "value", "time", "verdict", *FIELDS)
CHANGES, SET = "changes", "set"
VERDICTS = {verdict.value: verdict for verdict in Verdict if verdict is not Verdict.NOT_APPLICABLE}
FIRST_YEAR = 2001  # before it a station's clock is not set


@dataclass(frozen=True, slots=True)
class Profile:
    """Where one kind of instrument has its last result."""

    address: int
    item: str
    unit: str
    new: Field
    when: str
    value: Field
    time: TimeField | None
    verdict: Field | None
    verdicts: Mapping[int, Verdict]
    fields: Mapping[str, Field]

    @classmethod
    def parse(cls, table: Any) -> "Profile":
        """Raises ValueError that names the key and says what would be right."""
        if not table:
            raise ValueError("modbus_profile needs a profile: where the result stands, from the instrument's manual")
        table = known_keys("profile", table, KEYS)
        function = whole("profile.function", table.get("function", 3), modbus.REQUESTS)
        for key in ("item", "unit"):
            if not isinstance(table.get(key), str) or not table[key]:
                raise ValueError(f"profile.{key} is missing; write a text")
        new, when = _trigger(table.get("new"), function)
        verdict, verdicts = _verdict(table.get("verdict"), function)
        profile = cls(
            address=whole("profile.address", table.get("address", 1), range(1, 248)),
            item=table["item"],
            unit=table["unit"],
            new=new,
            when=when,
            value=_number("profile.value", table.get("value"), function),
            time=TimeField.parse("profile.time", table["time"], function=function) if "time" in table else None,
            verdict=verdict,
            verdicts=verdicts,
            fields={
                key: _number(f"profile.{key}", table[key], function)
                if key == "limit"
                else Field.parse(f"profile.{key}", table[key], function=function)
                for key in FIELDS
                if key in table
            },
        )
        if when == SET and profile.time is None and "sample" not in profile.fields:
            raise ValueError("profile: a flag does not tell two equal results apart; add sample or time")
        return profile

    def plan(self) -> tuple[modbus.Block, ...]:
        places = [self.value, *self.fields.values(), *((self.verdict,) if self.verdict else ())]
        cells = [cell for place in places for cell in place.cells()]
        return modbus.plan([*cells, *(self.time.cells() if self.time else ())], self.new.cells())


def _number(name: str, table: Any, function: int) -> Field:
    found = Field.parse(name, table, function=function)
    if found.type == TEXT:
        raise ValueError(f"{name}.type is text; this is a number")
    return found


def _trigger(table: Any, function: int) -> tuple[Field, str]:
    if not isinstance(table, Mapping):
        raise ValueError('profile.new is missing: what tells a new result? { register = 0, when = "changes" }')
    when = one_of("profile.new.when", table.get("when", CHANGES), (CHANGES, SET))
    place = {key: value for key, value in table.items() if key != "when"}
    new = Field.parse("profile.new", place, function=function, type="uint16")
    if new.type not in ("uint16", "uint32"):
        raise ValueError(f"profile.new.type is {new.type}; it must be uint16 or uint32")
    return new, when


def _verdict(table: Any, function: int) -> tuple[Field | None, Mapping[int, Verdict]]:
    if table is None:
        return None, {}
    table = known_keys("profile.verdict", table, ("register", "function", "type", "order", "mask", *VERDICTS))
    place = {key: value for key, value in table.items() if key not in VERDICTS}
    field = Field.parse("profile.verdict", place, function=function, type="uint16")
    if field.type not in ("uint16", "uint32"):
        raise ValueError(f"profile.verdict.type is {field.type}; it must be uint16 or uint32")
    numbers = range(1 << 16 * field.count)
    codes = {key: whole(f"profile.verdict.{key}", table[key], numbers) for key in table if key in VERDICTS}
    if len(set(codes.values())) != len(codes):
        raise ValueError("profile.verdict: two conclusions have the same number")
    return field, {code: VERDICTS[key] for key, code in codes.items()}


def read(profile: Profile, registers: Registers, day: date | None = None, raw: bytes = b"") -> TestResult:
    """The result in the registers; ``day`` takes the time's place when the instrument tells none."""
    texts = {key: field.text(registers) for key, field in profile.fields.items()}
    value = profile.value.number(registers)
    verdict = None
    if profile.verdict:
        code = profile.verdict.raw(registers)
        verdict = None if code is None else profile.verdicts.get(code)
    at = profile.time.time(registers) if profile.time else None
    if profile.time:
        stamp = at.isoformat() if at else "".join(f"{registers[cell]:04x}" for cell in profile.time.cells())
    else:
        stamp = day.isoformat() if day else ""
    count = profile.new.raw(registers) if profile.when == CHANGES else ""
    said = (
        count,
        texts.get("sample", ""),
        texts.get("channel", ""),
        stamp,
        "" if value is None else format(value, "f"),
    )
    return TestResult(
        sample=texts.get("sample") or None,
        channel=texts.get("channel") or None,
        item=profile.item,
        value=value,
        unit=profile.unit,
        verdict=Verdict.INVALID if value is None else verdict,
        measured_at=at,
        identity="modbus/" + "/".join(map(str, said)),
        name=texts.get("name") or None,
        limit=profile.fields["limit"].number(registers) if "limit" in profile.fields else None,
        raw=raw,
    )


def encode(profile: Profile, result: TestResult, trigger: int) -> dict[tuple[int, int], int]:
    """The registers that hold this result. Raises ValueError when it does not fit the profile."""
    registers = profile.new.encode(format_raw(profile.new, trigger))
    registers |= profile.value.encode(result.value)
    said = {"sample": result.sample, "channel": result.channel, "name": result.name, "limit": result.limit}
    for key, field in profile.fields.items():
        value = said[key]
        registers |= field.encode(value if value is not None else "" if field.type == TEXT else "0")
    if profile.verdict:
        codes = {verdict: code for code, verdict in profile.verdicts.items()}
        code = codes.get(result.verdict) if result.verdict else None
        free = next(number for number in range(len(codes) + 1) if number not in codes.values())
        registers |= profile.verdict.encode(format_raw(profile.verdict, free if code is None else code))
    if profile.time:
        if result.measured_at is None:
            raise ValueError("a result of this instrument has a time")
        registers |= profile.time.encode(result.measured_at)
    return registers


def format_raw(field: Field, number: int) -> str:
    """The value whose whole number in the register is this."""
    return format(number * field.scale, "f")


def decoder(framing: str = "rtu") -> Scanner:
    """Answers of any device as replies: which registers they are of does not stand in them."""
    return modbus.decoder(Framing.named(framing))


class Session:
    """Polls the profile's registers, and hands over each new result once.

    ``today`` gives the local date. Raises ValueError for a profile that cannot be used, or none.
    """

    def __init__(
        self,
        *,
        profile: Mapping[str, Any] | None = None,
        framing: str = "rtu",
        today: Callable[[], date],
        poll: float = 1.0,
        patience: float = 1.0,
    ) -> None:
        self._profile = Profile.parse(profile)
        self._today = today
        self._poll = poll
        self._handed: int | None = None  # the trigger of the last result handed over; of a flag: 1 while it is set
        self._master = Master(
            self._profile.plan(),
            self._read,
            address=self._profile.address,
            framing=Framing.named(framing),
            poll=poll,
            patience=patience,
            guard=self._profile.new.raw,
        )
        self._late: float | None = None  # waiting for a date until then

    @property
    def deadline(self) -> float | None:
        return self._master.deadline if self._late is None else self._late

    def receive(self, data: bytes, now: float) -> list[Event]:
        return self._master.receive(data, now)

    def expired(self, now: float) -> list[Event]:
        if self._profile.time is None and self._today().year < FIRST_YEAR:
            self._late = now + self._poll
            return []
        self._late = None
        return self._master.expired(now)

    def pending(self) -> bytes:
        return self._master.pending()

    def ask(self, wish: Wish, now: float) -> bool:
        return False

    def committed(self, now: float) -> None:
        self._master.committed(now)

    def _read(self, registers: Registers, raw: bytes) -> list[Event]:
        trigger = self._profile.new.raw(registers)
        if self._profile.when == SET:
            trigger = 1 if trigger else None
        if trigger == self._handed:
            return []
        self._handed = trigger
        return [] if trigger is None else [read(self._profile, registers, self._today(), raw)]


FORMAT = WireFormat(
    id="modbus_profile",
    kind="analyzer",
    title="Modbus RTU or TCP analyzer, by a profile of its registers",
    link=Link(9600),
    polled=True,
    checked=True,
    confidence="medium",
    decoder=decoder,
    session=Session,
    by_date=True,
    links=(Link(19200), Link(9600, 8, "e"), Link(19200, 8, "e")),
    questions=(modbus.STRANGER,),
)
