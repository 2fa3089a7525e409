"""The test room (快检室): results come from instruments by themselves, find their lot, and are judged.

Each result is recorded once, though the instrument sends its whole memory again.  It counts for a lot by itself only
when everything about it fits: sample or channel, time, goods, item, unit, number and conclusion.  Otherwise it waits
for a person, who is told why.  A positive is a screening result: it holds the lot and raises an alarm, nothing more.
"""

from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from edge.between.commands import (
    ChannelAnswer,
    DismissAnswer,
    DismissResult,
    MatchAnswer,
    MatchResult,
    PlanChannel,
    WholePlantAnswer,
    WholePlantDone,
)
from edge.between.fixed_words import LotState
from edge.between.inbox import Refused
from edge.between.people import SUPERVISORS
from edge.config.methods import Method
from edge.config.sections import AnalyzerSection
from edge.jobs import controls, lots
from edge.jobs.doing import does
from edge.jobs.on_papers import earlier, sampled
from edge.jobs.places import came, known_place, named, place_of, public_place, put
from edge.records.ledger import ALARM, ORDINARY, Recorded
from edge.state.checks import Measured, QcWord
from edge.state.judgement import (
    UNJUDGED,
    Doubt,
    Measurement,
    Outcome,
    conclude,
    measure,
    method_of,
    repeats_due,
    same_goods,
)
from edge.state.lots import DECIDED, Lot, LotItem, local
from edge.state.public_samples import PublicSample
from edge.state.racks import LOT
from edge.state.station import Station
from protocol.city.codes import CodeKind
from protocol.city.events import Analyzer, Brought, Goods, TestRecorded, VerdictWord, decimal_text
from protocol.frozen import frozen
from protocol.plain import page, plain
from protocol.readings import Curve, TestResult, Ticket, Verdict

PAGE_LETTERS, ITEM_LETTERS, SHORT_LETTERS = 4000, 120, 40  # what the record holds of an instrument's texts
RAW_BYTES = 4096
UNREAD = "未识别小票"
CURVE = "胶体金曲线"
AHEAD = timedelta(minutes=10)  # an instrument whose clock is further ahead of ours is wrong
OLDEST_YEAR = 2020
VERDICTS: dict[Outcome, VerdictWord] = {
    Outcome.NEGATIVE: "qualified",
    Outcome.POSITIVE: "unqualified",
    Outcome.INVALID: "invalid",
}
READINGS: dict[str, Outcome] = {word: outcome for outcome, word in VERDICTS.items()}


@frozen
class Bench:
    """Who tested, with which reagent, in which rack, and what was known of the day's control: fields of the record."""

    tester: str = ""
    reagent: str = ""
    reagent_until: str = ""
    qc: QcWord = ""
    rack: int = 0
    reviewer: str = ""


@frozen
class Found:
    """A result with what is known about it: its method and measurement, its lot, and why a person has to look.

    ``replaces`` is the id of the record that a person (or the same result, transferred again) takes up.  ``bench`` is
    what was known at the bench when it was measured.
    """

    result: TestResult
    part: AnalyzerSection
    item: str
    method: Method | None
    measured: Measurement
    lot: Lot | None = None
    doubts: tuple[Doubt, ...] = ()
    replaces: str | None = None
    person: str | None = None
    bench: Bench | None = None


class TooMany(Exception):
    """This instrument has handed over more new results today than ``most_a_day``."""


def take(station: Station, device: str, said: TestResult | Ticket | Curve) -> Recorded | None:
    """Record a new result of an instrument: for its lot, judged, or to wait for a person.

    None for one that was recorded before.  Raises TooMany.
    """
    part = named(station, device)
    result = _fitted(said if isinstance(said, TestResult) else _unread(said))
    before = station.lots.result(part.name, result.identity, result.measured_at)
    if before is not None:
        return _twice(station, part, result, before)
    day = station.clock.today().isoformat()
    if station.lots.results_of(part.name, day) >= part.most_a_day:
        raise TooMany
    unread = not isinstance(said, TestResult)
    brought = None if unread else _brought(station, part, result)
    if brought is not None:
        lying = public_place(station, part, result, brought)
        recorded = _of_public(station, _judge(station, part, result, result.item or part.item), brought)
        planned, _ = station.lots.in_channel(part.name, result.channel)
        if planned == brought.code and result.channel is not None and recorded.data["verdict"] in DECIDED:
            station.lots.plan(part.name, result.channel, "", "")  # the next run there is another sample
        came(station, part, lying, recorded.seq, recorded.data["verdict"], _shown(recorded.data))
    else:
        recorded = _taken(station, part, result, unread=unread)
    station.lots.remember(part.name, result.identity, result.measured_at, recorded.seq, day)
    return recorded


