"""A market of several boxes: what the gate's releases is sold at the stalls', and what it holds is not.

Real station processes, a real Mosquitto, a real city, devices on real ptys.  What took how long is printed (``pytest
-s``) and judged by nobody here.
"""

import base64
import json
import statistics
import sys
import time
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import Browser, Page, expect

from protocol.city.codes import CodeKind, TraceCode
from protocol.city.commands import COMMANDS
from protocol.city.signed import seal
from protocol.city.source import card_url, parse_card
from protocol.city.token import kid_of
from simulator.broker import Broker
from simulator.city.examples import examples
from simulator.city.keys import FILE, city_key, public_hex
from simulator.city.server import City
from simulator.cli.main import main as marketsim
from simulator.neighbours import CAPACITY, DIVISION, GATE, STALL, STALL_3, Box, Neighbours
from simulator.scales._pan import Pan
from simulator.scales.mt_sics import MtSics
from simulator.stage import CABBAGE, DIRECT, NODE, SPINACH, Refusal, StationProcess, Wiring, wait_for
from simulator.wires.line import Line, Pty

pytestmark = pytest.mark.broker

POSITIVE, KG = Decimal("73.0"), Decimal("2.350")
REPEATS = 5
HOST = "https://sy.example.cn"
Open = Callable[..., Neighbours]


@pytest.fixture
def market(tmp_path: Path, broker: Broker, city: City) -> Iterator[Open]:
    """Opens a market at this broker with this city; its stations' logs are shown when the test fails."""
    with ExitStack() as stack:

        def opened(stalls: tuple[str, ...] = ("02",)) -> Neighbours:
            made = Neighbours(tmp_path / "market", broker.url, city.key, stalls=stalls)
            stack.callback(lambda: sys.stderr.write(made.logs()))
            return stack.enter_context(made)

        yield opened


def refused(order: Callable[[], Any]) -> str:
    """The code of a refusal; empty when it was done."""
    try:
        order()
    except Refusal as refusal:
        return refusal.code
    return ""


def until_refused(box: Box, lot: str, code: str) -> float:
    """Press Sell with nothing on the scale until the lot itself is refused; answers when that was."""
    wait_for(f"{code} at the stall", lambda: refused(lambda: box.press(lot)) == code, 20, pause=0.001)
    return time.monotonic()


def figure(what: str, seconds: list[float]) -> None:
    told = ", ".join(f"{one * 1000:.0f}" for one in sorted(seconds))
    sys.stderr.write(f"\n{what}: median {statistics.median(seconds) * 1000:.0f} ms of {told}\n")


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())


def page_of(city: City, address: str) -> str:
    """What a buyer's phone shows at an address of the city, as plain text."""
    path = address.removeprefix(HOST) + "?lang=zh"
    try:
        with DIRECT.open(city.url + path, timeout=10) as answer:
            shown = answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            shown = error.read().decode()
    text = _Text()
    text.feed(shown.partition("</style>")[2] or shown)
    return " ".join(word for word in text.words if word)


def records(city: City, station: str) -> list[dict[str, Any]]:
    """What the city has of a station, in order."""
    with DIRECT.open(f"{city.url}/api/events/{station}", timeout=10) as answer:
        return [json.loads(line) for line in answer.read().splitlines()]


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [".".join(event["type"].split(".")[3:5]) for event in events]


# --- released at the gate, sold at the stall --------------------------------------------------------------------------


