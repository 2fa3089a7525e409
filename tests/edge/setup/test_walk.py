"""The steps without a face: what follows from an answer, and what becomes of it."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from drivers.discover import FoundPort
from drivers.recognise import Match
from edge.between.tongue import speak
from edge.between.words import Bilingual
from edge.config.sections import Config, load
from edge.setup import station
from edge.setup import walk as walking
from edge.setup.found import Found, Skipped, what_of
from edge.setup.steps import Act
from edge.setup.walk import Walk
from protocol.link import Link
from protocol.readings import Weighing

PORT = FoundPort("/dev/serial/by-path/a", "/dev/ttyUSB0", "USB Serial (number A1)")
USB = FoundPort("usb:04b8:0202", "USB bus 1", "EPSON TM-T88V", "printer", "EPSON TM-T88V", 0x04B8)


def match(protocol: str, value: str, unit: str | None, *models: str, link: str = "9600/8n1") -> Match:
    read = Weighing(Decimal(value), unit)  # type: ignore[arg-type]
    return Match(protocol, "scale", Link.parse(link), 0.9, 5, 1.0, read, models, {})


@pytest.fixture(autouse=True)
def chinese() -> None:
    speak("zh")


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The printers that were asked for a test page."""
    parts: list[Any] = []

    def print_test(part: Any, market: str, language: str) -> Bilingual:
        parts.append(part)
        return Bilingual("打印机已应答", "confirmed by the printer")

    monkeypatch.setattr(walking, "print_test", print_test)
    return parts


Through = Callable[..., Config]


@pytest.fixture
def through(tmp_path: Path) -> Through:
    """Walk to the end with these answers, and the usual ones besides; answers the configuration that was written."""

    def go(*found: Found, jobs: str = "stall", **answers: str) -> Config:
        by_port = {one.port.stable: one for one in found}
        walk = Walk(
            tmp_path / "mystall",
            ports=lambda: tuple(one.port for one in found),
            look=lambda port, tell, press=False: by_port[port.stable],
        )
        given = {"jobs": jobs, **answers}
        while (question := walk.question()) is not None:
            act = walk.answer(question, given.get(question.key.replace(" ", "_").partition("_/")[0], ""))
            if act is not None:
                walk.do(act, lambda text: None)
        return load(tmp_path / "mystall" / "station.toml")

    return go


def test_a_scale_is_written_as_it_was_found_and_as_its_plate_says(through: Through) -> None:
    found = Found(PORT, (match("st_gs", "1.110", "kg", "st-gs", "and-stream", link="4800/7e1"),))
    (scale,) = through(found, max="15 kg", e="5 g", verified="2027-06-30").scale
    assert (scale.name, scale.model, scale.port, scale.link) == ("scale-1", "st-gs", PORT.stable, "4800/7e1")
    assert (scale.max, scale.e, scale.min, str(scale.verified_until)) == ("15 kg", "5 g", "100 g", "2027-06-30")


def test_a_scale_that_sends_no_unit_is_asked_for_it(through: Through) -> None:
    (scale,) = through(Found(PORT, (match("yaohua_tf0", "1.110", None, "yaohua-a9"),)), unit="g").scale
    assert (scale.model, scale.unit, scale.link) == ("yaohua-a9", "g", "")


def test_garbled_chinese_is_tried_otherwise_until_it_can_be_read(through: Through, printed: list[Any]) -> None:
    garbled = {f"came_{number}_{USB.stable}": "garbled" for number in (1, 2)}
    (printer,) = through(Found(USB, printer=True), **garbled).printer
    assert [part.change.get("encoding", "gbk") for part in printed] == ["gbk", "utf-8", "raster"]
    assert printer.change == {"dots": 512, "columns": 42, "encoding": "raster"}
    assert (printer.profile, printer.port) == ("generic-80", USB.stable)


def test_what_nobody_wants_is_left_out(through: Through) -> None:
    config = through(Found(PORT, (match("st_gs", "1.110", "kg", "st-gs"),)), look="skip")
    assert config.scale == config.printer == ()


def test_a_printer_on_the_network_needs_its_address_only(through: Through, printed: list[Any]) -> None:
    (printer,) = through(network_printer="192.168.1.50").printer
    assert printer.port == "tcp://192.168.1.50:9100" == printed[0].port


def test_what_the_city_gave_stands_in_its_place(through: Through, tmp_path: Path) -> None:
    answers = {
        "node": "420100002",
        "host": "sy.zz.gov.cn",
        "broker": "mq.zz.gov.cn 10.0.0.5",
        "user": "u",
        "password": "p w",
    }
    config = through(jobs="gate canteen", city_key="ab12" * 15 + "cd34", goods="leaf fruit", **answers)
    assert (config.station.node, config.station.region, config.station.jobs) == (
        "420100002",
        "420100",
        ("gate", "canteen"),
    )
    assert config.city.brokers == ("mqtts://mq.zz.gov.cn", "mqtts://10.0.0.5")
    assert config.city.password_file is not None and config.city.password_file.read_bytes() == b"p w"
    assert config.gate.control == "required" and config.goods.groups == ("leaf", "fruit")
    assert (tmp_path / "mystall" / "city.keys").read_text().startswith("ab12")
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "mystall").iterdir())


