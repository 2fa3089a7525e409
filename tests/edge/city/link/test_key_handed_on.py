"""A station's new key reaches the others of its node by the city: they open cards that it signed with no network."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from edge.between.commands import OpenLot
from edge.between.inbox import Refused
from edge.records.identity import load_key
from edge.records.ledger import Ledger, bodies_after
from edge.records.own_keys import rotate
from protocol.city.codes import CodeKind, TraceCode
from protocol.city.source import SourceToken, card_url
from protocol.city.state import Reach, encode_state
from protocol.city.token import TokenVerdict, kid_of
from protocol.city.topics import Topics
from simulator.city import City

pytestmark = pytest.mark.broker
GATE = Topics("410108", "410108001", "01")


def card(key: Any, serial: int) -> str:
    """A source card of the gate, with its QR code's address."""
    token = SourceToken(
        kid=kid_of(key.public_key()),
        t=0,
        source=str(TraceCode(GATE.node, CodeKind.SOURCE, "01", serial)),
        test=str(TraceCode(GATE.node, CodeKind.TEST, "01", serial)),
        product="01040201",
        name="大白菜",
        net_g=52_000,
        origin="河南省郑州市中牟县",
        origin_code="410122",
        supplier="中牟县绿源合作社",
        supplier_code="",
        verdict=TokenVerdict.QUALIFIED,
        item="农药残留",
    )
    return card_url(token, key, "sy.example.cn")


def test_a_card_of_the_gates_new_key_opens_a_lot_at_a_stall_without_a_network(
    stall: Any, town: Callable[[Any], City], mosquitto: Any, tmp_path: Path, signer: Any, link: Any, hand_clock: Any
) -> None:
    broker = mosquitto()
    city, old = town(broker), signer.key
    one = stall(city, broker, terminal="02")
    one.until(lambda: one.box.showing.board.city.last_ack)
    folder = tmp_path / "gate"
    folder.mkdir()
    file = folder / "station.key"
    file.write_bytes(old.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with closing(Ledger(folder / "data", signer)) as ledger:
        rotate(file, ledger, hand_clock.now(), hand_clock.boot_id, why="离职", person="王敏")
        ((_, body),) = bodies_after(ledger.conn, 0)
    new = load_key(file)
    birth = encode_state("online", GATE.station, old, time="", bootid="b", reach=Reach(0, ""), software="test")
    gate = link(f"mqtt://127.0.0.1:{broker.port}", listen=GATE.listen)
    gate.up()
    with pytest.raises(Refused):
        one.box.does(OpenLot(code=card(new, 1)))
    gate.mqtt.announce(GATE.state, birth)
    gate.mqtt.publish(GATE.alarm("key.rotated"), body)
    one.until(lambda: one.box.core._station.node_keys.station(GATE.station))
    assert one.box.core._station.node_keys.of(kid_of(new.public_key()).hex(), GATE.station)
    broker.stop()
    one.until(lambda: not one.publisher.up)
    opened = one.box.does(OpenLot(code=card(new, 1)))
    assert opened["source"] == str(TraceCode(GATE.node, CodeKind.SOURCE, "01", 1))
