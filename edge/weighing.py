"""When is what a scale says a weighing that may be sold by? Decided here and nowhere else.

A sale needs a fresh, stable net weight between Min and Max, from a scale in verification, of a load that was not sold
before.  Everything else has a name, which the page shows on its button.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from edge.board import ScaleView
from edge.config import GRAMS, ScalePart, grams
from edge.inbox import Refused
from protocol import formats
from protocol.readings import Net, State, Weighing

FRESH_SECONDS = 1.5
UNREADABLE = ("no_signal", "stale", "error")
ONCE_SECONDS = 10.0  # for scales that state each new load once and never tell that it is gone
STABLE_FRAMES_UNCHECKED = 2  # a flipped digit in a format without check byte does not come twice

WORDS = {
    "no_signal": ("秤无信号，请检查接线和电源", "no signal from the scale: check cable and power"),
    "stale": ("秤停止发送，请检查秤", "the scale stopped sending: check it"),
    "motion": ("重量未稳定，请稍候", "the weight is moving: wait"),
    "overload": ("超载，请减少货物", "overload: take something off"),
    "underload": ("低于零点，请清空秤盘后置零", "below zero: empty the pan, then zero"),
    "error": ("秤报错，请查看秤的显示", "the scale reports an error: look at its display"),
    "unit": ("秤的单位或分度不能用于交易", "the scale's unit or digits cannot be used for trade: set it to kg"),
    "below_min": ("低于最小秤量", "below the scale's minimum"),
    "empty_first": ("请先清空秤盘一次", "take everything off the pan once"),
    "sold": ("已售出，请取下货物", "already sold: take the goods off"),
    "tare": ("皮重不对，请核对", "the tare is not less than the weight: check it"),
    "tared": ("秤已去皮，请先清除秤上的皮重", "the scale has a tare of its own: clear it first"),
    "unverified": ("秤的检定已过期，不能交易", "the scale's verification has expired: it must not be used for trade"),
}


@dataclass(frozen=True, slots=True)
class Load:
    """A load that may be sold: net grams, the scale's own digits, unit and frame, and who said that it was stable."""

    net_g: int
    value: str
    unit: str
    raw: bytes
    stability: Literal["scale", "derived", "manual"]
    tare_g: int = 0
    reason: str = ""


