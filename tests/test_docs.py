"""What users read is true: every command, every setting, every file that the pages name."""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

from drivers.analyzers import MODELS as ANALYZERS
from drivers.scales import MODELS as SCALES
from edge.cli.main import main as marketedge
from edge.config.devices import AnalyzerSection, PrinterSection, ScaleSection
from edge.config.sections import Config
from simulator.cli.main import main as marketsim

ROOT = Path(__file__).parent.parent
COMMANDS = (ROOT / "edge" / "commands.md").read_text("utf-8")


def commands(group: click.Group) -> list[str]:
    return group.list_commands(click.Context(group))


@pytest.mark.parametrize("name", commands(marketedge))
def test_the_page_of_commands_names_every_command_of_marketedge(name: str) -> None:
    assert re.search(rf"marketedge {name}\b|`{name}`", COMMANDS)


@pytest.mark.parametrize("name", commands(marketsim))
def test_the_page_of_commands_names_every_command_of_marketsim(name: str) -> None:
    assert re.search(rf"marketsim {name}\b|`{name}`", COMMANDS)


@pytest.mark.parametrize(
    ("group", "name"),
    [(group, name) for group in (marketedge, marketsim) for name in commands(group)],
)
def test_every_command_and_option_has_help(group: click.Group, name: str) -> None:
    command = group.get_command(click.Context(group), name)
    assert command is not None
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.opts}"


@pytest.mark.parametrize("section", Config.model_fields)
def test_the_template_names_every_section(section: str) -> None:
    template = (ROOT / "edge" / "config" / "template.toml").read_text("utf-8")
    assert re.search(rf"\[\[?{section}\]", template)


def test_every_setting_is_in_the_template_or_on_the_technicians_pages() -> None:
    said = ("config/template.toml", "connecting.md", "phones.md", "papers.md")
    text = "".join((ROOT / "edge" / name).read_text("utf-8") for name in said)
    missing = []
    for section, field in Config.model_fields.items():
        part = field.annotation
        arguments = getattr(part, "__args__", None)
        model = arguments[0] if arguments else part
        missing += [f"{section}.{key}" for key in model.model_fields if not re.search(rf"\b{key}\b", text)]
    assert not missing


PAGES = sorted(
    page
    for folder in (".", "edge", "drivers", "protocol", "simulator", "tests")
    for page in (ROOT / folder).glob("*.md" if folder == "." else "**/*.md")
    if "node_modules" not in page.parts
)


