"""What devices say, as values: a weighing, sale, test result, ticket, probe's value, code, reply; or bytes of no sense.

Values are frozen. Numbers are ``Decimal`` with the digits as sent, because the trailing zero of ``1.250`` is the
scale's resolution. ``raw`` holds the frame's own bytes and does not take part in comparison: two frames that say
the same are the same reading.
"""

from dataclasses import field
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from protocol.frozen import frozen


class Net(Enum):
    """Which mass a weighing is (OIML R 76): gross = net + tare."""

    GROSS = "gross"
    NET = "net"
    TARE = "tare"


class State(Enum):
    """Why a weighing has no value; ``OK`` when it has one."""

    OK = "ok"
    OVERLOAD = "overload"
    UNDERLOAD = "underload"
    MOTION = "motion"
    ERROR = "error"


class Verdict(Enum):
    """Conclusion of one test; the words and their rules are in the traceability contract (part A3)."""

    QUALIFIED = "qualified"
    SUSPECT = "suspect"
    UNQUALIFIED = "unqualified"
    INVALID = "invalid"
    NOT_APPLICABLE = "not_applicable"


@frozen
class Weighing:
    """One statement of a scale.

    ``unit`` is the text the scale sent, or None when the format carries none (the model's row then knows it).
    ``stable``, ``zero`` and ``net`` are None when the format does not say.  ``value`` is None unless ``state`` is OK.
    ``auxiliary``: the scale marks the last digit as finer than its verification interval (behind a slash, in brackets).
    """

    value: Decimal | None
    unit: str | None = None
    net: Net | None = None
    stable: bool | None = None
    zero: bool | None = None
    state: State = State.OK
    raw: bytes = field(default=b"", compare=False)
    auxiliary: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "ok": True,
            "kind": "weighing",
            "value": _text(self.value),
            "unit": self.unit,
            "net": self.net and self.net.value,
            "stable": self.stable,
            "zero": self.zero,
            "state": self.state.value,
            "raw": self.raw.hex(),
            **({"auxiliary": True} if self.auxiliary else {}),
        }


@frozen
class LabelSale:
    """What a label scale has weighed, labelled and so sold by itself, as it states it.

    ``plu`` is the number of the goods on the scale, ``article`` that in the label's code; ``sold_at`` is the scale's
    own local clock, without a zone.  A mass is None where the scale does not say it with certainty.  ``doubts`` are
    words for what could not be read: ``unread`` (the line), ``sum`` (gross is not tare and net), ``empty`` (no net
    mass), ``unit`` (grams or tenths of a kilogram), ``time``.
    ``identity`` stays the same when the scale sends the same again.  A scale may state each sale twice within
    ``twice_s`` seconds by its clock; ``alike`` is then the same of both, empty where it cannot be known.
    ``number`` is the scale's own running number, ``price_fen`` its price of ``per_g`` grams, ``amount_fen`` what the
    label costs: each where the format states it.  ``scale`` is what the scale calls itself.
    """

    plu: str
    article: str
    name: str
    sold_at: datetime | None
    net_g: int | None
    identity: str
    text: str
    gross_g: int | None = None
    tare_g: int | None = None
    alike: str = ""
    twice_s: int = 0
    number: str = ""
    price_fen: int | None = None
    per_g: int = 1000
    amount_fen: int | None = None
    operator: str = ""
    scale: str = ""
    doubts: tuple[str, ...] = ()
    raw: bytes = field(default=b"", compare=False)

    def as_json(self) -> dict[str, Any]:
        return {
            "ok": True,
            "kind": "sale",
            "plu": self.plu,
            "article": self.article,
            "name": self.name,
            "time": self.sold_at and self.sold_at.isoformat(),
            "net_g": self.net_g,
            "tare_g": self.tare_g,
            **({} if self.amount_fen is None else {"amount_fen": self.amount_fen}),
            **({"scale": self.scale} if self.scale else {}),
            **({"doubts": list(self.doubts)} if self.doubts else {}),
            "raw": self.raw.hex(),
        }