def _taken(station: Station, part: AnalyzerSection, result: TestResult, *, unread: bool) -> Recorded:
    """A new result: of today's control, of a lot, or to wait for a person; its place in the rack has it."""
    lying = place_of(station, part, result, None)
    control = station.config.gate.control_kind(result.sample)
    if lying is not None and lying.kind in controls.MUST_BE:
        control = lying.kind
    of_today = _time_doubt(station, part, result.measured_at, _midnight(station)) is None
    here = part.match == "channel" or lying is None or lying.kind != LOT
    if control is not None and of_today and here and not unread:
        found = _judge(station, part, result, result.item or part.item)
        bench = _bench(station, found)
        recorded = controls.record_control(
            station,
            part,
            result,
            control,
            found.item,
            found.method,
            found.measured,
            _said(result, part),
            tester=bench.tester,
        )
        came(station, part, lying, recorded.seq, "valid" if recorded.data["valid"] else "failed", _shown(recorded.data))
        return recorded
    found = _found(station, part, result, unread=unread)
    lying = place_of(station, part, result, found.lot)
    recorded = _wait(station, found) if found.doubts else _count(station, found)
    word = "" if found.doubts else recorded.data["verdict"]
    came(station, part, lying, recorded.seq, word, _shown(recorded.data))
    if of_today:
        tester = recorded.data["tester"]
        controls.own_blank(station, part, result, found.item, found.method, _said(result, part), tester)
    return recorded


def _midnight(station: Station) -> datetime:
    """When today began: a control vouches for its day alone, and an instrument may tell its whole memory."""
    return local(station.clock.now().text).replace(hour=0, minute=0, second=0, microsecond=0)


def judged_again(station: Station, data: dict[str, Any]) -> tuple[AnalyzerSection, Found]:
    """A recorded result by its method, whosever it is. Raises Refused."""
    part = _measured_by(station, data)
    return part, _judge(station, part, _again(data), data["item"])


def replaced(station: Station, before: int, recorded: Recorded) -> None:
    """This record stands in the place of that of the result before."""
    station.corrections.add(before, recorded.seq)
    word = recorded.data.get("verdict") or ("valid" if recorded.data.get("valid") else "failed")
    station.racks.recorded_anew(before, recorded.seq, word)


def _shown(data: dict[str, Any]) -> str:
    """The value as a place of a rack shows it."""
    value = data["value"] if data["value"] is not None else (data["text"] or "").split("\n")[0]
    return f"{value} {data['unit'] or ''}".strip()


def _bench(station: Station, found: Found) -> Bench:
    """What is known at the bench now."""
    day = station.clock.today().isoformat()
    reagent = station.controls.reagent(found.item, day)
    rack = station.racks.current(found.part.name)
    return Bench(
        tester=rack.tester if rack else "",
        reagent=reagent.reagent if reagent else "",
        reagent_until=reagent.expires if reagent else "",
        qc=station.checks.qc(found.part.name, found.item, found.method),
        rack=rack.number if rack else 0,
    )


def _bench_of(data: dict[str, Any]) -> Bench:
    """What was known when a recorded result was measured; records of an older version say nothing of it."""
    return Bench(**{one.name: data[one.name] for one in fields(Bench) if one.name in data})


def plan(station: Station, command: PlanChannel) -> ChannelAnswer:
    """The channel plan: whose sample lies where. Raises Refused."""
    part = named(station, command.analyzer)
    known_place(part, command.channel, part.known_channels)
    brought = station.public_samples.find(command.lot) if command.lot else None
    lot = station.lots.find(command.lot) if command.lot and not brought else None
    rack = station.racks.current(part.name)
    if rack is not None:
        put(station, part, rack, command.channel, lot or brought, "")
    code = lot.test_code if lot else brought.code if brought and rack is None else ""
    station.lots.plan(part.name, command.channel, code, station.clock.now().text)
    return ChannelAnswer(planned=command.channel, lot=command.lot)


