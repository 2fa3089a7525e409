"""What station.toml says of the pages: light and dark, and the market's containers."""

from pathlib import Path

import pytest

from edge.config.sections import BadConfig, Config, grams, load

STATION = """
[station]
name = "东区 12 号"
jobs = ["stall"]
node = "410108003"
terminal = "01"
region = "410108"
host = "sy.market.example"
[seller]
code = "4101080010123"
name = "李秀兰蔬菜"
[city]
brokers = ["mqtts://city.example.cn:8883"]
"""


def read(folder: Path, more: str) -> Config:
    path = folder / "station.toml"
    path.write_text(STATION + more, "utf-8")
    return load(path)


def test_they_follow_the_system_and_know_no_container(tmp_path: Path) -> None:
    config = read(tmp_path, "")
    assert (config.web.theme, config.web.day, config.stall.containers) == ("auto", "07:00-18:00", {})


def test_all_of_it_can_be_set(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        '[web]\ntheme = "time"\nday = "05:30-19:00"\n'
        '[stall]\ncontainers = { "KUANG-01" = "850 g", "框2号" = "1.2 kg" }\n',
    )
    assert (config.web.theme, config.web.day) == ("time", "05:30-19:00")
    assert [grams(mass) for mass in config.stall.containers.values()] == [850, 1200]


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ('[web]\ntheme = "blue"\n', '"auto"'),
        ('[web]\nday = "7:00-18:00"\n', "07:00-18:00"),
        ('[web]\nday = "07:00-24:00"\n', "07:00-18:00"),
        ('[stall]\ncontainers = { "KUANG-01" = "850" }\n', "850 g"),
        ('[stall]\ncontainers = { "K" = "850 g" }\n', "850 g"),
        ("[stall]\ncontainers = { KUANG-01 = 850 }\n", "850 g"),
    ],
)
def test_a_mistake_says_what_is_wanted(tmp_path: Path, wrong: str, hint: str) -> None:
    with pytest.raises(BadConfig) as told:
        read(tmp_path, wrong)
    assert hint in str(told.value)
