"""What pages see of the station's state, made anew where it changed.

Part of the core: only the core thread calls this.
"""

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from functools import partial
from typing import Any

from edge.between.board import AnalyzerView, ScaleView
from edge.between.fixed_words import WeightWhy
from edge.config.cautions import cautions
from edge.state.station import Station
from edge.state.weighing import TradeScale

DISK_SECONDS = 10.0


class Views:
    """``fence`` is put round a part of a view that may fail alone, by its name."""

    def __init__(self, station: Station, fence: Callable[[str], AbstractContextManager[None]], city_keys: bool) -> None:
        self._station = station
        self._fence = fence
        self._city_keys = city_keys
        self._cautioned: date | None = date.min  # the day whose cautions are shown
        self._disk_at = float("-inf")
        self._unmatched: dict[str, int] = {}

    def due(self, now: float) -> dict[str, Callable[[], Any]]:
        """The parts of the board that may have changed, each with what makes it."""
        station, lots = self._station, self._station.lots
        today = station.today()
        due: dict[str, Callable[[], Any]] = {
            "scales": partial(self.scales, now),
            "printers": lambda: tuple(
                printer.view(station.prints.waiting(name)) for name, printer in station.printers.items()
            ),
            "analyzers": partial(self._analyzers, anew=False),
            "probes": lambda: tuple(probe.view() for probe in station.probes.values()),
            "prints": station.prints.views,
            "clock_state": station.clock.state,
            "clock_why": lambda: station.clock.why,
            "clock_asks": lambda: station.clock.asks,
            "unread": station.unread.views,
        }
        if lots.unmatched_changed:
            due |= {"unmatched": lots.unmatched_views, "analyzers": partial(self._analyzers, anew=True)}
        if lots.changed:
            due |= {"lots": lots.views, "lot_counts": lots.counts}
        if lots.plan_changed:
            due["plan"] = lots.plan_view
        if station.prices_changed:
            due["products"] = station.product_views
        lots.unmatched_changed = lots.plan_changed = station.prices_changed = False
        if today != self._cautioned:
            self._cautioned = today
            due["cautions"] = lambda: cautions(station.config, today, self._city_keys)
        if now - self._disk_at >= DISK_SECONDS:
            self._disk_at = now
            due["disk_free"] = lambda: shutil.disk_usage(station.ledger.path.parent).free
        return due

    def scales(self, now: float) -> tuple[ScaleView, ...]:
        today = self._station.today()
        return tuple(self._scale(scale, now, today) for scale in self._station.scales.values())

    def _analyzers(self, *, anew: bool) -> tuple[AnalyzerView, ...]:
        """With how many results of each wait for a person, counted ``anew`` when that changed."""
        if anew:
            with self._fence("board"):
                self._unmatched = self._station.lots.unmatched_counts()
        return tuple(device.view(self._unmatched.get(name, 0)) for name, device in self._station.analyzers.items())

    def _scale(self, scale: TradeScale, now: float, today: date | None) -> ScaleView:
        """The scale as a page shows it; one that cannot be shown shows no weight."""
        shown: ScaleView | None = None
        with self._fence(f"scale {scale.part.name}"):
            shown = scale.view(now, today)
        return shown or ScaleView(
            scale.part.name, False, None, "", "", None, False, False, WeightWhy.ERROR, None, None, ""
        )
