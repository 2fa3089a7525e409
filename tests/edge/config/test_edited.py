"""station.toml with other values: nothing else of it changes, and what is written is what is read."""

import tomllib

import pytest

from edge.config import TEMPLATE
from edge.config.edited import NotEdited, with_values

TEXT = TEMPLATE.read_text("utf-8").replace("$name", "x").replace("$jobs", '["stall"]')
VALUES: dict[tuple[str, str], str | list[str]] = {
    ("station", "node"): "321300007",
    ("city", "brokers"): ["mqtts://a", "mqtts://b # no comment"],
    ("city", "ca_file"): "city-ca.pem",
    ("market", "address"): '东门 "1" 号',
}


def test_only_these_lines_change() -> None:
    edited = with_values(TEXT, VALUES)
    read, before = tomllib.loads(edited), tomllib.loads(TEXT)
    for (section, key), value in VALUES.items():
        assert read[section].pop(key) == value
        before[section].pop(key, None)
    assert read == before
    new = [line for line in edited.splitlines() if line not in TEXT.splitlines()]
    assert len(new) == len(VALUES)
    assert 'node = "321300007"              # 9 digits, given by the city: the market' in new
    assert with_values(edited, VALUES) == edited


def test_a_value_of_several_lines_is_replaced_whole() -> None:
    text = '[city]\nbrokers = [\n  "mqtt://a",  # the old one\n  "mqtt://b",\n]\nmqtt = "5"\n'
    assert with_values(text, {("city", "brokers"): ["mqtts://c"]}) == '[city]\nbrokers = ["mqtts://c"]\nmqtt = "5"\n'


def test_a_section_that_is_missing_is_made() -> None:
    assert with_values("x = 1\n", {("city", "mqtt"): "5"}) == 'x = 1\n\n[city]\nmqtt = "5"\n'


def test_the_same_key_of_another_section_stays() -> None:
    text = '[web]\nkey_file = "a"\n[city] # here\n[[scale]]\nkey_file = "b"\n'
    edited = with_values(text, {("city", "key_file"): "c"})
    assert edited == '[web]\nkey_file = "a"\n[city] # here\nkey_file = "c"\n[[scale]]\nkey_file = "b"\n'


@pytest.mark.parametrize("text", ["[city", "city = 1\n", "city.mqtt = '4'\n[station]\n"])
def test_what_cannot_be_edited_is_refused(text: str) -> None:
    with pytest.raises(NotEdited):
        with_values(text, {("city", "mqtt"): "5"})
