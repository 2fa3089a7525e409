"""The catalogue of common goods: what stands in it, and what a row of station.toml takes from it."""

import re
from collections import Counter
from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner
from pypinyin import lazy_pinyin

from edge.between.fixed_words import GoodsGroup
from edge.between.initials import initials
from edge.cli.main import main
from edge.config.goods import FILE, common, found
from edge.config.sections import BadConfig, Config, load
from protocol.plain import line

READ_OTHERWISE = {"长茄子": "cqz", "荸荠": "bq", "花蛤": "hg"}  # by hand: pypinyin takes another sound of one sign
STATION = """
[station]
name = "惠济市场"
jobs = ["stall"]
node = "410108001"
terminal = "01"
region = "410108"
host = "sy.example.cn"
[seller]
code = "4101080010123"
name = "李秀兰蔬菜"
[city]
brokers = ["mqtt://127.0.0.1"]
"""


def loaded(folder: Path, rows: str) -> Config:
    path = folder / "station.toml"
    path.write_text(STATION + rows, "utf-8")
    return load(path)


def test_there_are_common_goods_of_every_group_each_code_and_name_once() -> None:
    goods = list(common().values())
    assert len(goods) >= 120
    assert FILE.stat().st_size < 20_000
    assert {one.group for one in goods} == {*get_args(GoodsGroup)} - {"other"}
    names = Counter(name for one in goods for name in (one.name, *one.also))
    assert [name for name, times in names.items() if times > 1] == []
    codes = FILE.read_text("utf-8").splitlines()[1:]
    assert len(codes) == len(goods)
    for one in goods:
        assert re.fullmatch(r"[0-9]{8}", one.code)
        assert one.by in ("weight", "piece")
        assert all(name and name == line(name) for name in (one.name, one.name_en, *one.also))


def test_the_codes_that_stations_had_before_stay() -> None:
    known = {"01040101": "白萝卜", "01040201": "大白菜", "01040501": "西红柿", "01040801": "韭菜", "01040901": "菠菜"}
    assert {code: common()[code].name for code in known} == known
    assert found("番茄")[0].code == found("fq")[0].code == found("xhs")[0].code == "01040501"


def test_the_initials_are_right() -> None:
    for one in common().values():
        said = READ_OTHERWISE.get(one.name) or "".join(sound[0] for sound in lazy_pinyin(one.name))
        assert one.initials == said, one.name


def test_foods_that_disturb_the_enzyme_are_marked() -> None:
    marked = {name for one in common().values() if one.enzyme for name in (one.name, *one.also)}
    assert marked >= {"大葱", "蒜头", "萝卜", "韭菜", "芹菜", "香菜", "茭白", "蘑菇", "番茄"}


def test_a_row_needs_only_code_and_price(tmp_path: Path) -> None:
    config = loaded(tmp_path, '[[product]]\ncode = "01040801"\nprice = "6.00"\n')
    (chive,) = config.product
    assert (chive.name, chive.name_en, chive.disturbs_enzyme, chive.group) == ("韭菜", "Chive", True, "allium")
    assert (chive.price, chive.by, chive.found_by) == ("6.00", "weight", ("jc",))


def test_a_row_of_one_s_own_goes_before_the_catalogue(tmp_path: Path) -> None:
    rows = """
[[product]]
code = "01040501"
name = "番茄"
[[product]]
code = "01040401"
name = "黄瓜"
[[product]]
code = "01040201"
group = "other"
also = ["包心白"]
[[product]]
code = "99000001"
name = "腊八蒜"
"""
    tomato, cucumber, cabbage, own = loaded(tmp_path, rows).product
    assert (tomato.name, tomato.name_en, tomato.disturbs_enzyme, tomato.also) == ("番茄", "", False, ())
    assert (tomato.group, tomato.found_by) == ("fruiting", ("fq", "西红柿", "xhs", "洋柿子", "ysz"))
    assert (cucumber.group, cucumber.found_by) == ("other", ("hg",))  # 01040401 is something else there
    assert (cabbage.name, cabbage.group, cabbage.also) == ("大白菜", "other", ("包心白",))
    assert (own.group, own.found_by) == ("other", ("lbs",))


def test_a_code_that_the_catalogue_does_not_know_needs_a_name(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="marketedge goods"):
        loaded(tmp_path, '[[product]]\ncode = "99000001"\n')
    with pytest.raises(BadConfig, match="code"):
        loaded(tmp_path, '[[product]]\nname = "白菜"\ncode = 1\n')
    with pytest.raises(BadConfig, match="product"):
        loaded(tmp_path, "product = 1\n[goods]\ngroups = ['leaf']\n".replace("product = 1\n", "") + "[product]\n")


