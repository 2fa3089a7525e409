"""A canteen's day at a real station that is killed at the worst moments: what two people signed is what the screen, the
paper, the city and the parents' page say, once.

Real Mosquitto, the simulated city, scale, probe and printer on real ptys; the supplier's card and slip are signed by
another box of the node.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.city.codes import CodeKind, TraceCode
from protocol.city.photos import hash_of
from protocol.city.source import SourceToken, card_url
from protocol.city.token import CHINA, EPOCH, Flags, Token, TokenKind, TokenVerdict, kid_of, url_of
from simulator.broker import Broker
from simulator.city.server import City
from simulator.printer.printer import Printer
from simulator.printer.read import Paper
from simulator.probes._probe import Air
from simulator.probes.modbus_sht20 import ModbusSht20
from simulator.scales._pan import Pan, find
from simulator.stage import CABBAGE, NODE, STATION, Refusal, StationProcess, Wiring, wait_for
from simulator.wires.line import Line, Pty

pytestmark = [pytest.mark.broker, pytest.mark.slow]

HOST = "https://sy.example.cn"
CANTEEN, SUPPLIER = "4101080010999", "4101080010789"
PINS = {"1": "777555", "7": "4829"}
GATE = Ed25519PrivateKey.from_private_bytes(bytes([41] * 32))
SOURCE, TEST, SALE = (str(TraceCode(NODE, kind, "02", 7)) for kind in (CodeKind.SOURCE, CodeKind.TEST, CodeKind.SALE))
NOW = int(time.time()) - EPOCH
CARD = card_url(
    SourceToken(
        kid_of(GATE.public_key()),
        NOW,
        SOURCE,
        TEST,
        CABBAGE,
        "大白菜",
        210_000,
        "河南中牟",
        "410122",
        "绿源合作社",
        SUPPLIER,
        TokenVerdict.QUALIFIED,
        "农药残留",
    ),
    GATE,
    "sy.example.cn",
)
SLIP = url_of(
    Token(
        TokenKind.SALE,
        kid_of(GATE.public_key()),
        NOW,
        SALE,
        SUPPLIER,
        CANTEEN,
        210_000,
        73_500,
        TokenVerdict.QUALIFIED,
        Flags.CLOCK_TRUSTED,
        bytes(8),
        (SOURCE,),
    ),
    GATE,
    "sy.example.cn",
)
SURROUNDINGS = """
[stall.containers]
"KUANG-01" = "1.5 kg"

[[scale]]
name = "scale-1"
model = "st-gs"
port = "{scale}"
max = "30 kg"
min = "100 g"
e = "5 g"
serial = "B-2207"
certificate = "FB-2026-118"
verified_until = 2099-12-31