def test_a_wrong_answer_is_told_and_asked_again(tmp_path: Path) -> None:
    walk = Walk(tmp_path / "a", ports=lambda: ())
    wrong = {
        "node": "12",
        "seller.code": "9",
        "broker": "ftp://x",
        "city_key": "zz",
        "network_printer": "a b:c",
        "jobs": "9",
    }
    told = {}
    while (question := walk.question()) is not None and question.key != "write":
        if question.key in wrong:
            with pytest.raises(ValueError) as error:
                walk.answer(question, wrong[question.key])
            told[question.key] = str(error.value)
            assert walk.question().key == question.key  # type: ignore[union-attr]
        walk.answer(question, "")
    assert set(told) == set(wrong)
    assert told["node"].startswith("9 位数字") and "13 位数字" in told["seller.code"]


def test_a_plate_whose_numbers_do_not_fit_each_other_is_told(tmp_path: Path) -> None:
    found = Found(PORT, (match("st_gs", "1.110", "kg", "st-gs"),))
    walk = Walk(tmp_path / "a", ports=lambda: (PORT,), look=lambda *_, **__: found)
    while (question := walk.question()) is not None and not question.key.startswith("min "):
        if act := walk.answer(question, "1 kg" if question.key.startswith("max ") else ""):
            walk.do(act, lambda text: None)
    assert question is not None and walk.default(question) == "200 g"
    with pytest.raises(ValueError, match="e ≤ min < max"):
        walk.answer(question, "2 kg")


def test_what_is_plugged_in_when_somebody_goes_on_is_found(tmp_path: Path) -> None:
    """The first start's page is there since the box was switched on."""
    plugged: list[FoundPort] = []
    walk = Walk(tmp_path / "a", ports=lambda: tuple(plugged))
    while (step := walk.step()) is not None and step.name != "plugged":
        walk.answer(walk.open(step)[0], "")
    plugged.append(PORT)
    while (step := walk.step()) is not None and step.name == "plugged":
        if act := walk.answer(walk.open(step)[0], ""):
            walk.do(act, lambda text: None)
    assert step is not None and step.name == f"port {PORT.stable}"


def test_an_answer_can_be_taken_back_and_changes_what_follows(tmp_path: Path) -> None:
    walk = Walk(tmp_path / "a", ports=lambda: ())

    def on(key: str, **answers: str) -> None:
        while (question := walk.question()) is not None and question.key != key:
            walk.answer(question, answers.get(question.key, ""))

    on("seller.contact")
    assert "seller.stall" in [one.key for step in walk.steps() for one in step.questions]
    while walk.question() and walk.question().key != "jobs":  # type: ignore[union-attr]
        assert walk.back()
    question = walk.question()
    assert question is not None and walk.default(question) == "stall"
    on("seller.contact", jobs="canteen")
    assert "seller.stall" not in [one.key for step in walk.steps() for one in step.questions]
    while walk.back():
        pass
    assert walk.question().key == "language"  # type: ignore[union-attr]


def test_a_scale_that_is_silent_is_looked_at_again_with_something_on_it(tmp_path: Path) -> None:
    looks = []

    def look(port: FoundPort, tell: Any, press: bool = False) -> Found:
        looks.append(press)
        return Found(port, (match("st_gs", "2.350", "kg", "st-gs"),)) if press else Found(port)

    walk = Walk(tmp_path / "a", ports=lambda: (PORT,), look=look)
    while (question := walk.question()) is not None and question.key != f"is {PORT.stable}":
        if act := walk.answer(question, ""):
            walk.do(act, lambda text: None)
    assert question is not None and walk.default(question) == "none"
    act = walk.answer(question, "press")
    assert act == Act("press", PORT.stable, again=True)
    walk.do(act, lambda text: None)
    again = walk.question()
    assert again is not None and again.key == question.key and walk.default(again) == "m0"
    assert looks == [False, True]


def test_who_does_not_want_to_wait_goes_on(tmp_path: Path) -> None:
    def look(port: FoundPort, tell: Any, press: bool = False) -> Found:
        tell("asking")
        raise AssertionError("it was not skipped")

    def tell(text: str) -> None:
        raise Skipped

    walk = Walk(tmp_path / "a", ports=lambda: (PORT,), look=look)
    while (question := walk.question()) is not None and question.key != f"look {PORT.stable}":
        walk.answer(question, "")
    assert question is not None
    act = walk.answer(question, "look")
    assert act is not None
    with pytest.raises(Skipped):
        walk.do(act, tell)
    walk.skipped(act)
    after = walk.question()
    assert after is not None and after.key == f"is {PORT.stable}" and walk.default(after) == "none"


@pytest.mark.parametrize("failing", ["station.toml", "station.key"])
def test_a_station_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    folder, rename = tmp_path / "mystall", Path.rename

    def stopped(self: Path, target: Path) -> Path:
        if self.name == failing and self.parent != folder:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", stopped)
    with pytest.raises(KeyboardInterrupt):
        station.write(folder, station.text_of({}), {"city.keys": b"# none\n"})
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    station.write(folder, station.text_of({}), {"city.keys": b"# none\n"})
    assert {path.name for path in folder.iterdir()} == {"city.keys", "station.key", "station.pub", "station.toml"}
    with pytest.raises(station.StationThere):
        station.write(folder, station.text_of({}), {})


def test_what_an_adapter_is_is_said_in_both_languages() -> None:
    port = FoundPort("a", "b", "USB Serial (no number of its own: this name is the socket, keep the plug in it)")
    assert what_of(port) == Bilingual("USB Serial (没有自己的序列号：名称是插口，请勿换插口)", port.what)
    assert what_of(PORT).zh == "USB Serial (序列号 A1)"
