"""Weighing indicators and load-cell transmitters that speak Modbus, by a profile: makers share no register map.

The profile is written in station.toml, from the indicator's manual:

    [[scale]]
    model = "modbus-scale"
    port = "/dev/ttyUSB0"                      # or "socket://10.0.0.5:502" with framing = "tcp"

    [scale.options]
    framing = "rtu"

    [scale.options.profile]
    address = 1                                # of the device, 1 to 247
    function = 3                               # 3 holding registers, 4 input registers
    weight = { register = 0x0050, type = "int32", order = "ABCD", decimals = 3 }
    unit = "kg"                                # what the weight is in
    mass = "gross"                             # gross or net, if the weight register is always that
    status = { register = 0x0052, stable = 0x0001, zero = 0x0002, net = 0x0004, overload = 0x0008 }

How a value lies in registers is in ``protocol/registers.py``.  The status names the bits that are there, of

    stable, zero, negative     all these bits are set: it stands still, is at zero, the number is a magnitude below zero
    net                        set: net, not set: gross
    motion                     any of them set: it does not stand still
    overload, underload, error any of them set: there is no weight

Without ``stable`` or ``motion`` nothing is said of stability, and without ``net`` or ``mass`` nothing of tare.  A
number that is ``none``, or a float that is not finite, is an error, never a weight.

Weight and status that are not side by side are read status, weight, status; when the status has changed in between,
nothing is said.  One indicator in the field is polled with function 3 for two registers from 0x0050 at 19200 baud; how
they are to be read is not documented, so there is no ready profile for it.

Without its profile the decoder gives the answers' words; with it, weighings, unless two of the questions have answers
of one length: which of them an answer belongs to is then known to who asked alone.  Frames carry a CRC-16 (on TCP the
network's checks).
Sources: Modbus Application Protocol V1.1b3; a public driver for the indicator at 0x0050.
"""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from protocol import modbus
from protocol.formats import WireFormat
from protocol.link import Link
from protocol.modbus import Master, Registers
from protocol.options import FormatOptions, FramingOption, Misfit, Patience, Poll
from protocol.readings import Event, Net, Reply, State, Weighing
from protocol.registers import Address, Function, NumberField, Word, by_one_function
from protocol.session import Decoder

EXAMPLE = '{ weight = { register = 0 }, unit = "kg" }'
STATES = {"overload": State.OVERLOAD, "underload": State.UNDERLOAD, "error": State.ERROR}
MASSES = {"": None, "gross": Net.GROSS, "net": Net.NET}

Bits = Annotated[int, Field(ge=1, le=0xFFFFFFFF)]


class Status(Word):
    """The bits that are there."""

    stable: Annotated[Bits | None, Field(description="all set: it stands still")] = None
    motion: Annotated[Bits | None, Field(description="any set: it does not stand still")] = None
    zero: Annotated[Bits | None, Field(description="all set: it is at zero")] = None
    net: Annotated[Bits | None, Field(description="all set: net, else gross")] = None
    negative: Annotated[Bits | None, Field(description="all set: the number is a magnitude below zero")] = None
    overload: Annotated[Bits | None, Field(description="any set: there is no weight")] = None
    underload: Annotated[Bits | None, Field(description="any set: there is no weight")] = None
    error: Annotated[Bits | None, Field(description="any set: there is no weight")] = None

    @property
    def bits(self) -> dict[str, int]:
        """The masks by name."""
        names = ("stable", "motion", "zero", "net", "negative", *STATES)
        return {name: mask for name in names if (mask := getattr(self, name)) is not None}

    @model_validator(mode="after")
    def _fits(self) -> Self:
        last = (1 << 16 * self.size) - 1
        if wide := [name for name, mask in self.bits.items() if mask > last]:
            raise Misfit(f"应为 1 到 {last} 的整数", f"it must be a whole number, 1 to {last}", key=wide[0])
        if self.stable is not None and self.motion is not None:
            raise Misfit("stable 和 motion 只写一个", "name either stable or motion", key="motion")
        return self


class ScaleProfile(FormatOptions):
    """Where one kind of indicator has its weight."""

    function: Function = 3
    address: Address = 1
    weight: Annotated[NumberField, Field(examples=['{ register = 0x0050, type = "int32", decimals = 3 }'])]
    unit: Annotated[str, Field(min_length=1, description="what the weight is in", examples=['"kg"'])]
    mass: Annotated[Literal["", "gross", "net"], Field(description="what the weight register always is")] = ""
    status: Status | None = None

    _function = model_validator(mode="before")(by_one_function)

    @property
    def bits(self) -> dict[str, int]:
        return self.status.bits if self.status else {}

    def plan(self) -> tuple[modbus.Block, ...]:
        return modbus.plan(self.weight.cells(), self.status.cells() if self.status else ())

    def said(self, registers: Registers) -> int:
        """The status bits that mean something."""
        known = 0
        for mask in self.bits.values():
            known |= mask
        return known & (self.status.raw(registers) or 0) if self.status else 0


class Reading(FormatOptions):
    profile: Annotated[
        ScaleProfile | None,
        Field(description="where the weight stands, from the indicator's manual", examples=[EXAMPLE]),
    ] = None
    framing: FramingOption = "rtu"