def whole_plant(station: Station, command: WholePlantDone) -> WholePlantAnswer:
    """The whole-plant step was done; it stands in the records of the results that follow. Raises Refused."""
    lot = station.lots.find(command.lot)
    if not lot.whole_plant:
        raise Refused("not_asked", "该批次不需要整株浸提", "this lot needs no whole-plant step")
    station.lots.whole_plant_done(lot, command.person)
    return WholePlantAnswer(test_code=lot.test_code)


def match(station: Station, command: MatchResult) -> MatchAnswer:
    """A person says whose result this is, and what it means where nobody can judge it; the new record replaces it.

    Raises Refused.
    """
    waiting = waits(station, command.seq)
    brought = station.public_samples.find(command.lot)
    lot = None if brought else station.lots.find(command.lot)
    event = station.ledger.event(command.seq)
    part = _measured_by(station, event["data"])
    found = _judge(station, part, _again(event["data"]), _item_read(command, event, lot, waiting.doubts))
    asked = Doubt.UNREAD in waiting.doubts or found.measured.doubt is not None
    if asked and command.verdict not in READINGS:
        raise Refused(
            "verdict",
            "请选择合格、阳性或无效：该结果无法自动判定",
            "say qualified, unqualified or invalid: this result cannot be judged by its method",
        )
    if command.verdict and not asked:
        raise Refused(
            "verdict", "该结果按方法判定，不能改判", "this result is judged by its method: leave out the verdict"
        )
    if asked:
        station.demand(SUPERVISORS)
        found = replace(found, measured=replace(found.measured, outcome=READINGS[command.verdict], doubt=None))
    station.lots.answered(waiting)
    found = replace(found, lot=lot, replaces=event["id"], person=command.person, bench=_bench_of(event["data"]))
    recorded = _of_public(station, found, brought) if brought else _count(station, found)
    replaced(station, command.seq, recorded)
    data = recorded.data
    return MatchAnswer(test_code=recorded.subject, verdict=data["verdict"], source=data["source"])


def dismiss(station: Station, command: DismissResult) -> DismissAnswer:
    """A person says that a waiting result is of no lot here, and why. Raises Refused."""
    waiting = waits(station, command.seq)
    event = station.ledger.event(command.seq)
    data = TestRecorded.model_validate(event["data"])
    record = data.model_copy(
        update={
            "replaces": event["id"],
            "person": command.person,
            "dismissed": command.reason,
            "verdict": "not_applicable",
        }
    )
    station.lots.answered(waiting)
    recorded = station.record("test.result", event["subject"], record)
    replaced(station, command.seq, recorded)
    return DismissAnswer(seq=command.seq)


# --- taking a result ------------------------------------------------------------------------------------------------


def _fitted(result: TestResult) -> TestResult:
    """The result as its record can hold it, so that it is judged, matched and compared by what stands there.

    A number with more digits keeps what was sent as its text; one that no record holds is judged as it is.  Texts lose
    what is no text (controls, NUL, marks that turn the writing round), and what is too long.
    """
    text, value = result.text and page(result.text, PAGE_LETTERS), _held(result.value)
    if value is not None and result.value is not None and not text:
        sent = format(result.value, "f")
        if decimal_text(value) != sent:
            text = sent[:PAGE_LETTERS]
    return replace(
        result,
        sample=_number_of(result.sample),
        channel=_number_of(result.channel),
        item=plain(result.item, ITEM_LETTERS),
        value=value,
        unit=result.unit and plain(result.unit, SHORT_LETTERS),
        measured_at=result.measured_at and result.measured_at.replace(tzinfo=None),
        name=result.name and plain(result.name, ITEM_LETTERS),
        limit=_held(result.limit),
        control=_held(result.control),
        text=text,
        raw=result.raw[:RAW_BYTES],
        serial=plain(result.serial, SHORT_LETTERS),
    )


def _held(number: Decimal | None) -> Decimal | None:
    """A number as a record holds it; as it is when none does."""
    text = None if number is None else decimal_text(number)
    return number if text is None else Decimal(text)


def _number_of(stated: str | None) -> str | None:
    """The number of a sample or a channel; one that was cut says so, and is no other sample's."""
    number = stated and plain(stated, SHORT_LETTERS + 1)
    return f"{number[: SHORT_LETTERS - 1]}…" if number and len(number) > SHORT_LETTERS else number


