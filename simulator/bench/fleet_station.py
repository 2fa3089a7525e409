"""A station of the fleet: a true ledger with its own key, and the product's own publisher, on a small link.

Only what a station does all day for its devices is missing.  Its ledger is open while it has something to deliver, so
a process carries thousands.
"""

import asyncio
import hashlib
import shutil
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.between.inbox import BrokerAnswer, Limits, LinkChanged
from edge.city.connection import CONNECT_SECONDS
from edge.city.patience import Patience
from edge.city.publisher import Publisher
from edge.config.sections import CitySection
from edge.records.clock import Clock
from edge.records.joints import reach
from edge.records.ledger import FILE, Ledger, Signer
from protocol.city.codes import CodeKind, TraceCode
from protocol.city.events import TradeCompleted
from protocol.city.signed import BadSigned, CityKeys, verify
from protocol.city.state import Reach, encode_state
from protocol.city.token import EPOCH, Flags, Token, TokenKind, TokenVerdict, digest_of, kid_of, url_of
from protocol.city.topics import BadAck, Topics, ack_of
from simulator.bench.fleet_link import Link

HOST = "sy.example.cn"
AT_ONCE = 10  # records in one commit
GOODS = {"product": "01040201", "name": "上海青", "name_en": "Pak choi"}
NODES, TERMINALS = 410_000_000, 100


def key_of(seed: str, number: int) -> Ed25519PrivateKey:
    """The key of the fleet's station of this number."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"fleet {seed} {number}".encode()).digest())


def topics_of(number: int) -> Topics:
    node = str(NODES + number // TERMINALS)
    return Topics(node[:6], node, f"{number % TERMINALS:02d}")


async def first(*events: asyncio.Event, seconds: float) -> asyncio.Event | None:
    """The first of these that is set, or None after so long."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for one in waiting:
        one.cancel()
    return next((event for event in events if event.is_set()), None)


class Progress:
    """When records were acknowledged: ``longest`` is the longest time without any, for all stations of a process;
    ``forgotten`` how many the city had acknowledged and then said that it has them not."""

    def __init__(self) -> None:
        self.forgotten = 0
        self.longest, self._last = 0.0, time.monotonic()

    def moved(self) -> None:
        now = time.monotonic()
        self.longest, self._last = max(self.longest, now - self._last), now


