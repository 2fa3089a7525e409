"""The catalogue of texts: nothing used is missing, nothing is there unused, nothing is said in two places."""

import ast
import re
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from edge.between.field_words import label
from edge.between.fixed_words import ClockSource, ClockWhy, ClockWord, LotState, LotWhy, WeightWhy
from edge.between.print_states import DOCUMENT_NAMES, PrinterState, PrintState, PrintWhy
from edge.between.words import CATALOGUE, ON_PAGES, Bilingual, Section, Words, by_key, for_scripts, section
from edge.documents.words import words_on_paper
from edge.state.judgement import Doubt
from protocol.city.events import EVENTS, LabelDoubt, LotDisposed, VerdictWord

EDGE = Path(__file__).parents[2] / "edge"
SECTIONS: tuple[Section, ...] = tuple(name for part in get_args(Section) for name in get_args(part))
ON_PAGE = [*sorted((EDGE / "web/templates").glob("*.html")), *sorted((EDGE / "web/static").glob("*.js"))]
ON_PAPER = sorted((EDGE / "documents/papers").glob("*.paper"))
PYTHON = sorted(EDGE.rglob("*.py"))
HAN = re.compile(r"[\u4e00-\u9fff]")

ONE_IN_CHINESE = {  # Chinese texts that stand under several keys, and why
    "商品": "has no plural",
    "设备": "has no plural",
    "标签秤": "has no plural",
    "纸张": "has no plural",
    "重打": "the button, the mark on a copy, and how many copies there were",
    "手工输入重量": "the act, and what a slip says of it",
    "打印测试页": "the act, and the page that comes out",
    "下一步": "the button, and the heading of what a person should do",
    "正常": "a device is OK, a printer is ready",
    "断开": "a scale is lost, a printer gone",
    "故障": "the heading, and a printer's state",
    "把详情告诉平台方": "one step for two causes",
    "金额": "what a line of a slip costs, and a record's field",
}
IN_CHINESE_BY_LAW = "records/books.py"  # the headings of the law's books, whatever language is spoken
BESIDE_A_RULE = {  # inline texts that repeat a key's, and why
    "型号": "the name of a key of station.toml",
    "方法": "the name of a section of station.toml",
    "通道": "the name of a key of station.toml",
    **dict.fromkeys(("食堂管理员", "验收员", "厨师长", "家长代表"), "a value of station.toml, and its default"),
}


def literals(files: list[Path]) -> set[str]:
    """Whatever stands between quotation marks."""
    text = "\n".join(file.read_text("utf-8") for file in files)
    return set(re.findall(r"[\"'`]([\w.-]+)[\"'`]", text))


def sections_asked(files: list[Path]) -> set[str]:
    """Sections of which any word may be asked for."""
    text = "\n".join(file.read_text("utf-8") for file in files)
    by_script = re.findall(r"`(\w+)\.\$\{", text)
    by_call = re.findall(
        r"\b(?:known|text|section|trouble|said_with_step)\(\s*[\"'](\w+)[\"'](?:, [\"'](\w+)[\"'])?", text
    )
    return {*by_script, *(name for pair in by_call for name in pair)}


def test_the_sections_are_those_of_the_file() -> None:
    assert [name for name in SECTIONS if not section(name)] == []
    assert {key.partition(".")[0] for key in by_key() if "." in key} == {*SECTIONS} - {*ON_PAGES}


def test_a_section_read_alone_says_what_it_says_in_the_whole_file() -> None:
    whole = tomllib.loads(CATALOGUE.read_text("utf-8"))
    assert list(whole) == sorted(SECTIONS, key=list(whole).index)
    for name in SECTIONS:
        assert {word: list(text) for word, text in section(name).items()} == whole[name]


def test_a_key_on_pages_means_one_text() -> None:
    plain = [word for name in ON_PAGES for word in section(name)]
    assert len(plain) == len(set(plain))


def test_both_languages_are_filled_and_take_the_same_values() -> None:
    assert len(by_key()) > 1000
    for key, (zh, en) in by_key().items():
        assert zh.strip() and en.strip(), key
        assert set(re.findall(r"\{\w+\}", zh)) >= set(re.findall(r"\{\w+\}", en)), key
        assert not HAN.search(en) or key in ("other_language", "certificate"), key


def test_every_key_that_pages_and_scripts_use_is_there() -> None:
    text = "\n".join(file.read_text("utf-8") for file in ON_PAGE)
    used = set(re.findall(r"\b(?:t|say)\(\s*[\"']([\w.]+)[\"'](?=[,)])", text))
    used |= {word for pair in re.findall(r"\bsay\([^()\n]*\? \"([\w.]+)\" : \"([\w.]+)\"", text) for word in pair}
    assert len(used) > 150
    assert used - set(by_key()) == set()
    assert sections_asked(ON_PAGE) - {""} <= set(SECTIONS)


