"""Mutation testing: small faults are put into what people rely on, and the tests must notice each.

    python tests/mutation                               edge/jobs, edge/state, edge/core.py and protocol/city
    python tests/mutation --only edge/state/lots.py     some of them
    python tests/mutation --one-of 9                    a sample
    python tests/mutation --show                        the faults that nobody noticed, as they stand

It goes on where the last run ended, and takes up again what survived when tests have changed since.  A run ends after
``--seconds``; what it did not come to is left to the next.  All of it stands under build/mutation.

mutmut changes the code and runs the tests that pass through the function changed.  It leaves decorated functions,
class bodies and constants of a module alone.  Left out besides is what only changes words: lines of the log, the two
texts of a ``Refused`` (its code is no text), and the message of an error whose class says all that programs ask.  A
test of wording would be the wording written twice.  So is the name of a fence, which the log alone tells, and the case
of letters where it means nothing: in SQL, in the name of an encoding and in ``float("inf")``.  Whether ``zip`` is
``strict`` tells of a mistake of ours alone: what it is given is equally long by construction, or need not be.
"""

import argparse
import ast
import filecmp
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from types import FrameType
from typing import Any

import libcst
from mutmut import __main__ as mutmut
from mutmut.mutation import file_mutation
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "mutation"
SOURCES = ("protocol", "drivers", "edge", "simulator")
PARTS = ("edge/jobs", "edge/state", "edge/core.py", "protocol/city")
ENOUGH = 90.0  # percent of each part
NOTICED = ("killed", "timeout", "segfault")
MISSED = ("survived", "no tests")
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # a card is not worn out for this


# --- the copy that is changed -----------------------------------------------------------------------------------------


def bring_up_to_date() -> None:
    """Copy what is new of the project; when tests changed, what survived is open again."""
    changed = {folder: list(_copied(folder)) for folder in (*SOURCES, "tests")}
    shutil.copy2(ROOT / "pyproject.toml", FOLDER)
    for file in changed["tests"]:
        _forget(Path("mutants") / file)
    for file in (file for folder in SOURCES for file in changed[folder] if file.suffix != ".py"):
        _forget(Path("mutants") / file)
    if changed["tests"]:
        for part in sorted(Path("mutants").rglob("*.meta")):
            meta = json.loads(part.read_text("utf-8"))
            codes = meta["exit_code_by_key"]
            meta["exit_code_by_key"] = {key: None if _word(code) in MISSED else code for key, code in codes.items()}
            part.write_text(json.dumps(meta), "utf-8")


def _copied(folder: str) -> Iterator[Path]:
    """The files of this folder that were not there as they are, or are no more."""
    here = {file.relative_to(ROOT) for file in (ROOT / folder).rglob("*") if file.is_file() and _wanted(file)}
    gone = {file for file in Path(folder).rglob("*") if file.is_file() and _wanted(file)} - here
    for file in gone:
        file.unlink()
    for file in here:
        if not file.exists() or not filecmp.cmp(ROOT / file, file, shallow=False):
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / file, file)
            yield file
    yield from gone


def _wanted(file: Path) -> bool:
    return "__pycache__" not in file.parts and file.suffix != ".pyc"


def _forget(file: Path) -> None:
    file.unlink(missing_ok=True)


# --- what is no fault -------------------------------------------------------------------------------------------------


SQL = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE)\b|= \?", re.IGNORECASE)
# Which argument is the first that is only text.
TEXTS = dict.fromkeys(("BadPhoto", "BadSigned", "Refused", "_Doubted"), 1) | dict.fromkeys(
    ("BadAck", "BadCode", "BadEvent", "BadKeys", "BadState", "BadToken", "TooLarge", "TypeError", "ValueError"), 0
)


