"""What station.toml says of the test room."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.cli.main import main
from edge.config.bench import BenchRules, PlanSection, natural, row_of
from edge.config.sections import AnalyzerSection, BadConfig, load


def written(folder: Path, job: str, *more: tuple[str, str]) -> Path:
    assert CliRunner().invoke(main, ["init", str(folder / job), "--job", job]).exit_code == 0
    path = folder / job / "station.toml"
    text = path.read_text("utf-8")
    for before, now in more:
        assert before in text
        text = text.replace(before, now)
    path.write_text(text, "utf-8")
    return path


def test_a_market_asks_for_the_control_and_a_stall_does_not(tmp_path: Path) -> None:
    assert load(written(tmp_path, "gate")).gate.control == "required"
    assert load(written(tmp_path, "stall")).gate.control == "warn"


@pytest.mark.parametrize(
    ("sample", "kind"),
    [("CK", "blank"), ("ck1", "blank"), (" QC-2 ", "spiked"), ("12", None), ("", None), (None, None)],
)
def test_which_samples_are_controls(sample: str | None, kind: str | None) -> None:
    assert BenchRules().control_kind(sample) == kind


def test_a_market_names_its_own_controls() -> None:
    rules = BenchRules.model_validate({"control_samples": {"9000": "negative"}})
    assert (rules.control_kind("9000"), rules.control_kind("CK1")) == ("negative", None)


def test_the_row_that_fits_best_counts() -> None:
    rows = (PlanSection(product="01"), PlanSection(product="0104"), PlanSection(product="02"))
    assert row_of(rows, "01040201") is rows[1]
    assert row_of(rows, "01050201") is rows[0]
    assert row_of(rows, "03050201") is None


def test_channels_in_the_order_of_the_instrument() -> None:
    assert sorted(["10", "2", "B1", "A8", "A10", "1"], key=natural) == ["1", "2", "10", "A8", "A10", "B1"]


@pytest.mark.parametrize(
    ("given", "known", "places"),
    [
        ({"model": "dayuan-tl310", "match": "channel"}, 0, 0),
        ({"model": "dayuan-tl310", "match": "channel", "channels": 12}, 12, 12),
        ({"model": "taiyang-ttnjz24", "match": "channel"}, 24, 24),
        ({"model": "taiyang-ttnj16", "match": "channel"}, 8, 8),
        ({"model": "dayuan-lz4000t"}, 0, 24),
        ({"model": "dayuan-lz4000t", "channels": ("A1", "A2")}, 2, 2),
    ],
)
def test_how_many_places_a_rack_has(given: dict[str, object], known: int, places: int) -> None:
    part = AnalyzerSection.model_validate({"name": "a", "port": "/dev/null", **given})
    assert (len(part.known_channels), len(part.places)) == (known, places)


def test_a_control_in_a_channel_that_is_not_there_is_a_mistake(tmp_path: Path, reader: Callable[[str], str]) -> None:
    path = written(tmp_path, "gate", ("# [[analyzer]]", reader('channels = 8\ncontrols = { "9" = "blank" }')))
    with pytest.raises(BadConfig, match="controls"):
        load(path)


@pytest.fixture
def reader() -> Callable[[str], str]:
    return lambda more: f'[[analyzer]]\nname = "r"\nmodel = "dayuan-tl310"\nport = "/dev/null"\n{more}\n# [[analyzer]]'
