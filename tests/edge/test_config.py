"""station.toml: the template works, mistakes are named with file, key and what would be right."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.cli import main
from edge.config import BadConfig, fen, grams, load


@pytest.fixture
def written(tmp_path: Path) -> Path:
    done = CliRunner().invoke(main, ["init", str(tmp_path / "stall"), "--job", "stall", "--name", "惠济市场"])
    assert done.exit_code == 0, done.output
    return tmp_path / "stall" / "station.toml"


def uncommented(text: str) -> str:
    """The template with its example devices switched on."""
    lines = []
    for line in text.splitlines():
        bare = line.removeprefix("# ")
        lines.append(bare if line.startswith("# ") and ("=" in bare or bare.startswith("[[")) else line)
    return "\n".join(lines)


def test_the_template_is_a_valid_configuration(written: Path) -> None:
    config = load(written)
    assert config.station.name == "惠济市场"
    assert config.station.jobs == ("stall",)
    assert config.station.data == written.parent.resolve() / "data"


def test_the_templates_examples_are_valid_too(written: Path) -> None:
    written.write_text(uncommented(written.read_text("utf-8")), "utf-8")
    config = load(written)
    assert config.scale[0].settings().baud == 9600
    assert config.analyzer[0].row().id == "dayuan-lz4000t"
    assert config.printer[0].profile == "generic-58"
    assert config.city.user == ""


def test_the_key_is_private_and_never_overwritten(written: Path) -> None:
    key = written.parent / "station.key"
    assert key.stat().st_mode & 0o077 == 0
    before = key.read_bytes()
    again = CliRunner().invoke(main, ["init", str(written.parent), "--job", "gate"])
    assert again.exit_code != 0
    assert "nothing was changed" in again.output
    assert key.read_bytes() == before


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            'automatic = ["slip",',
            'automatic = ["slipp",',
            "[paper] automatic: no paper 'slipp'; there are: slip, ticket",
        ),
        ('papers = ["slip", "report"]', 'papers = ["lable"]', "printer-1: papers: no paper 'lable'"),
        ('max = "30 kg"', 'max = "30 斤"', "write a mass like 30 kg"),
        ('model = "mt-sics"', 'model = "mt-sisc"', "there are: "),
        ('min = "200 g"', 'min = "40 kg"', "0 < e <= min < max"),
        ('link = "9600/8n1"', 'link = "9600,8N1"', "for example 9600/8n1"),
        ('profile = "generic-58"', 'profile = "generic-59"', "generic-58"),
        ('node = "410108001"', 'node = "4101"', "station.node"),
        ('code = "4101080010001"', 'code = "41"', "13 digits"),
        ('price = "3.50"', 'price = "3.505"', "in yuan like 3.50"),
        ('"mqtt://127.0.0.1:1883"', '"127.0.0.1"', "write mqtt://host:1883"),
        ('name = "scale-1"', 'name = "tester-1"', "used twice: tester-1"),
        ("[web]", "[wbe]", "wbe"),
        ('name = "scale-1"', 'name = "scale-1"\ncolour = "red"', "colour"),
        ('unit = "kg"', 'protocol = "mt_sics"', "either a model or a protocol"),
        ("[station]", "[station", "station.toml"),
    ],
)
def test_a_mistake_is_named_with_what_would_be_right(written: Path, old: str, new: str, complaint: str) -> None:
    text = uncommented(written.read_text("utf-8"))
    assert old in text
    written.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(BadConfig) as bad:
        load(written)
    assert complaint in str(bad.value)
    assert "station.toml" in str(bad.value)


def test_a_scale_that_sends_no_unit_needs_one(written: Path) -> None:
    text = uncommented(written.read_text("utf-8")).replace('model = "mt-sics"', 'protocol = "yaohua_tf0"')
    written.write_text(text, "utf-8")
    assert load(written).scale[0].unit == "kg"
    written.write_text(text.replace('unit = "kg"', ""), "utf-8")
    with pytest.raises(BadConfig, match="set `unit`"):
        load(written)


def test_the_environment_wins_over_the_file(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARKETEDGE_WEB__LISTEN", "127.0.0.1:9999")
    assert load(written).web.listen == "127.0.0.1:9999"


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="marketedge init"):
        load(tmp_path / "station.toml")


def test_masses_and_prices_are_exact() -> None:
    assert grams("30 kg") == 30_000
    assert grams("0.5kg") == 500
    assert fen("3.5") == 350
    assert fen("0.07") == 7
    with pytest.raises(ValueError, match="whole number of grams"):
        grams("0.5 g")


def test_an_option_may_name_a_file_beside_the_configuration(written: Path) -> None:
    section = (
        '\n[[analyzer]]\nname = "t"\nprotocol = "ticket"\nport = "/dev/null"\noptions = { layouts_file = "l.toml" }\n'
    )
    written.write_text(written.read_text("utf-8") + section, "utf-8")
    with pytest.raises(BadConfig, match=r"l\.toml"):
        load(written)
    (written.parent / "l.toml").write_text("", "utf-8")
    assert load(written).analyzer[0].name == "t"
