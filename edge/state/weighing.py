"""When is what a scale says a weighing that may be sold by? Decided here and nowhere else.

A sale needs a fresh net weight that stood still, between Min and Max and a step of this scale, in a legal unit, from a
scale in verification, of a load that was not sold before.  Everything else has a name, which the page shows on its
button.

**Still** is one rule for every weight, an empty pan included: so many frames that say the same, one straight after the
other, over so long a time, and none of them says that the weight moves.  The frames hold off a damaged one, the time a
display that shows each value for a while on its way up.

**Sold** ends when the pan was empty: still at less than Min, or still below zero.  A net weight is that of an empty pan
only if a tare was in force when the load was sold, and then only for further net weights: else the tare key on a load
that was sold would do for taking it off.  Losing the scale ends nothing.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from edge.between import words
from edge.between.board import ScaleView
from edge.between.fixed_words import PanWhy, WeightWhy
from edge.between.inbox import Refused
from edge.config.sections import ScaleSection, grams, masses
from edge.state.pan import Pan
from protocol import formats
from protocol.city.written import GRAMS
from protocol.frozen import frozen
from protocol.readings import Net, State, Weighing
from protocol.session import Wish

FRESH_SECONDS = 1.5
UNREADABLE = (WeightWhy.NO_SIGNAL, WeightWhy.STALE, WeightWhy.ERROR)
ONCE_SECONDS = 10.0  # for scales that state each new load once and never tell that it is gone
AGREE_SAID, STILL_SAID = 2, 0.3  # the scale itself says that it is stable: old reports after a replug come in a burst
AGREE_DERIVED, STILL_DERIVED = 5, 0.8  # it does not say: a display may show one value for 0.2 s on its way up


@frozen
class Load:
    """A load that may be sold: net grams, the scale's own digits, unit and frame, and who said that it was stable."""

    net_g: int
    value: str
    unit: str
    raw: bytes
    stability: Literal["scale", "derived", "manual"]
    tare_g: int = 0
    reason: str = ""


@dataclass(slots=True)
class _Run:
    """Frames that say the same, one straight after the other."""

    weighing: Weighing
    since: float
    at: float
    frames: int = 1

    def takes(self, weighing: Weighing, at: float) -> bool:
        """Whether this frame goes on with the run."""
        if weighing != self.weighing or at - self.at > FRESH_SECONDS:
            return False
        if not self.frames:
            self.since = at
        self.at, self.frames = at, self.frames + 1
        return True

    def begin_anew(self) -> None:
        """What was said so far counts for nothing."""
        self.frames = 0