class TradeScale:
    """What one scale has said lately, and whether it can be sold by. Times are the core's steady clock."""

    def __init__(self, part: ScalePart) -> None:
        row = part.row()
        self.part = part
        self.model = row.id
        self.garbage = 0
        self.up = False
        self.port_why = ""
        self._unit = part.unit or row.unit or ""
        self._agree_unknown = part.agree
        form = formats.find(row.format)
        self._once = not form.repeats
        self._fresh = ONCE_SECONDS if self._once else FRESH_SECONDS
        self._agree_said = 1 if form.checked or self._once else STABLE_FRAMES_UNCHECKED
        self._max, self._min, self._e = grams(part.max), grams(part.min), grams(part.e)
        self._last: Weighing | None = None
        self._last_at = float("-inf")
        self._run = 0
        self._blocked: str = "empty_first"

    def feed(self, weighing: Weighing, at: float) -> None:
        """Take in one statement of the scale."""
        if weighing.net is Net.TARE:
            return
        self._run = self._run + 1 if self._last == weighing else 1
        self._last, self._last_at = weighing, at
        if self._once:
            self._blocked = ""  # such a scale speaks only of a new load
        elif self._blocked and weighing.state in (State.OK, State.UNDERLOAD):
            net = self._net_g(weighing)
            if weighing.state is State.UNDERLOAD or (net is not None and net < self._min):
                self._blocked = ""

    def disturbed(self) -> None:
        """Bytes came that were no frame: agreement starts anew."""
        self.garbage += 1
        self._run = 0

    def port(self, up: bool, why: str) -> None:
        """The port was opened or lost."""
        self.up, self.port_why = up, why
        if not up:
            self._last, self._run = None, 0

    def sold(self) -> None:
        """The load on the pan now belongs to somebody: it cannot be sold again."""
        self._blocked = "sold"

    def unsold(self) -> None:
        """The sale was not recorded after all."""
        if self._blocked == "sold":
            self._blocked = ""

    def why_not(self, now: float, today: date) -> str:
        """Empty when the load may be sold, else one of the keys of WORDS."""
        weighing = self._last
        if not self.up:
            return "no_signal"
        if weighing is None or now - self._last_at > self._fresh:
            return "stale" if weighing else "no_signal"
        if weighing.auxiliary:
            return "unit"  # its last digit is not verified
        if weighing.state is not State.OK:
            return str(weighing.state.value)
        if not self._stable():
            return "motion"
        net = self._net_g(weighing)
        if net is None:
            return "unit"
        if net < self._min:
            return "underload" if net < 0 else "below_min"
        if net > self._max:
            return "overload"
        if self._once and net % self._e:
            return "unit"  # no second frame can agree: at least it has to be a step of this scale
        if self._blocked:
            return self._blocked
        if self.part.verified_until is not None and self.part.verified_until < today:
            return "unverified"
        return ""

    def load(self, now: float, today: date, tare_g: int = 0) -> Load:
        """The load that may be sold, less a container of known mass; raises Refused with the reason as its code."""
        why = self.why_not(now, today)
        if not why and tare_g:
            why = self._tare_trouble(tare_g)
        if why:
            zh, en = WORDS[why]
            raise Refused(why, f"{self.part.name}：{zh}", f"{self.part.name}: {en}")
        weighing = self._last
        assert weighing is not None and weighing.value is not None
        net = self._net_g(weighing)
        assert net is not None
        return Load(
            net - tare_g,
            format(weighing.value, "f"),
            weighing.unit or self._unit,
            weighing.raw,
            "derived" if weighing.stable is None else "scale",
            tare_g,
        )

    def typed(self, net_g: int, reason: str, now: float, today: date) -> Load:
        """A weight a person types because the scale cannot be read: a marked exception. Raises Refused."""
        if self.why_not(now, today) not in UNREADABLE:
            raise Refused("scale_works", "秤工作正常，请使用秤称重", "the scale works: weigh on it")
        if not reason.strip():
            raise Refused("no_reason", "手工输入重量须填写原因", "a typed weight needs a reason")
        if not 0 < net_g <= self._max:
            raise Refused("manual_weight", "输入的重量不在秤的范围内", "the typed weight is outside the scale's range")
        return Load(net_g, format(Decimal(net_g) / 1000, ".3f"), "kg", b"", "manual", reason=reason.strip())

    def verified(self, today: date) -> bool:
        """True when the certificate's date is known and not past."""
        return self.part.verified_until is not None and self.part.verified_until >= today

    def view(self, now: float, today: date) -> ScaleView:
        why = self.why_not(now, today)
        shown = self._last if why not in ("no_signal", "stale") else None
        value = shown.value if shown and shown.state is State.OK else None
        return ScaleView(
            name=self.part.name,
            up=self.up,
            net_g=self._net_g(shown) if shown and value is not None else None,
            text="" if value is None else format(value, "f"),
            unit=(shown.unit or self._unit) if shown else self._unit,
            stable=self._stable() if shown else None,
            derived=bool(shown and shown.stable is None),
            sellable=not why,
            why=why,
            max_g=self._max,
            min_g=self._min,
            e_g=str(self._e),
            port_why=self.port_why,
            garbage=self.garbage,
            writable=self.part.writable,
            tared=bool(shown and shown.net is Net.NET),
        )

    def _tare_trouble(self, tare_g: int) -> str:
        """Why a known tare cannot be taken off now; empty when it can."""
        weighing = self._last
        if weighing is None or weighing.net is Net.NET:
            return "tared"  # the scale took a tare off already: two tares are one too many
        net = self._net_g(weighing) or 0
        if tare_g < 0 or tare_g >= net:
            return "tare"
        return "below_min" if net - tare_g < self._min else ""

    def _stable(self) -> bool:
        if self._last is None or self._last.stable is False:
            return False
        return self._run >= (self._agree_unknown if self._last.stable is None else self._agree_said)

    def _net_g(self, weighing: Weighing) -> int | None:
        """Whole grams, or None when unit or digits do not give whole grams: a trade weight is never rounded."""
        factor = GRAMS.get((weighing.unit or self._unit).strip().lower())
        if factor is None or weighing.value is None:
            return None
        mass: Decimal = weighing.value * factor
        return int(mass) if mass == mass.to_integral_value() else None
