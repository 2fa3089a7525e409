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

from collections.abc import Callable
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field as Described
from pydantic import model_validator

from protocol import modbus
from protocol.formats import WireFormat
from protocol.framing import Scanner
from protocol.link import Link
from protocol.modbus import Master, Registers
from protocol.options import FormatOptions, FramingOption, Misfit, Patience, Poll
from protocol.readings import Event, TestResult, Verdict
from protocol.registers import TEXT, Address, Field, Function, Masked, NumberField, TimeField, by_one_function
from protocol.session import Wish

CHANGES, SET = "changes", "set"
VERDICTS = {verdict.value: verdict for verdict in Verdict if verdict is not Verdict.NOT_APPLICABLE}
FIRST_YEAR = 2001  # before it a station's clock is not set

Text = Annotated[str, Described(min_length=1)]
Code = Annotated[int | None, Described(ge=0, le=0xFFFFFFFF, description="the number that means this")]


class Trigger(Masked):
    """What tells that a result is complete."""

    when: Annotated[
        Literal["changes", "set"], Described(description="a counter that changes, or a flag that is set")
    ] = "changes"
    none: Annotated[int | None, Described(description="the number before the first result")] = None

    def raw(self, registers: Registers) -> int | None:
        number = super().raw(registers)
        return None if number == self.none else number


class Conclusion(Masked):
    """Which number is which conclusion."""

    qualified: Code = None
    suspect: Code = None
    unqualified: Code = None
    invalid: Code = None

    @property
    def verdicts(self) -> dict[int, Verdict]:
        """The conclusions by number."""
        codes = {getattr(self, name): verdict for name, verdict in VERDICTS.items()}
        return {code: verdict for code, verdict in codes.items() if code is not None}

    @model_validator(mode="after")
    def _differ(self) -> Self:
        if len(self.verdicts) < len([name for name in VERDICTS if getattr(self, name) is not None]):
            raise Misfit("两个结论的数字相同", "two conclusions have the same number")
        return self


class AnalyzerProfile(FormatOptions):
    """Where one kind of instrument has its last result."""

    function: Function = 3
    address: Address = 1
    item: Annotated[Text, Described(description="what it measures", examples=['"农药残留"'])]
    unit: Annotated[Text, Described(description="what the value is in", examples=['"%"'])]
    new: Annotated[
        Trigger,
        Described(description="what tells a new result", examples=['{ register = 0, when = "changes" }']),
    ]
    value: NumberField
    sample: Field | None = None
    channel: Field | None = None
    name: Field | None = None
    time: TimeField | None = None
    verdict: Conclusion | None = None
    limit: NumberField | None = None

    _function = model_validator(mode="before")(by_one_function)

    @model_validator(mode="after")
    def _tells_results_apart(self) -> Self:
        if self.new.when == SET and self.time is None and self.sample is None:
            raise Misfit(
                "只有标志位分不清两个相同的结果：加上 sample 或 time",
                "a flag does not tell two equal results apart; add sample or time",
                key="new",
            )
        return self

    @property
    def fields(self) -> dict[str, Field]:
        """What it tells beside value, time and verdict."""
        told = {"sample": self.sample, "channel": self.channel, "name": self.name, "limit": self.limit}
        return {key: field for key, field in told.items() if field is not None}

    def plan(self) -> tuple[modbus.Block, ...]:
        places = (self.value, *self.fields.values(), self.verdict, self.time)
        return modbus.plan([cell for place in places if place for cell in place.cells()], self.new.cells())


class Reading(FormatOptions):
    framing: FramingOption = "rtu"


class Options(Reading):
    profile: Annotated[AnalyzerProfile, Described(description="where the result stands, from the instrument's manual")]
    poll: Poll = 1.0
    patience: Patience = 1.0


def read(profile: AnalyzerProfile, registers: Registers, day: date | None = None, raw: bytes = b"") -> TestResult:
    """The result in the registers; ``day`` takes the time's place when the instrument tells none."""
    texts = {key: field.text(registers) for key, field in profile.fields.items()}
    value = profile.value.number(registers)
    verdict = None
    if profile.verdict:
        code = profile.verdict.raw(registers)
        verdict = None if code is None else profile.verdict.verdicts.get(code)
    at = profile.time.time(registers) if profile.time else None
    if profile.time:
        stamp = at.isoformat() if at else "".join(f"{registers[cell]:04x}" for cell in profile.time.cells())
    else:
        stamp = day.isoformat() if day else ""
    count = profile.new.raw(registers) if profile.new.when == CHANGES else ""
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
        limit=profile.limit.number(registers) if profile.limit else None,
        raw=raw,
    )


def encode(profile: AnalyzerProfile, result: TestResult, trigger: int) -> dict[tuple[int, int], int]:
    """The registers that hold this result. Raises ValueError when it does not fit the profile."""
    registers = profile.new.put(trigger)
    registers |= profile.value.encode(result.value)
    said = {"sample": result.sample, "channel": result.channel, "name": result.name, "limit": result.limit}
    for key, field in profile.fields.items():
        value = said[key]
        registers |= field.encode(value if value is not None else "" if field.type == TEXT else "0")
    if profile.verdict:
        codes = {verdict: code for code, verdict in profile.verdict.verdicts.items()}
        code = codes.get(result.verdict) if result.verdict else None
        free = next(number for number in range(len(codes) + 1) if number not in codes.values())
        registers |= profile.verdict.put(free if code is None else code)
    if profile.time:
        if result.measured_at is None:
            raise ValueError("a result of this instrument has a time")
        registers |= profile.time.encode(result.measured_at)
    return registers


def decoder(options: Reading) -> Scanner:
    """Answers of any device as replies: which registers they are of does not stand in them."""
    return modbus.decoder(modbus.Framing(options.framing))


class Session:
    """Polls the profile's registers, and hands over each new result once. ``today`` gives the local date."""

    def __init__(self, options: Options, today: Callable[[], date]) -> None:
        self._profile = options.profile
        self._today = today
        self._poll = options.poll
        self._handed: int | None = None  # the trigger of the last result handed over; of a flag: 1 while it is set
        self._master = Master(
            self._profile.plan(),
            self._read,
            address=self._profile.address,
            framing=modbus.Framing(options.framing),
            poll=options.poll,
            patience=options.patience,
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
        if self._profile.new.when == SET:
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
    reading=Reading,
    options=Options,
    by_date=True,
    links=(Link(19200), Link(9600, 8, "e"), Link(19200, 8, "e")),
    questions=(modbus.STRANGER,),
)
