"""The steps on a terminal: a question, its usual answer in brackets, Enter takes it, ``<`` goes back."""

import getpass
import sys
from contextlib import suppress

import click

from edge.between.tongue import said, speak
from edge.between.words import Bilingual
from edge.config.sections import BadConfig
from edge.setup.found import Skipped
from edge.setup.steps import Act, Question, Step
from edge.setup.walk import BACK, Walk, Written

with suppress(ImportError):
    import readline  # noqa: F401  # arrows and Chinese on the line, where the system has it

CLEAR = "\r\033[K"


def ask(walk: Walk) -> Written:
    """Ask all there is to ask, and write the station. Raises click.Abort when somebody ends it: nothing is written."""
    speak("zh")
    shown = ""
    try:
        while (step := walk.step()) is not None:
            if step.name != shown:
                shown = step.name
                _head(walk, step)
            _one(walk, walk.open(step)[0])
    except (KeyboardInterrupt, EOFError):
        click.echo()
        click.echo(said("已停止，什么都没有写", "stopped; nothing was written"), err=True)
        raise click.Abort from None
    assert walk.written is not None  # the last step writes
    return walk.written


def _head(walk: Walk, step: Step) -> None:
    names = [one.name for one in walk.steps()]
    click.echo()
    click.secho(f"{names.index(step.name) + 1}/{len(names)}  {_in(step.title)}", bold=True)
    if told := _in(step.more):
        click.echo(told)
    if step.name == "language":
        click.echo("Enter = [ ]   < = 上一步 / back   Ctrl-C = 停止 / stop")
    if step.name == "end":
        for what, answer in walk.summary():
            click.echo(f"  {_in(what)}: {answer}")


def _one(walk: Walk, question: Question) -> None:
    typed = _typed(walk, question)
    if typed == BACK:
        if not walk.back():
            click.echo(said("这是第一个问题", "this is the first question"))
        return
    try:
        act = walk.answer(question, typed)
    except ValueError as error:
        click.secho(f"  {error}", fg="red")
        return
    if act is not None:
        _do(walk, act)


def _typed(walk: Walk, question: Question) -> str:
    more = _in(question.more)
    click.echo(_in(question.ask) + (f"  ({more})" if more else ""))
    for number, choice in enumerate(question.choices, 1):
        click.echo(f"  {number} {_in(choice.text)}")
    if question.secret and sys.stdin.isatty():
        return getpass.getpass("> ").strip()
    default = walk.default(question)
    return input(f"[{_shown(question, default)}] > " if default else "> ").strip()


def _shown(question: Question, default: str) -> str:
    """The default as somebody would type it: the numbers of the choices."""
    numbers = {choice.value: str(number) for number, choice in enumerate(question.choices, 1)}
    if default in numbers:
        return numbers[default]
    return " ".join(numbers.get(word, word) for word in default.split()) if question.several else default


def _do(walk: Walk, act: Act) -> None:
    """With a line that says how far it is; Ctrl-C leaves it out."""
    terminal = sys.stdout.isatty()

    def tell(text: str) -> None:
        click.echo(f"{CLEAR}{text} …", nl=not terminal)

    if act.do in ("look", "press"):
        click.echo(said("（Ctrl-C 跳过）", "(Ctrl-C skips this)"))
    try:
        walk.do(act, tell)
    except (KeyboardInterrupt, Skipped):
        if act.do not in ("look", "press"):
            raise KeyboardInterrupt from None
        walk.skipped(act)
    except (OSError, BadConfig) as error:
        walk.failed(act)
        click.secho(f"{CLEAR if terminal else ''}{_plainly(error)}", fg="red")
        return
    if terminal:
        click.echo(CLEAR, nl=False)


def _plainly(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _in(text: Bilingual) -> str:
    return said(*text)
