"""A mark beside the station's key of how far its ledger was: an empty, older or foreign ledger is known at the start.

The ledger may be lost alone: a card that is not mounted, a new card, an old copy put back.  Then numbers would be given
twice.  The mark is written at the start, at the stop and every ``EVERY`` records: no sale waits for a second fsync of
its own.  What it can miss is the last records before a power cut, fewer than ``EVERY``: an older ledger that lacks only
those is not known by it.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from edge.records import private
from protocol.frozen import frozen

EVERY = 64
SPARE = 1000  # serials and numbers left out where some may have been given: more than the mark can have missed
log = logging.getLogger("ledger")


@frozen
class Mark:
    """How many records there were, the hash of the last one, and the last serial of each code kind."""

    records: int = 0
    hash: str = ""
    serials: Mapping[int, int] = field(default_factory=dict)

    def beyond(self) -> "Mark":
        """For a ledger that begins anew: no record, and serials that were certainly never given."""
        return Mark(serials={kind: serial + SPARE for kind, serial in self.serials.items()})


def beside(key: Path) -> Path:
    """Where the mark of this key's station is."""
    return key.with_suffix(".mark")


def read(path: Path) -> Mark | None:
    """The mark; None when there is none, or none that can be read."""
    try:
        found = json.loads(path.read_bytes())
        serials = {int(kind): int(serial) for kind, serial in found["serials"].items()}
        return Mark(int(found["records"]), str(found["hash"]), serials)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        log.warning("%s cannot be read (%s): the ledger's age was not compared", path, error)
        return None


def write(path: Path, mark: Mark) -> None:
    """Raises OSError."""
    private.replace(path, encode(mark))


def encode(mark: Mark) -> bytes:
    """As it stands in its file."""
    serials = {str(kind): serial for kind, serial in sorted(mark.serials.items())}
    return (json.dumps({"records": mark.records, "hash": mark.hash, "serials": serials}) + "\n").encode()