class Options(Reading):
    profile: Annotated[
        ScaleProfile, Field(description="where the weight stands, from the indicator's manual", examples=[EXAMPLE])
    ]
    poll: Poll = 0.1
    patience: Patience = 0.5


def read(profile: ScaleProfile, registers: Registers, raw: bytes = b"") -> Weighing:
    """What the registers say."""
    bits, said = profile.bits, profile.said(registers)
    for name, state in STATES.items():
        if said & bits.get(name, 0):
            return Weighing(None, unit=profile.unit, state=state, raw=raw)
    value = profile.weight.number(registers)
    if value is None:
        return Weighing(None, unit=profile.unit, state=State.ERROR, raw=raw)

    def all_set(name: str) -> bool | None:
        return None if name not in bits else said & bits[name] == bits[name]

    net = all_set("net")
    stable = not said & bits["motion"] if "motion" in bits else all_set("stable")
    if all_set("negative") and value:
        value = -abs(value)
    return Weighing(
        value=value,
        unit=profile.unit,
        net=MASSES[profile.mass] if net is None else Net.NET if net else Net.GROSS,
        stable=stable,
        zero=all_set("zero"),
        raw=raw,
    )


def encode(profile: ScaleProfile, reading: Weighing) -> dict[tuple[int, int], int]:
    """The registers of this reading. Raises ValueError when it does not fit the profile."""
    bits = profile.bits
    set_bits = {
        "stable": reading.stable,
        "motion": reading.stable is False,
        "zero": reading.zero,
        "net": reading.net is Net.NET,
        "negative": reading.value is not None and reading.value < 0,
        **{name: reading.state is state for name, state in STATES.items()},
    }
    said = 0
    for name, is_set in set_bits.items():
        said |= bits.get(name, 0) if is_set else 0
    value = reading.value
    if value is None and profile.weight.none is None and profile.weight.type != "float":
        value = profile.weight.factor * 0
    if value is not None and "negative" in bits:
        value = abs(value)
    words = profile.weight.encode(value)
    if profile.status:
        words |= profile.status.put(said)
    return words


def decoder(options: Reading) -> Decoder:
    """Answers in a stream: weighings where the profile says how they follow each other, else replies with words."""
    answers, profile = modbus.decoder(modbus.Framing(options.framing)), options.profile
    return Rounds(profile, answers) if profile and can_be_told_apart(profile.plan()) else answers


def can_be_told_apart(plan: Sequence[modbus.Block]) -> bool:
    """An answer does not say which registers it is of: only its function and its length tell."""
    return len({(block.function, block.count) for block in plan}) == len(plan)


class Rounds:
    """Puts the answers of one device together as the session asks for them: the plan, and its first block again."""

    def __init__(self, profile: ScaleProfile, answers: Decoder) -> None:
        self._profile = profile
        self._answers = answers
        plan = profile.plan()
        self._plan = plan if len(plan) == 1 else (*plan, plan[0])
        self._said: list[dict[tuple[int, int], int]] = []
        self._raw = b""

    def feed(self, data: bytes) -> list[Event]:
        return self._read(self._answers.feed(data))

    def finish(self) -> list[Event]:
        return self._read(self._answers.finish())

    def _read(self, events: list[Event]) -> list[Event]:
        return [weighing for event in events for weighing in self._one(event)]

    def _one(self, event: Event) -> list[Event]:
        if not isinstance(event, Reply) or event.get("address") != str(self._profile.address):
            return [event]
        words = modbus.words_of(event)
        if not self._fits(event, words):
            self._forget()  # and perhaps it begins the next round
        if not self._fits(event, words):
            return [event]
        self._said.append(dict(zip(self._plan[len(self._said)].cells(), words, strict=True)))
        self._raw += event.raw
        if len(self._said) < len(self._plan):
            return []
        said, raw = self._said, self._raw
        self._forget()
        if self._profile.said(said[0]) != self._profile.said(said[-1]):
            return []  # not of one moment
        registers = {cell: word for block in said for cell, word in block.items()}
        return [read(self._profile, registers, raw)]

    def _fits(self, reply: Reply, words: tuple[int, ...]) -> bool:
        block = self._plan[len(self._said)]
        return reply.what == "registers" and (reply.get("function"), len(words)) == (str(block.function), block.count)

    def _forget(self) -> None:
        self._said, self._raw = [], b""


def session(options: Options) -> Master:
    """Polls the profile's registers."""
    profile = options.profile
    return Master(
        profile.plan(),
        lambda registers, raw: _events(profile, registers, raw),
        address=profile.address,
        framing=modbus.Framing(options.framing),
        poll=options.poll,
        patience=options.patience,
        guard=profile.said,
    )


def _events(profile: ScaleProfile, registers: Registers, raw: bytes) -> list[Event]:
    return [read(profile, registers, raw)]


FORMAT = WireFormat(
    id="modbus_scale",
    kind="scale",
    title="Modbus RTU or TCP weighing indicator, by a profile of its registers",
    link=Link(9600),
    polled=True,
    checked=True,
    confidence="medium",
    decoder=decoder,
    session=session,
    reading=Reading,
    options=Options,
    links=(Link(19200), Link(9600, 8, "e"), Link(19200, 8, "e")),
    questions=(modbus.STRANGER,),
)
