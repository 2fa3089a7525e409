"""What parents read of a canteen's delivery: genuine or not, what came and from whom, and nobody's name."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from protocol.city.codes import CodeKind
from protocol.city.events import EVENTS
from protocol.city.token import EPOCH, Flags, Token, TokenKind, TokenVerdict, digest_of, kid_of, url_of
from simulator.city.store import Store
from simulator.city.web import application

CANTEEN, SUPPLIER = "4101080010456", "4101080010789"
PHOTO = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class School:
    """Pages over a database that is filled without a broker: a canteen, and the gate its goods came through."""

    def __init__(self, path: Path, signer: Callable[..., Any]) -> None:
        self.store = Store(path)
        self.canteen, self.gate = signer(), signer(terminal="02", seed=2)
        with self.store.batch():
            for one in (self.canteen, self.gate):
                self.store.trust(one.name, one.hex, "registered")
        self.client = TestClient(
            application(path, enrol=False, scanned=lambda code, when: None, connected=lambda: True)
        )
        self.source = self.gate.code(CodeKind.SOURCE, 1)
        self.code = self.canteen.code(CodeKind.ACCEPTANCE, 1)
        self.said = {
            "amount_fen": 91_180,
            "buyer": CANTEEN,
            "lines": [
                {
                    "accepted_g": 118_000,
                    "accepted_n": 0,
                    "amount_fen": 55_180,
                    "ordered_g": 120_000,
                    "product": "01040201",
                    "rejected_g": 3500,
                    "sources": [self.source],
                }
            ],
            "order": "XX-3",
            "seller": SUPPLIER,
            "time": "2026-11-22T06:20:00+08:00",
            "tx": self.code,
        }
        self.token = Token(
            TokenKind.ACCEPTANCE,
            kid_of(self.canteen.key.public_key()),
            1_795_299_600 - EPOCH,
            self.code,
            SUPPLIER,
            CANTEEN,
            118_000,
            91_180,
            TokenVerdict.QUALIFIED,
            Flags.CLOCK_TRUSTED | Flags.SCALE_VERIFIED,
            digest_of(self.said),
            (self.source,),
        )

    def records(self, kind: str, data: dict[str, Any], station: Any = None, **head: str) -> None:
        one = station or self.canteen
        body = one.event(kind, data, **head)
        with self.store.batch():
            self.store.add(one.name, one.topics.base, json.loads(body), kind, body, False, "", "")
            self.store.advance(one.name)

    def accepts(self, **changes: Any) -> None:
        goods = {"product": "01040201", "name": "上海青", "name_en": "Bok choy"}
        checked = {
            "source": self.source,
            "result": "genuine",
            "issuer": self.gate.name,
            "test": self.gate.code(CodeKind.TEST, 1),
            "verdict": "qualified",
            "item": "农药残留",
            "tested_at": "2026-11-22T03:10:00+08:00",
        }
        greens = {
            "goods": goods,
            "ordered_g": 120_000,
            "delivered_g": 121_500,
            "accepted_g": 118_000,
            "rejected_g": 3500,
            "reason": "叶片发黄",
            "temperature": "8.5",
            "sources": [checked],
            "best_before": "2026-11-25",
            "batch": "B7",
            "photos": [PHOTO],
        }
        eggs = {
            "goods": {"product": "03010101", "name": "鸡蛋"},
            "ordered_g": 0,
            "delivered_g": 0,
            "accepted_g": 0,
            "rejected_g": 0,
            "reason": "",
            "unit": "个",
            "accepted_n": 360,
            "rejected_n": 2,
            "source": self.source,
        }
        data = {
            "order": "XX-3",
            "supplier": "惠济区绿源配送",
            "licence": "JY14101080012345",
            "buyer": "惠济区第一小学食堂",
            "due": "2026-11-22",
            "meal": "午餐",
            "lines": [greens, eggs],
            "signers": [
                {"name": "赵敏", "role": "食堂管理员", "code": "07"},
                {"name": "钱伟", "role": "家长代表", "code": "08"},
            ],
            "acceptance": self.said,
        }
        record = EVENTS["accept.completed"].record.model_validate(data | changes)
        self.records("accept.completed", record.model_dump(mode="json"), subject=self.code)

    def page(self, token: Token | None = None, key: Any = None, language: str = "zh") -> str:
        url = url_of(token or self.token, key or self.canteen.key, "sy.example.cn")
        answer = self.client.get("/j/" + url.rsplit("/", 1)[1], headers={"accept-language": language})
        assert answer.status_code == 200
        assert len(answer.content) <= 20_000 and "<script" not in answer.text
        return " ".join(re.sub(r"<style.*?</style>|<[^>]+>", " ", answer.text, flags=re.S).split())


@pytest.fixture
def school(tmp_path: Path, signer: Callable[..., Any]) -> Iterator[School]:
    made = School(tmp_path / "city.db", signer)
    yield made
    made.store.close()


def test_parents_see_what_came_from_whom_and_how_it_was_looked_at(school: School) -> None:
    school.accepts()
    text = school.page()
    for said in (
        "验收单是真的",
        "118.000 kg",
        "惠济区第一小学食堂",
        "2026-11-22 午餐",
        "惠济区绿源配送",
        "JY14101080012345",
        "上海青",
        "拒收 3.500 kg : 叶片发黄",
        "合格（快检）",
        "农药残留",
        "2026-11-22 03:10:00",
        "8.5 ℃",
        "2026-11-25",
        "B7",
        "360 个",
        "食堂管理员, 家长代表",
        PHOTO[:16],
        "电子秤检定有效",
        "快检结果为筛查结果",
        " ".join((school.source[:5], school.source[5:10], school.source[10:15], school.source[15:])),
    ):
        assert said in text, text
    for private in ("赵敏", "钱伟", "07", "XX-3", "911.80"):
        assert private not in text
    assert "Genuine" in school.page(language="en") and "Bok choy" in school.page(language="en")


def test_a_code_of_a_record_that_has_not_come_says_what_the_code_proves(school: School) -> None:
    text = school.page()
    assert "验收单是真的" in text and "明细还在路上" in text and "118.000 kg" in text and "上海青" not in text
    assert "时间未校准" in school.page(replace(school.token, t=0, flags=Flags(0)))


def test_a_forged_code_and_one_of_nobody_say_nothing_else(school: School, signer: Callable[..., Any]) -> None:
    school.accepts()
    forged = school.page(key=school.gate.key)
    assert "假的" in forged and "上海青" not in forged and "118" not in forged
    stranger = signer(terminal="09", seed=9)
    token = replace(school.token, tx=stranger.code(CodeKind.ACCEPTANCE, 1), kid=kid_of(stranger.key.public_key()))
    assert "无法确认真假" in school.page(token, stranger.key)


def test_a_record_that_says_other_than_its_code_is_not_shown(school: School) -> None:
    school.accepts(acceptance={**school.said, "amount_fen": 1})
    text = school.page()
    assert "明细与二维码不一致" in text and "上海青" not in text


def test_what_became_of_it_since_is_said_first(school: School) -> None:
    school.accepts(unmatched="临时加单")
    held = {"lot": school.gate.code(CodeKind.TEST, 1), "source": school.source, "why": "消费者投诉", "person": "王敏"}
    facts = {
        "goods": {"product": "01040201", "name": "上海青"},
        "net_g": 1,
        "origin": "",
        "supplier": "",
        "verdict": None,
    }
    school.records("lot.held", held | facts, school.gate, subject=held["lot"])
    text = school.page()
    assert "其中有货物已暂停销售" in text and "消费者投诉" in text and "没有订单" in text
    school.records("accept.voided", {"voids": "1", "reason": "录入错误"}, subject=school.code)
    text = school.page()
    assert "此验收单已作废" in text and "录入错误" in text and "验收单是真的" not in text
