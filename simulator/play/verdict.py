"""Whether a scenario came out: what the station said it had, what the city has, and what is on paper.

* Each record that the station answered is in the city, once; the city's numbers have no gap, and its chain fits.
* Each slip came out whole, its code is proven by the station's key, and a second one is marked as a copy.
* Nothing else happened: no refused record, no result that nobody knows, no error in the station's log.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from protocol.city.token import BadToken, verify_url
from simulator.market import Market
from simulator.play.director import Director
from simulator.printer.read import Paper
from simulator.stage import STATION, StageFailed, wait_for

DELIVERED_SECONDS, PRINTED_SECONDS = 60.0, 30.0
DONE = ("printed", "confirmed")
COPY = "COPY"
ERROR = re.compile(r"\b(ERROR|CRITICAL)\b|^Traceback ")
KIND = re.compile(r"^cn\.marketedge\.market\.(.+)\.v\d+$")


@dataclass(frozen=True, slots=True)
class Judgement:
    """``answered`` are records the station said it had, ``recorded`` all it wrote, ``in_city`` those that arrived.

    ``slips`` are slips and acceptances on paper, ``copies`` of them marked as such.  ``wrong`` is empty when all is
    well.
    """

    answered: int
    recorded: int
    in_city: int
    papers: int
    slips: int
    copies: int
    wrong: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.wrong

    def as_json(self) -> dict[str, Any]:
        return {"ok": self.ok, **asdict(self), "wrong": list(self.wrong)}


def judge(director: Director) -> Judgement:
    """Wait until papers and records are where they belong, stop the station, and look at everything."""
    market, allowed = director.market, director.scenario.verdict
    wrong: list[str] = []
    for what, ready, seconds in (
        ("paper", lambda: _unprinted(market) <= allowed.unprinted, PRINTED_SECONDS),
        ("delivery", lambda: allowed.undelivered or _pending(market) == 0, DELIVERED_SECONDS),
    ):
        try:
            wait_for(what, ready, seconds)
        except StageFailed as late:
            wrong.append(str(late))
    board = market.station.board()
    wrong += _unexpected(board, director)
    verified = json.loads(market.station.command("ledger", "verify", "-c", str(market.station.config)))
    if not verified["ok"]:
        wrong.append(f"the ledger does not verify: {verified}")
    if code := market.station.stop():
        wrong.append(f"the station ended with code {code}")
    wrong += _said_in_the_log(market)
    events = market.city_events()
    recorded = int(verified["records"])
    wrong += _in_the_city(director, events, recorded)
    slips = list(_slips(market))
    wrong += _on_paper(director, slips)
    return Judgement(
        answered=len(director.answered),
        recorded=recorded,
        in_city=len(events),
        papers=len(market.papers),
        slips=len(slips),
        copies=sum(COPY in paper.text for _, paper in slips),
        wrong=tuple(wrong),
    )


def _pending(market: Market) -> int:
    return int(market.station.board()["city"]["pending"])


def _unprinted(market: Market) -> int:
    """Papers that are on their way, or wait for somebody, but for those of which a copy came out."""
    prints = market.station.board()["prints"]
    done = {(one["paper"], one["code"]) for one in prints if one["state"] in DONE}
    left = [one for one in prints if one["state"] not in DONE]
    return sum(one["state"] != "unknown" or (one["paper"], one["code"]) not in done for one in left)


def _unexpected(board: dict[str, Any], director: Director) -> Iterator[str]:
    allowed = director.scenario.verdict
    if board["trouble"]:
        yield f"the station shows trouble: {board['trouble']}"
    if (waiting := len(board["unmatched"])) != allowed.waiting:
        yield f"{waiting} results wait for a person, not {allowed.waiting}: {board['unmatched']}"
    if board["unread"]:
        yield f"something could not be handled: {board['unread']}"
    if (odd := sum(count for _, count in board["city"]["odd"])) != allowed.odd:
        yield f"{odd} messages of the broker were not believed, not {allowed.odd}: {board['city']['odd']}"
    if board["city"]["aside"]:
        yield f"records that the city refuses: {board['city']['set_aside']}"


def _said_in_the_log(market: Market) -> Iterator[str]:
    for line in market.station.log.read_text("utf-8", "replace").splitlines():
        if ERROR.search(line):
            yield f"in the station's log: {line}"


def _in_the_city(director: Director, events: list[dict[str, Any]], recorded: int) -> Iterator[str]:
    if director.scenario.verdict.undelivered:
        return
    numbers = Counter(int(event["sequence"]) for event in events)
    if numbers != Counter(range(1, recorded + 1)):
        yield f"the city has the numbers {sorted(numbers.elements())}, the station wrote 1 to {recorded}"
    named = Counter((_kind(event), str(event["subject"])) for event in events)
    for one in director.answered:
        there = numbers[one.sequence] if one.sequence else named[one.kind, one.subject]
        if there != 1:
            yield f"{one.what}: {one.kind} {one.subject or one.sequence} is {there} times in the city"
    said = director.market.city.summary()["stations"].get(STATION, {})
    if not said.get("chain_ok") or said.get("gaps") or said.get("rejected"):
        yield f"the city is not content: {said}"


def _kind(event: dict[str, Any]) -> str:
    found = KIND.match(event["type"])
    return found[1] if found else str(event["type"])


def _slips(market: Market) -> Iterator[tuple[str, Paper]]:
    """Each paper with the code of a sale or an acceptance, by its address."""
    for paper in list(market.papers):
        for code in paper.qr:
            if "/j/" in code:
                yield code, paper


def _on_paper(director: Director, slips: list[tuple[str, Paper]]) -> Iterator[str]:
    if not director.scenario.devices.printer:
        return
    for number, paper in enumerate(director.market.papers, 1):
        if paper.unknown:
            yield f"paper {number} has what no printer knows: {paper.unknown[0]}"
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(director.market.station.public_key))
    there = {address for address, _ in slips}
    if not director.scenario.verdict.unprinted:
        yield from (f"{code}: its slip did not come out" for code, url in director.sold.items() if url not in there)
    for address in there:
        if sum(COPY not in paper.text for url, paper in slips if url == address) > 1:
            yield f"{address}: this slip came out twice without a mark"
    for address in there:
        try:
            verify_url(address, key)
        except BadToken as why:
            yield f"a slip's code cannot be proven: {why}"
