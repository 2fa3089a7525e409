"""Ledgers for the benches, written by the station's own class: sales as a stall makes them, no two alike."""

import base64
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.documents import EXAMPLES
from edge.records.clock import Clock
from edge.records.identity import load_key
from edge.records.ledger import Ledger, Signer
from edge.records.mark import beside
from protocol.city.codes import WALK_IN, CodeKind
from protocol.city.events import EVENTS, Record
from simulator.stage import NODE, TERMINAL

HOST = "sy.example.cn"  # as on the stage
KIND = "trade.completed"
VARIANTS = 500
SIGNATURE = 86  # the last letters of a signed code
AT_ONCE = 200  # records a transaction where only their number counts


def sales(count: int = VARIANTS, seed: int = 1) -> list[Record]:
    """Sales like the example of a slip: other weights, sums, moments and signed codes in each."""
    chance = random.Random(seed)
    text = (EXAMPLES / "slip.json").read_text("utf-8")
    return [EVENTS[KIND].record.model_validate(_another(json.loads(text)["data"], chance)) for _ in range(count)]


def _another(data: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    data["buyer"] = {"code": WALK_IN, "name": ""}
    data["slip"]["buyer"] = WALK_IN
    text = json.dumps(data, ensure_ascii=False)
    signature = data["url"][-SIGNATURE:]
    grams, fen = chance.randrange(100, 30_000), chance.randrange(100, 20_000)
    for old, new in {
        signature: base64.urlsafe_b64encode(chance.randbytes(64)).decode().rstrip("="),
        data["digest"]: chance.randbytes(8).hex(),
        "12340": str(grams),
        "12.340": f"{grams / 1000:.3f}",
        "4319": str(fen),
        "05:31:07": f"{chance.randrange(24):02}:{chance.randrange(60):02}:{chance.randrange(60):02}",
    }.items():
        text = text.replace(old, new)
    found: dict[str, Any] = json.loads(text)
    return found


def open_ledger(data: Path, key: Path) -> Ledger:
    """A station's ledger, for writing; nobody else may have it open."""
    return Ledger(data, Signer(load_key(key), HOST, NODE, TERMINAL), beside(key))


def append(ledger: Ledger, records: Sequence[Record], count: int, clock: Clock) -> None:
    """One transaction with so many sales, these in turn."""
    with ledger.batch():
        for _ in range(count):
            code = str(ledger.next_code(CodeKind.SALE))
            record = records[ledger.head.seq % len(records)]
            ledger.append(KIND, code, record, clock.now(), clock.boot_id)


def fill(data: Path, key: Path, count: int) -> int:
    """A ledger with so many sales; answers the bytes of its file. For a process of its own."""
    ledger, records, clock = open_ledger(data, key), sales(), Clock("host")
    while ledger.head.seq < count:
        append(ledger, records, min(AT_ONCE, count - ledger.head.seq), clock)
    ledger.close()
    return ledger.path.stat().st_size