[[probe]]
name = "cold-room"
model = "xy-md02"
port = "{probe}"
"""
ORDERED = [
    {"product": CABBAGE, "name": "大白菜", "net_g": 210_000, "price_fen": 350},
    {"product": "01040501", "name": "西红柿", "net_g": 20_000, "price_fen": 720},
    {"product": "02010101", "name": "五花肉", "net_g": 12_000, "price_fen": 2600},
    {"product": "05010101", "name": "豆腐", "net_g": 8_000, "price_fen": 500},
    {"product": "03010101", "name": "鸡蛋", "net_g": 0, "count": 10, "unit": "箱", "price_fen": 12_000},
]


class Canteen:
    """A canteen's box, and what people do there: 王敏 is signed in, 陈主管 signs second."""

    def __init__(
        self, stack: ExitStack, folder: Path, start: Callable[[Wiring], StationProcess], broker: str, city: City
    ) -> None:
        self.city = city
        self.pan, self.papers = Pan(Decimal(30), Decimal("0.005"), settle=0.03), list[Paper]()
        self.scale = stack.enter_context(Line(find("st_gs")(self.pan), Pty(folder / "scale")))
        probe = stack.enter_context(Line(ModbusSht20(Air(temperature=Decimal("3.9"))), Pty(folder / "probe")))
        self.printer = stack.enter_context(Line(Printer(on_paper=self.papers.append), Pty(folder / "printer")))
        self.station = start(
            Wiring(
                broker,
                jobs=("canteen",),
                seller=(CANTEEN, "第一小学食堂", ""),
                printer=self.printer.address,
                extra=SURROUNDINGS.format(scale=self.scale.address, probe=probe.address),
            )
        )
        self.station.post("/api/operators", code="1", name="陈主管", role="supervisor", pin=PINS["1"])
        self.station.sign_in("1", PINS["1"])
        self.station.post("/api/operators", code="7", name="王敏", role="operator", pin=PINS["7"])
        self.station.sign_in("7", PINS["7"])

    # --- what the city says and has ---------------------------------------------------------------------------------

    def hears(self, name: str, **fields: Any) -> None:
        """The city orders it, and the station has done it."""
        id_ = self.city.order(name, STATION, **fields)
        said = wait_for(f"the answer to {name}", lambda: self.city.ordered(id_).answers)[0]
        assert said["state"] == "done", said

    def delivered(self) -> dict[str, list[dict[str, Any]]]:
        """What the city has, by kind, once it has everything and found nothing wrong with it."""
        wait_for("delivery", lambda: self.station.board()["city"]["pending"] == 0, 30)
        said = self.city.summary()["stations"][STATION]
        assert (said["chain_ok"], said["gaps"], said["rejected"]) == (True, 0, 0), said
        found: dict[str, list[dict[str, Any]]] = {}
        for line in httpx.get(f"{self.city.url}/api/events/{STATION}").text.splitlines():
            event = json.loads(line)
            found.setdefault(".".join(event["type"].split(".")[3:5]), []).append(event)
        return found

    # --- at the scale -----------------------------------------------------------------------------------------------

    def shown(self) -> dict[str, Any]:
        scale: dict[str, Any] = self.station.board()["scales"][0]
        return scale

    def puts(self, kg: str) -> None:
        """On the empty pan, until the page may count it."""
        self.scale.do(lambda _, now: self.pan.take_off(now))
        wait_for("an empty pan", lambda: self.shown()["net_g"] == 0, pause=0.02)
        self.scale.do(lambda _, now: self.pan.put(Decimal(kg), now))
        grams = int(Decimal(kg) * 1000)
        wait_for(f"{kg} kg", lambda: self.shown()["new_g"] == grams and self.shown()["stable"], pause=0.02)

    def counts(self, line: int, kg: str, **more: Any) -> None:
        self.puts(kg)
        self.station.post(f"/api/deliveries/1/lines/{line}/loads", scale="scale-1", **more)

    def looks(self, line: int, **said: Any) -> None:
        self.station.post(f"/api/deliveries/1/lines/{line}/describe", **said)

    def delivery(self) -> dict[str, Any]:
        (shown,) = self.station.board()["deliveries"]
        return dict(shown)

    def line(self, number: int) -> dict[str, Any]:
        return dict(self.delivery()["lines"][number - 1])

    def signs(self, code: str, function: str, pin: str = "", key: str = "") -> dict[str, Any]:
        version = self.delivery()["version"]
        said = {"code": code, "pin": pin or PINS[code], "version": version, "function": function}
        return self.station.post("/api/deliveries/1/sign", key=key, **said)

    def state(self, job: int) -> str:
        """What became of this paper."""
        return str(next(one["state"] for one in self.station.board()["prints"] if one["job"] == job))

    def printed(self, job: int, word: str) -> list[Paper]:
        """The papers with this word, once the station has its proof and the last of them was torn off."""
        wait_for("its proof", lambda: self.state(job) == "printed")
        wait_for("the paper", lambda: self.papers and word in self.papers[-1].text)
        return [one for one in self.papers if word in one.text]

    def cut_off(self) -> None:
        """The power goes and comes back."""
        self.station.kill()
        self.station.start()

    def photo(self, data: bytes) -> str:
        headers = {"Content-Type": "image/jpeg", **self.station.session}
        sent = httpx.post(f"{self.station.url}/api/photos", content=data, headers=headers)
        return str(sent.json()["sha256"])