def _twice(station: Station, part: AnalyzerSection, result: TestResult, before: int) -> Recorded | None:
    """A result that was recorded already: one that only waited because nothing proved its bytes is proven now.

    Bytes that were damaged once do not come twice the same, also when the port was opened anew in between.
    """
    waiting = station.lots.waits(before)
    if waiting is None or waiting.doubts != (Doubt.UNSURE,):
        return None
    event = station.ledger.event(before)
    if not result.sure and replace(_again(event["data"]), identity=result.identity) != _kept(result):
        return None
    found = _found(station, part, replace(result, sure=True))
    if found.doubts:
        return None
    station.lots.answered(waiting)
    recorded = _count(station, replace(found, replaces=event["id"], bench=_bench_of(event["data"])))
    replaced(station, before, recorded)
    return recorded


def _kept(result: TestResult) -> TestResult:
    """What the record of a result keeps of it."""
    return replace(result, sure=True)


def _found(station: Station, part: AnalyzerSection, result: TestResult, *, unread: bool = False) -> Found:
    """The result with its method, its lot, and every reason why a person has to look at it."""
    found = _judge(station, part, result, result.item or part.item)
    if unread:
        return replace(found, doubts=(Doubt.UNREAD,))
    place = _lot(station, part, result)
    lot, since = place if place else (None, None)
    doubts = tuple(_doubts(station, found, lot, since))
    surely = set(doubts) <= UNJUDGED | {Doubt.UNSURE, Doubt.DECIDED}
    return replace(found, lot=lot if surely or not doubts else None, doubts=doubts)


def _judge(station: Station, part: AnalyzerSection, result: TestResult, item: str) -> Found:
    """The result by the method of its item, whosever it is."""
    named = [station.methods[name] for name in part.methods]
    method = method_of(item, result, named, station.methods.values())
    if method is None:
        limit = "" if result.limit is None else format(result.limit, "f")
        return Found(result, part, item, None, Measurement(None, limit, "instrument", Doubt.NO_METHOD))
    return Found(result, part, method.item or item, method, measure(result, method))


def _lot(station: Station, part: AnalyzerSection, result: TestResult) -> tuple[Lot, datetime] | None:
    """By the channel plan, or the newest lot with this sample number; and since when a result can be of it."""
    if part.match == "channel":
        planned = station.lots.of_channel(part.name, result.channel)
        if planned is not None:
            return planned[0], max(planned[1], planned[0].registered)
    elif result.sample is not None and (lot := station.lots.of_sample(result.sample)) is not None:
        return lot, lot.registered
    return None


def _doubts(station: Station, found: Found, lot: Lot | None, since: datetime | None) -> Iterator[Doubt]:
    result = found.result
    if found.measured.doubt is not None:
        yield found.measured.doubt
    if not result.sure and not found.part.proven_line and not _stops(lot, found):
        yield Doubt.UNSURE
    if lot is None or since is None:
        yield Doubt.NO_LOT
        return
    if (doubt := _time_doubt(station, found.part, result.measured_at, since)) is not None:
        yield doubt
    goods = lot.entry["data"]["goods"]
    product = station.products.get(lot.product)
    aliases = product.also if product else ()
    if result.name and not same_goods(result.name, goods["name"], goods["name_en"], *aliases):
        yield Doubt.GOODS
    if _decided(lot, found):
        yield Doubt.DECIDED


def _time_doubt(station: Station, part: AnalyzerSection, at: datetime | None, since: datetime) -> Doubt | None:
    """Whether the instrument's own time says that this cannot be a result of that lot. Instruments know minutes."""
    if at is None:
        return Doubt.NO_TIME if part.remembers else None
    if at.year < OLDEST_YEAR or at > local(station.clock.now().text) + AHEAD:
        return Doubt.DEVICE_CLOCK
    return Doubt.BEFORE_ENTRY if at < since.replace(second=0, microsecond=0) else None


def _decided(lot: Lot, found: Found) -> bool:
    """Whether this lot asks for no further result of this item."""
    if _stops(lot, found):
        return False
    item = lot.item(found.item)
    if item is None or item.verdict == "invalid":
        return lot.state is not LotState.PENDING
    if item.verdict in DECIDED or found.method is None:
        return True
    whole_plant = found.method.enzyme and lot.whole_plant
    return not repeats_due(item.outcomes, found.method) and not whole_plant


