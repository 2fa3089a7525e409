"""What the environment says goes before station.toml, and nothing else of it does."""

import pytest

from edge.config.environment import overridden

SECTIONS = ("web", "station")


def test_one_key_of_a_section_is_replaced_and_its_others_stay() -> None:
    said = {"MARKETEDGE_WEB__LISTEN": "127.0.0.1:1", "MARKETEDGE_STATION__LANGUAGE": "en"}
    before = {"web": {"listen": "127.0.0.1:8080", "allow": ["box"]}, "product": [{"code": "1"}]}
    assert overridden(before, said, SECTIONS) == {
        "web": {"listen": "127.0.0.1:1", "allow": ["box"]},
        "station": {"language": "en"},
        "product": [{"code": "1"}],
    }
    assert before["web"] == {"listen": "127.0.0.1:8080", "allow": ["box"]}


def test_a_list_is_written_as_json() -> None:
    assert overridden({}, {"MARKETEDGE_WEB__ALLOW": '["box.local"]'}, SECTIONS) == {"web": {"allow": ["box.local"]}}


def test_other_variables_are_left_alone() -> None:
    others = {
        "MARKETEDGE_TOKEN": "x",
        "MARKETEDGE_USB_BACKEND": "a:b",
        "WEB__LISTEN": "x",
        "MARKETEDGE_SCALE__NAME": "s",
    }
    assert overridden({}, others, SECTIONS) == {}


def test_a_mistake_of_the_file_stays_one() -> None:
    assert overridden({"web": 3}, {"MARKETEDGE_WEB__LISTEN": "x"}, SECTIONS) == {"web": 3}


@pytest.mark.parametrize("said", [{"MARKETEDGE_WEB": "nowhere"}, {"MARKETEDGE_WEB__ALLOW": "[box"}])
def test_what_names_no_key_or_is_no_list_is_refused(said: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"MARKETEDGE_WEB|Expecting"):
        overridden({}, said, SECTIONS)
