"""The Jinja that templates run in: what people may write, with an end to everything.

A template runs in the printer's thread, so nothing in it may take long or make much: loops and calls are counted, times
are limited, and texts and numbers are bounded.  What could make a long text at one blow (``"%999999d"``,
``center(10**9)``, ``lipsum``) does not exist.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from types import FunctionType
from typing import Any

from jinja2 import BytecodeCache, FunctionLoader, StrictUndefined, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import _PassArg

from edge.documents.generator import LINE, MOST_LETTERS, Generator

MOST_STEPS = 20_000  # rounds of loops and calls of one paper
MOST_SECONDS = 2.0  # of the processor, for one paper
LOOK_STEPS = 16  # between looks at the processor's clock, which costs more than a step
MOST_BITS = 256
# fmt: off
_FILTERS = (
    "abs", "attr", "capitalize", "count", "d", "default", "dictsort", "first", "float", "groupby", "int", "items",
    "join", "last", "length", "list", "lower", "map", "max", "min", "reject", "rejectattr", "reverse", "round",
    "select", "selectattr", "sort", "string", "sum", "title", "trim", "truncate", "unique", "upper",
)
_GLOBALS = ("dict", "joiner", "namespace", "range")
_JINJAS = {"_loop_vars", "_block_vars"}  # what it hands to each call in a loop or a block
_TEXT_METHODS = frozenset((
    "capitalize", "count", "endswith", "find", "index", "isalnum", "isalpha", "isdecimal", "isdigit", "isspace", "join",
    "lower", "lstrip", "partition", "rfind", "rpartition", "rstrip", "split", "startswith", "strip", "title", "upper",
))
# fmt: on


class TooMuch(Exception):
    """A template takes too long or makes too much."""


class Budget:
    """What one paper may use up, and what it says: ``lines`` are those that no statement parts, each with its values;
    ``held`` are the values of the others, which stand in the markup as their numbers."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, tuple[str, ...]]] = []
        self.held: list[str] = []
        self._steps = self._looked = 0
        self._end = time.thread_time() + MOST_SECONDS

    def line(self, line: str, *values: str) -> str:
        """Keep a line, and answer what stands for it; raises TooMuch."""
        self.step(len(values))
        self.lines.append((line, values))
        return f"{LINE}{len(self.lines) - 1}\n"

    def hold(self, text: str) -> int:
        """Keep a value, and answer its number; raises TooMuch."""
        self.step()
        self.held.append(text)
        return len(self.held) - 1

    def step(self, count: int = 1) -> None:
        """Raises TooMuch."""
        self._steps += count
        if self._steps > MOST_STEPS:
            raise TooMuch(f"more than {MOST_STEPS} rounds and calls: does a loop or a macro have no end?")
        if self._steps - self._looked >= LOOK_STEPS:
            self._looked = self._steps
            if time.thread_time() > self._end:
                raise TooMuch(f"not done after {MOST_SECONDS:.0f} seconds: does a loop have no end?")


def bounded(value: Any) -> Any:
    """The value, when it is not too much; raises TooMuch."""
    if type(value) is str and len(value) <= MOST_LETTERS:
        return value
    if isinstance(value, str) and len(value) > MOST_LETTERS:
        raise TooMuch(f"a text of {len(value)} letters, where {MOST_LETTERS} are the most")
    if isinstance(value, list | tuple | dict) and len(value) > MOST_STEPS:
        raise TooMuch(f"a list of {len(value)}, where {MOST_STEPS} are the most")
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        raise TooMuch("a number that is too large")
    return value


def written(value: Any) -> str:
    """What a value says on paper; raises TooMuch, and what is wrong with a value that there is not."""
    if isinstance(value, StrictUndefined):
        return str(value)  # raises
    text = value if type(value) is str else str(bounded(value))
    if len(text) > MOST_LETTERS:
        bounded(text)
    return text


