"""What the city knows of lots that travel: cards, holds, goods without a source."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from protocol.city.codes import CodeKind
from protocol.city.source import SourceToken, card_url
from protocol.city.token import TokenVerdict, digest_of, kid_of
from simulator.city.platform import judge
from simulator.city.reader import summary
from simulator.city.store import Store
from simulator.city.web import application
from simulator.city.words import WORDS


class Town:
    """Pages over a database that is filled without a broker."""

    def __init__(self, path: Path, *stations: Any) -> None:
        self.path, self.store, self.stations = path, Store(path), stations
        with self.store.batch():
            for one in stations:
                self.store.trust(one.name, one.hex, "registered")
        self.client = TestClient(
            application(path, enrol=False, scanned=lambda code, when: None, connected=lambda: True)
        )

    def take(self, station: Any, body: bytes) -> None:
        judged: Any = judge(body, station.name, bytes.fromhex(station.hex))
        assert judged.code == "", judged.reason
        with self.store.batch():
            self.store.add(station.name, station.topics.base, judged.event, judged.kind, body, False, "", "")
            self.store.advance(station.name)


@pytest.fixture
def town(tmp_path: Path, signer: Callable[..., Any]) -> Iterator[Town]:
    made = Town(tmp_path / "city.db", signer(), signer(terminal="02", seed=2))
    yield made
    made.store.close()


def card(station: Any, **more: Any) -> str:
    token = SourceToken(
        kid=kid_of(station.key.public_key()),
        t=217_489_970,
        source=station.code(CodeKind.SOURCE, 1),
        test=station.code(CodeKind.TEST, 1),
        product="01040201",
        name="上海青",
        net_g=52_000,
        origin="河南中牟",
        origin_code="",
        supplier="中牟合作社",
        supplier_code="",
        verdict=TokenVerdict.QUALIFIED,
        item="农药残留",
    )
    return card_url(replace(token, **more), station.key, "sy.example.cn").removeprefix("https://sy.example.cn")


def test_a_card_s_code_opens_the_page_of_its_lot(town: Town, signer: Callable[..., Any]) -> None:
    gate, stall = town.stations
    town.take(gate, gate.entry())
    town.take(gate, gate.result())
    for url in (
        card(gate),
        card(stall, source=gate.code(CodeKind.SOURCE, 1), test=gate.code(CodeKind.TEST, 1), portion=4),
    ):
        answer = town.client.get(url)
        assert answer.status_code == 200
        assert "河南中牟" in answer.text
    stranger = signer(terminal="03", seed=3)
    for url, word in ((card(stranger), "card_unknown"), (card(gate)[:-4] + "AAAA", "source_forged")):
        answer = town.client.get(url)
        assert answer.status_code == 200  # a warning is a page like any other: a scanner shows it
        assert WORDS[word][0] in answer.text and "✓" not in answer.text
    assert town.client.get("/b/nothing").status_code == 404


def test_a_hold_of_any_station_shows_on_the_lot_s_page(town: Town) -> None:
    gate, stall = town.stations
    town.take(gate, gate.entry())
    town.take(gate, gate.result())
    source, lot = gate.code(CodeKind.SOURCE, 1), gate.code(CodeKind.TEST, 1)
    goods = {"product": "01040201", "name": "上海青", "name_en": ""}
    held = {"lot": lot, "source": source, "goods": goods, "net_g": 1, "origin": "x", "supplier": "y", "why": "z"}
    assert "暂停销售" not in town.client.get(f"/b/{source}").text
    town.take(stall, stall.event("lot.held", held, subject=lot))
    assert "暂停销售" in town.client.get(f"/b/{source}").text
    assert summary(town.path)["held"] == 1
    resumed = {"lot": lot, "source": source, "goods": goods}
    town.take(gate, gate.event("lot.resumed", resumed, subject=lot))
    assert "暂停销售" in town.client.get(f"/b/{source}").text, "of another station than the one that holds it"
    town.take(stall, stall.event("lot.resumed", resumed, subject=lot))
    assert "暂停销售" not in town.client.get(f"/b/{source}").text


def test_goods_without_a_source_are_taken_and_say_so(town: Town) -> None:
    gate, _ = town.stations
    data, _ = gate.slip()
    data["slip"]["lines"][0]["source"] = ""
    sold = {**data["sold"][0], "no_source": True, "test": None, "origin": ""}
    data |= {"digest": digest_of(data["slip"]).hex(), "sold": [sold]}
    town.take(gate, gate.event("trade.completed", data, subject=data["slip"]["tx"]))
    assert summary(town.path)["trades"] == 1
