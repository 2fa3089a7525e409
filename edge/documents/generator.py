"""What Jinja makes of a template: Python that answers markup, with a place for each value.

A line of markup that no statement parts leaves its template as a number, and what it says and its values are kept
beside it: nothing of it is put together, and nothing taken apart again.  What is not a whole line goes out as text.
"""

from collections.abc import Iterator, Sequence

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame

OPEN, CLOSE, LINE, END = "\ue000", "\ue001", "\ue002", "\ue003"  # round a value's number; a line's place between
MOST_LETTERS = 20_000  # of one text
_DICT = frozenset(dir(dict))


class Generator(CodeGenerator):
    """As ever, but what lies in a dict is taken out of it on the spot: a slip asks for more than a hundred fields."""

    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:  # noqa: N802  (jinja's name)
        if node.attr in _DICT:
            super().visit_Getattr(node, frame)
            return
        some = self.temporary_identifier()
        self.write(f"({some}[{node.attr!r}] if type({some} := ")
        self.visit(node.node, frame)
        self.write(f") is dict and {node.attr!r} in {some} else environment.getattr({some}, {node.attr!r}))")

    def visit_Output(self, node: nodes.Output, frame: Frame) -> None:  # noqa: N802
        escaping = frame.eval_ctx.volatile or frame.eval_ctx.autoescape
        if frame.buffer is not None or frame.require_output_check or escaping:
            super().visit_Output(node, frame)
            return
        for piece in _pieces(node.nodes):
            if _is_line(piece):
                self._line(piece, frame)
            else:
                super().visit_Output(nodes.Output(piece, lineno=node.lineno), frame)

    def _line(self, line: Sequence[nodes.Expr], frame: Frame) -> None:
        """A whole line: its values are texts already, but for numbers and what a template made too long."""
        text = ""
        values: list[nodes.Expr] = []
        for one in line:
            if isinstance(one, nodes.TemplateData):
                text += one.data
            else:
                text += f"{OPEN}{len(values)}{CLOSE}"
                values.append(one)
        self.writeline(f"yield context.parent['_budget'].line({text[:-1]!r}", values[0])
        self.indent()
        for value in values:
            some = self.temporary_identifier()
            self.write(",")
            self.newline(value)
            self.write(f"{some} if type({some} := ")
            self.visit(value, frame)
            self.write(f") is str and len({some}) <= {MOST_LETTERS} else environment.written({some})")
        self.write(")")
        self.outdent()


def _pieces(output: Sequence[nodes.Expr]) -> Iterator[list[nodes.Expr]]:
    """What a template puts out, each whole line by itself."""
    piece: list[nodes.Expr] = []
    for one in output:
        if not isinstance(one, nodes.TemplateData):
            piece.append(one)
            continue
        for text in one.data.splitlines(keepends=True):
            if text.startswith(LINE) and piece:
                yield piece
                piece = []
            piece.append(nodes.TemplateData(text, lineno=one.lineno))
            if text.endswith("\n") and _is_line(piece):
                yield piece
                piece = []
    if piece:
        yield piece


def _is_line(piece: Sequence[nodes.Expr]) -> bool:
    """Whether this is a line of markup from its beginning to its end, with values in it."""
    texts = [one.data if isinstance(one, nodes.TemplateData) else "" for one in piece]
    ends = [place for place, text in enumerate(texts, 1) if text.endswith("\n")]
    return texts[0].startswith(LINE) and "" in texts and ends == [len(piece)]
