"""How often `marketedge identify` is right, and whether it refuses what is none of ours.

A look is the product's own (``drivers.identify.Search``), at a simulated device on a wire whose bytes take their time,
come out as others at other line settings, and of which every third wire loses and damages some.  The clock is the
look's own, so that nobody waits.
"""

import os
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

from drivers.identify import Report as Look
from drivers.identify import Search
from drivers.recognise import NAMED_ONLY
from protocol import formats
from protocol.analyzers import dayuan_03ff, dayuan_crc8, ticket
from protocol.analyzers.taiyang import MODELS as TAIYANG
from protocol.formats import WireFormat
from protocol.link import Link
from protocol.scales import plain_lines, st_gs
from simulator.analyzers import _instrument as analyzer
from simulator.analyzers import astm as astm_meter
from simulator.analyzers import csv_drop, dayuan_strip, hl7_mllp, http_push
from simulator.bench import foreign
from simulator.bench.report import Figure, Report
from simulator.probes import _probe as probe
from simulator.scales import _pan as scale
from simulator.scales._pan import Pan
from simulator.wires.baud import heard
from simulator.wires.device import Device
from simulator.wires.faults import Faults, Mangler

LOOKS = 100
RIGHT = 95.0  # of a hundred
ALIKE = 0.05  # of confidence: told with the same as the first one
LINK = Link(9600)
BACKLOG = 0.5  # seconds of bytes that a device has waiting; what is more, it does not send
LISTEN, EVERY = 30.0, 4.0  # seconds: how long is listened for results, and how often somebody sends one
MORNING = datetime(2026, 11, 22, 8, 0)  # noqa: DTZ001 - an instrument has no zone
LINES = (Faults(), Faults(single=True), Faults(split=0.3, noise=0.02, flip=0.0005, lose=0.0002))

SCALES: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "cas_handshake": [{}, {"eot": True}, {"busy": 20.0}],
    "ff_bcd": [{}, {"length": 5, "decimals_from": 1}],
    "os2": [{"active": True}, {"active": False}],
    "plain_lines": [{"form": form} for form in plain_lines.FORMS],
    "st_gs": [*({"form": form} for form in st_gs.FORMS), {"form": "and", "asked": True}],
    "toledo_continuous": [{"checksum": c, "extended": e} for c, e in product((True, False), repeat=2)],
    "yaohua_equals": [{"reversed": True}, {"reversed": False}],
}
"""What differs between scales of one format beside the line's settings."""
ANALYZERS: Mapping[str, Sequence[str]] = {
    "astm": astm_meter.MODELS,
    "csv_drop": csv_drop.MODELS,
    "dayuan_03ff": tuple(dayuan_03ff.MODELS),
    "dayuan_crc8": dayuan_crc8.MODELS,
    "dayuan_small": ("dy5800",),  # the others are never asked: nothing in their frames tells a wrong answer
    "dayuan_strip": tuple(dayuan_strip.MODELS),
    "hl7_mllp": tuple(hl7_mllp.MODELS),
    "http_push": tuple(http_push.MODELS),
    "taiyang": tuple(name.lower() for name in TAIYANG.values()),
    "ticket": ticket.STYLES,
}
"""The instruments of a format that can be told."""


class Wire:
    """A transport to a device with ``link``, and a clock that only a host that waits turns on.

    ``steps`` are what people do meanwhile: the seconds between two, and the deed.
    """

    def __init__(
        self, device: Device, link: Link | None, faults: Faults, deed: Callable[[], object] | None = None
    ) -> None:
        self.now = 0.0
        self._device = device
        self._link = link
        self._host = link or LINK
        self._mangler = Mangler(faults)
        self._free_at = 0.0
        self._deed = deed
        self._deed_at = (1 + faults.seed % 100) / 100 * EVERY

    def clock(self) -> float:
        return self.now

    def open(self, link: Link) -> "Wire":
        """What came while nobody listened is lost."""
        self._hear()
        self._host = link if self._link else LINK
        return self

    def read(self, timeout: float = 0.2) -> bytes:
        end = self.now + timeout
        while not (data := self._hear()) and self.now < end:
            times = (self._mangler.next_at, self._device.deadline(self.now), self._deed_at if self._deed else None)
            later = [max(at, self.now + 0.001) for at in times if at is not None]
            self.now = min([end, *later])
        return data

    def write(self, data: bytes) -> None:
        self._device.receive(heard(data, self._host, self._link, strict=True) if self._link else data, self.now)

    def close(self) -> None:
        return None

    def _hear(self) -> bytes:
        """What has arrived by now, as the host's settings read it."""
        if self._deed and self.now >= self._deed_at:
            self._deed()
            self._deed_at = self.now + EVERY
        while out := self._device.pending(self.now):
            if self._free_at < self.now + BACKLOG:
                wire_time = len(out) * self._link.byte_seconds if self._link else 0.0
                self._free_at = max(self._free_at, self.now) + wire_time
                self._mangler.put(out, self._free_at)
        data = b""
        while piece := self._mangler.take(self.now):
            data += heard(piece, self._link, self._host) if self._link else piece
        return data