def _stops(lot: Lot | None, found: Found) -> bool:
    """A positive of a lot that is on sale: it is never too late, and needs no second transfer, to stop a sale."""
    return bool(lot and lot.state is LotState.RELEASED and found.measured.outcome is Outcome.POSITIVE)


# --- food that people brought (你送我检) ---


def _brought(station: Station, part: AnalyzerSection, result: TestResult) -> PublicSample | None:
    """Whose sample it is, when its place in the rack, its channel, or its number, was given last to food that somebody
    brought, and its method judges it."""
    if not (result.sure or part.proven_line):
        return None
    if part.match == "channel":
        place = public_place(station, part, result)
        code, since = (place.test_code, place.since) if place else station.lots.in_channel(part.name, result.channel)
        sample = station.public_samples.find(code) if code else None
    else:
        lot = station.lots.of_sample(result.sample or "")
        sample = station.public_samples.of_number(result.sample or "", lot.seq if lot else 0)
        since = station.ledger.event(sample.seq)["time"] if sample else ""
    if sample is None or _judge(station, part, result, result.item or part.item).measured.outcome is None:
        return None
    return None if _time_doubt(station, part, result.measured_at, local(since)) else sample


def _of_public(station: Station, found: Found, sample: PublicSample) -> Recorded:
    """A result of food that somebody brought: recorded apart, with a slip for them; no lot hears of it."""
    outcome = found.measured.outcome
    assert outcome is not None
    item = found.item[:ITEM_LETTERS]
    outcomes = (*sample.outcomes(item), outcome)
    verdict = conclude(outcomes, found.method) if found.method else VERDICTS[outcome]
    said = station.ledger.event(sample.seq)["data"]
    brought = Brought(code=sample.code, goods=said["goods"], asked_by=said["asked_by"])
    record = _record(station, found, outcome, verdict, measurement=len(outcomes)).model_copy(
        update={"purpose": "public", "brought": brought}
    )
    recorded = station.record("test.result", sample.code, record)
    station.public_samples.measured(sample, item, outcome, recorded.seq)
    station.prints.of_record(recorded)
    return recorded


# --- recording ------------------------------------------------------------------------------------------------------


def _wait(station: Station, found: Found) -> Recorded:
    """A result that a person has to look at: recorded, judged of no lot, and shown with the reasons."""
    subject = str(station.ledger.next_code(CodeKind.TEST))
    outcome = found.measured.outcome
    verdict = conclude([outcome], found.method) if outcome and found.method else "suspect"
    recorded = station.record("test.result", subject, _record(station, found, outcome, verdict))
    station.lots.wait(recorded.seq, found.part.name, found.doubts, found.lot)
    return recorded


def _count(station: Station, found: Found) -> Recorded:
    """A result of a lot: recorded with what the item's measurements now say, and the lot released or held by it."""
    lot, outcome = found.lot, found.measured.outcome
    assert lot is not None and outcome is not None
    known = lot.item(found.item)
    outcomes = (*(known.outcomes if known else ()), outcome)
    verdict = _verdict(lot, found, outcomes)
    item = LotItem(found.item[:ITEM_LETTERS], found.method.id if found.method else "", outcomes, verdict, 0)
    after = replace(lot, items=(*(one for one in lot.items if one is not known), item))
    state = _state(station, lot, after, found, verdict)
    released = state is LotState.RELEASED and lot.state is LotState.PENDING
    source = str(station.ledger.next_code(CodeKind.SOURCE)) if released else None
    record = _record(station, found, outcome, verdict, lot=after, measurement=len(outcomes), source=source)
    alarm = state is LotState.HELD and (verdict == "unqualified" or lot.state is not LotState.HELD)
    recorded = station.record("test.result", lot.test_code, record, lane=ALARM if alarm else ORDINARY)
    station.lots.judged(lot, replace(item, seq=recorded.seq), state, source)
    station.prints.of_record(recorded)
    if released:
        lots.released(station, lot.test_code)
    elif state is LotState.HELD and (lot.state is not LotState.HELD or _now_by_test(lot, verdict)):
        lots.held(station, lot, recorded, _why(recorded.data), found.person)
    if verdict in DECIDED and found.result.channel is not None:
        station.lots.plan(found.part.name, found.result.channel, "", "")  # the next run there is another sample
    return recorded