class _Wordless(ast.NodeTransformer):
    """A function without what it says in the log, and without the texts of what it raises."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        match node.func:
            case ast.Attribute(value=ast.Name("log")) | ast.Attribute(attr="_fence"):
                return ast.Constant("log")
            case ast.Name("float"):
                return ast.Constant(ast.unparse(node).lower())
            case ast.Name("zip"):
                return ast.Call(node.func, [self.visit(argument) for argument in node.args], [])
            case ast.Name(name) if name in TEXTS:
                return ast.Call(node.func, [self.visit(argument) for argument in node.args[: TEXTS[name]]], [])
            case ast.Attribute(attr="encode" | "decode") if node.args and isinstance(node.args[0], ast.Constant):
                encoding = ast.Constant(str(node.args[0].value).lower())
                return ast.Call(self.visit(node.func), [encoding, *node.args[1:]], node.keywords)
        return self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """SQL means the same in small letters."""
        return ast.Constant(node.value.lower()) if isinstance(node.value, str) and SQL.search(node.value) else node


@lru_cache(maxsize=2)  # nodes are themselves alone: the original is asked for at each of its mutations
def _wordless(function: libcst.CSTNode) -> str:
    source = textwrap.dedent(libcst.Module([]).code_for_node(function).strip("\n"))
    return ast.dump(_Wordless().visit(ast.parse(source)))


def _only_words(mutation: file_mutation.Mutation) -> bool:
    function = mutation.contained_by_top_level_function
    if function is None:
        return False
    after = file_mutation.deep_replace(function, mutation.original_node, mutation.mutated_node)
    assert isinstance(after, libcst.CSTNode)
    return _wordless(function) == _wordless(after)


# --- the run ----------------------------------------------------------------------------------------------------------


def run(wanted: tuple[str, ...], one_of: int, seconds: int, processes: int) -> None:
    """Try one of so many mutants of these files, if it was not tried yet, for so long."""
    every, found = file_mutation.create_mutations, mutmut.collect_source_file_mutation_data

    def faults(*given: Any) -> Any:
        module, mutations, *rest = every(*given)
        return module, [mutation for mutation in mutations if not _only_words(mutation)], *rest

    def chosen(*, mutant_names: Any) -> Any:
        signal.alarm(seconds)
        mutants, files = found(mutant_names=mutant_names)
        return [mutant for mutant in mutants[::one_of] if str(mutant[0].path).startswith(wanted)], files

    def ended(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    def apart() -> None:
        tempfile.tempdir = tempfile.mkdtemp(dir=os.environ["TMPDIR"])

    os.register_at_fork(after_in_child=apart)  # pytest clears away the folders of others that have the same root
    file_mutation.create_mutations = faults
    mutmut.collect_source_file_mutation_data = chosen
    signal.signal(signal.SIGALRM, ended)
    mutmut.cli(["run", "--max-children", str(processes)], standalone_mode=False)
    signal.alarm(0)


def told(wanted: tuple[str, ...]) -> bool:
    """Print the table; whether enough was noticed in every part."""
    print(f"\n{'':34}{'mutants':>9}{'killed':>9}{'survived':>9}{'untried':>9}{'killed of tried':>17}")
    enough = True
    for part in PARTS:
        counts = {file: _counts(file) for file in _files(part) if file.startswith(wanted)}
        for file, count in counts.items():
            print(_line(file, count))
        if total := sum(counts.values(), Counter()):
            print(_line(f"= {part}", total), end="\n\n")
            enough = enough and _share(total) >= ENOUGH
    return enough


def _files(part: str) -> list[str]:
    return sorted(str(file) for file in ([Path(part)] if part.endswith(".py") else Path(part).glob("*.py")))


def _counts(file: str) -> Counter[str]:
    words = (_word(code) for code in _verdicts(file).values())
    return Counter("killed" if word in NOTICED else "survived" if word in MISSED else "untried" for word in words)


def _verdicts(file: str) -> dict[str, int | None]:
    meta = Path("mutants") / f"{file}.meta"
    return json.loads(meta.read_text("utf-8"))["exit_code_by_key"] if meta.exists() else {}


def _word(code: int | None) -> str:
    return status_by_exit_code[code]


def _share(count: Counter[str]) -> float:
    tried = count["killed"] + count["survived"]
    return 100 * count["killed"] / tried if tried else 100.0


def _line(name: str, count: Counter[str]) -> str:
    numbers = "".join(
        f"{number:>9}" for number in (count.total(), *(count[w] for w in ("killed", "survived", "untried")))
    )
    return f"{name:<34}{numbers}{_share(count):>15.1f} %"


def show(wanted: tuple[str, ...]) -> None:
    for file in (file for part in PARTS for file in _files(part) if file.startswith(wanted)):
        for name, code in _verdicts(file).items():
            if _word(code) in MISSED:
                print(f"# {file}: {_word(code)}: {name}")
                print("\n".join(get_diff_for_mutant(name, path=file).splitlines()[2:]), end="\n\n")


def main() -> int:
    parser = argparse.ArgumentParser(description="Put small faults into what people rely on; the tests must notice.")
    parser.add_argument("--only", default="", help="files or folders, parted by commas")
    parser.add_argument("--one-of", type=int, default=1, help="try one of so many mutants")
    parser.add_argument("--seconds", type=int, default=3600)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--show", action="store_true", help="print what survived")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    wanted = tuple(name for name in asked.only.split(",") if name) or PARTS
    FOLDER.mkdir(parents=True, exist_ok=True)
    os.chdir(FOLDER)
    if asked.show:
        show(wanted)
        return 0
    if asked.child:
        run(wanted, asked.one_of, asked.seconds, asked.processes)
        return 0
    bring_up_to_date()
    # In a process of its own: a fork of it that fails must not come back here and take away the folder of the others.
    with tempfile.TemporaryDirectory(prefix="marketedge-mutation-", dir=MEMORY) as folder:
        command = [sys.executable, "-P", str(ROOT / "tests" / "mutation"), "--child", *sys.argv[1:]]
        done = subprocess.run(command, env={**os.environ, "TMPDIR": folder})
    enough = told(wanted)
    return done.returncode or int(not enough)


if __name__ == "__main__":
    sys.exit(main())
