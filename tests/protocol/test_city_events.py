"""What the records of holds, disposals and acceptances refuse to say."""

from typing import Any

import pytest
from pydantic import ValidationError

from protocol.city.events import AcceptCompleted, LotDisposed, LotHeld

LOT, HOLD, SOURCE = "41010800130100000071", "41010800140100000027", "41010800110100010074"
GOODS = {"product": "01040201", "name": "上海青"}
COMMON = {"lot": LOT, "goods": GOODS, "held": HOLD, "held_id": "0197", "mass_g": 298500, "person": "王敏"}
DESTROYED = COMMON | {"decision": "destroyed", "how": "粉碎后填埋", "where": "处理点", "witness": "刘洋"}
RELEASED = COMMON | {
    "decision": "released_after_recheck",
    "recheck_no": "JC-2026-1122-08",
    "laboratory": "郑州市食品检验所",
    "method_kind": "laboratory",
    "source": SOURCE,
}
LINE = {"goods": GOODS, "ordered_g": 120000, "delivered_g": 121500, "accepted_g": 121500}
SIGNERS = [{"name": "赵敏", "role": "食堂管理员"}, {"name": "钱伟", "role": "家长代表"}]
ACCEPTED = {"order": "XX-03", "supplier": "绿源", "lines": [LINE], "signers": SIGNERS}


@pytest.mark.parametrize("data", [DESTROYED, DESTROYED | {"decision": "returned"}, RELEASED])
def test_a_complete_decision_is_a_record(data: dict[str, Any]) -> None:
    assert LotDisposed.model_validate(data).decision == data["decision"]


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (DESTROYED | {"how": " "}, "how"),
        (DESTROYED | {"where": ""}, "where"),
        (DESTROYED | {"decision": "returned", "witness": ""}, "witness"),
        (DESTROYED | {"mass_g": 0}, "mass_g"),
        (DESTROYED | {"person": " "}, "person"),
        (DESTROYED | {"source": SOURCE}, "source code"),
        (DESTROYED | {"decision": "released"}, "decision"),
        (RELEASED | {"recheck_no": ""}, "recheck_no"),
        (RELEASED | {"laboratory": ""}, "laboratory"),
        (RELEASED | {"method_kind": None}, "method_kind"),
        (RELEASED | {"method_kind": "rapid"}, "method_kind"),
        (RELEASED | {"source": None}, "source"),
    ],
)
def test_an_incomplete_decision_is_none(data: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        LotDisposed.model_validate(data)


def test_the_time_of_telling_has_a_name_on_it() -> None:
    data = {"lot": LOT, "goods": GOODS, "net_g": 1, "origin": "河南", "supplier": "李四", "why": "投诉"}
    told = {"told_at": "2026-11-22T04:35:00+08:00", "told_by": "王敏"}
    assert LotHeld.model_validate(data | told).told_by == "王敏"
    for name in told:
        with pytest.raises(ValidationError, match="go together"):
            LotHeld.model_validate(data | {name: told[name]})


def test_an_acceptance_adds_up_and_has_two_different_signers() -> None:
    assert AcceptCompleted.model_validate(ACCEPTED | {"photos": ["0" * 64]}).signers[1].role == "家长代表"
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"signers": SIGNERS[:1]}, "signers"),
        ({"signers": [SIGNERS[0], SIGNERS[0] | {"role": "库管"}]}, "different"),
        ({"signers": [SIGNERS[0], {"name": " ", "role": "库管"}]}, "name"),
        ({"lines": []}, "lines"),
        ({"lines": [LINE | {"accepted_g": 120000}]}, "together"),
        ({"lines": [LINE | {"accepted_g": 120000, "rejected_g": 1500}]}, "reason"),
        ({"lines": [LINE | {"temperature": "8,5"}]}, "temperature"),
        ({"photos": ["photo.jpg"]}, "photos"),
    ]
    for change, named in wrong:
        with pytest.raises(ValidationError, match=named):
            AcceptCompleted.model_validate(ACCEPTED | change)