def _verdict(lot: Lot, found: Found, outcomes: tuple[Outcome, ...]) -> VerdictWord:
    """What the measurements of one item say together; without a method what a person said last."""
    if found.method is None:
        return VERDICTS[outcomes[-1]]
    missing = lot.whole_plant == "due" and found.method.enzyme
    return conclude(outcomes, found.method, whole_plant_missing=missing)


def _state(station: Station, lot: Lot, after: Lot, found: Found, verdict: VerdictWord) -> LotState:
    """What this result makes of the lot. What is held stays held: a person decides about it."""
    if lot.state is LotState.DISPOSED:
        return LotState.DISPOSED
    if lot.state is LotState.HELD or verdict == "unqualified":
        return LotState.HELD
    if lot.state is LotState.RELEASED:
        return LotState.HELD if verdict == "suspect" else LotState.RELEASED
    if not after.passed or station.lots.blocked(lot):
        return LotState.PENDING
    item = after.items[-1]
    positive = any(outcome is Outcome.POSITIVE for outcome in item.outcomes)
    bench = found.bench or Bench()
    now = Measured(item.item, found.part.name, station.clock.today().isoformat(), 0, bench.reviewer, positive)
    return LotState.PENDING if station.checks.waits_for(after, now) else LotState.RELEASED


def _now_by_test(lot: Lot, verdict: VerdictWord) -> bool:
    """Whether a lot that was held for less is held by this result from now on: its holder has to be told."""
    return verdict == "unqualified" and (lot.hold is None or lot.hold["data"].get("verdict") != verdict)


def _record(
    station: Station,
    found: Found,
    outcome: Outcome | None,
    verdict: Any,
    *,
    lot: Lot | None = None,
    measurement: int = 1,
    source: str | None = None,
) -> TestRecorded:
    result, method = found.result, found.method
    enzyme = bool(method and method.enzyme)
    return TestRecorded(
        lot=lot.test_code if lot else None,
        goods=Goods.model_validate(lot.entry["data"]["goods"]) if lot else None,
        item=found.item,
        value=None if result.value is None else decimal_text(result.value),
        text=result.text,
        unit=result.unit,
        method=(method.number or method.name) if method else "",
        limit=decimal_text(Decimal(found.measured.limit)) if found.measured.limit else None,
        limit_basis=found.measured.basis,
        control=None if result.control is None else decimal_text(result.control),
        outcome=outcome and outcome.value,
        measurement=measurement,
        whole_plant=(lot.whole_plant == "done") if lot and lot.whole_plant and enzyme else None,
        whole_plant_by=lot.whole_plant_by if lot and enzyme else None,
        verdict=verdict,
        analyzer=_said(result, found.part),
        replaces=found.replaces,
        person=found.person,
        source=source,
        missing=lot.missing() if lot else (),
        doubts=tuple(doubt.value for doubt in found.doubts),
        proposed=found.lot.test_code if found.lot and found.doubts else None,
        sampled=sampled(lot) if lot else None,
        earlier=earlier(station, found.lot, found.item) if lot and found.lot else (),
        **asdict(found.bench or _bench(station, found)),
    )


# --- taken back by a person -----------------------------------------------------------------------------------------


def count_for(station: Station, seq: int, whose: Lot | PublicSample) -> Recorded:
    """A recorded result counts for this lot, or this brought food, from now on, by a new record. Raises Refused."""
    event = station.ledger.event(seq)
    data = event["data"]
    part = _measured_by(station, data)
    found = _judge(station, part, _again(data), data["item"])
    measured = replace(found.measured, outcome=Outcome(data["outcome"]), doubt=None)
    lot = whose if isinstance(whose, Lot) else None
    found = replace(found, measured=measured, lot=lot, replaces=event["id"], bench=_bench_of(data))
    recorded = _of_public(station, found, whose) if isinstance(whose, PublicSample) else _count(station, found)
    replaced(station, seq, recorded)
    return recorded