class Station:
    """One of the fleet. ``folder`` is made from ``template``, an empty ledger, when it has something to record."""

    progress = Progress()  # of all of them

    def __init__(
        self, number: int, key: Ed25519PrivateKey, part: CitySection, city: CityKeys, folder: Path, template: Path
    ) -> None:
        self.topics = topics_of(number)
        self.key = key
        self.acked = self.repeats = self.left = 0
        self.held = ""  # why nothing of it is taken any more
        self.greeted = asyncio.Event()  # the city answered what was said of us on this connection
        self.lost = asyncio.Event()
        self._patience = Patience(len(part.brokers), part.spread_seconds)
        self._turn = 0  # which of the brokers is next
        self._since: float | None = None  # when the link stood
        self._cause = "lost"  # why the last one ended
        self._part, self._city, self._folder, self._template = part, city, folder, template
        self._clock = Clock("host")
        self._ledger: Ledger | None = None
        self._publisher: Publisher | None = None
        self._reach = Reach()
        self._link: Link | None = None
        self._born: set[str] = set()  # SHA-256 of what was said of us on this connection
        self._sent: set[bytes] = set()

    # --- the way to the city ----------------------------------------------------------------------------------------

    async def connect(self) -> int:
        """Connect, to the first of the brokers that takes us; answers how many tries it took."""
        tries = 1
        while not await self._try():
            await self.patience()
            tries += 1
        return tries

    async def patience(self) -> None:
        """Wait as long as the product does before its next try."""
        stood = time.monotonic() - self._since if self._since is not None else 0.0
        self._since = None
        await asyncio.sleep(self._patience.pause(self._cause, stood))

    async def _try(self) -> bool:
        """One try at the next of the brokers."""
        url = urlsplit(self._part.brokers[self._turn % len(self._part.brokers)])
        self._turn += 1
        self.lost, self._up = asyncio.Event(), asyncio.Event()
        link = Link(f"marketedge-{self.topics.station}", self.topics.listen, self._part.mqtt == "5", self)
        self._cause = "lost"
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(CONNECT_SECONDS):
                opening = asyncio.get_running_loop().create_connection
                await opening(link.itself, url.hostname or "", url.port or 1883)
            self._link = link
            if await first(self.lost, self._up, seconds=CONNECT_SECONDS) is self._up:
                return True
            link.close()
        return False

    def up(self) -> None:
        """The link stands: say who we are, and send what waits."""
        self._up.set()
        self._since = time.monotonic()
        self.greeted.clear()
        self._born.clear()
        if self._publisher is not None and self._ledger is not None:
            self._publisher.link(LinkChanged(True, limits=Limits()), time.monotonic())
        self.announce()
        self.pump()

    def announce(self) -> None:
        """Say who we are."""
        stamp = self._clock.now()
        if self._ledger is not None and self._publisher is not None:
            self._reach = reach(self._ledger.conn, self._ledger.head, self._publisher.upto)
        birth = encode_state(
            "online",
            self.topics.station,
            self.key,
            time=stamp.text,
            bootid=self._clock.boot_id,
            reach=self._reach,
            software="marketsim fleet",
        )
        if self._publisher is not None:
            self._publisher.born(birth)
        if self._link is not None:
            self._link.publish(self.topics.state, birth)
        self._born.add(hashlib.sha256(birth).hexdigest())

    def down(self, cause: str) -> None:
        self._cause = cause
        self.lost.set()
        self.greeted.clear()
        if self._publisher is not None:
            self._publisher.link(LinkChanged(False, "lost", "lost"), time.monotonic())

    def message(self, topic: str, payload: bytes, retained: bool) -> None:
        if topic != self.topics.ack:
            return
        if not self.greeted.is_set():
            with suppress(BadSigned, BadAck):
                said = ack_of(verify(payload, self._city, self.topics.station).fields)
                if said.birth in self._born:
                    self.greeted.set()
        if self._publisher is not None:
            before = self._publisher.acked
            self._publisher.acknowledged(payload, retained, time.monotonic())
            if self._publisher.acked > before:
                Station.progress.moved()
            Station.progress.forgotten += max(0, before - self._publisher.acked)
            self.pump()

    def acknowledged(self, mid: int, code: int) -> None:
        if self._publisher is not None:
            self._publisher.answered(BrokerAnswer(mid, f"reason {code}" if code >= 128 else "", code), time.monotonic())
            self.pump()

    def ping(self) -> None:
        if self._link is not None:
            self._link.ping()

    def close(self) -> None:
        if self._link is not None:
            self._link.close()

    # --- what the publisher asks of its wire ------------------------------------------------------------------------

    def publish(self, topic: str, body: bytes) -> int | None:
        mid = self._link.publish(topic, body) if self._link else None
        if mid is not None:
            digest = hashlib.sha256(body).digest()[:8]
            self.repeats += digest in self._sent
            self._sent.add(digest)
        return mid

    def leave(self, cause: str, why: str) -> None:
        self.close()

    # --- its work ---------------------------------------------------------------------------------------------------

    def pump(self) -> None:
        """Send what may be sent now."""
        if self._publisher is not None:
            self._publisher.pump(time.monotonic())

    @property
    def pending(self) -> int:
        return self._publisher.pending if self._publisher is not None else 0

    def open(self) -> None:
        if not self._folder.exists():
            self._folder.mkdir(parents=True)
            shutil.copy(self._template / FILE, self._folder / FILE)
        signer = Signer(self.key, HOST, self.topics.node, self.topics.terminal)
        self._ledger = ledger = Ledger(self._folder, signer)
        self._publisher = Publisher(self._part, ledger, self.topics, self, self._clock, self._city)
        if self._link is not None and self._link.connected:
            self._publisher.link(LinkChanged(True, limits=Limits()), time.monotonic())

    def record(self, count: int) -> None:
        """So many sales, in one commit; then they go out."""
        assert self._ledger is not None and self._publisher is not None
        with self._ledger.batch():
            for _ in range(count):
                self._sale()
            self._publisher.save()
        self.pump()

    def shut(self) -> None:
        """Everything is delivered, or given up: the ledger is closed."""
        assert self._ledger is not None and self._publisher is not None
        self._reach = reach(self._ledger.conn, self._ledger.head, self._publisher.upto)
        with self._ledger.batch():
            self._publisher.save()
        self.acked, self.left = self._publisher.acked, self._publisher.pending
        self.held = self._publisher.cause()[0] if self._publisher.pending or self._publisher.aside else ""
        self._ledger.close()
        self._ledger = self._publisher = None
        self._sent.clear()

    def _sale(self) -> None:
        assert self._ledger is not None
        stamp, code = self._clock.now(), self._ledger.next_code(CodeKind.SALE)
        seller, buyer = f"{self.topics.node}0123", "0" * 13
        source = str(TraceCode(self.topics.node, CodeKind.SOURCE, self.topics.terminal, 1))
        line = {"amount_fen": 4319, "net_g": 12340, "price": {"fen": 175, "per_g": 500}, "product": "01040201"}
        slip = {
            "amount_fen": 4319,
            "buyer": buyer,
            "lines": [line | {"source": source}],
            "seller": seller,
            "time": stamp.to_the_second,
            "tx": str(code),
        }
        token = Token(
            TokenKind.SALE,
            kid_of(self.key.public_key()),
            int(stamp.seconds) - EPOCH,
            str(code),
            seller,
            buyer,
            12340,
            4319,
            TokenVerdict.NONE,
            Flags.CLOCK_TRUSTED | Flags.SCALE_VERIFIED,
            digest_of(slip),
            (source,),
        )
        weighed = {
            "scale": "scale-1",
            "model": "acs",
            "value": "12.340",
            "unit": "kg",
            "stability": "scale",
            "raw": "00",
        }
        sale = TradeCompleted.model_validate(
            {
                "slip": slip,
                "seller": {"code": seller, "name": "王秀英蔬菜摊", "stall": "A-012", "contact": "13800000000"},
                "buyer": {"code": buyer, "name": ""},
                "sold": [
                    {"goods": GOODS, "origin": "河南中牟", "test": None, "weighed": weighed | {"verified_until": None}}
                ],
                "clock_trusted": True,
                "scale_verified": True,
                "digest": digest_of(slip).hex(),
                "url": url_of(token, self.key, HOST),
            }
        )
        self._ledger.append("trade.completed", str(code), sale, stamp, self._clock.boot_id)