@frozen
class TestResult:
    """One result of an analyzer, as the analyzer states it.

    ``sample`` is the number the person typed or the instrument counted; ``identity`` stays the same when the
    instrument sends the same record again.  ``measured_at`` is the instrument's own local clock, without a zone.
    ``limit`` is the bound the instrument says it judged by, in ``unit``.  ``text`` is what the instrument states in
    place of a number (``<2``, ``阴性``); then ``value`` is None.  ``control`` is the blank's change of absorbance ΔA₀.
    Number, limit and conclusion are each as the instrument sent them, also where they contradict one another.
    ``sure`` is False when nothing on the wire would have caught a damaged byte (no check byte in the format) and the
    record did not come twice alike: then it may say something else than the instrument did.
    ``peer`` is the network address it came from, where it came over a network; no format knows it, the port does.
    ``serial`` is the instrument's serial number, where it says it.
    """

    __test__ = False  # not a pytest class

    sample: str | None
    channel: str | None
    item: str
    value: Decimal | None
    unit: str | None
    verdict: Verdict | None
    measured_at: datetime | None
    identity: str
    name: str | None = None
    limit: Decimal | None = None
    text: str | None = None
    control: Decimal | None = None
    sure: bool = True
    raw: bytes = field(default=b"", compare=False)
    peer: str = field(default="", compare=False)
    serial: str = field(default="", compare=False)

    def as_json(self) -> dict[str, Any]:
        return {
            "ok": True,
            "kind": "result",
            "sample": self.sample,
            "channel": self.channel,
            "item": self.item,
            "value": _text(self.value),
            "unit": self.unit,
            "verdict": self.verdict and self.verdict.value,
            "time": self.measured_at and self.measured_at.isoformat(),
            "name": self.name,
            "limit": _text(self.limit),
            **({} if self.text is None else {"text": self.text}),
            **({} if self.control is None else {"control": _text(self.control)}),
            **({} if self.sure else {"sure": False}),
            **({"serial": self.serial} if self.serial else {}),
            "raw": self.raw.hex(),
        }


@frozen
class Ticket:
    """What a tester printed or wrote and no layout could read: for a person to look at, and to be kept.

    ``text`` is the paper's text, line by line; ``why`` says what could not be read; ``identity`` stays the same when
    the same bytes come again.  ``peer`` as in ``TestResult``.
    """

    raw: bytes
    text: str
    why: str
    identity: str
    peer: str = field(default="", compare=False)

    def as_json(self) -> dict[str, Any]:
        return {"ok": True, "kind": "ticket", "text": self.text, "why": self.why, "raw": self.raw.hex()}


@frozen
class Measured:
    """One value of a probe: ``what`` is ``temperature`` or ``humidity``."""

    what: str
    value: Decimal
    unit: str
    raw: bytes = field(default=b"", compare=False)

    def as_json(self) -> dict[str, Any]:
        return {
            "ok": True,
            "kind": "measured",
            "what": self.what,
            "value": _text(self.value),
            "unit": self.unit,
            "raw": self.raw.hex(),
        }


@frozen
class Curve:
    """What a strip reader saw along a card, from one end to the other: for the eye and the records, not judged.

    ``identity`` stays the same when the same points come again.  ``peer`` as in ``TestResult``.
    """

    points: tuple[int, ...]
    identity: str
    raw: bytes = field(default=b"", compare=False)
    peer: str = field(default="", compare=False)

    def as_json(self) -> dict[str, Any]:
        return {"ok": True, "kind": "curve", "points": list(self.points), "raw": self.raw.hex()}


@frozen
class Reply:
    """Anything else a device says: an acknowledgement, an identification, an error it reports."""

    what: str
    fields: tuple[tuple[str, str], ...] = ()
    raw: bytes = field(default=b"", compare=False)

    def get(self, name: str) -> str | None:
        return dict(self.fields).get(name)

    def as_json(self) -> dict[str, Any]:
        return {"ok": True, "kind": "reply", "what": self.what, **dict(self.fields), "raw": self.raw.hex()}


@frozen
class Scan:
    """A code that was scanned, or read of a card: its whole text, as the page that is open takes it."""

    text: str
    raw: bytes = field(default=b"", compare=False)

    def as_json(self) -> dict[str, Any]:
        return {"ok": True, "kind": "code", "text": self.text, "raw": self.raw.hex()}


@frozen
class Garbage:
    """Bytes that are not a frame of the format, and why."""

    data: bytes
    why: str

    def as_json(self) -> dict[str, Any]:
        return {"ok": False, "why": self.why, "raw": self.data.hex()}


Event = Weighing | LabelSale | TestResult | Ticket | Curve | Measured | Scan | Reply | Garbage


def _text(number: Decimal | None) -> str | None:
    return None if number is None else format(number, "f")