def test_goods_of_the_gate_are_sold_at_a_stall_by_their_printed_card_with_no_network(
    market: Open, broker: Broker, city: City
) -> None:
    here = market()
    lot = here.gate.release()
    card = here.gate.card(lot["test_code"])
    assert card.startswith(f"{HOST}/b/")
    broker.stop()
    for box in (here.gate, here.stall):
        box.wait_link(up=False)

    sold = here.stall.sell(card, KG)
    assert (sold["net_g"], sold["left_g"]) == (2350, 317_650)
    assert here.stall.sell(lot["source"], KG)["left_g"] == 315_300  # what is here is sold by its short code, too
    slip = wait_for("the slip", lambda: [paper for paper in here.stall.papers if sold["url"] in paper.qr])[0]
    assert slip.qr == [sold["url"]]
    assert here.stall.station.board()["city"]["pending"] > 0

    broker.start()
    for box in (here.gate, here.stall):
        box.wait_link()
        box.wait_delivered()
    at_gate, at_stall = records(city, GATE), records(city, STALL)
    assert {"entry.registered", "test.result", "lot.released"} <= set(kinds(at_gate))
    (opened,) = [event for event in at_stall if "lot.opened" in event["type"]]
    assert (opened["data"]["source"], opened["data"]["by"], opened["data"]["issuer"]) == (lot["source"], "card", GATE)
    trades = [event for event in at_stall if "trade.completed" in event["type"]]
    assert [trade["data"]["slip"]["lines"][0]["source"] for trade in trades] == [lot["source"]] * 2
    for said in city.summary()["stations"].values():
        assert (said["chain_ok"], said["gaps"], said["rejected"]) == (True, 0, 0), said
    for address in (card, f"/b/{lot['source']}"):
        shown = page_of(city, address)
        assert all(word in shown for word in ("大白菜", "河南中牟", "绿源合作社", "320.000 kg", "合格")), shown
    shown = page_of(city, sold["url"])
    assert all(word in shown for word in ("李秀兰蔬菜摊", "2.350 kg", "河南中牟", "合格")), shown
    shown = page_of(city, "/s/4101080010208")
    assert all(word in shown for word in ("李秀兰蔬菜摊", "A-020", "大白菜", "河南中牟", "合格")), shown


# --- held at the gate -------------------------------------------------------------------------------------------------


def test_what_the_gate_holds_is_refused_at_the_stall_at_once(market: Open, city: City) -> None:
    here = market()
    lot, other = here.gate.release(), here.gate.release()
    for one in (lot, other):
        here.stall.station.post("/api/lots/open", code=here.gate.card(one["test_code"]))
    assert here.stall.sell(lot["source"], KG)["left_g"] == 317_650
    here.stall.scale.do(lambda device, now: device.pan.take_off(now))

    here.gate.test(lot["sample"], POSITIVE)  # after the release
    until_refused(here.stall, lot["source"], "lot_stopped")
    shown = here.stall.lot(lot["source"])
    assert (shown["state"], shown["why"], shown["stop"]) == ("held", "stopped", "农药残留 73.00 %，限值 50 %")
    here.gate.wait_delivered()
    for address in (f"/b/{lot['source']}", "/s/4101080010208"):
        assert "暂停" in page_of(city, address)

    took = []
    for _ in range(REPEATS):
        start = time.monotonic()
        here.gate.station.post(f"/api/lots/{other['test_code']}/hold", person="王敏", reason="消费者投诉")
        took.append(until_refused(here.stall, other["source"], "lot_stopped") - start)
        here.gate.station.post(f"/api/lots/{other['test_code']}/release", person="王敏", reason="查明无问题")
        here.stall.wait_lot(other["source"], why="")
    figure("from the order to hold at the gate to the refusal at the stall", took)

    city.stop()  # the platform is away, the broker is not
    here.gate.station.post(f"/api/lots/{other['test_code']}/hold", person="王敏", reason="消费者投诉")
    until_refused(here.stall, other["source"], "lot_stopped")


def test_a_stall_that_was_away_learns_of_a_hold_at_its_next_contact(market: Open, broker: Broker) -> None:
    here = market()
    first, second = here.gate.release(), here.gate.release()
    cards = [here.gate.card(lot["test_code"]) for lot in (first, second)]
    for card in cards:
        here.stall.station.post("/api/lots/open", code=card)

    here.stall.station.stop()  # the stall's box is off, the gate is online
    here.gate.test(first["sample"], POSITIVE)
    here.gate.wait_lot(first["test_code"], state="held")
    here.gate.wait_delivered()
    here.stall.station.start()
    until_refused(here.stall, first["source"], "lot_stopped")

    broker.stop()  # nobody is online
    for box in (here.gate, here.stall):
        box.wait_link(up=False)
    here.gate.test(second["sample"], POSITIVE)
    here.gate.wait_lot(second["test_code"], state="held")
    assert here.stall.sell(cards[1], KG)["left_g"] == 317_650  # it cannot know
    here.stall.scale.do(lambda device, now: device.pan.take_off(now))
    broker.start()
    here.stall.wait_link()
    linked = time.monotonic()
    figure("from the stall's contact to its refusal", [until_refused(here.stall, cards[1], "lot_stopped") - linked])


