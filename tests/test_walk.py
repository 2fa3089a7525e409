"""The walks in drivers/README.md and edge/adding.md are true: each is done in a copy of the project.

And a package from outside brings its models by its entry point.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
PARTS = ("protocol", "drivers", "edge", "simulator", "tests", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md")
PROGRAMS = {
    "marketedge": [sys.executable, "-m", "edge.cli"],
    "pytest": [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
    "make logs": [sys.executable, "-P", "tests/rebuild_logs.py"],
}
FILE = r"`((?:protocol|drivers|edge|tests)/[\w./-]+\.\w+)`"
STEP = re.compile(rf"```(\w+)\n(.*?)```|{FILE},\s+where\s+`(.*?)`\s+becomes\s+`(.*?)`", re.DOTALL)
PLACE = re.compile(rf"{FILE}(, at the end(?: of `MODELS`)?|, under `\[\w+\]`)?:\s*$")


class Walk:
    """A copy of the project in which the blocks of the page are done one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: dict[str, str] = {}
        self.touched: set[str] = set()

    def do(self, page: str) -> int:
        """Do what a page says, step by step; answers how many steps it were."""
        done = 0
        for step in STEP.finditer(page):
            kind, text, file, old, new = step.groups()
            place = PLACE.search(page[: step.start()])
            if file:
                self.change(file, old, new)
            elif kind == "sh":
                for line in text.splitlines():
                    self.run(line)
            elif place:
                self.put(place[1], text, place[2] or "")
            else:
                assert kind not in ("python", "text"), f"nothing says where this belongs:\n{text}"
                continue
            done += 1
        return done

    def put(self, name: str, text: str, where: str) -> None:
        file = self.folder / name
        self.touched.add(name)
        if where.endswith("`MODELS`"):
            before = file.read_text("utf-8")
            assert before.endswith("\n)\n"), f"{file} does not end with MODELS"
            file.write_text(f"{before[:-2]}{text})\n", "utf-8")
        elif where.endswith("end"):
            file.write_text(file.read_text("utf-8") + text, "utf-8")
        elif where:
            heading = where.split("`")[1] + "\n"
            self.change(name, heading, heading + text)
        else:
            assert not file.exists(), f"{file} is there already"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")

    def change(self, name: str, old: str, new: str) -> None:
        before = (self.folder / name).read_text("utf-8")
        assert before.count(old) == 1, f"{name} has {old!r} {before.count(old)} times"
        (self.folder / name).write_text(before.replace(old, new), "utf-8")
        self.touched.add(name)

    def run(self, line: str) -> str:
        stdin, _, command = line.rpartition(" | ")
        environment = {**os.environ, "PYTHONPATH": str(self.folder)}
        while setting := re.match(r"(\w+)=(\S+) ", command):
            environment[setting[1]] = setting[2]
            command = command[setting.end() :]
        if command.startswith("cat "):
            output = (self.folder / command.removeprefix("cat ")).read_text("utf-8")
        else:
            program = next(name for name in PROGRAMS if command.startswith(name))
            words = shlex.split(command.removeprefix(program))
            done = subprocess.run(
                [*PROGRAMS[program], *words],
                cwd=self.folder,
                env=environment,
                input=stdin.removeprefix("echo ").strip('"'),
                capture_output=True,
                text=True,
                timeout=300,
            )
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
            output = done.stdout
        self.said[line] = output
        return output


def a_copy(folder: Path) -> Walk:
    ignore = shutil.ignore_patterns("*.pyc.*", ".*", "*.egg-info", "node_modules")  # what is compiled is taken along
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=ignore)
        elif (ROOT / part).exists():
            shutil.copy(ROOT / part, folder / part)
    return Walk(folder)


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    made = a_copy(tmp_path_factory.mktemp("walk") / "project")
    assert made.do((ROOT / "drivers" / "README.md").read_text("utf-8")) >= 8
    return made


def test_the_new_model_and_the_new_format_are_listed(walk: Walk) -> None:
    listed = json.loads(walk.run("marketedge protocols --json"))
    formats = {row["id"]: row for row in listed}
    assert "acme-as6" in formats["st_gs"]["models"]
    assert formats["acme_lines"]["models"] == ["acme-acs30"]
    assert "acme_lines" in walk.said["marketedge protocols"]


