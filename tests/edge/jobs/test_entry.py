"""Goods come in: weighed load by load or declared, with their vouchers, and as the law's book wants them."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from edge.between.commands import ProofGiven, RegisterEntry
from edge.between.correction_commands import CorrectEntry
from edge.between.entry_commands import DropLoads, LastEntry, WeighGoods
from edge.between.inbox import Refused
from edge.between.photo_commands import KeepPhoto
from edge.jobs import loads
from protocol.city.photos import hash_of
from protocol.readings import Net

Box = Any  # the station of tests/edge/conftest.py
CABBAGE, PORK, NOODLES = "01040201", "02010101", "04040001"
MORE = """
[[product]]
code = "02010101"
name = "猪五花肉"
name_en = "Pork belly"
[[product]]
code = "04040001"
name = "挂面"
packed = true
"""
WHO = {"origin": "河南中牟", "supplier": "王建国"}


def entry(product: str = CABBAGE, net_g: int = 1000, **more: Any) -> RegisterEntry:
    return RegisterEntry(product=product, net_g=net_g, **WHO, **more)


def refused(station: Box, command: Any) -> str:
    records = station.ledger.head.seq
    with pytest.raises(Refused) as refused:
        station.does(command)
    assert refused.value.zh and refused.value.en
    assert station.ledger.head.seq == records
    return refused.value.code


# --- the scale --------------------------------------------------------------------------------------------------------


def test_loads_add_up_less_their_containers_and_the_record_has_each_with_its_frame(box: Callable[..., Box]) -> None:
    station = box()
    station.puts("20.450")
    assert station.does(WeighGoods(scale="scale-1", seen_g=18_750, tare_g=1_700, containers=2)) == {
        "scale": "scale-1",
        "loads": 1,
        "net_g": 18_750,
    }
    station.puts("10.000")
    assert station.does(WeighGoods(scale="scale-1"))["net_g"] == 28_750
    assert [(one.net_g, one.tare_g, one.containers) for one in station.board.loads] == [
        (18_750, 1_700, 2),
        (10_000, 0, 0),
    ]
    station.does(entry(net_g=28_750, scale="scale-1"))
    data = station.last["data"]
    assert (data["mass_by"], data["net_g"]) == ("scale", 28_750)
    assert data["weighings"][0] == {
        "scale": "scale-1",
        "model": "st-gs",
        "value": "20.450",
        "unit": "kg",
        "stability": "scale",
        "raw": "02",
        "verified_until": "2027-06-30",
        "net_g": 18_750,
        "tare_g": 1_700,
        "containers": 2,
    }
    assert station.board.loads == ()


def test_what_was_weighed_is_there_after_a_restart_and_counts_once(box: Callable[..., Box]) -> None:
    station = box()
    station.puts("5.000")
    station.does(WeighGoods(scale="scale-1"))
    station = box()
    assert [one.net_g for one in station.board.loads] == [5_000]
    station.does(entry(net_g=5_000, scale="scale-1"))
    assert refused(station, entry(net_g=5_000, scale="scale-1")) == "no_load"
    assert box().board.loads == ()


def test_a_load_counts_once_until_the_scale_was_empty(box: Callable[..., Box]) -> None:
    station = box()
    station.puts("5.000")
    station.does(WeighGoods(scale="scale-1"))
    assert refused(station, WeighGoods(scale="scale-1")) == "sold"
    station.weighs("0.000")
    station.weighs("5.000")
    assert station.does(WeighGoods(scale="scale-1"))["loads"] == 2


@pytest.mark.parametrize(
    ("weight", "said", "command", "code"),
    [
        ("5.000", {}, WeighGoods(scale="nowhere"), "no_scale"),
        ("5.000", {}, WeighGoods(scale="scale-1", seen_g=4_995), "weight_changed"),
        ("5.000", {}, WeighGoods(scale="scale-1", tare_g=5_000), "tare"),
        ("5.000", {"net": Net.NET}, WeighGoods(scale="scale-1", tare_g=500), "tared"),
        ("5.000", {"stable": False}, WeighGoods(scale="scale-1"), "motion"),
        ("0.050", {}, WeighGoods(scale="scale-1"), "below_min"),
        ("5.000", {}, DropLoads(scale="scale-1", number=7), "no_load"),
        ("5.000", {}, entry(net_g=5_000, scale="scale-1"), "no_load"),
    ],
)
def test_what_is_no_weight_is_no_load(
    box: Callable[..., Box], weight: str, said: dict[str, Any], command: Any, code: str
) -> None:
    station = box()
    station.puts(weight, **said)
    assert refused(station, command) == code


def test_loads_are_taken_back_one_or_all(box: Callable[..., Box]) -> None:
    station = box()
    for kilograms in ("5.000", "6.000", "7.000"):
        station.puts(kilograms)
        station.does(WeighGoods(scale="scale-1"))
    (_, second, _) = station.board.loads
    assert station.does(DropLoads(scale="scale-1", number=second.number))["net_g"] == 12_000
    assert refused(station, entry(net_g=18_000, scale="scale-1")) == "weight_changed"
    assert station.does(DropLoads(scale="scale-1")) == {"scale": "scale-1", "loads": 0, "net_g": 0}
    assert station.does(DropLoads(scale="scale-1"))["loads"] == 0


def test_an_entry_takes_so_many_loads(box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loads, "MOST_LOADS", 1)
    station = box()
    station.puts("5.000")
    station.does(WeighGoods(scale="scale-1"))
    station.puts("6.000")
    assert refused(station, WeighGoods(scale="scale-1")) == "many_loads"


def test_a_scale_that_does_not_say_stable_is_believed_by_its_frames(box: Callable[..., Box]) -> None:
    station = box()
    station.weighs("0.00", scale="scale-2")
    station.weighs("40.00", scale="scale-2")
    station.does(WeighGoods(scale="scale-2"))
    station.does(entry(net_g=40_000, scale="scale-2"))
    (weighed,) = station.last["data"]["weighings"]
    assert (weighed["stability"], weighed["verified_until"]) == ("derived", None)


def test_a_disk_that_is_full_takes_no_load_and_loses_none(box: Callable[..., Box]) -> None:
    station = box()
    station.fill_the_disk()
    taken = 0
    with pytest.raises(Refused) as full:
        for _ in range(loads.MOST_LOADS):
            station.puts("5.000")
            station.does(WeighGoods(scale="scale-1"))
            taken += 1
    assert full.value.code == "disk_full"
    assert len(station.board.loads) == taken
    station.free_the_disk()
    assert station.does(WeighGoods(scale="scale-1"))["loads"] == taken + 1


# --- vouchers ---------------------------------------------------------------------------------------------------------

QR = "产品：大白菜 承诺主体：绿源合作社 电话13812345678 https://x.cn/hgz?a=1"


def test_a_certificate_s_code_is_kept_as_it_says_masked_and_its_hash_is_of_the_whole(box: Callable[..., Box]) -> None:
    station = box()
    given = ProofGiven(
        type="hgz",
        issuer="绿源合作社",
        product="大白菜",
        quantity="500 kg",
        origin="河南中牟",
        issued="2026-11-21",
        contact="0371-6212 3456",
        basis=("own_test",),
        code=QR,
    )
    station.does(entry(proofs=(given, ProofGiven(type="jc", no="2026-0007"))))
    first, second = station.last["data"]["proofs"]
    assert first == {
        "type": "hgz",
        "no": "",
        "issuer": "绿源合作社",
        "product": "大白菜",
        "quantity": "500 kg",
        "origin": "河南中牟",
        "issued": "2026-11-21",
        "contact": "0371-6212 3456",
        "basis": ["own_test"],
        "code": QR.replace("13812345678", "138…78"),
        "sha256": hash_of(QR.encode()),
    }
    assert second == {"type": "jc", "no": "2026-0007"}


@pytest.mark.parametrize(
    "given",
    [
        {"type": "hgz"},
        {"type": "xx", "no": "1"},
        {"type": "hgz", "code": "字" * 683},
        {"type": "hgz", "code": "x" * 2049},
        {"type": "hgz", "no": "1", "issued": "2026-02-30"},
        {"type": "hgz", "no": "1", "basis": ["hope"]},
    ],
)
def test_what_is_no_certificate_is_no_command(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ProofGiven.model_validate(given)


def test_meat_without_its_vouchers_is_registered_and_the_record_says_what_lacks(
    box: Callable[..., Box], devices: str
) -> None:
    station = box(devices + MORE)
    (warned,) = station.does(entry(PORK, proofs=(ProofGiven(type="jy", no="4100001"),)))["warnings"]
    assert warned["code"] == "proof_missing"
    assert warned["message_zh"] == "猪五花肉缺少：肉品品质检验合格证"
    assert station.last["data"]["missing_proofs"] == ["rp"]
    both = (ProofGiven(type="jy", no="4100001"), ProofGiven(type="rp", no="4100002"))
    assert "warnings" not in station.does(entry(PORK, proofs=both))
    assert "missing_proofs" not in station.last["data"]


def test_the_market_may_refuse_them_and_say_which_goods_need_what(box: Callable[..., Box], devices: str) -> None:
    settings = '[gate]\nmissing_proofs = "refuse"\nproofs = { "0104" = ["hgz|cd"], "0201" = [] }\n'
    station = box(devices + MORE + settings)
    assert refused(station, entry()) == "proof_missing"
    station.does(entry(proofs=(ProofGiven(type="cd", no="1"),)))
    station.does(entry(PORK))


# --- prepackaged goods, the supplier, the book ------------------------------------------------------------------------


def test_prepackaged_goods_state_what_the_law_wants_and_how_long_it_is_kept(
    box: Callable[..., Box], devices: str
) -> None:
    station = box(devices + MORE)
    assert refused(station, entry(NOODLES, spec="1 kg")) == "package"
    station.does(entry(NOODLES, spec="1 kg × 20", produced="2026-10-01", batch="A7", shelf_days=365))
    data = station.last["data"]
    assert (data["spec"], data["produced"], data["batch"], data["shelf_days"]) == ("1 kg × 20", "2026-10-01", "A7", 365)
    assert data["retention"] == "shelf_life"
    lot = station.does(entry(NOODLES, spec="1 kg", batch="A8"))["test_code"]
    assert station.last["data"]["retention"] == "two_years"
    station.does(CorrectEntry(lot=lot, reason="漏填", shelf_days=180, supplier_address="郑州市惠济区"))
    corrected = station.last["data"]
    assert corrected["now"]["retention"] == "shelf_life"
    assert {"field": "shelf_days", "before": "", "after": "180"} in corrected["changes"]
    assert refused(station, CorrectEntry(lot=lot, reason="错", batch="")) == "package"


def test_a_mass_that_is_corrected_is_a_person_s_word(box: Callable[..., Box]) -> None:
    station = box()
    station.puts("5.000")
    station.does(WeighGoods(scale="scale-1"))
    lot = station.does(entry(net_g=5_000, scale="scale-1"))["test_code"]
    station.does(CorrectEntry(lot=lot, reason="误称", net_g=5_000, origin="河北"))
    assert station.last["data"]["now"]["mass_by"] == "scale"
    station.does(CorrectEntry(lot=lot, reason="误称", net_g=4_500))
    now = station.last["data"]["now"]
    assert (now["mass_by"], "weighings" in now) == ("declared", False)


def test_what_was_said_the_last_time_is_known_by_supplier_by_both_and_by_goods(box: Callable[..., Box]) -> None:
    station = box()

    def last(**asked: Any) -> tuple[str, ...]:
        said = station.does(LastEntry(**asked))
        return tuple(said[name] for name in ("supplier", "supplier_code", "supplier_address", "origin", "origin_code"))

    assert last(supplier="王建国", product=CABBAGE) == ("", "", "", "", "")
    assert last() == ("", "", "", "", "")
    more = {"supplier_code": "4101080010999", "supplier_address": "中牟县", "origin_code": "410122"}
    lot = station.does(entry(**more))["test_code"]
    station.does(RegisterEntry(product="01040301", net_g=9, origin="山东", supplier="王建国"))
    station = box()
    assert last(supplier="王建国", product=CABBAGE) == ("王建国", "4101080010999", "中牟县", "河南中牟", "410122")
    assert last(supplier_code="4101080010999", product="01040301")[3] == "河南中牟"
    assert last(supplier="王建国")[3] == "山东"
    assert last(supplier="张三", product=CABBAGE) == ("", "", "", "河南中牟", "410122")
    station.does(CorrectEntry(lot=lot, reason="错", origin="河北", origin_code=""))
    assert last(supplier="张三", product=CABBAGE) == ("", "", "", "河北", "")


def test_vouchers_are_corrected_as_a_whole_and_photos_are_added(
    box: Callable[..., Box], devices: str, a_photo: Any
) -> None:
    station = box(devices + MORE)
    lot = station.does(entry(PORK, proofs=(ProofGiven(type="jy", no="4100001"),)))["test_code"]
    sha256 = hash_of(a_photo())
    station.core._station.photos.files.keep(sha256, a_photo())
    station.does(KeepPhoto(sha256=sha256, size=len(a_photo())))
    both = (ProofGiven(type="jy", no="4100009"), ProofGiven(type="rp", code="https://x.cn/1"))
    station.does(CorrectEntry(lot=lot, reason="号错", proofs=both, photos=(sha256,)))
    data = station.last["data"]
    code = hash_of(b"https://x.cn/1")
    assert data["changes"] == [
        {"field": "proofs", "before": "动物检疫合格证明 4100001", "after": "动物检疫合格证明 4100009"},
        {"field": "proofs", "before": "", "after": f"肉品品质检验合格证 {code[:8]}"},
        {"field": "photos", "before": "", "after": sha256[:8]},
    ]
    assert data["now"]["photos"] == [sha256] and "missing_proofs" not in data["now"]
    assert station.count("SELECT seq FROM photos") == station.ledger.head.seq
    assert refused(station, CorrectEntry(lot=lot, reason="号错", proofs=both)) == "nothing_changed"
    assert refused(station, CorrectEntry(lot=lot, reason="错", photos=("a" * 64,))) == "no_photo"
    many = tuple(letter * 64 for letter in "abcdef")
    assert refused(station, CorrectEntry(lot=lot, reason="错", photos=many)) == "many_photos"
    station.does(CorrectEntry(lot=lot, reason="没有", proofs=()))
    assert station.last["data"]["now"]["missing_proofs"] == ["jy", "rp"]


def test_every_field_of_a_voucher_is_corrected_and_cleared(box: Callable[..., Box], devices: str) -> None:
    station = box(devices + MORE)
    scanned = "TEL 13803711234"
    promise = {"type": "hgz", "no": "HG1", "issuer": "老王", "issued": "2026-11-20", "basis": ("own_test",)}
    proofs = (ProofGiven(**promise, code=scanned), ProofGiven(type="jc", no="BG2"))
    lot = station.does(entry(PORK, proofs=proofs))["test_code"]
    before = station.last["data"]["proofs"][0]
    assert before["code"] != scanned and before["sha256"] == hash_of(scanned.encode())
    shown = {"no": "HG1", "issuer": "老王合作社", "code": before["code"], "basis": ("controlled", "own_test")}
    now = (ProofGiven(type="hgz", **shown, quantity="300 kg"), ProofGiven(type="cd", no="BG2"))
    station.does(CorrectEntry(lot=lot, reason="抄错", proofs=now))
    data = station.last["data"]
    assert data["changes"] == [
        {
            "field": "proofs",
            "before": "承诺达标合格证 HG1；出具人：老王；凭证上的数量：无；开具日期：2026-11-20；"
            "承诺依据：自行检测合格",
            "after": "承诺达标合格证 HG1；出具人：老王合作社；凭证上的数量：300 kg；开具日期：无；"
            "承诺依据：质量安全控制符合要求、自行检测合格",
        },
        {"field": "proofs", "before": "检测报告 BG2", "after": "产地证明 BG2"},
    ]
    first = data["now"]["proofs"][0]
    assert (first["code"], first["sha256"]) == (before["code"], before["sha256"]) and "issued" not in first
    again = (now[1], now[0])
    assert refused(station, CorrectEntry(lot=lot, reason="换顺序", proofs=again)) == "nothing_changed"
    bare = ProofGiven(type="hgz", issuer="老王合作社")
    station.does(CorrectEntry(lot=lot, reason="无号无码", proofs=(bare, now[1])))
    assert station.last["data"]["now"]["proofs"][0] == {"type": "hgz", "no": "", "issuer": "老王合作社"}


def test_a_shelf_life_that_no_package_states_is_cleared(box: Callable[..., Box], devices: str) -> None:
    station = box(devices + MORE)
    packed = {"spec": "10 kg/袋", "produced": "2026-11-01", "shelf_days": 180}
    lot = station.does(entry(NOODLES, **packed))["test_code"]
    assert station.last["data"]["retention"] == "shelf_life"
    station.does(CorrectEntry(lot=lot, reason="包装上没有", shelf_days=0))
    data = station.last["data"]
    assert data["changes"] == [{"field": "shelf_days", "before": "180", "after": ""}]
    assert "shelf_days" not in data["now"] and data["now"]["retention"] == "two_years"
