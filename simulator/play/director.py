"""Does a scenario's steps before a real station, one at a time, as fast as the station is ready."""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import singledispatchmethod
from pathlib import Path
from typing import Any

from protocol.city.codes import CodeKind, TraceCode
from protocol.city.token import CHINA
from simulator.analyzers import _instrument as analyzer
from simulator.market import Devices, Market
from simulator.play import scenario as said
from simulator.play.scenario import Scenario, StepBase
from simulator.power import PowerSupply
from simulator.printer import script as printer
from simulator.scales import _pan as scale
from simulator.stage import GOODS, NODE, SELLER, STATION, Refusal, StageFailed, toml_of, wait_for
from simulator.wires.faults import Faults
from simulator.wires.recorded import Recorded
from simulator.wires.script import Command, ScriptError, play, plugs

ELSEWHERE = "99"  # the terminal of another market's box, whose source codes come with goods
SUBJECTS = {"tx": "trade.completed", "test_code": "entry.registered", "code": "accept.completed"}


class StepFailed(RuntimeError):
    """A step did not come out as the scenario says; the message says how, in the step's words."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A record that the station said it had: its sequence number, or the kind and subject that name it."""

    what: str
    sequence: int = 0
    kind: str = ""
    subject: str = ""


def market_of(scenario: Scenario, folder: Path, **more: Any) -> Market:
    """The market in which the scenario plays, not started. ``more`` as Market takes it."""
    has, box = scenario.devices, scenario.station
    folder.mkdir(parents=True, exist_ok=True)
    goods = [one.model_dump(exclude_defaults=True) for one in scenario.goods]
    known = {one["code"] for one in goods}
    return Market(
        folder,
        devices=Devices(
            scale=has.scale,
            analyzer=has.analyzer,
            printer=has.printer,
            probe=has.probe,
            temperature=has.temperature,
            settle=more.pop("settle", 0.05),
            recording=scenario.recording(),
            faults=Faults(**has.faults.model_dump()) if has.faults else None,
        ),
        power=PowerSupply(folder, scenario.clock),
        jobs=box.jobs,
        seller=box.owner or SELLER,
        clock="kernel" if scenario.tells_time else "host",
        unchecked=box.unchecked,
        goods=(*goods, *(one for one in GOODS if one["code"] not in known)),
        gate_extra=toml_of(box.gate),
        extra=f"\n{box.toml}",
        **more,
    )


