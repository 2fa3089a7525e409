"""Health for watchdogs and metrics for Prometheus, both from the board alone."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from edge.between.board import AnalyzerView, Board, PrinterView, ProbeView, ScaleView, ScannerView, Showing
from edge.between.label_board import LabelScaleView
from edge.between.needs import Need, disk_state, findings
from edge.between.print_states import PrinterState
from edge.web.events import alive
from protocol.city.token import CHINA


def health(showing: Showing, now: float, token: str = "") -> tuple[bool, dict[str, Any]]:
    """Whether the station can do its job, and each part's state.

    A lost city link or an unset clock is told but is no failure: the station is made to work through both.
    ``token`` is the process's: who started it knows by that whether it is his own that answers.
    """
    board = showing.board
    devices: list[ScaleView | LabelScaleView | AnalyzerView | ProbeView | ScannerView] = [
        *board.scales,
        *board.analyzers,
    ]
    devices += [*board.label_scales, *board.probes, *board.scanners]
    ports = {one.name: _up(one.up, one.port_why if isinstance(one, ScaleView) else one.why) for one in devices}
    printers = {one.name: _up(one.up, one.why) | {"waiting": one.waiting} for one in board.printers}
    core = alive(showing, now)
    ok = all(finding.need is not Need.STOPPED for finding in findings(board, core))
    city = board.city
    return ok, {
        "ok": ok,
        "token": token,
        "station": board.station,
        "core": {"ok": core},
        "ports": ports,
        "printer": printers,
        "city": {
            "up": city.up,
            "why": city.why,
            "broker": city.broker,
            "pending": city.pending,
            "set_aside": city.aside,
            "sent_again": city.again,
            "cause": city.cause,
            "silent_since": city.silent_since,
            "last_ack": city.last_ack,
            "left": [f"{cause}: {why}" for _, cause, why in city.left],
        },
        "disk": {
            "ok": (disk := _disk(board)) == "enough",
            "state": disk,
            "free_bytes": board.disk_free,
        },
        "clock": board.clock_state,
        "clock_why": board.clock_why,
        "clock_source": board.clock_source,
        "clock_synced": board.clock_synced,
        "trouble": board.trouble,
    }


def _disk(board: Board) -> str:
    """``enough``, ``short``, ``full``; ``fails`` while it takes nothing for another reason."""
    return "fails" if board.ledger_why == "disk_fails" else disk_state(board.disk_free, board.disk_total)


def _up(up: bool, why: str) -> dict[str, Any]:
    return {"ok": up, "why": why}


class BoardCollector:
    """A prometheus_client collector: what the board knows at the moment of asking."""

    def __init__(self, showing: Showing, release: str, now: float, handshakes_failed: int) -> None:
        self._showing = showing
        self._handshakes_failed = handshakes_failed
        self._now = now
        self._release = release

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily

        board = self._showing.board
        city = board.city
        yield InfoMetricFamily("marketedge", "This station", {"version": self._release, "station": board.station})
        yield CounterMetricFamily("marketedge_records_written", "Records committed to the ledger", city.written)
        yield CounterMetricFamily("marketedge_records_acked", "Records the city has confirmed", city.acked)
        yield GaugeMetricFamily("marketedge_records_pending", "Records the city has not confirmed", city.pending)
        yield GaugeMetricFamily("marketedge_records_sent_again", "Records still to be sent once more", city.again)
        yield GaugeMetricFamily("marketedge_records_set_aside", "Records that were refused for good", city.aside)
        waits = 0.0 if city.waits_since is None else max(0.0, self._now - city.waits_since)
        yield GaugeMetricFamily(
            "marketedge_oldest_pending_seconds",
            "How long the oldest record waits that the city has not confirmed",
            waits,
        )
        if city.last_ack:
            yield _moment("marketedge_city_last_ack", "When the city last answered", city.last_ack)
        odd = CounterMetricFamily("marketedge_messages_not_taken", "Messages not believed", labels=["why"])
        for word, count in city.odd:
            odd.add_metric([word], count)
        yield odd
        takes = int(not board.ledger_why)
        yield GaugeMetricFamily("marketedge_ledger_takes_records", "0 while every record is refused", takes)
        yield GaugeMetricFamily("marketedge_city_up", "1 while the broker holds our connection", int(city.up))
        yield GaugeMetricFamily("marketedge_clock_synced", "1 while the clock is set", board.clock_state == "synced")
        if board.clock_synced:
            seen = f"{board.clock_synced}+08:00"
            yield _moment("marketedge_clock_last_sync", "When a source last vouched for the time", seen)
        core = alive(self._showing, self._now)
        yield GaugeMetricFamily("marketedge_core_up", "0 while the station's core stands still", int(core))
        needs = len(findings(board, core))
        yield GaugeMetricFamily("marketedge_needs_hand", "Things that need a person's hand", needs)
        yield GaugeMetricFamily("marketedge_disk_free_bytes", "Free space where the ledger is", board.disk_free)
        yield GaugeMetricFamily("marketedge_disk_bytes", "Size of the disk where the ledger is", board.disk_total)
        short = _disk(board) != "enough"
        yield GaugeMetricFamily("marketedge_disk_short", "1 while a technician should come for it", int(short))
        ends = [(one.of, one.ends) for one in board.expiries]
        if board.certificate is not None:
            ends.append(("pages", datetime.fromisoformat(board.certificate.ends).timestamp()))
        expires = GaugeMetricFamily(
            "marketedge_certificate_expires", "When a certificate ends, in seconds since 1970", labels=["of"]
        )
        for of in dict.fromkeys(name for name, _ in ends):
            expires.add_metric([of], min(end for name, end in ends if name == of))
        yield expires
        if board.certificate is not None:
            failed = self._handshakes_failed
            yield CounterMetricFamily("marketedge_tls_handshakes_failed", "TLS handshakes without success", failed)
        yield _each(GaugeMetricFamily, "scale_up", "1 while the scale's port is open", board.scales, "up")
        yield _each(GaugeMetricFamily, "analyzer_up", "1 while the analyzer's port is open", board.analyzers, "up")
        yield _each(GaugeMetricFamily, "printer_up", "1 while the printer can print", board.printers, "up")
        printers = board.printers
        yield _each(GaugeMetricFamily, "printer_paper_low", "1 while the roll is nearly used up", printers, "near_end")
        out = GaugeMetricFamily("marketedge_printer_paper_out", "1 while the printer has no paper", labels=["device"])
        for printer in printers:
            out.add_metric([printer.name], int(printer.state is PrinterState.PAPER))
        yield out
        verified = GaugeMetricFamily(
            "marketedge_scale_verified_until",
            "When a scale's verification ends, with the last day of its certificate, in seconds since 1970",
            labels=["device"],
        )
        for scale in board.register:
            if scale.verified_until:
                verified.add_metric([scale.name], _end_of(date.fromisoformat(scale.verified_until)))
        yield verified
        yield _each(GaugeMetricFamily, "printer_waiting", "Papers waiting", board.printers, "waiting")
        yield _each(CounterMetricFamily, "results", "Results taken from the analyzer", board.analyzers, "results")
        yield _each(GaugeMetricFamily, "unmatched", "Results that wait for a person", board.analyzers, "unmatched")
        labels = board.label_scales
        yield _each(GaugeMetricFamily, "label_scale_up", "1 while the label scale's port is open", labels, "up")
        yield _each(CounterMetricFamily, "label_sales", "New sales that the label scale handed over", labels, "sales")
        yield _each(GaugeMetricFamily, "label_waiting", "Its sales that wait for a person", labels, "waiting")
        yield _each(GaugeMetricFamily, "probe_up", "1 while the probe's port is open", board.probes, "up")
        yield _each(GaugeMetricFamily, "scanner_up", "1 while the scanner's port is open", board.scanners, "up")
        ports: tuple[ScaleView | AnalyzerView, ...] = (*board.scales, *board.analyzers)
        yield _each(CounterMetricFamily, "garbage", "Byte runs that were no frame", ports, "garbage")


def _moment(name: str, text: str, time: str) -> Any:
    """A time in RFC 3339, as Prometheus compares it with ``time()``."""
    from prometheus_client.core import GaugeMetricFamily

    return GaugeMetricFamily(name, f"{text}, in seconds since 1970", datetime.fromisoformat(time).timestamp())


def _end_of(day: date) -> float:
    """The market's midnight after this day, in seconds since 1970."""
    return datetime.combine(day + timedelta(days=1), datetime.min.time(), CHINA).timestamp()


def _each(
    family: Any,
    name: str,
    text: str,
    views: tuple[ScaleView | LabelScaleView | AnalyzerView | PrinterView | ProbeView | ScannerView, ...],
    attribute: str,
) -> Any:
    metric = family(f"marketedge_{name}", text, labels=["device"])
    for view in views:
        metric.add_metric([view.name], int(getattr(view, attribute)))
    return metric


def metrics(showing: Showing, release: str, now: float, handshakes_failed: int = 0) -> tuple[bytes, str]:
    """The metrics as text, and its content type; ``now`` on the steady clock."""
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(BoardCollector(showing, release, now, handshakes_failed))
    return generate_latest(registry), CONTENT_TYPE_LATEST