@dataclass(frozen=True, slots=True)
class Looks:
    """Looks at one kind of device. ``outcomes`` counts them, ``doubtful`` what was told in those that went wrong."""

    name: str
    outcomes: Counter[str]
    seconds: Sequence[float]
    doubtful: Counter[str]

    def of_hundred(self, *outcomes: str) -> float:
        return 100 * sum(self.outcomes[one] for one in outcomes) / self.outcomes.total()


def measure(folder: Path, looks: int = LOOKS, *, only: Sequence[str] = ()) -> Report:
    """Look so often at each format that can be told, and at everything foreign; or at those formats ``only``.

    Nothing is written to ``folder``.
    """
    known = [looks_at(name, looks) for name in only or told()]
    strange = [] if only else [looks_at_foreign(one, looks) for one in foreign.EVERY]
    right = {one.name: one.of_hundred("alone", "among") for one in known}
    refused = {one.name: one.of_hundred("unsure") for one in strange}
    figures = [_figure("right of a format that can be told", right, 100 / len(told()), "one of them, guessed")]
    if refused:
        figures.append(_figure("refused of what is none of ours", refused, 0.0, "somebody who always names one"))
    return Report(
        "identify",
        f"{looks} looks each at {len(known)} formats and {len(strange)} things that are none of ours",
        tuple(figures),
        {
            "formats": [_row(one, right[one.name]) for one in known],
            **({"foreign": [_row(one, refused[one.name]) for one in strange]} if strange else {}),
            "wrong": [
                f"{one.name}: {times} × {what}" for one in known + strange for what, times in one.doubtful.items()
            ],
            "cannot_be_told": sorted(set(formats.ids()) - set(told())),
            "load_average": os.getloadavg()[0],
        },
    )


def _figure(name: str, shares: Mapping[str, float], floor: float, floor_is: str) -> Figure:
    least = min(shares, key=lambda one: shares[one])
    return Figure(
        f"{name}, least: {least}",
        "of 100",
        {"min": shares[least]},
        {"min": floor},
        floor_is,
        {"min": RIGHT},
        at_least=True,
    )


