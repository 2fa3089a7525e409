"""What pages see of the station's state, made anew where it changed.

Part of the core: only the core thread calls this.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from functools import partial
from typing import Any

from edge.between.bench_board import BenchView
from edge.between.board import AnalyzerView, ScaleView
from edge.between.day_views import CustomerView
from edge.between.fixed_words import WeightWhy
from edge.between.label_board import LabelScaleView
from edge.config.cautions import cautions
from edge.state.bench import bench_view
from edge.state.delivery_views import delivery_views, order_views
from edge.state.station import Station
from edge.state.weighing import TradeScale

DISK_SECONDS = 10.0
COUNT_SECONDS = 1.0  # a long day's lots are counted at most so often


class Views:
    """``fence`` is put round a part of a view that may fail alone, by its name."""

    def __init__(self, station: Station, fence: Callable[[str], AbstractContextManager[None]], city_keys: bool) -> None:
        self._station = station
        self._fence = fence
        self._city_keys = city_keys
        self._cautioned: date | None = date.min  # the day whose cautions are shown
        self._disk_at = float("-inf")
        self._bench = BenchView()
        self._counted_at = float("-inf")
        self._unmatched: dict[str, int] = {}
        self._labels_waiting: dict[str, int] = {}
        self._labels_of = date.min  # the day whose sales by label scale are shown

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
            "scanners": lambda: tuple(scanner.view() for scanner in station.scanners.values()),
            "label_scales": self._label_scales,
            "prints": station.prints.views,
            "clock_state": station.clock.state,
            "clock_why": lambda: station.clock.why,
            "clock_asks": lambda: station.clock.asks,
            "expiries": lambda: station.expiries.of_city,
            "clock_source": lambda: station.clock.source,
            "clock_synced": lambda: station.clock.last_sync,
            "unread": station.unread.views,
            "certificate": lambda: station.certificate,
        }
        day = station.clock.today()
        with self._fence("tally"):
            station.tally.look(day)
        if station.tally.changed:
            due |= {"day": station.tally.day_view, "shift": station.tally.shift_view}
        if station.price_reports.changed:
            due["reference_prices"] = station.price_reports.view
        due["customer"] = partial(self._customer, now)
        due |= self._canteen(now, anew=today != self._cautioned)
        if station.label_sales.changed or day != self._labels_of:
            due["label_sales"] = partial(station.label_sales.views, day.isoformat())
            self._labels_waiting = station.label_sales.waiting()
            station.label_sales.changed, self._labels_of = False, day
        if lots.unmatched_changed:
            due |= {"unmatched": lots.unmatched_views, "analyzers": partial(self._analyzers, anew=True)}
        if station.expiries.look(now):
            station.register.changed = True
        if today != self._cautioned:
            lots.all_pending_touched()  # yesterday's control vouches for nothing today
            station.controls.changed = True
        if lots.changed:
            due |= {"lots": lots.views, "lot_counts": lots.counts, "holds": station.holds.views}
        elif station.holds.changed:
            due["holds"] = station.holds.views
        if station.loads.changed:
            due["loads"] = station.loads.views
        if station.public_samples.changed:
            due["public_samples"] = station.public_samples.views
        if lots.changed or station.alerts.changed:
            due["alerts"] = lambda: station.alerts.views(lots.pressing())
        due["bench"] = partial(self._bench_view, now)  # after ``lots``, which say what has changed of them
        station.alerts.changed = False
        if lots.offers_changed:
            due["offers"] = lots.offer_views
        if lots.plan_changed:
            due["plan"] = lots.plan_view
        if station.prices_changed:
            due["products"] = station.product_views
        if station.goods_use.changed:
            due["goods_used"] = station.goods_use.orders
        if station.baskets.changed:
            due["baskets"] = station.basket_views
        if station.city_lists.verdicts_changed:
            due["lab_verdicts"] = station.city_lists.verdict_views
        station.city_lists.verdicts_changed = station.baskets.changed = False
        lots.unmatched_changed = lots.offers_changed = lots.plan_changed = station.prices_changed = False
        station.tally.changed = station.price_reports.changed = False
        if today != self._cautioned:
            self._cautioned = today
            station.register.changed = True
        if station.register.changed:
            station.register.changed = False
            due["cautions"] = lambda: cautions(station.config, today, self._city_keys)
            due["register"] = lambda: station.register.views(today)
        if now - self._disk_at >= DISK_SECONDS:
            self._disk_at = now
            due["disk_free"] = lambda: station.disk.look().free
            due["disk_total"] = lambda: station.disk.look().total
        return due

    def _bench_view(self, now: float) -> BenchView:
        """The test room, made anew when more of a lot of today changed than what is left of it, or what lies there."""
        station, lots = self._station, self._station.lots
        count = lots.of_day_changed and (lots.few_today or now - self._counted_at >= COUNT_SECONDS)
        if count or station.racks.changed or station.controls.changed:
            lots.of_day_changed = station.racks.changed = station.controls.changed = False
            self._counted_at = now
            self._bench = bench_view(station)
        return self._bench

    def _customer(self, now: float) -> CustomerView:
        """The slip that was sold goes when the next load can be sold."""
        customer = self._station.customer
        scale = self._station.scales.get(customer.view.scale)
        customer.look(now, next_load=scale is not None and not scale.why_not(now, self._station.today()))
        return customer.view

    def _canteen(self, now: float, *, anew: bool) -> dict[str, Callable[[], Any]]:
        """Orders, deliveries and kept samples; ``anew`` on another day. What a lot or the directory says of a delivery
        changes with them."""
        station = self._station
        due: dict[str, Callable[[], Any]] = {}
        if "canteen" not in station.config.station.jobs:
            return {}
        if station.deliveries.changed or station.city_lists.orders_changed or station.lots.changed or anew:
            due["orders"] = partial(order_views, station)
            due["deliveries"] = partial(delivery_views, station)
        if station.kept_samples.due(now):
            due["kept"] = station.kept_samples.views
        station.deliveries.changed = station.city_lists.orders_changed = False
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

    def _label_scales(self) -> tuple[LabelScaleView, ...]:
        waiting = self._labels_waiting
        return tuple(device.view(waiting.get(name, 0)) for name, device in self._station.label_scales.items())

    def _scale(self, scale: TradeScale, now: float, today: date | None) -> ScaleView:
        """The scale as a page shows it; one that cannot be shown shows no weight."""
        shown: ScaleView | None = None
        with self._fence(f"scale {scale.part.name}"):
            shown = scale.view(now, today)
        return shown or ScaleView(
            scale.part.name, False, None, "", "", None, False, False, WeightWhy.ERROR, None, None, ""
        )