def test_every_key_that_papers_use_is_there() -> None:
    words = words_on_paper()
    text = "\n".join(file.read_text("utf-8") for file in ON_PAPER)
    used = set(re.findall(r"\bword\.(\w+)", text)) | set(re.findall(r"title = \"(\w+)\"", text))
    assert len(used) > 60
    assert used <= set(words)


def test_every_key_is_used() -> None:
    on_page, on_paper = literals([*ON_PAGE, *PYTHON]), "\n".join(file.read_text("utf-8") for file in ON_PAPER)
    whole = sections_asked([*ON_PAGE, *PYTHON])
    paper = literals([*ON_PAPER, *sorted((EDGE / "documents").glob("*.py"))]) | set(
        re.findall(r"word\.(\w+)", on_paper)
    )
    paper |= {f"public_{word}" for word in get_args(VerdictWord)}
    paper |= set(get_args(LotDisposed.model_fields["decision"].annotation)) | {"limit_instrument", "limit_method"}
    unused = [
        f"{name}.{word}"
        for name in SECTIONS
        for word in section(name)
        if not (name in whole and name not in ON_PAGES)
        and f"{name}.{word}" not in on_page
        and not (name in ("both", "page") and word in on_page)
        and not (name in ("both", "paper") and word in paper)
    ]
    assert unused == []


def test_no_chinese_text_stands_under_two_keys() -> None:
    keys = defaultdict(list)
    for key, text in by_key().items():
        keys[text.zh].append(key)
    twice = {zh: names for zh, names in keys.items() if len(names) > 1}
    assert {zh: names for zh, names in twice.items() if zh not in ONE_IN_CHINESE} == {}
    assert sorted(set(ONE_IN_CHINESE) - set(twice)) == []


def test_no_text_in_the_program_repeats_one_of_the_catalogue() -> None:
    known = {text.zh for text in by_key().values() if len(text.zh) > 1}
    again = defaultdict(list)
    for file in (one for one in PYTHON if str(one.relative_to(EDGE)) != IN_CHINESE_BY_LAW):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in known:
                again[node.value].append(f"{file.relative_to(EDGE)}:{node.lineno}")
    assert {zh: places for zh, places in again.items() if zh not in BESIDE_A_RULE} == {}
    assert sorted(set(BESIDE_A_RULE) - set(again)) == []


def test_templates_and_scripts_hold_no_text_of_their_own() -> None:
    for file in ON_PAGE:
        inside = re.sub(r"\{#.*?#\}|/\*.*?\*/|//[^\n]*|\[\.。,，\]", "", file.read_text("utf-8"), flags=re.DOTALL)
        assert not HAN.search(inside), file.name


def test_every_fixed_word_has_its_text() -> None:
    unsaid = {PrintWhy.NOTHING, PrintWhy.UNPROVEN, PrintWhy.QUEUED}  # on the disk alone
    for name, words in (
        ("weight", [why for why in WeightWhy if why]),
        ("doubt", [doubt.value for doubt in Doubt]),
        ("label_doubt", get_args(LabelDoubt)),
        ("lot", LotState),
        ("lot_why", [why for why in LotWhy if why]),
        ("clock_why", [why for why in ClockWhy if why]),
        ("clock", get_args(ClockWord)),
        ("clock_source", ClockSource),
        ("verdict", get_args(VerdictWord)),
        ("document", DOCUMENT_NAMES),
        ("print", PrintState),
        ("print_why", set(PrintWhy) - unsaid),
        ("printer", PrinterState),
    ):
        assert sorted(set(words) - set(section(name))) == [], name  # type: ignore[arg-type]
    for name, do in (("link", "link_do"), ("failed", "failed_do")):
        assert set(section(name)) == set(section(do))  # type: ignore[arg-type]


def test_a_text_is_filled_and_an_unknown_word_of_the_board_stands_for_itself() -> None:
    zh, en = Words("zh"), Words("en")
    assert (zh("pending_n", n=3), en("pending_n", n=3)) == ("待传 3 条", "3 waiting")
    assert (zh("verdict.invalid"), zh.known("verdict", "invalid")) == ("无效，重做", "无效，重做")
    assert en.known("printer", "on fire") == "on fire"
    with pytest.raises(KeyError):
        zh("nothing")


def test_scripts_are_given_what_they_use_and_not_what_the_status_page_alone_says() -> None:
    given = for_scripts("en")
    assert given["cancel"] == "Cancel" and given["lot.held"] == "Held"
    assert not [key for key in given if key.startswith("link")]


def test_every_field_of_a_record_has_a_name_for_people() -> None:
    seen: set[type[BaseModel]] = set()
    names: set[str] = set()

    def walk(kind: Any) -> None:
        if isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in seen:
            seen.add(kind)
            for name, field in kind.model_fields.items():
                names.add(field.serialization_alias or field.alias or name)
                walk(field.annotation)
        for part in get_args(kind):
            walk(part)

    for row in EVENTS.values():
        walk(row.record)
    assert {name for name in names if label(name) == Bilingual(name, name)} == set()
