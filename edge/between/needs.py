"""What needs a person's hand: one rule for the status page, health, metrics and `check`."""

from collections.abc import Iterator
from enum import Enum
from typing import Literal

from edge.between.board import Board
from edge.between.fixed_words import WeightWhy
from protocol.frozen import frozen

EARLY, EARLY_BYTES = 10, 2 << 30  # a tenth of the disk is free, or 2 GiB: a technician has weeks to come
LATE, LATE_BYTES = 50, 256 << 20  # a fiftieth, or 256 MiB: soon nothing can be recorded
AILING = frozenset(  # of a scale that is there
    {
        WeightWhy.ERROR,
        WeightWhy.UNIT,
        WeightWhy.DIGIT,
        WeightWhy.STEP,
        WeightWhy.UNVERIFIED,
        WeightWhy.STALE,
        WeightWhy.NO_SIGNAL,
    }
)


DiskState = Literal["enough", "short", "full"]


class Need(Enum):
    """How pressing it is."""

    STOPPED = "stopped"  # the station cannot do its job, or a part of it
    LOOK = "look"  # it works, and somebody should look


@frozen
class Finding:
    """``part`` is a field of the board, ``name`` a device or record in it, or empty."""

    need: Need
    part: str
    name: str = ""


def disk_state(free: int, total: int) -> DiskState:
    """What so many free bytes of so many are worth: one rule for pages, health, metrics, `check` and the city's alarm.

    Relative to the disk, since a small card never has what a large one should have.
    """
    if free < min(LATE_BYTES, total // LATE):
        return "full"
    return "short" if free < min(EARLY_BYTES, total // EARLY) else "enough"


def findings(board: Board, alive: bool) -> tuple[Finding, ...]:
    """Everything on this board that needs a hand, each thing once. ``alive`` is False when the core stands still."""
    return tuple(_all(board, alive))


def _all(board: Board, alive: bool) -> Iterator[Finding]:
    for caution in board.cautions:
        if caution.word != board.city.cause:  # told with the link
            yield Finding(Need.LOOK, "cautions", caution.word)
    if board.trouble or not alive:
        yield Finding(Need.STOPPED, "trouble")
    for scale in board.scales:
        if not scale.up or scale.why in AILING:
            yield Finding(Need.LOOK if scale.up else Need.STOPPED, "scales", scale.name)
    for analyzer in board.analyzers:
        if not analyzer.up or analyzer.unmatched or analyzer.most:
            yield Finding(Need.LOOK if analyzer.up else Need.STOPPED, "analyzers", analyzer.name)
    for label_scale in board.label_scales:
        if not label_scale.up or label_scale.waiting:
            yield Finding(Need.LOOK if label_scale.up else Need.STOPPED, "label_scales", label_scale.name)
    if any(not alert.person for alert in board.alerts) or board.lot_counts.get("held"):
        yield Finding(Need.LOOK, "alerts")
    for part, devices in (("probes", board.probes), ("printers", board.printers)):
        for device in devices:
            if not device.up:
                yield Finding(Need.STOPPED, part, device.name)
    for scanner in board.scanners:
        if not scanner.up or scanner.lost:
            yield Finding(Need.LOOK, "scanners", scanner.name)  # codes can be typed, too
    for port in board.ports:
        if port.by == "unsafe" and port.now is None:  # a stranger is told with its device
            yield Finding(Need.LOOK, "ports", port.device)
    city = board.city
    if not city.up or city.cause:
        yield Finding(Need.LOOK, "city")
    if city.set_aside:
        yield Finding(Need.LOOK, "city", "set_aside")
    if board.certificate is not None and board.certificate.state:
        yield Finding(Need.LOOK, "certificate")
    if board.unread:
        yield Finding(Need.LOOK, "unread")
    if (disk := disk_state(board.disk_free, board.disk_total)) != "enough":
        yield Finding(Need.STOPPED if disk == "full" else Need.LOOK, "disk_free")
    if board.clock_word in ("unsynced", "unknown", "estimated") or board.clock_asks:
        yield Finding(Need.LOOK, "clock_state")
