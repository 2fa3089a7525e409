"""A market's own templates: what they can change, how mistakes are told, and that data stays data."""

import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.cli.main import main
from edge.documents import DOCUMENTS, SHIPPED, BadTemplate, Documents, Place, checked, examples, fields
from edge.documents.templates import Templates
from edge.documents.words import Language, PaperWords
from protocol.printers.document import Cut, Document, Pair
from protocol.printers.layout import layout
from protocol.printers.plain import plain

PLACE = Place("市场", "sy.example.cn")
CHECKED = checked("slip", examples("slip")[0])


def slip(folder: Path | None, buyer: str = "李四", copy: int = 0) -> str:
    content = examples("slip")[0]
    content["data"]["buyer"]["name"] = buyer
    return plain(layout(Documents(folder).document("slip", content, PLACE, copy=copy)))


def own(folder: Path, text: str, name: str = "slip.paper") -> Path:
    (folder / name).write_text(text, "utf-8")
    return folder


def test_a_market_changes_a_paper_without_touching_a_program(tmp_path: Path) -> None:
    own(tmp_path, "text center | {{ place.name }}\ntext | 欢迎再来\ncut\n")
    assert slip(tmp_path) == "              市场\n欢迎再来\n"


@pytest.mark.parametrize(
    "text",
    [
        "pair bold | {{ data.buyer.name }} | a{{ 1.50 }}-{{ true }}b\ncut",
        "pair{% if true %} bold{% endif %} | {{ data.buyer.name }} | a{{ 1.50 }}-{{ true }}b\ncut\n",
        "pair bold | {{ data.buyer.name }} | a{% if true %}{{ 1.50 }}-{% endif %}{{ true }}b\ncut",
        "% set x\nkept\n% endset\n% if x\npair bold | {{ data.buyer.name }} | a{{ 1.50 }}-{{ true }}b\n% endif\ncut",
        "% for one in [1.50]\npair bold | {{ data.buyer.name }} | a{{ one }}-{{ true }}b\n% endfor\ncut\n",
        "% filter string\npair bold | {{ data.buyer.name }} | a{{ 1.50 }}-{{ true }}b\n% endfilter\ncut\n",
    ],
)
@pytest.mark.parametrize("buyer", ["李四", "a | b", "\ue0020", "\ue0000\ue001", "x\ncut\n\ue002slip:1\ue003cut"])
def test_a_line_is_the_same_in_one_piece_and_in_several(tmp_path: Path, text: str, buyer: str) -> None:
    """And whatever a value holds, it is a value."""
    values = fields.values(PaperWords("zh"), PLACE, {"data": {"buyer": {"name": buyer}}})
    path = own(tmp_path, text) / "slip.paper"
    templates = Templates({"slip": path}.get, fields.functions(), fields.filters())
    same = [Pair(buyer.strip(), "a1.5-Trueb", bold=True), Cut()]
    assert templates.parts("slip", values) == templates.parts("slip", values) == same


