"""What a lot that passed its tests still waits for: a valid control, a reagent in date, a second person's look.

Part of the core: only the core thread calls this.  What is asked for is in ``[gate]``.
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Literal

from edge.between.bench_board import WaitsFor
from edge.config.methods import Method
from edge.config.sections import Config
from edge.records.ledger import Ledger
from edge.state.controls import Controls
from edge.state.lots import Lot, LotItem, local
from protocol.frozen import frozen

QcWord = Literal["", "valid", "failed", "missing"]


@frozen
class Measured:
    """What is known of an item's newest result: its record (0 while that is being made), by whom it was looked at."""

    item: str
    analyzer: str
    day: str
    seq: int
    reviewer: str
    positive: bool


class Checks:
    """``config`` and ``today`` are asked when they are needed: the city and time change them."""

    def __init__(
        self,
        config: Callable[[], Config],
        methods: Mapping[str, Method],
        ledger: Ledger,
        controls: Controls,
        today: Callable[[], date],
    ) -> None:
        self._config = config
        self._methods = methods
        self._ledger = ledger
        self._controls = controls
        self._today = today

    def qc(self, analyzer: str, item: str, method: Method | None) -> QcWord:
        """What is known of today's control of this item, for its record; empty where none is asked for."""
        if self._config().gate.control == "off" or method is None or method.own_control:
            return ""
        return self._controls.of(analyzer, item).state(self._today().isoformat())

    def waits_for(self, lot: Lot, now: Measured | None = None) -> tuple[WaitsFor, ...]:
        """Why a lot that passed is not released; nothing when it may be. ``now`` is the result that is being recorded.

        A recheck by a laboratory needs none of this.
        """
        rules, found = self._config().gate, set()
        if not lot.passed or lot.rechecked or (rules.control != "required" and rules.review == "off"):
            return ()
        for item in lot.items:
            if item.verdict != "qualified":
                continue
            known = now if now is not None and now.item == item.item else self._known(item)
            method = self._methods.get(item.method)
            if rules.control == "required":
                found |= self._vouched(item, known, method)
            if not known.reviewer and rules.asks_review(positive=known.positive):
                found.add(WaitsFor.REVIEW)
        return tuple(word for word in WaitsFor if word in found)

    def _vouched(self, item: LotItem, known: Measured, method: Method | None) -> set[WaitsFor]:
        """What the control and the reagent of a result's day leave open."""
        words = set()
        if method is not None and not method.own_control:
            control = self._controls.of(known.analyzer, item.item)
            state = control.state(known.day)
            if state == "missing":
                words.add(WaitsFor.CONTROL)
            elif state == "failed" or (known.seq and known.seq < control.failed):
                words.add(WaitsFor.CONTROL_FAILED)
        if self._controls.reagent(item.item, known.day) is None:
            words.add(WaitsFor.REAGENT)
        return words

    def _known(self, item: LotItem) -> Measured:
        """What the newest record of an item says; one of an older version names no reviewer."""
        event = self._ledger.event(item.seq)
        said = event["data"]
        positive = any(outcome.value == "positive" for outcome in item.outcomes)
        day = local(event["time"]).date().isoformat()
        return Measured(item.item, said["analyzer"]["name"], day, item.seq, said.get("reviewer", ""), positive)