class Environment(ImmutableSandboxedEnvironment):
    """See the module. A rendering needs the value ``_budget``."""

    code_generator_class = Generator
    written = staticmethod(written)
    intercepted_binops = frozenset(("+", "*", "**", "%"))

    def __init__(
        self,
        load: Callable[[str], tuple[str, str, Callable[[], bool]] | None],
        finalize: Callable[..., str],
        functions: Mapping[str, Callable[..., Any]],
        filters: Mapping[str, Callable[..., Any]],
        compiled: BytecodeCache | None = None,
    ) -> None:
        super().__init__(
            bytecode_cache=compiled,
            loader=FunctionLoader(load),
            line_statement_prefix="%",
            undefined=StrictUndefined,
            finalize=finalize,
            keep_trailing_newline=True,
            auto_reload=False,
        )
        self.globals = {name: self.globals[name] for name in _GLOBALS} | dict(functions)
        self._own = frozenset(one for one in functions.values() if _PassArg.from_obj(one) is None)
        known = {name: self.filters[name] for name in _FILTERS} | dict(filters)
        self.filters = known | {"_counted": _counted, "_joined": _joined}

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        """Every loop counts its rounds, and texts put together with ``~`` are bounded."""
        tree = super()._parse(source, name, filename)
        for loop in tree.find_all(nodes.For):
            assert isinstance(loop.iter, nodes.Expr)
            loop.iter = _filtered(loop.iter, "_counted")
        return _Concats(tree).replaced

    def call(self, context: Context, function: Any, *args: Any, **kwargs: Any) -> Any:
        budget_of(context).step()
        for value in (*args, *kwargs.values()):
            if isinstance(value, int) and abs(value) > MOST_STEPS and function is not range:
                raise TooMuch(f"{value} is more than {MOST_STEPS}")
        if type(function) is FunctionType and function in self._own and kwargs.keys() <= _JINJAS:
            return bounded(function(*args))
        return bounded(super().call(context, function, *args, **kwargs))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        budget_of(context).step()
        if operator == "*":
            for some, times in ((left, right), (right, left)):
                if isinstance(some, str | list | tuple) and isinstance(times, int) and len(some) * times > MOST_LETTERS:
                    raise TooMuch(f"{times} times {len(some)}, where {MOST_LETTERS} are the most")
        if operator == "**" and not (abs(left) <= 1_000_000 and abs(right) <= 12):
            raise TooMuch(f"{left} ** {right} is too large")
        if operator == "%" and isinstance(left, str):
            raise SecurityError("texts are put together with ~")
        return bounded(super().call_binop(context, operator, left, right))

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, str) and attr not in _TEXT_METHODS:
            return False
        return super().is_safe_attribute(obj, attr, value)


class _Concats:
    """A tree whose ``a ~ b`` are bounded."""

    def __init__(self, tree: nodes.Template) -> None:
        self.replaced = tree
        for node in list(tree.find_all(nodes.Node)):
            for name, value in node.iter_fields():
                if isinstance(value, nodes.Concat):
                    setattr(node, name, _concat(value))
                elif isinstance(value, list):
                    value[:] = [_concat(one) if isinstance(one, nodes.Concat) else one for one in value]


def _concat(node: nodes.Concat) -> nodes.Filter:
    return _filtered(nodes.List(node.nodes, lineno=node.lineno), "_joined")


def _filtered(node: nodes.Expr, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def budget_of(context: Context) -> Budget:
    """The paper's, which is among what the template was given: no need to look through what it made itself."""
    budget: Budget = context.parent["_budget"]
    return budget


@pass_context
def _counted(context: Context, some: Iterable[Any]) -> Iterable[Any]:
    if isinstance(some, StrictUndefined):
        str(some)  # raises
    budget = budget_of(context)

    def count() -> Iterator[Any]:
        for one in some:
            budget.step()
            yield one

    return _Counted(count, len(some)) if isinstance(some, Sized) else count()


class _Counted:
    """A loop's values; as many as can be told before, so that ``loop.last`` and ``loop.length`` work."""

    def __init__(self, count: Callable[[], Iterator[Any]], length: int) -> None:
        self._count = count
        self._length = length

    def __iter__(self) -> Iterator[Any]:
        return self._count()

    def __len__(self) -> int:
        return self._length


def _joined(parts: Iterable[Any]) -> str:
    return str(bounded("".join(str(bounded(part)) for part in parts)))