# --- cards that are not what they say ---------------------------------------------------------------------------------


def altered(card: str, place: int) -> str:
    """The card with one bit of its token changed."""
    way, _, text = card.rpartition("/")
    data = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    data[place] ^= 1
    return f"{way}/{base64.urlsafe_b64encode(data).decode().rstrip('=')}"


def test_an_altered_and_a_made_up_card_open_nothing(market: Open, city: City) -> None:
    here = market()
    card = here.gate.card(here.gate.release()["test_code"])
    here.stall.weigh(KG)
    token = parse_card(card)[0]
    own = Ed25519PrivateKey.generate()
    source = str(TraceCode(NODE, CodeKind.SOURCE, "01", 77))
    test = str(TraceCode(NODE, CodeKind.TEST, "01", 77))
    new = replace(token, source=source, test=test)
    wrong = {
        altered(card, 26): "altered",  # its mass
        altered(card, len(card) // 2): "altered",  # a text or the signature
        card_url(new, own, "sy.example.cn"): "altered",  # says that the gate's key signed it
        card_url(replace(new, kid=kid_of(own.public_key())), own, "sy.example.cn"): "unknown_key",
    }
    for forged, code in wrong.items():
        assert forged != card
        assert refused(lambda one=forged: here.stall.station.post("/api/lots/open", code=one)) == code
        assert refused(lambda one=forged: here.stall.press(one)) == code
    assert here.stall.station.board()["lots"] == []
    here.stall.wait_delivered()
    assert not {"lot.opened", "trade.completed"} & set(kinds(records(city, STALL)))
    assert "✓" not in page_of(city, next(iter(wrong)))
    assert here.stall.press(card)["left_g"] == 317_650  # the true one still does


def test_a_copied_card_stops_both_stalls_until_somebody_says_what_is_really_there(market: Open, city: City) -> None:
    here = market(("02", "03"))
    lot = here.gate.release()
    card = here.gate.card(lot["test_code"])
    one, two = here.stalls
    assert one.sell(card, KG)["left_g"] == 317_650
    two.station.post("/api/lots/open", code=card)
    for box in (one, two):
        box.wait_lot(lot["source"], why="disputed")
        until_refused(box, lot["source"], "lot_disputed")
    assert refused(lambda: two.station.post(f"/api/lots/{lot['source']}/hand", net_g=1000, to="4101080010123")) == (
        "lot_disputed"
    )

    for box, net_g in ((one, 200_000), (two, 120_000)):
        box.station.post(f"/api/lots/{lot['source']}/settle", net_g=net_g, why="核对实物")
    for box in (one, two):
        box.wait_lot(lot["source"], why="")
    assert one.lot(lot["source"])["left_g"] == 197_650
    assert two.sell(lot["source"], KG)["left_g"] == 117_650
    for box in (one, two):
        box.wait_delivered()
    for station in (STALL, STALL_3):
        assert {"lot.opened", "lot.disputed", "lot.settled"} <= set(kinds(records(city, station)))


# --- the city speaks to a stall ---------------------------------------------------------------------------------------


def test_each_command_of_the_city_does_its_work_at_the_stall(market: Open, city: City) -> None:
    here = market()
    lot, other = here.gate.release(), here.gate.release(40_000, SPINACH)
    card, station = here.gate.card(lot["test_code"]), here.stall.station
    here.stall.wait_delivered()
    before = examples()
    newcomer = Ed25519PrivateKey.generate()
    before["keys"] = {"stations": [{"station": STALL_3, "public_key": public_hex(newcomer)}]}
    before["lots"]["lots"][0] |= {"source": other["source"], "lot": other["test_code"]}
    before["lots"]["lots"][0]["goods"] = {"product": SPINACH, "name": "菠菜", "name_en": "Spinach"}
    for name in ("stop_lot", "resume_lot", "lab_verdict"):
        before[name]["lot"] = lot["source"]

    def send(name: str) -> None:
        """Through the command line, which has to be told ``done``."""
        words = ["city", "--db", str(city.db), "send", name, "--station", STALL, "--json", "-", "--wait", "20"]
        said = CliRunner().invoke(marketsim, words, input=json.dumps(before[name]))
        assert (said.exit_code, f"station={STALL} state=done" in said.output) == (0, True), (name, said.output)

    send("stop_lot")
    assert refused(lambda: station.post("/api/lots/open", code=card)) == "lot_stopped"  # before its card was seen here
    for name in (name for name in COMMANDS if name != "stop_lot"):
        send(name)
    assert here.stall.sell(card, KG)["left_g"] == 317_650
    board = station.board()
    assert [one["source"] for one in board["offers"]] == [other["source"]]
    assert station.post("/api/lots/open", code=other["source"])["product"] == SPINACH
    assert [one["lot"] for one in board["lab_verdicts"]] == [lot["source"]]
    assert next(one for one in board["products"] if one["code"] == CABBAGE)["limit_fen"] == 300
    assert [one["order"] for one in station.call("GET", "/api/orders")["orders"]] == ["XS-0001"]
    assert station.call("GET", "/api/directory?q=zmx")["entries"][0]["state"] == "suspended"
    token = replace(
        parse_card(card)[0],
        kid=kid_of(newcomer.public_key()),
        source=str(TraceCode(NODE, CodeKind.SOURCE, "03", 1)),
        test=str(TraceCode(NODE, CodeKind.TEST, "03", 1)),
        net_g=2000,
    )
    opened = station.post("/api/lots/open", code=card_url(token, newcomer, "sy.example.cn"))  # the city's key for -03
    assert refused(lambda: here.stall.sell(opened["source"], KG)) == "lot_empty"  # the city's word against overselling
    here.stall.wait_delivered()
    kept = kinds(records(city, STALL))
    assert (kept.count("city.obeyed"), kept.count("config.applied"), kept.count("lot.verdict")) == (
        len(COMMANDS) - 3,
        1,
        1,
    )
    assert city.summary()["stations"][STALL]["duplicates"] > 0  # resend
    assert here.gate.station.board()["city"]["odd"] == []
    assert here.gate.lot(lot["test_code"])["why"] == ""  # they were for the stall alone


def test_forged_stale_and_repeated_commands_are_counted_and_change_nothing(
    market: Open, city: City, broker: Broker
) -> None:
    here = market()
    lot = here.gate.release()
    here.stall.station.post("/api/lots/open", code=here.gate.card(lot["test_code"]))
    signing = city_key(city.db.with_name(FILE))

    def command(name: str, key: Ed25519PrivateKey, age: int = 0, station: str = STALL, **fields: Any) -> bytes:
        issued = datetime.now(UTC) - timedelta(hours=age)
        until = (issued + timedelta(hours=1)).isoformat(timespec="seconds")
        id_ = f"test-{name}-{age}-{station}"
        body = {"id": id_, "name": name, "expires": until, **fields}
        return seal(body, station, issued.isoformat(timespec="microseconds"), key)

    fields = examples()
    for name in ("stop_lot", "resume_lot", "lab_verdict"):
        fields[name]["lot"] = lot["source"]
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    try:

        def publish(name: str, payload: bytes) -> None:
            client.publish(f"mkt/1/{NODE[:6]}/{NODE}/02/cmd/{name}", payload, qos=1).wait_for_publish(10)

        def counted() -> dict[str, int]:
            return dict(here.stall.station.board()["city"]["odd"])

        here.stall.wait_delivered()
        written = here.stall.station.board()["city"]["written"]
        other = Ed25519PrivateKey.generate()
        for name in COMMANDS:
            good = command(name, signing, **fields[name])
            publish(name, command(name, other, **fields[name]))
            publish(name, good.replace(b'"id":"test', b'"id":"best'))
            publish(name, command(name, signing, 2, **fields[name]))
            publish(name, command(name, signing, station=GATE, **fields[name]))
        wait_for("all of them counted", lambda: sum(counted().values()) == 4 * len(COMMANDS))
        assert counted() == dict.fromkeys(
            ("cmd_unknown_key", "cmd_bad_signature", "cmd_expired", "cmd_other_station"), len(COMMANDS)
        )
        here.stall.wait_delivered()
        assert here.stall.station.board()["city"]["written"] == written
        assert here.stall.lot(lot["source"])["why"] == ""

        once = command("stop_lot", signing, **fields["stop_lot"])
        for _ in range(3):
            publish("stop_lot", once)
        wait_for("the repeated ones", lambda: counted().get("cmd_repeated") == 2)
        until_refused(here.stall, lot["source"], "lot_stopped")
        assert here.stall.station.board()["city"]["written"] == written + 1
        assert here.gate.lot(lot["test_code"])["why"] == ""
    finally:
        client.disconnect()
        client.loop_stop()


@pytest.fixture
def screen(browser: Browser) -> Iterator[Page]:
    """A page of a small display at a stall."""
    with browser.new_context(viewport={"width": 800, "height": 480}, locale="zh-CN") as context:
        page = context.new_page()
        page.set_default_timeout(20_000)
        yield page


@pytest.mark.browser
def test_a_stop_and_a_hold_stand_on_the_stalls_page(market: Open, city: City, screen: Page) -> None:
    here = market()
    lots = [here.gate.release() for _ in range(2)]
    for lot in lots:
        here.stall.station.post("/api/lots/open", code=here.gate.card(lot["test_code"]))
    here.stall.wait_delivered()
    screen.goto(f"{here.stall.station.url}/stall")
    screen.locator(f"#product-{CABBAGE}").click()
    offered, stopped = screen.locator("#lots label.lot:visible"), screen.locator("#lots .lot.held:visible")
    expect(offered).to_have_count(2)
    took = []
    for _ in range(REPEATS):
        start = time.monotonic()
        city.order("stop_lot", f"{NODE}-all", lot=lots[0]["source"], reason="毒死蜱超标，召回")
        stopped.filter(has_text="毒死蜱超标，召回").wait_for()
        took.append(time.monotonic() - start)
        assert refused(lambda: here.stall.press(lots[0]["source"])) == "lot_stopped"
        city.order("resume_lot", f"{NODE}-all", lot=lots[0]["source"], reason="复检合格")
        expect(offered).to_have_count(2)
    figure("from the city's stop_lot to the stall's screen", took)

    took = []
    for _ in range(REPEATS):
        start = time.monotonic()
        here.gate.station.post(f"/api/lots/{lots[1]['test_code']}/hold", person="王敏", reason="消费者投诉")
        stopped.filter(has_text="消费者投诉").wait_for()
        took.append(time.monotonic() - start)
        here.gate.station.post(f"/api/lots/{lots[1]['test_code']}/release", person="王敏", reason="查明无问题")
        expect(offered).to_have_count(2)
    figure("from the order to hold at the gate to the stall's screen", took)


# --- a station as the README makes it ---------------------------------------------------------------------------------

SCALE = """
[[scale]]
name = "scale-1"
model = "mt-sics"
port = "{port}"
max = "30 kg"
min = "200 g"
e = "10 g"
verified_until = 2099-12-31
"""


def test_a_stall_made_by_init_sells_by_scanning_a_card(market: Open, city: City, tmp_path: Path) -> None:
    """It has a scale, and the gate's key; nobody told it of the lot, and it has no broker."""
    here = market(())
    card = here.gate.card(here.gate.release()["test_code"])
    folder = tmp_path / "mystall"
    station = StationProcess(tmp_path / "other", Wiring("mqtt://127.0.0.1:9"))
    station.command("init", str(folder), "--job", "stall", "--terminal", "05", "--city-key", city.key)
    (folder / "node.keys").write_bytes((here.gate.station.folder / "node.keys").read_bytes())
    station.config = folder / "station.toml"
    with Line(MtSics(Pan(CAPACITY, DIVISION)), Pty(tmp_path / "scale")) as scale:
        text = station.config.read_text("utf-8")
        for told, own in (
            ("127.0.0.1:8080", station.listen),  # beside whatever else runs on this machine
            ("127.0.0.1:1883", "127.0.0.1:9"),
        ):
            assert text.count(told) == 1
            text = text.replace(told, own)
        station.config.write_text(text + SCALE.format(port=scale.address), "utf-8")
        with station:
            stall = Box(station, scale=scale)
            sold = stall.sell(card, KG)
            assert (sold["net_g"], sold["left_g"], sold["amount_fen"]) == (2350, 317_650, 823)