def test_a_market_changes_a_word(tmp_path: Path) -> None:
    own(tmp_path, 'seller = ["摊主", "Stall holder"]\n', "words.toml")
    assert "摊主   刘记蔬菜" in slip(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("slip.paper", "text | a\nsay | b\n", r"slip\.paper:2: 'say' is no part; a line begins with one of: text"),
        ("slip.paper", "text blod | a\n", r"slip\.paper:1: text does not know 'blod'"),
        ("slip.paper", "text | a | b\n", r"slip\.paper:1: text: expects 1 field\(s\) after `\|`, got 2"),
        ("slip.paper", "text | a\n\ntext | {{ data.slip.total }}\n", r"slip\.paper:3: .*no attribute 'total'"),
        (
            "slip.paper",
            "text | {{ code }}\npair | {{ code }}|{{ a }}\ntext | {{ code }}\n",
            r"slip\.paper:2: 'a' is undef",
        ),
        ("slip.paper", "text | {{ code }}\ntext | {{ time }}{{ word.x }}\n", r"slip\.paper:2: .*no attribute 'x'"),
        ("slip.paper", "text | {{ code }}\nqr | {{ word.seller }}\n", r"slip\.paper:2: payload: a QR code here holds"),
        ("slip.paper", "% if code\ntext | a\n", r"slip\.paper:2: .*"),
        ("slip.paper", "text | {{ word.sellr }}\n", r"slip\.paper:1: .*'sellr'"),
        ("slip.paper", "qr | {{ '9' * 300 }}\n", r"slip\.paper:1: payload: 300 bytes, where 287 fit"),
        ("slip.paper", "columns widths=x | a\n", r"slip\.paper:1: widths: 'x' is no number"),
        ("slip.paper", "feed 99\n", r"slip\.paper:1: feed: write how many lines"),
        ("slip.paper", "text | {{ data.__class__ }}\n", r"slip\.paper:1: .*"),
        ("slip.paper", "% for a in range(10 ** 9)\nfeed\n% endfor\n", r"slip\.paper:1: 1000000000 is more than 20000"),
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
        Documents(own(tmp_path, text, name))


def test_the_folder_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(BadTemplate, match="no such folder; `marketedge papers copy"):
        Documents(tmp_path / "papers")


def test_a_template_that_fails_on_a_real_record_gives_way_to_the_shipped_one(tmp_path: Path) -> None:
    """No example has a seller of this name, so the start cannot see the mistake."""
    text = "% if data.buyer.name == '特殊'\ntext | {{ 1 // 0 }}\n% endif\ntext | 自己的\ncut\n"
    assert slip(own(tmp_path, text)) == "自己的\n"
    assert "卖方   刘记蔬菜" in slip(tmp_path, buyer="特殊")


def test_a_paper_made_with_the_shipped_template_says_so_and_why_is_kept(tmp_path: Path) -> None:
    text = "% if data.buyer.name == '特殊'\ntext | {{ 1 // 0 }}\n% endif\ntext | 自己的\ncut\n"
    papers = Documents(own(tmp_path, text))
    content = examples("slip")[0]
    content["data"]["buyer"]["name"] = "特殊"
    assert "本站模板有误，按标准版式打印" in plain(layout(papers.document("slip", content, PLACE)))
    assert "slip.paper:2:" in papers.failed["slip"]
    assert plain(layout(papers.document("slip", examples("slip")[0], PLACE))) == "自己的\n"
    assert papers.failed == {}


def test_a_scale_without_a_date_does_not_end_the_station(tmp_path: Path) -> None:
    """Every example has one, so the start cannot see it."""
    papers = Documents(own(tmp_path, "text | {{ data.sold[0].weighed.verified_until|cut(10) }}\ncut\n"))
    content = examples("slip")[0]
    content["data"]["sold"][0]["weighed"]["verified_until"] = None
    assert "None" in plain(layout(papers.document("slip", content, PLACE)))
    own(tmp_path, "% if data.buyer.name == '特殊'\ntext | {{ data.slip.lines|moment }}\n% endif\ntext | 好\ncut\n")
    assert "卖方   刘记蔬菜" in slip(tmp_path, buyer="特殊")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('% include "slip"\n', r"slip\.paper:1: it includes or calls itself without an end"),
        ("% macro a()\ntext | {{ a() }}\n% endmacro\n{{ a() }}\n", r"slip\.paper:\d: (it includes|more than)"),
        ("columns widths=99999999999 | a\n", r"slip\.paper:1: widths: '99999999999' is no number from 1 to 64"),
        ("columns widths=0,0,0 | a | b | c\n", r"slip\.paper:1: widths: '0' is no number from 1"),
        ('text | {{ "A" * 300000000 }}\n', r"slip\.paper:1: 300000000 times 1, where"),
        ("text | {{ 300000000 * 'A' }}\n", r"slip\.paper:1: 300000000 times 1, where"),
        ("text | {{ [1] * 300000000 }}\n", r"slip\.paper:1: 300000000 times 1, where"),
        ('text | {{ "%300000000d"|format(1) }}\n', r"slip\.paper:1: .*format"),
        ('text | {{ "%300000000d" % 1 }}\n', r"slip\.paper:1: texts are put together with ~"),
        ('text | {{ "{:300000000}".format(1) }}\n', r"slip\.paper:1: "),
        ("text | {{ 'a'.center(300000000) }}\n", r"slip\.paper:1: "),
        ("text | {{ 'a'|center(300000000) }}\n", r"slip\.paper:1: .*center"),
        ("text | {{ 'a'.replace('a', 'b' * 9999) }}\n", r"slip\.paper:1: "),
        ("text | {{ 9 ** 9 ** 9 }}\n", r"slip\.paper:1: .*too large"),
        ("text | {{ lipsum() }}\n", r"slip\.paper:1: .*lipsum"),
        ("% set a = 'ab'\n" + "% set a = a ~ a\n" * 40 + "text | {{ a }}\n", r"slip\.paper:\d+: a text of \d+ letters"),
        ("% set a = 'ab'\n" + "% set a = a + a\n" * 40 + "text | {{ a }}\n", r"slip\.paper:\d+: a text of \d+ letters"),
        (
            "% for a in range(9999)\n" * 3 + "% set d = a\n" + "% endfor\n" * 3,
            r"slip\.paper:\d: (more than 20000 rounds|not done after)",
        ),
        (
            "% macro a(n)\n% if n\n% set x = a(n - 1)\n% set y = a(n - 1)\n% endif\n% endmacro\n% set z = a(60)\n",
            r"slip\.paper:\d: more than 20000 rounds",
        ),
        ("% set a = namespace(b=[])\n% set a.b = a\ntext | {{ a.b.b.b }}\n{{ a }}\n", r"slip\.paper"),
        ("text | {{ 5|cut('x') }}\n", r"slip\.paper:1: "),
        ("text | {{ data.slip.lines|moment }}\n", r"slip\.paper:1: "),
        ("text | {{ data|kg }}\n", r"slip\.paper:1: "),
        ("text | {{ none|party }}\n", r"slip\.paper:1: "),
        ("text center left | a\n", r"slip\.paper:1: text: center and left cannot both be"),
        ("text large tall | a\n", r"slip\.paper:1: text: large and tall cannot both be"),
        ("pair key=99999999999999999999 | a | b\n", r"slip\.paper:1: key=9+: must be an integer from 0 to 64"),
        ("feed 99999999999999999999\n", r"slip\.paper:1: feed: write how many"),
        ("text | {{ [1, 2]|sum(start=data) }}\n", r"slip\.paper:1: "),
        ("text | {{ cycler.__init__.__globals__ }}\n", r"slip\.paper:1: "),
        ("text | {{ self._TemplateReference__context }}\n", r"slip\.paper:1: "),
        ("% import 'words' as w\ntext | {{ w }}\n", r"words"),
        ("% extends data\n", r"slip\.paper"),
    ],
)
def test_whatever_people_write_ends_with_a_line_and_a_reason(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadTemplate, match=message) as bad:
        Documents(own(tmp_path, text))
    assert "Traceback" not in str(bad.value)