def refusal(deed: Callable[..., Any], *said: Any, **more: Any) -> str:
    with pytest.raises(Refusal) as refused:
        deed(*said, **more)
    return refused.value.code


def page_of(city: City, address: str) -> str:
    """What a parent's phone shows, as plain text."""

    class Words(HTMLParser):
        def handle_data(self, data: str) -> None:
            words.append(data.strip())

    words: list[str] = []
    shown = httpx.get(city.url + address.removeprefix(HOST) + "?lang=zh").text
    Words().feed(shown.partition("</style>")[2])
    return " ".join(word for word in words if word)


@pytest.fixture
def canteen(
    tmp_path: Path, broker: Broker, city: City, station: Callable[[Wiring], StationProcess]
) -> Iterator[Canteen]:
    with ExitStack() as stack:
        yield Canteen(stack, tmp_path, station, broker.url, city)


def test_what_two_people_signed_is_on_the_screen_the_paper_and_the_parents_page(
    canteen: Canteen, broker: Broker, city: City, a_photo: Callable[..., bytes]
) -> None:
    today = f"{datetime.now(CHINA):%Y-%m-%d}"
    supplier = {"code": SUPPLIER, "name": "惠济区绿源配送", "initials": "lyps", "licence": "JY14101080012345"}
    order = {"order": "XX-01", "supplier": supplier["name"], "supplier_code": SUPPLIER, "alias": "供应商甲"}
    canteen.hears(
        "keys", stations=[{"station": f"{NODE}-02", "public_key": GATE.public_key().public_bytes_raw().hex()}]
    )
    canteen.hears("directory", mode="update", suppliers=[supplier])
    order |= {"buyer": "第一小学食堂", "due": today, "meal": "学生午餐"}
    canteen.hears("orders", orders=[order | {"lines": ORDERED}])
    station = canteen.station
    assert [one["supplier"] for one in station.board()["orders"]] == ["供应商甲"]
    station.post("/api/deliveries", order="XX-01")
    station.post("/api/deliveries/1/scan", code=SLIP)
    station.post("/api/deliveries/1/scan", code=CARD)
    forged = CARD[:-3] + ("A" if CARD[-3] != "A" else "B") + CARD[-2:]
    assert refusal(station.post, "/api/deliveries/1/scan", code=forged) == "altered"

    for number in range(10):
        canteen.counts(1, "21.500", crate="KUANG-01", crates=1)
        if number == 4:  # the load lies there, and is counted
            canteen.cut_off()
            wait_for("the scale", lambda: canteen.shown()["new_why"] == "counted")
            assert refusal(station.post, "/api/deliveries/1/lines/1/loads", scale="scale-1") == "load_counted"
            assert [load["net_g"] for load in canteen.line(1)["loads"]] == [20_000] * 5
    broker.stop()
    canteen.counts(2, "17.000")
    canteen.counts(3, "12.000")
    canteen.counts(4, "8.000")
    wait_for("the probe", lambda: station.board()["probes"][0]["measured"])
    canteen.looks(3, probe="cold-room", best_before="2099-12-20", batch="B-20261129", sensory="新鲜，无异味")
    canteen.looks(4, refused=True)
    canteen.looks(5, delivered_n=10)
    shown = canteen.delivery()
    differences = [line["difference"] for line in shown["lines"]]
    assert (shown["supplier"], differences) == ("供应商甲", ["-4.8", "-15.0", "0", "0", "0"])
    assert "绿源" not in json.dumps(shown, ensure_ascii=False)
    assert [line["needs"] for line in shown["lines"]] == [[], ["difference"], [], ["reason"], []]
    assert refusal(canteen.signs, "7", "验收员") == "line_difference"
    canteen.looks(2, why_difference="供货者少送")
    assert refusal(canteen.signs, "7", "验收员") == "line_reason"
    smelt = a_photo(seed=5)
    canteen.looks(4, reason="有异味", photos=[canteen.photo(smelt)])

    assert refusal(canteen.signs, "7", "验收员", pin="1234") == "wrong_pin"
    assert canteen.signs("7", "验收员")["signed"] == 1
    canteen.cut_off()
    assert [one["name"] for one in canteen.delivery()["signed"]] == ["王敏"]
    assert refusal(canteen.signs, "7", "家长代表") == "signed_already"
    canteen.printer.do(lambda printer, now: printer.trouble(now, paper_out=True))
    wait_for("the empty roll", lambda: station.board()["printers"][0]["state"] == "paper")
    signed = canteen.delivery()
    said = {"code": "1", "pin": PINS["1"], "version": signed["version"], "function": "食堂管理员"}
    last = station.post("/api/deliveries/1/sign", key="the last", **said)
    canteen.cut_off()
    assert station.post("/api/deliveries/1/sign", key="the last", **said) == last  # whose answer was lost asks again
    assert refusal(canteen.signs, "1", "食堂管理员") == "delivery_closed"
    assert not canteen.papers
    canteen.printer.do(lambda printer, now: printer.trouble(now, paper_out=False))
    broker.start()
    *others, paper = canteen.printed(last["job"], "食堂管理员 陈主管")
    assert len(others) <= 1 and ("COPY" in paper.text or not others), "never twice without a mark"

    there = canteen.delivered()
    (record,) = there["accept.completed"]
    closed = canteen.delivery()
    assert (record["subject"], closed["code"], closed["state"]) == (last["code"], last["code"], "done")
    data = record["data"]
    assert [load["net_g"] for load in data["lines"][0]["loads"]] == [20_000] * 10
    assert {load["tare_g"] for load in data["lines"][0]["loads"]} == {1500}
    taken = [(line["accepted_g"], line["accepted_n"], line["amount_fen"]) for line in data["lines"]]
    assert taken == [(200_000, 0, 70_000), (17_000, 0, 12_240), (12_000, 0, 31_200), (0, 0, 0), (0, 10, 120_000)]
    for name in ("accepted_g", "delivered_g", "rejected_g"):
        assert closed[name] == signed[name] == sum(line[name] for line in data["lines"])
    assert closed["sum_fen"] == signed["sum_fen"] == data["sum_fen"] == 233_440
    assert [(one["code"], one["role"], one["typed"]) for one in data["signers"]] == [
        ("7", "验收员", False),
        ("1", "食堂管理员", False),
    ]
    assert (data["supplier"], data["slips"][0]["result"], closed["supplier"]) == (
        supplier["name"],
        "genuine",
        data["supplier"],
    )
    assert (data["lines"][2]["temperature"], data["lines"][2]["probe"]) == ("3.9", "cold-room")
    wait_for("the photo", lambda: httpx.get(f"{city.url}/photos/{hash_of(smelt)}").content == smelt)

    text = paper.text
    assert paper.qr == [last["url"]] and not paper.unknown
    for words in ("200.000", "17.000", "12.000", "229.000 kg", "2334.40", "-15.0 %", "供货者少送", "8.000 kg: 有异味"):
        assert words in text, text
    for words in ("3.9 ℃", "B-20261129", "2099-12-20", "FB-2026-118", "B-2207", "食堂管理员 陈主管", "验收员 王敏"):
        assert words in text, text
    page = page_of(city, last["url"])
    for words in ("验收单是真的", "229.000 kg", "200.000 kg", "17.000 kg", "10 箱", "拒收 8.000 kg", "有异味", "3.9 ℃"):
        assert words in page, page
    for words in (
        "惠济区绿源配送",
        "JY14101080012345",
        "第一小学食堂",
        f"{today} 学生午餐",
        "合格（快检）",
        "农药残留",
    ):
        assert words in page, page
    for words in ("B-20261129", "2099-12-20", "验收员, 食堂管理员", hash_of(smelt)[:16], "电子秤检定有效"):
        assert words in page, page
    assert "王敏" not in page and "2334.40" not in page


