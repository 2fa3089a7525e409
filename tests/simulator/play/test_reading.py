"""A scenario file with mistakes is told line by line; what comes along has none."""

from pathlib import Path

import pytest

from simulator.play.reading import LIBRARY, Mistakes, find, library, line_of, read
from simulator.play.scenario import STEPS, word_of

HEAD = 'name = "x"\n\n[[step]]\ndo = "entry"\nlot = "cabbage"\nproduct = "大白菜"\nkg = 320\n'


def told(tmp_path: Path, text: str) -> list[str]:
    """What is said of this file, without its name."""
    path = tmp_path / "day.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(Mistakes) as mistakes:
        read(path)
    return [line.removeprefix(f"{path} ").removeprefix(f"{path}: ") for line in str(mistakes.value).split("\n")]


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ('[[step]]\ndo = "sel"\n', "line 9: there is no step 'sel'; there are: entry, test, weigh, sale, void,"),
        ('[[step]]\ndo = "sail"\n', "line 9: there is no step 'sail'; did you mean sale?"),
        ('[[step]]\nlot = "q"\n', "line 8: the step does not say what it does: write do = one of entry,"),
        ('[[step]]\ndo = "sale"\nlot = "cabbage"\nkgs = 2\n', "line 11: there is no key `kgs` here; did you mean kg?"),
        ('[[step]]\ndo = "sale"\nlot = "cabage"\n', "line 10: no earlier step made 'cabage'"),
        ('[[step]]\ndo = "void"\nsale = "first"\nreason = "x"\n', "line 10: no earlier step made 'first'"),
        (
            '[[step]]\ndo = "order"\nname = "stop_lot"\n[step.with]\nlot = "{spinach.source}"\n',
            "line 11: no earlier step made 'spinach'",
        ),
        ('[[step]]\ndo = "sign in"\ncode = "7"\n', "line 10: no earlier step made '7', and nobody has this code"),
        ('[[step]]\ndo = "weigh"\nkg = "much"\n', "line 10: input should be a valid decimal, not 'much'"),
        ('[[step]]\ndo = "weigh"\nkg = 40\n', "line 10: input should be less than or equal to 35, not 40"),
        ('[[step]]\ndo = "test"\nvalue = 1\n', "line 8: a test has either `lot` or `sample`"),
        ('[[step]]\ndo = "expect"\nlot = "cabbage"\n', "line 8: `lot` and `shows` go together"),
        ('[[step]]\ndo = "expect"\n', "line 8: nothing is expected: write `lot` and `shows`,"),
        ('[[step]]\ndo = "back"\nwho = "bank"\n', "line 10: 'bank' is none of 'broker' or 'city'"),
        ('[station]\njobs = ["stal"]\n', "line 9: 'stal' is none of 'gate', 'stall' or 'canteen'"),
        ('[devices]\nrecording = "gone.log"\n', "line 9: there is no file"),
        ("[divices]\n", "line 8: there is no key `divices` here; did you mean devices?"),
        ('[[step]]\ndo = "away"\n', "line 8: `who` is missing"),
        ("[[step]]\ndo = \n", "Invalid value (at line 9, column 6)"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_may_stand_there(tmp_path: Path, more: str, line: str) -> None:
    (said,) = told(tmp_path, HEAD + more)
    assert said.startswith(line)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    said = told(tmp_path, HEAD + '[[step]]\ndo = "sel"\n[[step]]\ndo = "sale"\nlot = "a b"\nkgs = 1\n')
    assert [line.partition(":")[0] for line in said] == ["line 9", "line 12", "line 13"]
    assert told(tmp_path, 'name = "x"\n') == ["line 1: nothing happens: write steps, each below [[step]]"]


def test_a_name_of_the_library_is_found_and_a_near_one_is_told() -> None:
    assert find("morning") == LIBRARY / "morning.toml"
    with pytest.raises(Mistakes, match="did you mean morning"):
        find("mornin")
    with pytest.raises(Mistakes, match=r"no such file|cannot be read"):
        read(find("nowhere.toml"))


@pytest.mark.parametrize("name", library())
def test_a_scenario_of_the_library_is_read_and_says_in_two_languages_what_it_is(name: str) -> None:
    scenario = read(find(name))
    chinese, _, english = scenario.name.partition(" · ")
    assert not chinese.isascii() and english.isascii()
    assert scenario.about


def test_every_step_is_in_the_library_or_in_its_page() -> None:
    page = (LIBRARY / "README.md").read_text("utf-8")
    assert [word for word in map(word_of, STEPS) if f"`{word}`" not in page] == []
    assert [name for name in library() if f"`{name}`" not in page] == []


def test_the_line_of_a_key_is_found_in_its_own_table() -> None:
    text = 'kg = 1\n[[step]]\ndo = "a"\n[[step]]\n  kg = 2 # kg\n"with" = {}\n[other]\nkg = 3\n'
    assert line_of(text, ("step", 1, "kg")) == 5
    assert line_of(text, ("step", 1, "with")) == 6
    assert line_of(text, ("step", 0, "kg")) == 2
    assert line_of(text, ("other", "kg")) == 8
    assert line_of(text, ("kg",)) == 1