class TradeScale:
    """What one scale has said lately, and whether it can be sold by. Times are the core's steady clock.

    ``today`` is the market's date, or None while the clock cannot be believed: then nobody can say whether a
    verification has expired, so it stops no sale and no weight counts as verified.
    """

    def __init__(self, part: ScaleSection) -> None:
        row = part.row()
        self.part = part
        self.model = row.id
        self.garbage = 0
        self.counts_loads = False  # a canteen asks it what is new on the pan
        self.up = False
        self.port_why = ""
        self._unit = part.unit or row.unit or ""
        form = formats.find(row.format)
        self._once = not form.repeats
        self._checked, self._always_net = form.checked, form.always_net
        self._fresh = ONCE_SECONDS if self._once else FRESH_SECONDS
        agree, still = part.agree or row.agree, part.still if part.still is not None else row.still
        self._said = (agree or AGREE_SAID, STILL_SAID if still is None else still)
        self._derived = (agree or AGREE_DERIVED, STILL_DERIVED if still is None else still)
        if self._once:
            self._said = self._derived = (1, 0.0)
        self._steps = tuple(zip(masses(part.max), masses(part.e), strict=True))
        self._max, self._min = self._steps[-1][0], grams(part.min)
        self.pan = Pan(self._min, self._steps[-1][1])  # for a canteen, which sells nothing
        self._run: _Run | None = None
        self._tared = False  # the scale was heard to take a tare off, or asked to
        self._blocked = WeightWhy.EMPTY_FIRST
        self._net_empties = True  # a net weight can tell that the pan is empty
        self._before = (WeightWhy.FINE, True)  # these two, before the last sale
        self._empty_net = False  # the pan was empty by a net weight only
        self._sold_load: Weighing | None = None

    def feed(self, weighing: Weighing, at: float) -> None:
        """Take in one statement of the scale."""
        if weighing.net is Net.TARE:
            self._taring(bool(weighing.value))
            return
        if self._run is None or not self._run.takes(weighing, at):
            self._run = _Run(weighing, at, at)
        if self._once:
            if weighing != self._sold_load:
                self._blocked = WeightWhy.FINE  # such a scale speaks only of a new load
        elif self._empty():
            self._emptied(weighing)
        self._pan_hears(weighing)

    def _pan_hears(self, weighing: Weighing) -> None:
        if weighing.state is State.UNDERLOAD:
            self.pan.said(None, net=False)
        elif weighing.state is State.OK and (mass := self._grams(weighing)) is not None:
            if self._once and self.pan.counted is not None and int(mass) != self.pan.counted.g:
                self.pan.exchanged()
            self.pan.said(int(mass), net=self._net(weighing) is Net.NET)

    def disturbed(self) -> None:
        """Bytes came that were no frame: agreement starts anew, unless a check vouches for the frames round them."""
        self.garbage += 1
        if self._run is not None and not self._checked:
            self._run.begin_anew()

    def asked(self, wish: Wish) -> None:
        """A person asked the scale for this through the station: what it shows from now on is another weight."""
        if self.part.session(date.today).ask(wish, 0.0):
            self._taring(wish is Wish.TARE)

    def changed(self, up: bool, why: str) -> None:
        """The port was opened or lost. A load that was sold stays sold."""
        self.up, self.port_why = up, why
        if not up:
            self._run = None

    def exchanged(self) -> None:
        """Another scale stands behind the name: nobody knows whether what lies on it was sold."""
        self._run, self._blocked = None, WeightWhy.EMPTY_FIRST

    def sold(self) -> None:
        """The load on the pan now belongs to somebody: it cannot be sold again."""
        weighing = self._run.weighing if self._run else None
        self._before, self._blocked = (self._blocked, self._net_empties), WeightWhy.SOLD
        self._net_empties = weighing is None or self._net(weighing) is Net.NET
        self._sold_load = weighing

    def unsold(self) -> None:
        """The sale was not recorded after all."""
        if self._blocked is WeightWhy.SOLD:
            (self._blocked, self._net_empties), self._sold_load = self._before, None

    def why_not(self, now: float, today: date | None) -> WeightWhy:
        """Empty when the load may be sold, else the first reason that holds."""
        run = self._run
        if not self.up or run is None:
            return WeightWhy.NO_SIGNAL
        if now - run.at > self._fresh:
            return WeightWhy.STALE
        return self._no_weight(run.weighing) or self._no_sale(run.weighing, today)

    def load(self, now: float, today: date | None, tare_g: int = 0) -> Load:
        """The load that may be sold, less a container of known mass; raises Refused with the reason as its code."""
        why = self.why_not(now, today)
        if not why and tare_g:
            why = self._tare_trouble(tare_g)
        if why:
            raise self._refused(why)
        assert self._run is not None
        weighing = self._run.weighing
        mass = self._grams(weighing)
        assert weighing.value is not None and mass is not None
        return Load(
            int(mass) - tare_g,
            format(weighing.value, "f"),
            weighing.unit or self._unit,
            weighing.raw,
            "derived" if weighing.stable is None else "scale",
            tare_g,
        )

    def lying(self, now: float, today: date | None, tare_g: int = 0) -> tuple[Load, int, bool]:
        """What lies there of goods that are not sold, whatever lay there before; less a container of known mass.

        Beside it what the scale says in whole grams, and whether that is net. Raises Refused with the reason as its
        code.
        """
        run = self._run
        why = self.weight_why(now, today)
        if not why and tare_g:
            why = self._tare_trouble(tare_g)
        if why:
            raise self._refused(why)
        assert run is not None and run.weighing.value is not None
        weighing, mass = run.weighing, int(self._grams(run.weighing) or 0)
        stability: Literal["scale", "derived"] = "derived" if weighing.stable is None else "scale"
        text, unit = format(run.weighing.value, "f"), weighing.unit or self._unit
        load = Load(mass - tare_g, text, unit, weighing.raw, stability, tare_g)
        return load, mass, self._net(weighing) is Net.NET

    def weight_why(self, now: float, today: date | None) -> WeightWhy:
        """Why what lies there cannot be weighed by, whatever lay there before; empty when it can."""
        run = self._run
        if not self.up or run is None:
            return WeightWhy.NO_SIGNAL
        if now - run.at > self._fresh:
            return WeightWhy.STALE
        if why := self._no_weight(run.weighing):
            return why
        until = self.part.verified_until
        return WeightWhy.UNVERIFIED if until is not None and today is not None and until < today else WeightWhy.FINE

    def new_load(self, now: float, today: date | None) -> tuple[int | None, WeightWhy | PanWhy]:
        """Grams that lie there and are not counted yet, crates included; and why they cannot be counted now."""
        why = self.weight_why(now, today)
        if why:
            return None, why
        _, mass, net = self.lying(now, today)
        refused = self.pan.why_not(mass, net=net)
        return (None, refused) if refused else (mass - self.pan.before_g(), PanWhy.FINE)

    def typed(self, net_g: int, reason: str, now: float, today: date | None) -> Load:
        """A weight a person types because the scale cannot be read: a marked exception. Raises Refused."""
        if self.why_not(now, today) not in UNREADABLE:
            raise Refused("scale_works", "秤工作正常，请使用秤称重", "the scale works: weigh on it")
        if not reason.strip():
            raise Refused("no_reason", "手工输入重量须填写原因", "a typed weight needs a reason")
        if not 0 < net_g <= self._max:
            raise Refused("manual_weight", "输入的重量不在秤的范围内", "the typed weight is outside the scale's range")
        return Load(net_g, format(Decimal(net_g) / 1000, ".3f"), "kg", b"", "manual", reason=reason.strip())

    def verified(self, today: date | None) -> bool:
        """True when the certificate's date is known and not past, by a clock that can be believed."""
        return today is not None and self.part.verified_until is not None and self.part.verified_until >= today

    def view(self, now: float, today: date | None) -> ScaleView:
        why = self.why_not(now, today)
        shown = self._run.weighing if self._run and why not in (WeightWhy.NO_SIGNAL, WeightWhy.STALE) else None
        value = shown.value if shown and shown.state is State.OK else None
        new_g, new_why = self.new_load(now, today) if self.counts_loads else (None, WeightWhy.FINE)
        return ScaleView(
            name=self.part.name,
            up=self.up,
            net_g=self._whole_grams(shown) if shown and value is not None else None,
            text="" if value is None else format(value, "f"),
            unit=(shown.unit or self._unit) if shown else self._unit,
            stable=self._still() if shown else None,
            derived=bool(shown and shown.stable is None),
            sellable=not why,
            why=why,
            max_g=self._max,
            min_g=self._min,
            e_g=self._e_g(),
            port_why=self.port_why,
            garbage=self.garbage,
            writable=self.part.writable,
            tare_why=self._no_tare(shown) if shown else WeightWhy.FINE,
            new_g=new_g,
            new_why=new_why,
        )

    # --- the weight -------------------------------------------------------------------------------------------------

    def _no_weight(self, weighing: Weighing) -> WeightWhy:
        """Why this is no weight to trade by; empty when it is."""
        if weighing.state is not State.OK:
            return WeightWhy(weighing.state.value)
        if not self._still():
            return WeightWhy.MOTION
        mass = self._grams(weighing)
        if mass is None:
            return WeightWhy.UNIT
        if mass < self._min:
            return WeightWhy.UNDERLOAD if mass < 0 else WeightWhy.BELOW_MIN
        if mass > self._max:
            return WeightWhy.OVERLOAD
        if weighing.auxiliary:
            return WeightWhy.DIGIT
        return WeightWhy.FINE if self._is_step(mass) else WeightWhy.STEP

    def _no_sale(self, weighing: Weighing, today: date | None) -> WeightWhy:
        """Why this weight cannot be sold by; empty when it can."""
        net = self._net(weighing)
        if self._blocked:
            cleared_by_hand = weighing.net is None and net is Net.NET and not self._net_empties
            return WeightWhy.TARED if cleared_by_hand else self._blocked
        if self._empty_net and net is not Net.NET:
            return WeightWhy.EMPTY_FIRST
        until = self.part.verified_until
        return WeightWhy.UNVERIFIED if until is not None and today is not None and until < today else WeightWhy.FINE

    def _still(self) -> bool:
        run = self._run
        if run is None or run.weighing.stable is False:
            return False
        frames, seconds = self._derived if run.weighing.stable is None else self._said
        return run.frames >= frames and run.at - run.since >= seconds

    def _grams(self, weighing: Weighing) -> Decimal | None:
        """Grams, or None when the unit is not legal for trade, or not known."""
        factor = GRAMS.get((weighing.unit or self._unit).strip().lower())
        return None if factor is None or weighing.value is None else weighing.value * factor

    def _whole_grams(self, weighing: Weighing) -> int | None:
        """As pages show it; None when unit or digits do not give whole grams: a trade weight is never rounded."""
        mass = self._grams(weighing)
        return int(mass) if mass is not None and mass == mass.to_integral_value() else None

    def _is_step(self, mass: Decimal) -> bool:
        """Whether the scale can show this.

        Of several intervals the one up to whose Max the weight lies counts, and the coarser ones: a scale with several
        ranges stays in the coarse one until the pan is empty.
        """
        return any(mass <= most and mass % e == 0 for most, e in self._steps)

    def _e_g(self) -> str:
        return "/".join(str(e) for _, e in self._steps)

    # --- the pan and the tare ---------------------------------------------------------------------------------------

    def _empty(self) -> bool:
        """Whether what was said last is an empty pan: still, and below zero or less than Min."""
        if self._run is None or not self._still():
            return False
        weighing = self._run.weighing
        if weighing.state is not State.OK:
            return weighing.state is State.UNDERLOAD
        mass = self._grams(weighing)
        return mass is not None and mass < self._min

    def _emptied(self, weighing: Weighing) -> None:
        net = self._net(weighing) is Net.NET
        if not net:
            self._blocked, self._empty_net, self._net_empties = WeightWhy.FINE, False, True
        elif self._blocked and self._net_empties:
            self._blocked, self._empty_net = WeightWhy.FINE, True

    def _net(self, weighing: Weighing) -> Net | None:
        """Gross or net, as far as that says whether a tare is in force: None when nobody knows."""
        net = None if self._always_net and weighing.net is Net.NET else weighing.net
        return Net.NET if net is None and self._tared else net

    def _taring(self, tared: bool) -> None:
        if self._tared and not tared and self._run is not None:
            self._run.begin_anew()  # a net zero that is still on its way is no empty pan
        self._tared = tared

    def _no_tare(self, weighing: Weighing) -> WeightWhy:
        """Why no known tare can be taken off this weight; empty when one can. Two tares are one too many."""
        net = self._net(weighing)
        if net is None:
            return WeightWhy.TARE_KEY if self.part.tare_key else WeightWhy.FINE
        return WeightWhy.TARED if net is Net.NET else WeightWhy.FINE

    def _tare_trouble(self, tare_g: int) -> WeightWhy:
        """Why this known tare cannot be taken off now; empty when it can."""
        assert self._run is not None
        if why := self._no_tare(self._run.weighing):
            return why
        mass = self._grams(self._run.weighing) or 0
        if not 0 < tare_g < mass:
            return WeightWhy.TARE
        return WeightWhy.BELOW_MIN if mass - tare_g < self._min else WeightWhy.FINE

    def _refused(self, why: WeightWhy) -> Refused:
        weighing = self._run.weighing if self._run else None
        values = {
            "min": f"{Decimal(self._min) / 1000:f}",
            "unit": ((weighing and weighing.unit) or self._unit).strip() or "?",
            "e": f"{self._e_g()} g",
        }
        zh, en = words.text("weight", why).filled(**values)
        return Refused(why, f"{self.part.name}：{zh}", f"{self.part.name}: {en}")
