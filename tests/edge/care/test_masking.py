"""What is given away: settings by what is allowed; texts without secrets and what is of a person."""

import re
import tomllib
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from edge.care.masking import KEPT, NOT_KEPT, Mask, withheld
from edge.config import TEMPLATE
from edge.config.sections import Config

SETTINGS = """\
[station]
name = "王秀英蔬菜摊"   # PIN 4711
jobs = ["stall"]
data = "data"
surprise = "hunter2"
[city]
brokers = [
  "mqtts://box:hunter2@city.example.cn:8883",  # hunter2
  "mqtts://b.example.cn:8883",
]
user = "box"
password_file = "mqtt.password"
window = 500
[[scale]]
name = "scale-1"
port = "/dev/ttyUSB0"
options = { poll = 0.5, word = "hunter2" }
verified_until = 2027-06-30
[[scale]
this is no TOML: hunter2
max = "30 kg"
"""


def model_of(annotation: Any) -> type[BaseModel]:
    found = annotation if isinstance(annotation, type) else get_args(annotation)[0]
    assert issubclass(found, BaseModel)
    return found


@pytest.mark.parametrize("section", Config.model_fields)
def test_somebody_decided_of_each_setting_whether_it_is_given_away(section: str) -> None:
    kept, not_kept = KEPT.get(section, frozenset()), NOT_KEPT.get(section, frozenset())
    assert kept | not_kept == set(model_of(Config.model_fields[section].annotation).model_fields)
    assert not kept & not_kept


def test_what_is_marked_as_secret_is_not_given_away() -> None:
    for section, row in Config.model_fields.items():
        for key, one in model_of(row.annotation).model_fields.items():
            assert "secret" not in one.metadata or key not in KEPT[section]


def test_settings_keep_their_lines_and_lose_their_secrets() -> None:
    shown = Mask(["王秀英蔬菜摊"]).settings(SETTINGS).splitlines()
    assert len(shown) == len(SETTINGS.splitlines())
    assert not re.search("hunter2|4711|王|box", "\n".join(shown))
    assert shown[1:5] == ["name = …", 'jobs = ["stall"]', 'data = "data"', "surprise = …"]
    assert shown[6] == 'brokers = ["mqtts://city.example.cn:8883", "mqtts://b.example.cn:8883"]'
    assert shown[10:13] == ["user = …", "password_file = …", "window = 500"]
    assert shown[16:18] == ['options = { "poll" = 0.5, "word" = … }', "verified_until = 2027-06-30"]
    assert shown[18:21] == ["[[scale]", "…", 'max = "30 kg"']


def test_the_template_is_still_a_configuration() -> None:
    text = TEMPLATE.read_text("utf-8").replace("$name", "x").replace("$jobs", '["stall"]')
    shown = tomllib.loads(Mask().settings(text).replace("= …", '= "…"'))
    assert shown["stall"] == tomllib.loads(text)["stall"]


@pytest.mark.parametrize(
    ("said", "given"),
    [
        ("王敏 13800138000 came", "〈name〉 138…00 came"),
        (r'{"name":"\u738b\u654f"}', '{"name":"〈name〉"}'),
        ("the password is in mqtt://u:p@h:1", "the password is in mqtt://h:1"),
        ("password=abc, token: 'x y', pin=4711;", "password=〈secret〉, token: '〈secret〉', pin=〈secret〉;"),
        ('{"token": "", "csrf": "abc", "pin": null}', '{"token": "", "csrf": "〈secret〉", "pin": 〈secret〉}'),
        ("Authorization: Bearer abc.def", "Authorization: 〈secret〉 〈secret〉"),
        ("-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----\nx", "〈PEM〉\nx"),
        ("-----BEGIN PRIVATE KEY-----\nMC4CAQ", "〈PEM〉"),
        ("INFO devices: scale-1: 李四 confirms ttyUSB0", "INFO devices: scale-1: 〈name〉 confirms ttyUSB0"),
        ("li reads listings of Li Wei", "li reads listings of 〈name〉"),
        ("open sesame", "〈secret〉"),
        ("pinned opinion tokenless pin", "pinned opinion tokenless pin"),
    ],
)
def test_texts(said: str, given: str) -> None:
    assert Mask(["王敏", "Li Wei", "li", "", " "], ["open sesame\n", ""]).text(said) == given


def test_bytes_of_a_frame_are_left_out_where_they_spell_a_name() -> None:
    mask = Mask(["王敏"])
    quiet = "frame=1 dir=in age=0.1s bytes=3 hex=414243 text='ABC'"
    assert mask.frame(quiet) == quiet
    for encoding in ("gb18030", "utf-8"):
        raw = "样品 王敏".encode(encoding)
        line = f"frame=2 dir=in age=0.1s bytes={len(raw)} hex={raw.hex()} text='{'.' * len(raw)}'"
        assert mask.frame(line) == f"frame=2 dir=in age=0.1s bytes={len(raw)} hex=…"
    phone = b"13800138000"
    assert mask.frame(f"frame=3 hex={phone.hex()} text='13800138000'") == "frame=3 hex=…"


def test_what_is_withheld_is_looked_for_elsewhere() -> None:
    assert {*withheld(SETTINGS)} == {"王秀英蔬菜摊", "hunter2"}