def test_a_sample_is_kept_for_two_days_and_waste_is_handed_over_by_weight(canteen: Canteen, broker: Broker) -> None:
    station = canteen.station
    dish = {"scale": "scale-1", "dish": "红烧肉", "meal": "学生午餐", "place": "留样柜 1"}
    canteen.puts("0.120")
    assert refusal(station.post, "/api/kept-samples", **dish) == "sample_small"
    broker.stop()
    canteen.puts("0.150")
    canteen.printer.do(lambda printer, now: printer.trouble(now, paper_out=True))
    wait_for("the empty roll", lambda: station.board()["printers"][0]["state"] == "paper")
    said = station.post("/api/kept-samples", key="a sample", **dish)
    canteen.cut_off()
    assert station.post("/api/kept-samples", key="a sample", **dish) == said
    wait_for("the scale", lambda: canteen.shown()["new_why"] == "counted")
    assert refusal(station.post, "/api/kept-samples", **dish) == "load_counted"
    (kept,) = station.board()["kept"]
    assert (kept["dish"], kept["net_g"], kept["sure"]) == ("红烧肉", 150, True)
    assert 47 * 3600 < kept["left_s"] <= 48 * 3600
    canteen.printer.do(lambda printer, now: printer.trouble(now, paper_out=False))
    label = canteen.printed(said["job"], "红烧肉")[-1]
    for words in ("150 g", "红烧肉", "学生午餐", "48 小时", "留样柜 1", "王敏"):
        assert words in label.text, label.text
    assert refusal(station.post, "/api/kept-samples/1/discard") == "needs_supervisor"

    waste = {"scale": "scale-1", "kind": "food", "receiver": "绿邦餐厨", "licence": "CY-17", "plate": "豫A12345"}
    canteen.puts("24.500")
    canteen.printer.do(lambda printer, now: printer.new_roll(now, mm=20))
    handed = station.post("/api/waste", key="the waste", tare_g=4500, **waste)
    wait_for("the end of the roll", lambda: canteen.state(handed["job"]) == "held")
    canteen.cut_off()
    assert station.post("/api/waste", key="the waste", tare_g=4500, **waste) == handed
    canteen.printer.do(lambda printer, now: printer.new_roll(now))
    wait_for("the copy", lambda: canteen.papers and "COPY 1" in canteen.papers[-1].text)
    slips = [one.text for one in canteen.printed(handed["job"], "绿邦餐厨")]
    assert ["COPY 1" in text for text in slips] in ([False, True], [True])  # nobody could prove what came of the first
    for words in ("20.000 kg", "4.500 kg", "CY-17", "豫A12345", "B-2207"):
        assert all(words in text for text in slips), slips

    station.stop()
    with sqlite3.connect(station.folder / "data" / "ledger.db") as ledger:  # as if the box had been off for two days
        ledger.execute("UPDATE kept_samples SET boot = '', wall = wall - 172800")
    station.start()
    assert [one["left_s"] for one in station.board()["kept"]] == [0]
    assert station.post("/api/kept-samples/1/discard")["early"] is False
    broker.start()
    there = canteen.delivered()
    (sample,), (gone,), (waste_record,) = (there[name] for name in ("sample.kept", "sample.discarded", "waste.handed"))
    assert (sample["data"]["net_g"], sample["data"]["hours"], sample["data"]["person"]) == (150, 48, "王敏")
    assert (gone["data"]["kept"], gone["data"]["early"]) == (sample["id"], False)
    assert gone["data"]["elapsed_s"] >= 48 * 3600
    assert (waste_record["subject"], waste_record["data"]["net_g"]) == (handed["code"], 20_000)
