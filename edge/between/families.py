"""Commands that most boxes never hear, and those that do not every minute: loaded with the first of them.

What every box hears all day stands in ``commands.py``, or is loaded by whatever needs it.  A file that is named here is
loaded when somebody asks at one of its addresses.  A test holds that these are the addresses of its rows.
"""

import importlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from edge.between.command_table import ORDERS, CommandRow

LATER: Mapping[str, tuple[str, ...]] = {
    "bench_commands": (
        "/lots/{lot}/seen",
        "/racks/{analyzer}/fill",
        "/racks/{analyzer}/next",
        "/racks/{analyzer}/places/{place}",
        "/results/{seq}/control",
        "/reagents",
        "/reagents/finish",
        "/results/{seq}/review",
        "/plan/draw",
    ),
    "canteen_commands": (
        "/deliveries",
        "/deliveries/{delivery}/lines",
        "/deliveries/{delivery}/lines/{line}/loads",
        "/deliveries/{delivery}/lines/{line}/loads/{load}/remove",
        "/deliveries/{delivery}/lines/{line}/describe",
        "/deliveries/{delivery}/scan",
        "/deliveries/{delivery}/lines/{line}/sources/{source}/remove",
        "/deliveries/{delivery}/describe",
        "/deliveries/{delivery}/sign-by-name",
        "/deliveries/{delivery}/drop",
        "/acceptances/{code}/void",
        "/kept-samples",
        "/kept-samples/{number}/discard",
        "/waste",
    ),
    "correction_commands": ("/sales/{tx}/void", "/lots/{lot}/correct", "/results/{seq}/correct"),
    "day_commands": ("/shifts/close", "/reweighings", "/slips/look", "/customer", "/register/{scale}"),
    "held_commands": (
        "/lots/{lot}/told",
        "/lots/{lot}/retest",
        "/lots/{lot}/waive",
        "/lots/{lot}/sample",
        "/lots/{lot}/verdict",
        "/lots/{lot}/plan-disposal",
        "/lots/{lot}/dispose",
        "/samples",
    ),
    "label_commands": ("/label-sales/{seq}/match", "/label-sales/{seq}/dismiss"),
    "ledger_commands": ("/ledger/resend", "/ledger/continue"),
    "party_commands": ("/parties",),
}


def load(file: str) -> None:
    """Enter the rows of a file of commands in the table."""
    importlib.import_module(f"{__package__}.{file}")


def every() -> None:
    """All commands that there are."""
    for file in sorted(Path(__file__).parent.glob("*commands.py")):
        load(file.stem)


def row_of(address: str) -> CommandRow:
    """The row with this address, such as ``/lots/{lot}/told``. Raises StopIteration when there is none."""
    for file, addresses in LATER.items():
        if address in addresses:
            load(file)
    return next(row for row in _rows() if row.address == address)


def row_at(path: str) -> CommandRow | None:
    """The row of what is sent to this path, such as ``/api/lots/41…/told``; None when nothing is ordered there."""
    for file, addresses in LATER.items():
        if any(_fits(address, path) for address in addresses):
            load(file)
    return next((row for row in _rows() if _fits(row.address, path)), None)


def _rows() -> Iterator[CommandRow]:
    """Those that have an address, of the files that are loaded by now; another thread may be loading one."""
    return (row for row in tuple(ORDERS.values()) if row.address)


def _fits(address: str, path: str) -> bool:
    return re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", f"/api{address}"), path) is not None
