"""What should not stay as it is set: said with the next step, to the log, to ``check`` and on the page."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from edge.between.board import Caution
from edge.config import TEMPLATE
from edge.config.cautions import EXAMPLE_HOST, EXAMPLE_NODE, EXAMPLE_OPERATOR, cautions
from edge.config.sections import load

OWN = """
[station]
name = "惠济市场"
jobs = ["gate", "stall"]
node = "410108002"
terminal = "01"
region = "410108"
host = "sy.zz.gov.cn"
[seller]
code = "4101080010123"
name = "李秀兰蔬菜"
[city]
brokers = ["mqtts://sy.zz.gov.cn"]
"""
SCALE = """
[[scale]]
name = "scale-1"
model = "st-gs"
port = "/dev/ttyS1"
max = "30 kg"
min = "100 g"
e = "5 g"
verified_until = 2026-12-20
"""
ANALYZER = '\n[[analyzer]]\nname = "tester-1"\nprotocol = "astm"\nport = "{port}"\n'
Said = Callable[..., list[Caution]]


@pytest.fixture
def said(tmp_path: Path) -> Said:
    def ask(
        old: str = "", new: str = "", *, more: str = "", today: date | None = date(2026, 6, 1), keys: bool = True
    ) -> list[Caution]:
        file = tmp_path / "station.toml"
        assert old in OWN
        file.write_text(OWN.replace(old, new, 1) + more, "utf-8")
        return list(cautions(load(file), today, keys))

    return ask


def test_the_sellers_contact_is_published(said: Said) -> None:
    assert said('name = "李秀兰蔬菜"', 'name = "李秀兰蔬菜"\ncontact = "13812345678"') == []


def test_nothing_is_said_of_a_station_that_is_well_set_up(said: Said) -> None:
    assert said(more=SCALE + ANALYZER.format(port="listen:127.0.0.1:5001") + '[web]\nlisten = "[::1]:8080"\n') == []


@pytest.mark.parametrize(
    ("old", "new", "word", "severity", "about"),
    [
        ('name = "李秀兰蔬菜"', 'name = " "', "seller", "bad", "[seller] name"),
        ('name = "李秀兰蔬菜"', 'name = "请填写经营者名称"', "seller", "bad", "[seller] name"),
        ("410108002", EXAMPLE_NODE, "example", "warn", "[station] node"),
        ("sy.zz.gov.cn", EXAMPLE_HOST, "example", "warn", "[station] host"),
        ("4101080010123", EXAMPLE_OPERATOR, "example", "warn", "[seller] code"),
        ("[city]", '[city]\nconfirm = "broker"', "confirm_broker", "warn", '[city] confirm = "broker"'),
        (
            "[city]",
            '[city]\nconfirm = "city-unsigned"',
            "confirm_city-unsigned",
            "warn",
            '[city] confirm = "city-unsigned"',
        ),
        ('name = "李秀兰蔬菜"', 'name = "李秀兰 138 1234 5678"', "personal_number", "warn", "[seller] name"),
        ('name = "惠济市场"', 'name = "李秀兰 11010519491231002X"', "personal_number", "warn", "[station] name"),
        ("[city]", '[city]\nca_file = "none.pem"', "no_file", "bad", "[city] ca_file"),
        ("[city]", '[city]\npassword_file = "none"', "no_file", "bad", "[city] password_file"),
        ("[city]", '[web]\nlisten = "0.0.0.0:8080"\ninsecure = true\n[city]', "insecure", "warn", "[web] insecure"),
    ],
)
def test_each_is_said_with_its_setting(said: Said, old: str, new: str, word: str, severity: str, about: str) -> None:
    (one,) = said(old, new)
    assert (one.word, one.severity, one.about) == (word, severity, about)
    assert all((one.zh, one.en, one.do_zh, one.do_en))


@pytest.mark.parametrize(
    ("old", "new", "about"),
    [
        ("李秀兰蔬菜", "ChangeMe", "[seller] name"),
        ('name = "李秀兰蔬菜"', 'name = "李秀兰蔬菜"\nstall = "请填写摊位号"', "[seller] stall"),
        ("sy.zz.gov.cn", "trace.example.com", "[station] host"),
        ("mqtts://sy.zz.gov.cn", "mqtts://broker.example", "[city] brokers"),
        ("[city]", '[city]\nuser = "your-user"', "[city] user"),
    ],
)
def test_what_only_holds_a_place_is_said_with_its_setting(said: Said, old: str, new: str, about: str) -> None:
    (one,) = said(old, new)
    assert (one.word, one.about) == ("example", about)


def test_what_only_holds_a_place_at_a_device_is_said_with_its_name(said: Said) -> None:
    (one,) = said(more=f'{SCALE}maker = "change_me"\n')
    assert (one.word, one.about) == ("example", "[[scale]] scale-1 maker")


def test_a_name_that_sounds_like_one_of_those_is_none(said: Said) -> None:
    assert said('name = "李秀兰蔬菜"', 'name = "Exemplary Changement"\nstall = "A-001"') == []


def test_the_examples_are_those_of_the_template() -> None:
    text = TEMPLATE.read_text("utf-8")
    for example in (f'node = "{EXAMPLE_NODE}"', f'host = "{EXAMPLE_HOST}"', f'code = "{EXAMPLE_OPERATOR}"'):
        assert example in text


@pytest.mark.parametrize(
    ("today", "words"),
    [
        (date(2026, 11, 19), []),
        (date(2026, 11, 20), ["expires"]),
        (date(2026, 12, 20), ["expires"]),
        (date(2026, 12, 21), ["expired"]),
        (None, []),
    ],
)
def test_a_verification_is_said_to_end_from_thirty_days_before_and_bad_after(
    said: Said, today: date | None, words: list[str]
) -> None:
    found = said(more=SCALE, today=today)
    assert [one.word for one in found] == words
    assert all((one.severity == "bad") is (one.word == "expired") for one in found)


def test_secrets_that_others_can_read_are_said(said: Said, tmp_path: Path) -> None:
    for name in ("station.key", "city.keys", "secret"):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(0o640)
    (tmp_path / "data").mkdir()
    (tmp_path / "data").chmod(0o755)
    found = said("[city]", '[city]\nuser = "u"\npassword_file = "secret"')
    assert {(one.about, one.severity) for one in found if one.word == "readable"} == {
        ("[station] key", "bad"),
        ("[city] password_file", "bad"),
        ("[city] keys_file", "warn"),
        ("[station] data", "warn"),
    }
    assert f"chmod 700 {tmp_path / 'data'}" in next(one.do_en for one in found if one.about == "[station] data")


def test_a_password_in_the_clear_is_said(said: Said, tmp_path: Path) -> None:
    (tmp_path / "secret").touch(0o600)
    (one,) = said("brokers", 'password_file = "secret"\nbrokers = ["mqtt://h"]\n#')
    assert one.word == "plain_password"


@pytest.mark.parametrize(
    ("port", "words"),
    [
        ("listen:0.0.0.0:5001", ["open_port"]),
        ("listen::5001", ["open_port"]),
        ("listen:[::]:5001", ["open_port"]),
        ("listen:127.0.0.1:5001", []),
        ("listen:[::1]:5001", []),
        ("listen:0.0.0.0:5001?from=192.168.1.20", []),
        ("listen:[::]:5001?from=fe80::/10", []),
        ("listen:0.0.0.0:5001?from=0.0.0.0/0", ["open_port"]),
        ("listen:[::]:5001?from=::1,::/0", ["open_port"]),
        ("listen:127.0.0.1:5001?from=127.0.0.1", []),
        ("http:0.0.0.0:8090", ["open_port"]),
        ("http:127.0.0.1:8090", []),
        ("http:0.0.0.0:8090?from=192.168.1.20", []),
        ("http:0.0.0.0:8090?token_file=/etc/token", []),
        ("/dev/ttyS1", []),
    ],
)
def test_an_instrument_that_anybody_can_pose_as_is_said(said: Said, port: str, words: list[str]) -> None:
    assert [one.word for one in said(more=ANALYZER.format(port=port))] == words


def test_who_may_connect_is_proposed(said: Said) -> None:
    (one,) = said(more=ANALYZER.format(port="listen:0.0.0.0:5001"))
    assert one.do_en.endswith("listen:0.0.0.0:5001?from=192.168.1.20")
    assert one.do_zh.endswith("listen:0.0.0.0:5001?from=192.168.1.20")


def test_a_scale_that_anybody_can_pose_as_is_said(said: Said) -> None:
    (one,) = said(more=SCALE.replace("/dev/ttyS1", "listen:0.0.0.0:5001"))
    assert (one.word, one.about) == ("open_port", "[[scale]] scale-1 port")


def test_two_devices_that_connect_to_one_port_are_said(said: Said) -> None:
    two = ANALYZER.format(port="listen:127.0.0.1:5001?from=127.0.0.1") + ANALYZER.format(
        port="listen:127.0.0.1:5001"
    ).replace("tester-1", "tester-2")
    assert [one.word for one in said(more=two)] == ["same_port"]


def test_no_key_of_the_city_and_two_devices_on_one_port_are_said(said: Said) -> None:
    assert [one.word for one in said(keys=False)] == ["no_city_key"]
    (one,) = said(more=SCALE + ANALYZER.format(port="/dev/ttyS1"))
    assert (one.word, one.severity, one.about) == ("same_port", "bad", "tester-1 port")


def test_the_board_has_them_and_they_follow_the_date(box: Any) -> None:
    station = box()
    assert {"example"} <= {one.word for one in station.board.cautions}
    assert "expires" not in {one.word for one in station.board.cautions}
    station.clock.go(210 * 24 * 3600)
    station.turn()
    assert "expires" in {one.word for one in station.board.cautions}