class Director:
    """Leads one scenario's people, devices and city in a market that runs.

    ``do`` takes any step, also one that is in no file.  ``answered`` are the records the station said it had.
    """

    def __init__(self, market: Market, scenario: Scenario, tell: Callable[[str], None] = lambda line: None) -> None:
        self.market = market
        self.scenario = scenario
        self.answered: list[Answered] = []
        self.sold: dict[str, str] = {}  # the address of each slip, by its transaction code
        self._tell = tell
        self._made: dict[str, dict[str, Any]] = {}
        self._lots: dict[str, str] = {}  # the goods of each lot
        self._last: tuple[str, dict[str, Any], dict[str, Any]] | None = None
        self._key = ""
        self._delivery: dict[str, Any] = {}
        self._sources = 0
        self._before = len(market.papers)

    # --- the beginning ----------------------------------------------------------------------------------------------

    def people_come(self) -> None:
        """Enter those who work there; the first one signs in."""
        for number, one in enumerate(self.scenario.people):
            role = one.role if number else "supervisor"
            self.market.station.post("/api/operators", code=one.code, name=one.name, role=role, pin=one.pin)
            if not number:
                self._sign_in(one.code)

    def do(self, step: StepBase) -> None:
        """Raises StepFailed when it does not come out as the step says."""
        try:
            self._tell(self._do(step) or "")
        except Refusal as refusal:
            raise StepFailed(f"the station refuses: {refusal.code}: {refusal}") from None
        except (StageFailed, ScriptError, OSError, ValueError) as error:
            raise StepFailed(str(error)) from None

    @singledispatchmethod
    def _do(self, step: StepBase) -> str | None:
        raise StepFailed(f"nobody knows how to do {step!r}")

    # --- goods ------------------------------------------------------------------------------------------------------

    @_do.register
    def _entry(self, step: said.Entry) -> str:
        code = self._product(step.product)
        goods = {"product": code, "net_g": grams(step.kg), "origin": step.origin, "supplier": step.supplier}
        if step.source:
            self._sources += 1
            goods["upstream"] = str(TraceCode(NODE, CodeKind.SOURCE, ELSEWHERE, self._sources))
        answer = self._deed(step, "/api/entries", goods)
        self._lots[step.lot] = code
        self._made[step.lot] = answer
        return f"{step.kg} kg {step.product} came in" + (f": test number {answer['test_code']}" if answer else "")

    @_do.register
    def _test(self, step: said.Test) -> str:
        sample = step.sample or int(self._made[step.lot or ""]["sample"])
        self.market.analyzer.measure(sample, step.value)
        return f"sample {sample} measured: {step.value}"

    @_do.register
    def _weigh(self, step: said.Weigh) -> str:
        self._put(step.kg)
        return f"{step.kg} kg on the scale"

    @_do.register
    def _sale(self, step: said.Sale) -> str:
        if step.kg is not None:
            self._put(step.kg)
        lot = self._made[step.lot]
        sold = {"scale": "scale-1", "product": self._product(step.product) or self._lots[step.lot]}
        sold |= {"lot": lot["test_code"], "buyer": step.buyer, "buyer_name": step.buyer_name}
        if step.refused == "":
            sold["seen_g"] = self._scale()["net_g"]
        answer = self._deed(step, "/api/sales", sold)
        if not answer:
            return f"the sale is refused: {step.refused}"
        if step.sale:
            self._made[step.sale] = answer
        return f"sold {Decimal(answer['net_g']) / 1000} kg for {answer['amount_fen'] / 100:.2f} yuan: {answer['tx']}"

    @_do.register
    def _void(self, step: said.Void) -> str:
        self._deed(step, f"/api/sales/{self._made[step.sale]['tx']}/void", {"reason": step.reason})
        return f"taken back: {step.reason}"

    # --- any deed ---------------------------------------------------------------------------------------------------

    @_do.register
    def _post(self, step: said.Post) -> str:
        path = self._filled(step.path)
        answer = self._deed(step, path, {})
        if step.name:
            self._made[step.name] = answer
        return f"{path}: " + (f"refused: {step.refused}" if step.refused else json.dumps(answer, ensure_ascii=False))

    @_do.register
    def _again(self, step: said.Again) -> str:
        if self._last is None:
            raise StepFailed("there was no deed before that could be asked for again")
        path, body, answer = self._last
        second = self.market.station.post(path, key=self._key, **body)
        if second != answer:
            raise StepFailed(f"asked again it answers {second}, the first time it was {answer}")
        return "asked again, answered as the first time"

    def _deed(self, step: said.Deed, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Order it, and note what the station says it has; empty when it was refused as the step wants."""
        sent = {**body, **self._filled(step.with_)}
        self._key = secrets.token_hex(8)
        try:
            answer = self.market.station.post(path, key=self._key, **sent)
        except Refusal as refusal:
            if step.refused and refusal.code == step.refused:
                return {}
            raise
        if step.refused:
            raise StepFailed(f"it should be refused ({step.refused}), and the station did it: {answer}")
        self._last = (path, sent, answer)
        self._note(path, answer)
        return answer

    def _note(self, path: str, answer: Mapping[str, Any]) -> None:
        if isinstance(number := answer.get("seq"), int):
            self.answered.append(Answered(path, sequence=number))
            return
        for key, kind in SUBJECTS.items():
            if isinstance(name := answer.get(key), str) and name.isdigit() and len(name) == 20:
                self.answered.append(Answered(path, kind=kind, subject=name))
                break
        if answer.get("tx") and answer.get("url"):
            self.sold[answer["tx"]] = answer["url"]

    # --- people, and the canteen ------------------------------------------------------------------------------------

    @_do.register
    def _signs_in(self, step: said.SignIn) -> str:
        self._sign_in(step.code)
        return f"{step.code} signs in"

    @_do.register
    def _begin(self, step: said.Delivery) -> str:
        self._delivery = self._deed(step, "/api/deliveries", {"order": step.order})
        return f"a delivery of {step.order}"

    @_do.register
    def _load(self, step: said.Load) -> str:
        self._clear_pan()
        self.market.scale.put(step.kg)
        wait_for(f"{step.kg} kg", lambda: self._scale()["new_g"] == grams(step.kg) and self._scale()["stable"])
        self._deed(step, f"{self._at_delivery()}/lines/{step.line}/loads", {"scale": "scale-1"})
        return f"line {step.line}: {step.kg} kg counted"

    @_do.register
    def _look(self, step: said.Look) -> str:
        self._deed(step, f"{self._at_delivery()}/lines/{step.line}/describe", {})
        return f"line {step.line}: {json.dumps(step.with_, ensure_ascii=False, default=str)}"

    @_do.register
    def _sign(self, step: said.Sign) -> str:
        number = self._delivery["delivery"]
        (shown,) = [one for one in self.market.station.board()["deliveries"] if one["number"] == number]
        words = {"code": step.code, "pin": self._pin(step.code), "function": step.function}
        answer = self._deed(step, f"{self._at_delivery()}/sign", {**words, "version": shown["version"]})
        if step.acceptance:
            self._made[step.acceptance] = answer
        if answer.get("code") and answer.get("url"):
            self.sold[answer["code"]] = answer["url"]
        return f"{step.code} signs as {step.function}"

    def _at_delivery(self) -> str:
        if not self._delivery:
            raise StepFailed("no delivery was begun")
        return f"/api/deliveries/{self._delivery['delivery']}"

    def _sign_in(self, code: str) -> None:
        self.market.station.sign_in(code, self._pin(code))

    def _pin(self, code: str) -> str:
        return next(one.pin for one in self.scenario.people if one.code == code)

    # --- devices, wires, machine rooms ------------------------------------------------------------------------------

    @_do.register
    def _order(self, step: said.Order) -> str:
        id_ = self.market.city.order(step.name, STATION, **self._filled(step.with_))
        answer = wait_for(f"the answer to {step.name}", lambda: self.market.city.ordered(id_).answers)[0]
        wanted = ("refused", step.refused) if step.refused else ("done", "")
        if (answer["state"], answer["code"]) != wanted:
            raise StepFailed(f"the station's answer to {step.name}: {answer}")
        return f"the city orders {step.name}: {answer['state']}"

    @_do.register
    def _device(self, step: said.Device) -> str:
        line = self.market.line(step.device)
        commands: dict[str, Mapping[str, Command]] = {
            "scale": scale.commands(line),
            "analyzer": analyzer.commands(line, lambda: datetime.now(CHINA).replace(tzinfo=None)),
            "printer": printer.commands(line),
            "probe": {},
        }
        play([self._filled(step.line)], {**commands[step.device], **plugs(line)})
        return f"{step.device}: {step.line}"

    @_do.register
    def _replay(self, step: said.Replay) -> str:
        def begin(device: Any, now: float) -> None:
            if not isinstance(device, Recorded):
                raise StepFailed("this scale has no recording: write `recording` below [devices]")
            device.play(now, step.to)

        self.market.line("scale").do(begin)
        return "the recorded session " + ("goes on to its end" if step.to is None else f"goes on to {step.to:g} s")

    @_do.register
    def _away(self, step: said.Away) -> str:
        if step.who == "city":
            self.market.city_goes()
        elif self.market.broker is None:
            raise StepFailed("the broker is not ours: play without --broker")
        else:
            self.market.broker.kill() if step.killed else self.market.broker.stop()
        return f"the {step.who} is away"

    @_do.register
    def _back(self, step: said.Back) -> str:
        if step.who == "city":
            self.market.city_comes_back()
        elif self.market.broker is not None:
            self.market.broker.start()
        return f"the {step.who} is back"

    @_do.register
    def _power_cut(self, step: said.PowerCut) -> str:
        self.market.station.kill()
        if step.clock is not None:
            self.market.set_clock(said.moment(step.clock))
        self.market.station.start()
        return "the power was cut, the box is up again" + (f", its clock says {step.clock}" if step.clock else "")

    @_do.register
    def _clock(self, step: said.ClockSet) -> str:
        self.market.set_clock(said.moment(step.at))
        return f"the clock is set: {step.at}"

    # --- what must come ---------------------------------------------------------------------------------------------

    @_do.register
    def _expect(self, step: said.Expect) -> str:
        seen: dict[str, Any] = {}

        def all_true() -> bool:
            seen.clear()
            seen.update(self._seen(step))
            return all(value == wanted for value, wanted in seen.values())

        try:
            wait_for("it", all_true, step.within)
        except StageFailed:
            missing = [f"{what} is {is_!r}, not {wanted!r}" for what, (is_, wanted) in seen.items() if is_ != wanted]
            raise StepFailed(f"within {step.within:g} s: {'; '.join(missing)}") from None
        return ", ".join(f"{what} {wanted!r}" for what, (_, wanted) in seen.items())

    def _seen(self, step: said.Expect) -> dict[str, tuple[Any, Any]]:
        """What is expected, with its value now and the one that it must have."""
        seen: dict[str, tuple[Any, Any]] = {}
        board = self.market.station.board()
        if step.lot is not None:
            shown = self._lot(step.lot, board)
            seen |= {f"{step.lot}.{key}": (shown.get(key), want) for key, want in self._filled(step.shows).items()}
        for path, wanted in self._filled(step.board).items():
            seen[path] = (within(board, path), wanted)
        if step.city:
            there = self.market.city_counts()
            seen |= {f"{kind} in the city": (there.get(kind, 0), count) for kind, count in step.city.items()}
        papers = self.market.papers[self._before :]
        if step.slips is not None:
            seen["slips"] = (sum(any("/j/" in code for code in paper.qr) for paper in papers), step.slips)
        if step.paper:
            newest = "".join(papers[-1].text.split()) if papers else ""
            seen |= {f"{word} on the newest paper": ("".join(word.split()) in newest, True) for word in step.paper}
        return seen

    def _lot(self, name: str, board: Mapping[str, Any]) -> dict[str, Any]:
        made = self._made[name]
        found: dict[str, Any] = next((lot for lot in board["lots"] if lot["test_code"] == made["test_code"]), {})
        made |= {key: value for key, value in found.items() if value is not None}
        return found

    # --- at the scale -----------------------------------------------------------------------------------------------

    def _scale(self) -> dict[str, Any]:
        found: dict[str, Any] = self.market.station.board()["scales"][0]
        return found

    def _put(self, kg: Decimal) -> None:
        self._clear_pan()
        if not kg:
            return
        self.market.scale.put(kg)
        wait_for(f"{kg} kg on the scale", lambda: self._scale()["sellable"], pause=0.02)

    def _clear_pan(self) -> None:
        self.market.scale.take_off()
        wait_for("an empty pan", lambda: self._scale()["net_g"] == 0 and self._scale()["stable"], pause=0.02)

    def _product(self, name: str) -> str:
        """The code of goods by their name or code."""
        return self.market.goods.get(name, name)

    def _filled(self, value: Any) -> Any:
        """The same with what stands between braces put in, and decimals as their text."""
        match value:
            case str():
                return said.NAMED.sub(lambda found: self._answer(found[1], found[2]), value)
            case Decimal():
                return str(value)
            case Mapping():
                return {key: self._filled(one) for key, one in value.items()}
            case list() | tuple():
                return [self._filled(one) for one in value]
        return value

    def _answer(self, name: str, path: str) -> str:
        always = {"today": f"{datetime.now(CHINA):%Y-%m-%d}", "station": STATION, "node": NODE}
        if name in always:
            return always[name]
        if name in self._lots:
            self._lot(name, self.market.station.board())
        found = within(self._made[name], path.lstrip("."))
        if found is None:
            raise StepFailed(f"{{{name}{path}}}: the station said no such thing: {self._made[name]}")
        return str(found)


def grams(kg: Decimal) -> int:
    return int(kg * 1000)


def within(value: Any, path: str) -> Any:
    """What is there by a path such as ``scales.0.sellable``; None where nothing is."""
    for part in path.split("."):
        if isinstance(value, list) and part.isdigit():
            value = value[int(part)] if int(part) < len(value) else None
        else:
            value = value.get(part) if isinstance(value, dict) else None
    return value