def test_whole_groups_are_goods_without_rows(tmp_path: Path) -> None:
    rows = '[goods]\ngroups = ["egg"]\n[[product]]\ncode = "02030101"\nprice = "9.80"\n'
    config = loaded(tmp_path, rows)
    eggs = [one.code for one in common().values() if one.group == "egg"]
    assert [part.code for part in config.product] == eggs
    assert [part.price for part in config.product][:2] == ["9.80", "0"]
    assert len(loaded(tmp_path, '[goods]\ngroups = ["all"]\n').product) == len(common())
    assert loaded(tmp_path, "[goods]\ngroups = []\n").product == ()
    for wrong in ('groups = ["eggs"]', "groups = 3"):
        with pytest.raises(BadConfig, match="groups"):
            loaded(tmp_path, f"[goods]\n{wrong}\n")


def test_goods_are_listed_and_searched(tmp_path: Path) -> None:
    def says(*words: str) -> str:
        return CliRunner().invoke(main, ["goods", *words]).output

    assert len(says().splitlines()) == len(common())
    assert says("松花").splitlines() == [
        "02030107  shd    egg       蛋类  松花蛋  Preserved eggs  (皮蛋)  [by the piece]"
    ]
    assert "[disturbs the enzyme test]" in says("jiucai") + says("韭菜")
    assert says("0104", "--json").count('"code"') == sum(code.startswith("0104") for code in common())
    assert len(loaded(tmp_path, says("leaf", "--toml")).product) == sum(
        one.group == "leaf" for one in common().values()
    )
    nothing = CliRunner().invoke(main, ["goods", "x" * 99])
    assert nothing.exit_code == 1 and "write a row of your own" in nothing.output


@pytest.mark.parametrize(("job", "goods", "many"), [("gate", (), 241), ("stall", (), 2), ("stall", ("egg",), 9)])
def test_init_takes_the_goods_that_a_job_needs(tmp_path: Path, job: str, goods: tuple[str, ...], many: int) -> None:
    options = [word for group in goods for word in ("--goods", group)]
    assert CliRunner().invoke(main, ["init", str(tmp_path / "box"), "--job", job, *options]).exit_code == 0
    assert len(load(tmp_path / "box/station.toml").product) == many


FAMILIES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙黎史陶贺毛郝顾龚"
    "邵万覃武钱戴严莫孔向常汤康易乔赖文施洪辛柯庄温牛樊葛邢安齐伍庞颜倪聂章鲁岳翟申殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮纪梅童凌毕单季裴霍涂成苗谷盛曲翁冉骆蓝路游靳辛欧阳管柴蒙鲍华喻祁"
    "蒲房滕屈饶解牟艾尤阳时穆农司卓古吉缪简车项连芦麦褚娄窦戚岑景党宫费卜冷晏卫柏隋米桂全佟应臧闵苟邬边卞姬师和仇栾丘商刁沙荣巫寇桑郎甄丛仲虞敖巩明佘池查麻苑迟邝官封谈匡鞠惠荆乐冀郁胥"
    "南班储芮么原栗燕楚鄢劳谌奚皮粟冼蔺楼盘满闻位厉伊仝区郜海阚花权强帅屠豆朴盖练廉禹井祖漆巴丰支卿国狄平计索宣晋相初门云容敬来扈晁芮都普阙浦戈伏鹿薄邸雍辜羊母乌亓邰展邢慕裘幸滑晃"
)
SURNAMES = dict(zip("单解仇查朴区盖覃曾乐", "sxqcpogqzy", strict=True)) | {"查": "z", "么": "y", "都": "d", "卜": "b"}


def test_names_of_people_and_firms_have_initials() -> None:
    """Family names against pypinyin, which knows a sign's usual sound, not that of a family: those by hand."""
    for family in dict.fromkeys(FAMILIES):
        usual = SURNAMES.get(family) or lazy_pinyin(family)[0][0]
        assert initials(f"{family}国强") in (f"{usual}gq",) or family in "么繁召种员折隗", family
    for one in common().values():
        assert READ_OTHERWISE.get(one.name, initials(one.name)) == one.initials or one.name == "荸荠"


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("绿源合作社", "lyhzs"),
        ("尉迟恭", "ycg"),
        ("欧阳修文", "oyxw"),
        ("重庆畜牧商行", "cqxmsh"),
        ("单县蔬菜公司", "dxscgs"),  # a place, not a family: read as it usually is
        ("李喆", "lz"),
        ("Ａ-12 摊（东）", "a12td"),
        ("单", "d"),
        ("𠮷野家・囍", "yj"),
        ("", ""),
        ("长" * 30, "c" * 20),
    ],
)
def test_what_has_no_letter_is_left_out(name: str, letters: str) -> None:
    assert initials(name) == letters
