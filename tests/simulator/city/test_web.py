"""The pages: what a phone shows for a genuine, an early, a forged and a strange slip."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from protocol.city.agreement import CityEnd, Joint
from protocol.city.codes import CodeKind
from simulator.city import words
from simulator.city.pages import local, plain
from simulator.city.store import Store
from simulator.city.web import application
from simulator.city.words import WORDS, pick

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u202e"


class Town:
    """Pages over a database that is filled without a broker."""

    def __init__(self, path: Path, station: Any) -> None:
        self.store, self.station = Store(path), station
        self.scans: list[tuple[str, str]] = []
        with self.store.batch():
            self.store.trust(station.name, station.hex, "registered")
        self.app = application(path, enrol=False, scanned=self._scanned, connected=lambda: True)
        self.client = TestClient(self.app)

    def _scanned(self, code: str, when: str) -> None:
        self.scans.append((code, when))  # on the web's thread; written by the one that owns the store

    def take(self, body: bytes, station: Any = None, alarm: bool = False, code: str = "") -> None:
        one, event = station or self.station, json.loads(body)
        kind = ".".join(event["type"].split(".")[3:5])
        with self.store.batch():
            self.store.add(one.name, one.topics.base, event, kind, body, alarm, code, "")
            self.store.advance(one.name)

    def page(self, path: str, language: str = "zh") -> str:
        text = str(self.client.get(path, headers={"accept-language": language}).text)
        with self.store.batch():
            for code, when in self.scans:
                self.store.scanned(code, when)
        return text


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<style.*?</style>|<[^>]+>", " ", html, flags=re.S).split())


@pytest.fixture
def town(tmp_path: Path, signer: Callable[..., Any]) -> Iterator[Town]:
    made = Town(tmp_path / "city.db", signer())
    yield made
    made.store.close()


def path_of(url: str) -> str:
    return "/j/" + url.rsplit("/", 1)[1]


def test_a_genuine_slip_shows_everything_a_buyer_asks(town: Town) -> None:
    data, url = town.station.slip()
    town.take(town.station.event("trade.completed", data, subject=data["slip"]["tx"]))
    answer = town.client.get(path_of(url))
    assert answer.status_code == 200
    text = text_of(answer.text)
    for word in (
        "真的", "¥43.19", "上海青", "12.340 kg × ¥1.75/500 g", "河南中牟", "合格（快检）", "快检结果为筛查结果",
        "12.50%", "张家菜摊", "A-012", "散客", "2026-11-22 05:31:07", "41010 80012 01000 00016",
        "刚刚，第一次", "电子秤检定有效",
    ):  # fmt: skip
        assert word in text, word
    assert "13800000000" not in answer.text


def test_the_same_in_english(town: Town) -> None:
    data, url = town.station.slip()
    town.take(town.station.event("trade.completed", data, subject=data["slip"]["tx"]))
    text = text_of(town.page(path_of(url), "en-GB,en;q=0.9"))
    for word in ("Genuine", "Pak choi", "Passed (rapid test)", "screening result", "Walk-in"):
        assert word in text, word
    assert "Genuine" in text_of(town.page(path_of(url) + "?lang=en", "zh-CN"))


def test_a_slip_before_its_record_shows_what_the_code_proves(town: Town) -> None:
    _, url = town.station.slip()
    html = town.page(path_of(url))
    text = text_of(html)
    for word in ("真的", "明细还在路上", "¥43.19", "12.340 kg", "合格（快检）", "41010 80011 01000 0001"):
        assert word in text, word
    assert 'http-equiv="refresh"' in html
    assert "上海青" not in text


@pytest.mark.parametrize("place", [0, 8, 40, 100, -1])
def test_a_forged_slip_shows_a_warning_and_nothing_else(town: Town, place: int) -> None:
    data, url = town.station.slip()
    town.take(town.station.event("trade.completed", data, subject=data["slip"]["tx"]))
    token = url.rsplit("/", 1)[1]
    place %= len(token)
    answer = town.client.get(f"/j/{token[:place]}{'A' if token[place] != 'A' else 'B'}{token[place + 1 :]}")
    text = text_of(answer.text)
    assert answer.status_code == 200
    assert "假的，请勿相信" in text or "无法确认真假" in text
    assert "¥" not in text
    assert not town.scans


def test_a_slip_of_a_strange_station_is_not_confirmed(town: Town, signer: Any) -> None:
    text = text_of(town.page(path_of(signer(node="410108002", seed=9).slip()[1])))
    assert "无法确认真假" in text
    assert "¥" not in text


def test_a_slip_signed_by_another_key_in_the_stations_name_is_forged(town: Town, signer: Any) -> None:
    assert "假的" in town.page(path_of(signer(seed=9).slip()[1]))


def test_a_record_that_does_not_belong_to_the_code_is_not_shown(town: Town) -> None:
    data, url = town.station.slip()
    data["slip"] = data["slip"] | {"amount_fen": 1}
    town.take(town.station.event("trade.completed", data, subject=data["slip"]["tx"]))
    text = text_of(town.page(path_of(url)))
    assert "明细与二维码不一致" in text
    assert "¥43.19" in text
    assert "上海青" not in text


def test_another_station_cannot_put_its_record_under_a_slip(town: Town, signer: Any) -> None:
    other = signer(terminal="02", seed=2)
    data, url = town.station.slip()
    town.take(other.event("trade.completed", data, subject=data["slip"]["tx"]), other)
    assert "明细还在路上" in town.page(path_of(url))


def test_the_first_scan_is_kept_and_a_late_one_warned_of(town: Town) -> None:
    _, url = town.station.slip()
    town.page(path_of(url))
    town.page(path_of(url))
    tx = town.station.code(CodeKind.SALE, 1)
    assert [code for code, _ in town.scans] == [tx]
    assert "以前被扫过" not in town.page(path_of(url))
    with town.store.batch():
        town.store.db.execute("UPDATE scans SET first = '2026-11-22T00:00:00+00:00'")
    text = text_of(town.page(path_of(url)))
    assert "2026-11-22 08:00:00" in text
    assert "以前被扫过" in text


def test_hostile_names_are_only_text(town: Town) -> None:
    data, url = town.station.slip(goods=HOSTILE, seller=HOSTILE, origin=HOSTILE)
    town.take(town.station.event("trade.completed", data, subject=data["slip"]["tx"]))
    town.take(town.station.entry(origin=HOSTILE, supplier=HOSTILE))
    town.take(town.station.result(item=HOSTILE))
    town.take(town.station.event("entry.registered", {}, subject=HOSTILE, id=HOSTILE), code="bad_data")
    for path in (path_of(url), "/", "/b/" + town.station.code(CodeKind.SOURCE, 1)):
        answer = town.client.get(path)
        assert answer.status_code == 200
        assert "<script" not in answer.text
        assert "<img" not in answer.text
        assert "\u202e" not in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "&lt;script&gt;" in town.page(path_of(url))


def test_a_source_page_shows_lot_origin_supplier_and_test(town: Town) -> None:
    town.take(town.station.entry(proofs=[{"type": "hgz", "no": "HN-2026-1"}]))
    town.take(town.station.result())
    answer = town.client.get("/b/" + town.station.code(CodeKind.SOURCE, 1))
    text = text_of(answer.text)
    for word in ("来源已登记", "上海青", "河南中牟", "中牟合作社", "52.000 kg", "合格（快检）", "HN-2026-1", "筛查"):
        assert word in text, word
    assert "豫A12345" not in text


def test_a_lot_with_a_later_positive_test_is_shown_as_stopped(town: Town) -> None:
    for body in (town.station.entry(), town.station.result(), town.station.result(verdict="unqualified")):
        town.take(body)
    text = text_of(town.page("/b/" + town.station.code(CodeKind.SOURCE, 1)))
    assert "暂停销售" in text
    assert "快检阳性（筛查）" in text


def test_a_slip_of_goods_found_positive_later_says_so(town: Town) -> None:
    data, url = town.station.slip()
    for body in (town.station.entry(), town.station.result()):
        town.take(body)
    town.take(town.station.event("trade.completed", data, subject=data["slip"]["tx"]))
    assert "已暂停销售" not in town.page(path_of(url))
    town.take(town.station.result(verdict="unqualified"))
    text = text_of(town.page(path_of(url)))
    assert "已暂停销售" in text
    assert "筛查" in text


def test_source_codes_that_are_wrong_or_not_here_yet(town: Town) -> None:
    assert "来源码有误" in town.page("/b/123")
    assert "还没有这个来源的记录" in town.page("/b/" + town.station.code(CodeKind.SOURCE, 77))
    assert town.client.get("/b/x").status_code == 404


def test_what_does_not_exist_says_so_in_the_readers_language(town: Town) -> None:
    assert "No such page" in town.page("/nothing?lang=en")
    assert town.client.get("/j/").status_code == 404


def test_whole_records_are_given_to_this_machine_only(town: Town) -> None:
    town.take(town.station.entry())
    assert town.client.get(f"/api/events/{town.station.name}").status_code == 403
    near = TestClient(town.app, client=("127.0.0.1", 5))
    assert near.get(f"/api/events/{town.station.name}").content.count(b"\n") == 1
    assert near.get(f"/api/events/{town.station.name}?after=1").content == b""
    assert near.get(f"/api/events/{town.station.name}?after={10**30}").status_code == 200
    assert near.get("/api/summary").json()["entries"] == 1


def test_the_overview_names_stations_gaps_and_refusals(town: Town) -> None:
    town.take(town.station.entry())
    town.station.entry(2)
    town.take(town.station.result(1, "unqualified"), alarm=True)
    with town.store.batch():
        town.store.refuse(town.station.name, "x", "bad_signature", "altered", b"x")
    text = text_of(town.page("/"))
    for word in (town.station.name, "缺号 1 (2–2)", "拒收 1", "签名不符", "警报"):
        assert word in text, word
    assert "中牟合作社" not in text


def test_every_text_is_there_in_both_languages() -> None:
    assert all(zh and en for zh, en in WORDS.values())
    used = "".join(path.read_text() for path in Path(application.__code__.co_filename).parent.rglob("*.html"))
    assert set(re.findall(r"\bw\('([a-z_]+)'\)", used)) <= set(WORDS)


@pytest.mark.parametrize(
    ("accept", "wanted", "language"),
    [
        ("", "", "zh"),
        ("fr", "", "zh"),
        ("en-US,en;q=0.9,zh-CN;q=0.8", "", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "", "zh"),
        ("en;q=0.1,zh;q=0.9", "", "zh"),
        ("en;q=x, zh", "", "zh"),
        ("en", "zh", "zh"),
        ("zh", "en", "en"),
        ("zh", "<b>", "zh"),
    ],
)
def test_the_language_follows_the_browser_unless_asked(accept: str, wanted: str, language: str) -> None:
    assert pick(accept, wanted) == language


def test_times_read_as_people_write_them() -> None:
    assert local("2026-11-21T21:31:07.123Z") == "2026-11-22 05:31:07"
    assert local("yesterday\n") == "yesterday"
    assert plain("a\u202eb\n\x00 c") == "a b c"


def test_a_torn_chain_is_told_in_words_with_the_number(town: Town, signer: Callable[..., Any]) -> None:
    clone = signer()
    town.take(town.station.entry(1))
    town.take(clone.entry(2))
    chinese, english = (text_of(town.page("/", language)) for language in ("zh", "en"))
    for word in ("链条 两本账", "第 1 号有两条不同的记录", "值得注意 两本账（分叉）"):
        assert word in chinese, word
    for word in ("Chain two ledgers", "There are two records under number 1", "Two ledgers (fork)"):
        assert word in english, word


def test_whatever_tears_a_chain_is_said_in_chinese() -> None:
    """The words of protocol.city.agreement, each made by the machine itself."""
    torn: list[str] = []
    for step in (
        lambda end: end.came(5, "p", "h", "other", 0),
        lambda end: end.came(9, "p", "h", "", 4),
        lambda end: end.came(4, "p", "h", "", 0),
        lambda end: end.follow(9, "p", "h", Joint(9, 1, 3, "x"), "y"),
        lambda end: end.born(3, "h", "other"),
        lambda end: end.born(2, "h", "h"),
    ):
        end = CityEnd(3, "head")
        step(end)
        torn.append(end.torn)
    assert all(torn)
    for text in torn:
        chinese, english = words.torn(text)
        numbers = re.findall(r"[0-9]+", text)
        assert re.search("[一-鿿]", chinese) and not re.search("[一-鿿]", english)
        assert set(re.findall(r"[0-9]+", chinese)) == set(re.findall(r"[0-9]+", english)) == set(numbers)