WRITTEN = st.lists(
    st.sampled_from(
        [
            "text | {{ X }}", "pair | {{ X }} | {{ X }}", "columns widths=9,* | {{ X }} | b", "% for a in X",
            "% endfor", "% if X", "% endif", "% set a = X", "qr | {{ X }}", "barcode | {{ X }}", "cut", "feed {{ X }}",
            "rule", "{{ X }}", "text {{ X }} | a", "% include X", "% include 'trade'", "\x1d", "\x85text | a", "#",
            "|", "{{", "%",
        ]
    ),
    max_size=8,
)  # fmt: skip
VALUES = st.sampled_from(
    [
        "data", "data.slip", "data.slip.lines", "word", "word.seller", "a", "loop.index", "range(300)", "range",
        "1", "-1", "1.5", "'A' * 999", "'x'|yuan", "5|kg", "data|party", "data.slip.lines|moment", "1 // 0", "a ~ a",
        "none", "a + a", "[[]] * 99", "dict(a=1)", "namespace()", "words", "place", "each", "each('title')",
        "data.sold|scales", "2 ** 12", "data.url", "data.slip.tx|code", "width('a')", "width()", "'\ue000'",
        "data.slip.lines|map('yuan')|list", "joiner",
    ]
)  # fmt: skip


@given(lines=WRITTEN, value=VALUES, other=VALUES)
@settings(deadline=None)
def test_any_template_makes_a_paper_or_says_what_is_wrong(lines: list[str], value: str, other: str) -> None:
    text = "\n".join(line.replace("X", value if number % 2 else other) for number, line in enumerate(lines))
    values = fields.values(PaperWords("zh"), PLACE, CHECKED)
    with tempfile.TemporaryDirectory() as folder:
        path = own(Path(folder), text) / "slip.paper"
        shipped = SHIPPED / "trade.paper"
        find = {"slip": path, "trade": shipped}.get
        with suppress(BadTemplate):
            parts = Templates(find, fields.functions(), fields.filters()).parts("slip", values)
            layout(Document("slip", "", tuple(parts)))


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        (
            "slip.paper",
            "# 说明\ntext | 自己的\ncut\n".encode("gbk"),
            r"slip\.paper: this is not UTF-8; save it as UTF-8",
        ),
        ("words.toml", 'seller = ["摊主", "x"]\n'.encode("gbk"), r"words\.toml: this is not UTF-8; save it as UTF-8"),
    ],
)
def test_a_file_in_another_code_is_told_how_to_save_it(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(BadTemplate, match=said):
        Documents(tmp_path)


def test_a_file_of_windows_notepad_is_read(tmp_path: Path) -> None:
    (tmp_path / "slip.paper").write_bytes("\ufeff# 说明\r\ntext | 自己的\r\ncut\r\n".encode())
    (tmp_path / "words.toml").write_bytes('\ufeffseller = ["摊主", "x"]\r\n'.encode())
    assert slip(tmp_path) == "自己的\n"


def test_a_control_character_in_a_line_is_no_new_line(tmp_path: Path) -> None:
    own(tmp_path, "text | a\x1db\x85c\nsay | d\n")
    with pytest.raises(BadTemplate, match=r"slip\.paper:2: 'say' is no part"):
        Documents(tmp_path)


def test_what_may_not_be_meant_is_warned_of(tmp_path: Path) -> None:
    for name in ("Slip.Paper", "slip.paper.txt"):
        own(tmp_path, "text | a\n", name)
    own(tmp_path, "text | {{ data.seller.name }}\n")
    warnings = "\n".join(Documents(tmp_path).warnings)
    assert "Slip.Paper: this file is not used" in warnings
    assert "slip.paper.txt: this file is not used" in warnings
    for lacking in (
        "the end of the paper (`cut`)",
        "the amount",
        "the mass",
        "the sale's code",
        "the goods",
        "the date",
    ):
        assert f"slip.paper: this paper does not say {lacking}" in warnings
    assert "seller's name" not in warnings


def test_the_shipped_templates_are_not_warned_of(tmp_path: Path) -> None:
    assert CliRunner().invoke(main, ["papers", "copy", str(tmp_path)]).exit_code == 0
    assert Documents(tmp_path).warnings == []


# --- what is said whatever the template -------------------------------------------------------------------------------

BARE = "text | {{ code }}\ncut\ntext | 2\ncut\n"


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_a_copy_says_so_whatever_its_template_does(tmp_path: Path, name: str) -> None:
    papers = Documents(own(tmp_path, BARE, f"{name}.paper"))
    text = plain(layout(papers.document(name, examples(name)[0], PLACE, copy=3)))
    assert text.count("COPY 3") == (1 if name in ("label", "crate") else 2)
    assert "COPY" not in plain(layout(papers.document(name, examples(name)[0], PLACE)))


@pytest.mark.parametrize("name", ["slip", "ticket", "report", "label"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_paper_of_a_trial_says_so_whatever_its_template_does(tmp_path: Path, name: str, language: Language) -> None:
    papers = Documents(own(tmp_path, BARE, f"{name}.paper"))
    content = examples(name)[0]
    content["subject"] = content["subject"][:9] + "9" + content["subject"][10:]
    text = plain(layout(papers.document(name, content, Place("市场", "sy.example.cn", language))))
    assert ("测试" in text) if language == "zh" else ("TEST" in text)


def test_a_report_says_that_it_screens_whatever_its_template_does(tmp_path: Path) -> None:
    papers = Documents(own(tmp_path, BARE, "report.paper"))
    assert "快检结果为筛查结果" in plain(layout(papers.document("report", examples("report")[0], PLACE)))
    shipped = plain(layout(Documents().document("report", examples("report")[0], PLACE)))
    assert shipped.count("快检结果为筛查结果") == 1


def test_a_paper_that_comes_out_late_says_when_it_was_recorded() -> None:
    content = examples("slip")[0]
    late = plain(layout(Documents().document("slip", content, PLACE, late=True)))
    assert f"迟印，记录于 {content['time'][:10]}" in late
    assert "迟印" not in plain(layout(Documents().document("slip", content, PLACE)))


HOSTILE = ("X|cut", "X\ncut\ntext | 0.00", "{{ 7*7 }}", "% if x", "\ue0000\ue001", "X\ue002slip:1\ue003rule", "#", "")


@given(name=st.text(max_size=60) | st.sampled_from(HOSTILE))
@settings(deadline=None)  # the first paper compiles its template
def test_no_name_makes_lines_of_its_own(name: str) -> None:
    content = examples("slip")[0]
    content["data"]["sold"][0]["goods"]["name"] = name
    usual = Documents().document("slip", examples("slip")[0], PLACE)
    made = Documents().document("slip", content, PLACE)
    assert [type(part) for part in made.parts] == [type(part) for part in usual.parts]


def test_the_shipped_templates_can_be_copied_changed_and_checked(tmp_path: Path) -> None:
    run = CliRunner().invoke
    assert run(main, ["papers", "copy", str(tmp_path)]).exit_code == 0
    assert {f"{name}.paper" for name in DOCUMENTS} <= {path.name for path in tmp_path.iterdir()}
    assert run(main, ["papers", "check", str(tmp_path)]).output.startswith("ok ")
    (tmp_path / "day.paper").write_text("text |\nsum\n", "utf-8")
    checked = run(main, ["papers", "check", str(tmp_path)])
    assert checked.exit_code == 1
    assert "day.paper:2: 'sum' is no part" in checked.output
    assert "word.seller" in run(main, ["papers", "list", "--fields"]).output