def _row(one: Looks, good: float) -> dict[str, Any]:
    seconds = sorted(one.seconds)
    return {
        "name": one.name,
        **{outcome: one.outcomes[outcome] for outcome in ("alone", "among", "unsure", "wrong")},
        "p50_s": round(seconds[len(seconds) // 2], 1),
        "max_s": round(seconds[-1], 1),
        "reached": good >= RIGHT,
    }


def told() -> list[str]:
    """The formats that can be told."""
    return [name for name in formats.ids() if can_be_told(formats.find(name))]


def can_be_told(form: WireFormat) -> bool:
    """It talks by itself, or there is a question for it; what is looked for by name may be any line of text."""
    asked = bool(form.questions or form.print_questions)
    return form.kind not in NAMED_ONLY and (asked or not form.polled or form.id in ANALYZERS)


def looks_at(format_id: str, looks: int) -> Looks:
    form = formats.find(format_id)
    found = [_one(form, number) for number in range(looks)]
    return _looks(format_id, found, ("unsure", "wrong"))


def looks_at_foreign(one: foreign.Foreign, looks: int) -> Looks:
    return _looks(one.name, [_foreign(one, number) for number in range(looks)], ("wrong",))


def _looks(name: str, found: Iterable[tuple[str, float, str]], bad: Sequence[str]) -> Looks:
    found = list(found)
    doubtful = Counter(what for outcome, _, what in found if outcome in bad)
    return Looks(name, Counter(outcome for outcome, _, _ in found), [seconds for _, seconds, _ in found], doubtful)


def _one(form: WireFormat, number: int) -> tuple[str, float, str]:
    rng = random.Random(f"{form.id}-{number}")
    link = rng.choice([form.link, *form.links]) if form.wire == "serial" else None
    variant, device, deed = _device(form, rng)
    wire = Wire(device, link, _faults(rng, link), deed)
    look = _look(
        wire, form.wire, allow_print=not form.questions and bool(form.print_questions), listen=LISTEN if deed else None
    )
    right = [one for one in look.findings if one.protocol == form.id and (link is None or one.link == link)]
    what = f"{variant} {link or ''}: {_told(look)}"
    if not look.findings:
        return "unsure", look.seconds, what
    if len(right) == len(look.findings):
        return "alone", look.seconds, what
    first = look.findings[0].confidence - ALIKE
    return "among" if any(one.confidence >= first for one in right) else "wrong", look.seconds, what


def _foreign(one: foreign.Foreign, number: int) -> tuple[str, float, str]:
    rng = random.Random(f"{one.name}-{number}")
    link = Link(rng.choice((9600, 4800, 2400, 1200, 19200, 115200))) if one.wire == "serial" else None
    look = _look(Wire(one.device(rng), link, _faults(rng, link)), one.wire, allow_print=bool(rng.getrandbits(1)))
    return "wrong" if look.findings else "unsure", look.seconds, f"{link or ''}: {_told(look)}"


def _look(wire: Wire, kind: str, *, allow_print: bool, listen: float | None = None) -> Look:
    more = {} if listen is None else {"listen": listen}
    settings = {"our_settings": kind == "serial", "allow_print": allow_print, "clock": wire.clock}
    return Search(wire.open, wire=kind, **settings, **more).run()  # type: ignore[arg-type]


def _faults(rng: random.Random, link: Link | None) -> Faults:
    """Only a serial line damages bytes that nobody checks."""
    line = rng.choice(LINES) if link else LINES[0]
    return Faults(line.single, line.split, noise=line.noise, flip=line.flip, lose=line.lose, seed=rng.randrange(10**6))


def _told(look: Look) -> str:
    return ", ".join(f"{one.protocol} {one.link or ''} {one.confidence:.0%}" for one in look.findings) or "nothing"


def _device(form: WireFormat, rng: random.Random) -> tuple[str, Device, Callable[[], object] | None]:
    """What it is set to, the device, and what people do with it while it is listened to."""
    if form.kind == "probe":
        air = probe.Air(Decimal(rng.randrange(-300, 500)).scaleb(-1), Decimal(rng.randrange(1, 1000)).scaleb(-1))
        return "", probe.find(form.id)(air), None
    if form.kind == "scale":
        options = rng.choice(SCALES.get(form.id, [{}]))
        prints = bool(form.print_questions) and not form.questions
        return str(dict(options)), scale.find(form.id)(_pan(rng, laid=prints), **options), None
    model = rng.choice(ANALYZERS.get(form.id, [""])) or None
    tester = analyzer.find(form.id)(model)
    count = iter(range(1, 10**6))
    most = 10 if form.id == "dayuan_strip" else 1000  # a strip's line is a share of the control line

    def measure() -> None:
        number = next(count)
        value, at = Decimal(rng.randrange(most)).scaleb(-1), MORNING + timedelta(minutes=number)
        tester.measure(number, value, at, name=rng.choice(["", "青菜"]), channel=number % 8 + 1)

    if form.quiet or form.id == "dayuan_small":
        return model or "", tester, measure
    for _ in range(rng.randrange(4)):
        measure()
    return model or "", tester, None


def _pan(rng: random.Random, *, laid: bool) -> Pan:
    """Mostly something lies on it, still; else it is empty, has a tare, or something is poured onto it.

    A person who lets a scale print has ``laid`` something on it.
    """
    pan = Pan(settle=0.0)
    kg = Decimal(rng.randrange(1, 2900)) * Decimal("0.005")
    match rng.choice(["load"] * 7 + (["tare"] if laid else ["empty", "tare", "pouring"])):
        case "load":
            pan.put(kg, 0.0)
        case "tare":
            pan.preset_tare(Decimal("0.215"))
            pan.put(kg, 0.0)
        case "pouring":
            pan.put(kg, 0.0, 30.0)
    return pan