def wait_again(station: Station, seq: int) -> None:
    """A recorded result waits until a person says whose it is; and what it means, where a person had to say so before.

    Raises Refused.
    """
    data = station.ledger.event(seq)["data"]
    part, result = named(station, data["analyzer"]["name"]), _again(data)
    measured = _judge(station, part, result, data["item"]).measured
    doubts = [Doubt.WITHDRAWN]
    if measured.doubt is not None:
        doubts.append(measured.doubt)
    elif measured.outcome is not Outcome(data["outcome"]) or (result.value is None and result.verdict is None):
        doubts.append(Doubt.UNREAD)
    station.lots.wait(seq, part.name, doubts, None)


def _why(data: dict[str, Any]) -> str:
    """What the result that holds a lot said."""
    value = data["value"] if data["value"] is not None else (data["text"] or "").split("\n")[0]
    limit = f"，限值 {data['limit']} {data['unit'] or ''}".rstrip() if data["limit"] else ""
    return f"{data['item']} {value} {data['unit'] or ''}".strip()[:80] + limit[:40]


# --- small things ---------------------------------------------------------------------------------------------------


def waits(station: Station, seq: int) -> Any:
    waiting = station.lots.waits(seq)
    if waiting is None:
        raise Refused("no_result", f"没有待处理的结果 {seq}", f"no result {seq} waits for a person")
    return waiting


def _item_read(command: MatchResult, event: dict[str, Any], lot: Lot | None, doubts: tuple[Doubt, ...]) -> str:
    """The item a result is of: what the instrument said, or, where nobody could read that, what the person says."""
    if Doubt.UNREAD not in doubts:
        return str(event["data"]["item"])
    if item := plain(command.item, ITEM_LETTERS):
        return item
    if lot is None or len(lot.plan) != 1:
        names = "、".join(lot.plan) if lot else "—"
        raise Refused("item", f"请选择检测项目：{names}", "say which item this is a result of")
    return lot.plan[0]


def _unread(seen: Ticket | Curve) -> TestResult:
    """A ticket no layout could read, or a strip's curve, as a result without a value: a person reads it."""
    return TestResult(
        sample=None,
        channel=None,
        item=UNREAD if isinstance(seen, Ticket) else CURVE,
        value=None,
        unit=None,
        verdict=None,
        measured_at=None,
        identity=seen.identity,
        text=seen.text if isinstance(seen, Ticket) else " ".join(map(str, seen.points)),
        raw=seen.raw,
        peer=seen.peer,
    )


def _said(result: TestResult, part: AnalyzerSection) -> Analyzer:
    """The instrument's own words."""
    return Analyzer(
        name=part.name,
        model=part.model or part.protocol,
        sample=result.sample,
        channel=result.channel,
        goods=result.name,
        verdict=result.verdict.value if result.verdict else None,
        measured_at=result.measured_at.isoformat() if result.measured_at else None,
        raw=result.raw.hex(),
        peer=result.peer[:SHORT_LETTERS] or None,
        serial=result.serial or part.serial,
        calibrated=part.calibrated.isoformat() if part.calibrated else "",
    )


def _measured_by(station: Station, data: dict[str, Any]) -> AnalyzerSection:
    """The instrument of a recorded result, with the number and the calibration that it had then. Raises Refused."""
    said = data["analyzer"]
    day = said.get("calibrated", "")
    then = {"serial": said.get("serial", ""), "calibrated": date.fromisoformat(day) if day else None}
    return named(station, said["name"]).model_copy(update=then)


def _again(data: dict[str, Any]) -> TestResult:
    """The instrument's result out of its record."""
    said = data["analyzer"]
    return TestResult(
        sample=said["sample"],
        channel=said["channel"],
        item=data["item"],
        value=None if data["value"] is None else Decimal(data["value"]),
        unit=data["unit"],
        verdict=Verdict(said["verdict"]) if said["verdict"] else None,
        measured_at=datetime.fromisoformat(said["measured_at"]) if said["measured_at"] else None,
        identity="",
        name=said["goods"],
        limit=Decimal(data["limit"]) if data["limit"] and data["limit_basis"] == "instrument" else None,
        text=data["text"],
        control=None if data["control"] is None else Decimal(data["control"]),
        raw=bytes.fromhex(said["raw"]),
        peer=said.get("peer") or "",
    )


does(PlanChannel, plan)
does(WholePlantDone, whole_plant)
does(MatchResult, match)
does(DismissResult, dismiss)
