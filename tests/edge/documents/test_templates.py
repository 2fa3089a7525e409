"""A market's own templates: what they can change, how mistakes are told, and that data stays data."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.cli import main
from edge.documents import PAPERS, BadTemplate, Papers, Place, examples
from protocol.printers.layout import layout
from protocol.printers.plain import plain

PLACE = Place("市场", "sy.example.cn")


def slip(folder: Path | None, buyer: str = "李四", copy: int = 0) -> str:
    content = examples("slip")[0]
    content["data"]["buyer"]["name"] = buyer
    return plain(layout(Papers(folder).document("slip", content, PLACE, copy=copy)))


def own(folder: Path, text: str, name: str = "slip.paper") -> Path:
    (folder / name).write_text(text, "utf-8")
    return folder


def test_a_market_changes_a_paper_without_touching_a_program(tmp_path: Path) -> None:
    own(tmp_path, "text center | {{ place.name }}\n% if copy\ntext | COPY {{ copy }}\n% endif\ntext | 欢迎再来\ncut\n")
    assert slip(tmp_path) == "              市场\n欢迎再来\n"
    assert "COPY 2" in slip(tmp_path, copy=2)


def test_a_market_changes_a_word(tmp_path: Path) -> None:
    own(tmp_path, 'seller = ["摊主", "Stall holder"]\n', "words.toml")
    assert "摊主 刘记蔬菜" in slip(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("slip.paper", "text | a\nsay | b\n", r"slip\.paper:2: 'say' is no part; a line begins with one of: text"),
        ("slip.paper", "text blod | a\n", r"slip\.paper:1: text does not know 'blod'"),
        ("slip.paper", "text | a | b\n", r"slip\.paper:1: text: 2 fields after `\|`, where 1 are due"),
        ("slip.paper", "text | a\n\ntext | {{ data.slip.total }}\n", r"slip\.paper:3: .*no attribute 'total'"),
        ("slip.paper", "% if copy\ntext | a\n", r"slip\.paper:2: .*"),
        ("slip.paper", "text | {{ word.sellr }}\n", r"slip\.paper:1: .*'sellr'"),
        ("slip.paper", "qr | {{ '9' * 300 }}\n", r"slip\.paper:1: payload: 300 bytes, where 287 fit"),
        ("slip.paper", "columns widths=x | a\n", r"slip\.paper:1: widths: 'x' is no number"),
        ("slip.paper", "feed 99\n", r"slip\.paper:1: feed: write how many lines"),
        ("slip.paper", "text | {{ data.__class__ }}\n", r"slip\.paper:1: .*"),
        ("slip.paper", "% for a in range(10 ** 9)\nfeed\n% endfor\n", r"slip\.paper:1: .*[Rr]ange"),
        ("slip.paper", "text | \ue000\n", r"slip\.paper:1: characters of private use"),
        ("slpi.paper", "text | a\n", r"slpi\.paper:1: there is no paper of this name"),
        ("words.toml", 'selle = ["a", "b"]\n', r"words\.toml:1: there is no word 'selle'"),
        ("words.toml", '\nseller = "a"\n', r"words\.toml:2: write seller = "),
    ],
)
def test_a_bad_template_is_refused_at_start_with_line_and_reason(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    with pytest.raises(BadTemplate, match=message):
        Papers(own(tmp_path, text, name))


def test_the_folder_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(BadTemplate, match="no such folder; `marketedge papers copy"):
        Papers(tmp_path / "papers")


def test_a_template_that_fails_on_a_real_record_gives_way_to_the_shipped_one(tmp_path: Path) -> None:
    """No example has a seller of this name, so the start cannot see the mistake."""
    text = "% if data.buyer.name == '特殊'\ntext | {{ 1 // 0 }}\n% endif\ntext | 自己的\ncut\n"
    assert slip(own(tmp_path, text)) == "自己的\n"
    assert "卖方 刘记蔬菜" in slip(tmp_path, buyer="特殊")


HOSTILE = ("X|cut", "X\ncut\ntext | 0.00", "{{ 7*7 }}", "% if x", "\ue0000\ue001", "X\ue002slip:1\ue003rule", "#", "")


@given(name=st.text(max_size=60) | st.sampled_from(HOSTILE))
@settings(deadline=None)  # the first paper compiles its template
def test_no_name_makes_lines_of_its_own(name: str) -> None:
    content = examples("slip")[0]
    content["data"]["sold"][0]["goods"]["name"] = name
    usual = Papers().document("slip", examples("slip")[0], PLACE)
    made = Papers().document("slip", content, PLACE)
    assert [type(part) for part in made.parts] == [type(part) for part in usual.parts]


def test_the_shipped_templates_can_be_copied_changed_and_checked(tmp_path: Path) -> None:
    run = CliRunner().invoke
    assert run(main, ["papers", "copy", str(tmp_path)]).exit_code == 0
    assert {f"{name}.paper" for name in PAPERS} <= {path.name for path in tmp_path.iterdir()}
    assert run(main, ["papers", "check", str(tmp_path)]).output.startswith("ok ")
    (tmp_path / "day.paper").write_text("text |\nsum\n", "utf-8")
    checked = run(main, ["papers", "check", str(tmp_path)])
    assert checked.exit_code == 1
    assert "day.paper:2: 'sum' is no part" in checked.output
    assert "word.seller" in run(main, ["papers", "list", "--fields"]).output