def outside_of_code(page: Path) -> str:
    """A page's text without its blocks and pieces of code."""
    text = re.sub(r"^(```+).*?^\1", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]*`", lambda code: "`" + re.sub(r"[\[\]()]", "", code[0][1:-1]) + "`", text)


def anchors(page: Path) -> set[str]:
    """What a link to a heading of the page says behind its #."""
    headings = re.findall(r"^#+ (.+)$", outside_of_code(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)]+)\)|src=\"([^\"]+)\"", outside_of_code(page))
    for link in {one or other for one, other in links}:
        assert "://" not in link, f"{link}: what a reader needs is here"
        path, _, anchor = link.partition("#")
        to = page.parent / path if path else page
        assert to.exists(), link
        assert not anchor or anchor in anchors(to), link


SIGNS = [page for page in PAGES if page.name == "README.md" and len(page.relative_to(ROOT).parts) <= 3]


@pytest.mark.parametrize("page", SIGNS, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_door_sign_names_exist(page: Path) -> None:
    for row in re.findall(r"^\| (`.+?`) \|", page.read_text("utf-8"), re.MULTILINE):
        for name in re.findall(r"`([\w./*]+)`", row):
            if "." in name or name.endswith("/"):
                assert list(page.parent.glob(name)) or list(page.parent.rglob(name)), name


def test_the_readme_fits_a_screen_with_three_pictures_and_two_commands() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert len(text.splitlines()) <= 55
    assert text.count("<img ") == 3
    assert re.findall(r"^make (\w+)", text, re.MULTILINE) == ["demo", "test"]


ROWS = {"scale": ScaleSection, "analyzer": AnalyzerSection, "printer": PrinterSection}


@pytest.mark.parametrize(
    "page", [page for page in PAGES if "\n[[scale]]\n" in page.read_text("utf-8")], ids=lambda page: page.name
)
def test_devices_on_pages_can_be_written_so(page: Path) -> None:
    blocks = re.findall(r"^```toml\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    tables = [table for block in blocks for table in tomllib.loads(block).items() if table[0] in ROWS]
    assert tables
    for section, rows in tables:
        for row in rows:
            ROWS[section].model_validate(row)


def test_buyers_are_told_whether_a_device_was_ever_recorded() -> None:
    proven = [model for model in (*SCALES, *ANALYZERS) if model.proven]
    for name, words in (("buy.md", "Today none is"), ("buy.zh.md", "目前一个也没有")):
        assert (words in (ROOT / "edge" / "docs" / name).read_text("utf-8")) is not bool(proven)


@pytest.mark.parametrize("module", ["edge.cli", "simulator.cli"])
def test_help_comes_from_the_command_line(module: str) -> None:
    done = subprocess.run([sys.executable, "-m", module, "--help"], capture_output=True, text=True, check=True)
    assert "Commands:" in done.stdout


def typed() -> list[str]:
    """The lines of edge/ledger.md that a technician types."""
    text = (ROOT / "edge" / "ledger.md").read_text("utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]


@pytest.mark.parametrize("line", typed())
def test_what_the_technicians_page_says_to_type_can_be_typed(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With files where it names some; what the commands do is tried in end_to_end/test_ledger_file.py."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for name in ("data/ledger.db", "left.tar", "left.tar.aside.jsonl", "here.tar", "stall-05.tar"):
        (tmp_path / name).touch()
    program, *words = shlex.split(line.replace("/media/stick/", ""))
    assert program == "marketedge"
    command: click.Command = marketedge
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words.pop(0))
        assert found is not None, line
        command = found
    command.make_context(command.name, words)


PROGRAMS = {"marketedge": marketedge, "marketsim": marketsim}
SAID = re.compile(r"(?:\$ )?(?:sudo )?(?:\.venv/bin/)?(marketedge|marketsim|make) (.+)")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


def mentions(page: Path) -> set[tuple[str, str]]:
    """Program and words of each command on a page, in a block or in a line, without what is said or done behind it."""
    text = page.read_text("utf-8")
    blocks = re.findall(r"^```[^\n]*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    lines += re.findall(r"^ {4}(.*)$", text, re.MULTILINE) + re.findall(r"`([^`\n]+)`", text)
    found = filter(None, (SAID.fullmatch(line.strip()) for line in lines))
    return {(one[1], re.split(r"\s[#|>]\s", one[2])[0].strip()) for one in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_options_that_a_page_names_are_there(page: Path) -> None:
    for program, said in mentions(page):
        words = shlex.split(said)
        if program == "make":
            for word in words:
                name = word.partition("=")[0]
                known = rf"\$\({name}\)" if "=" in word else rf"^{name}:"
                assert re.search(known, MAKEFILE, re.MULTILINE), f"{page.name}: make {said}"
            continue
        command: click.Command = PROGRAMS[program]
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            found = command.get_command(click.Context(command), words.pop(0).split("|")[0])
            assert found is not None, f"{page.name}: {program} {said}"
            command = found
        there = {name for option in command.params for name in (*option.opts, *option.secondary_opts)} | {"--help"}
        named = {name for word in words for name in re.findall(r"(?<![\w-])--[a-z][\w-]*", word)}
        assert named <= there, f"{page.name}: {program} {said}"


def test_most_pages_for_people_name_commands() -> None:
    assert sum(len(mentions(page)) for page in PAGES) > 250


def test_rare_tests_stand_in_their_list_alone_and_each_line_of_it_names_one() -> None:
    tests = ROOT / "tests"
    said = [line for line in (tests / "rare.txt").read_text("utf-8").splitlines() if line and not line.startswith("#")]
    for line in said:
        file, _, name = line.partition("::")
        function = re.split(r"[\[*]", name)[0]
        assert re.search(rf"^def {function}\w*\(", (ROOT / file).read_text("utf-8"), re.MULTILINE) or not function, line
    marked = [str(file) for file in tests.rglob("test_*.py") if "pytest.mark." + "rare" in file.read_text("utf-8")]
    assert marked == []