def test_the_new_format_decodes(walk: Walk) -> None:
    (line,) = [line for line in walk.said if " | marketedge decode" in line]
    reading = json.loads(walk.said[line])
    assert (reading["value"], reading["unit"], reading["stable"]) == ("1.250", "kg", True)


def test_the_logs_gave_their_readings(walk: Walk) -> None:
    for model in ("acme-as6", "acme-acs30"):
        text = (walk.folder / f"tests/logs/{model}/first.expected").read_text("utf-8")
        assert [json.loads(line)["value"] for line in text.splitlines()][-1] == "1.250"


def test_the_copy_passes_ruff_and_the_layers(walk: Walk) -> None:
    files = ["protocol/scales/acme_lines.py", "tests/protocol/scales/test_acme_lines.py", "drivers/scales.py"]
    for order in (["format", "--check"], ["check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *order, *files], cwd=walk.folder, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
    walk.run("pytest tests/test_layers.py")


def test_nothing_of_the_walk_is_left_here(walk: Walk) -> None:
    assert not list(ROOT.glob("protocol/scales/acme*")) and not list(ROOT.glob("tests/logs/acme*"))


@pytest.mark.broker
def test_a_package_from_outside_brings_its_models_and_tries_them(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "installed"
    shutil.copytree(ROOT / "tests" / "example_package", source)
    installed = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"),
            *("--disable-pip-version-check", "--target", str(target), str(source)),
        ],
        capture_output=True,
        text=True,
    )
    if installed.returncode:  # no setuptools in this environment: what the installation would write, by hand
        _install_by_hand(source, target)
    path = os.pathsep.join(filter(None, (str(target), str(ROOT), os.environ.get("PYTHONPATH", ""))))
    environ = {**os.environ, "PYTHONPATH": path}
    found = subprocess.run(
        [
            *(sys.executable, "-c"),
            "from drivers import catalogue; m = catalogue.find('acme-pro-15'); print(m.vendor, m.default_link())",
        ],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "Acme 4800/8n1"
    listed = subprocess.run(
        [sys.executable, "-m", "edge.cli", "protocols"],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "acme-pro-30" in listed.stdout
    plugin = [] if _installed() else ["-p", "simulator.pytest_plugin"]
    tests = ["--rootdir", str(source), "-p", "no:cacheprovider", "--strict-markers", str(source / "tests")]
    tried = subprocess.run(
        [sys.executable, "-m", "pytest", *plugin, *tests], cwd=source, env=environ, capture_output=True, text=True
    )
    assert "1 passed" in tried.stdout, tried.stdout + tried.stderr


def _installed() -> bool:
    """Whether this environment knows the plugin by its entry point: one set up before there was one does not."""
    return any(point.value == "simulator.pytest_plugin" for point in entry_points(group="pytest11"))


def _install_by_hand(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source / "acme_scales", target / "acme_scales")
    info = target / "acme_scales-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-scales\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text("[marketedge.drivers]\nacme = acme_scales:MODELS\n", "utf-8")


# --- a command, a paper, a record, a page -----------------------------------------------------------------------------

MOST = {"A kind of record": 4, "A command": 3, "A paper": 3, "A page of a job": 12}
SHARED = {"A kind of record": 2}  # the job that writes it, and its test, are those of the command


@pytest.mark.browser
def test_a_record_a_command_a_paper_and_a_page_are_added_in_so_many_files(tmp_path: Path) -> None:
    made = a_copy(tmp_path / "project")
    _, *parts = re.split(r"^## ", (ROOT / "edge" / "adding.md").read_text("utf-8"), flags=re.MULTILINE)
    counts = {}
    for part in parts:
        name = part.splitlines()[0]
        made.touched.clear()
        made.do(part)
        counts[name] = len(made.touched) + SHARED.get(name, 0)
    assert counts == {"A kind of record": 3, "A command": 3, "A paper": 3, "A page of a job": 5}
    assert all(count <= MOST[name] for name, count in counts.items())
