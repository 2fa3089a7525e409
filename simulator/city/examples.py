"""An example of each command, filled in: for the city's page and command line, and for whoever writes a platform."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

_LOT, _TESTED = "41010800110100010074", "41010800130100010072"
_SUPPLIER = {"code": "4101080010999", "name": "中牟县绿源合作社", "initials": "zmxlyhzs", "licence": "JY14101220012345"}


def _day(days: int = 0) -> str:
    return (datetime.now(UTC) + timedelta(hours=8, days=days)).date().isoformat()


def examples() -> dict[str, dict[str, Any]]:
    """The fields of each command, by its name; days are of now."""
    goods = {"product": "01040201", "name": "大白菜", "name_en": "Chinese cabbage"}
    return {
        "stop_lot": {"lot": _LOT, "reason": "毒死蜱超标，召回"},
        "resume_lot": {"lot": _LOT, "reason": "复检合格，恢复销售"},
        "lots": {
            "lots": [
                {
                    "source": _LOT,
                    "lot": _TESTED,
                    "goods": goods,
                    "net_g": 320_000,
                    "origin": "河南省郑州市中牟县",
                    "origin_code": "410122",
                    "supplier": _SUPPLIER["name"],
                    "supplier_code": _SUPPLIER["code"],
                    "verdict": "qualified",
                    "item": "农药残留",
                    "tested_at": f"{_day()}T05:10:00+08:00",
                }
            ]
        },
        "lab_verdict": {
            "lot": _LOT,
            "conclusion": "unqualified",
            "report_no": "JC-2026-0077",
            "laboratory": "郑州市食品检验所",
            "item": "毒死蜱",
            "method": "GB 23200.113-2018",
            "value": "0.62",
            "unit": "mg/kg",
            "limit": "0.02 mg/kg",
            "concluded": _day(),
        },
        "orders": {
            "orders": [
                {
                    "order": "XS-0001",
                    "supplier": _SUPPLIER["name"],
                    "buyer": "惠济区第一小学食堂",
                    "due": _day(1),
                    "meal": "午餐",
                    "lines": [{"product": "01040201", "name": "大白菜", "net_g": 40_000, "price_fen": 350}],
                }
            ]
        },
        "directory": {
            "mode": "update",
            "suppliers": [{**_SUPPLIER, "licence_until": _day(300), "state": "suspended", "why": "证照过期"}],
        },
        "focus_list": {"entries": [{"product": "01040801", "reason": "近期韭菜腐霉利超标较多"}]},
        "price_limits": {"limits": [{"product": "01040201", "max_fen": 300, "reason": "保供稳价公告"}]},
        "keys": {"stations": [{"station": "410108001-02", "public_key": "3b" * 31 + "29"}]},
        "config": {"settings": {"stall.oversell": "refuse"}},
        "resend": {"from": 1},
    }


def written(name: str) -> str:
    """The example of a command as JSON for a form."""
    return json.dumps(examples()[name], ensure_ascii=False, indent=2)
