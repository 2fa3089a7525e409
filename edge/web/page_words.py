"""Which texts the scripts of a page use: a page is sent those alone, since first looks come over slow networks.

A text is used when its key stands between quotation marks in one of the page's scripts; all of a section, where a
script asks for it by a word of the board (``say(`lot.${state}`)``).
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from edge.between.words import for_scripts

HERE = Path(__file__).parent
LITERAL = re.compile(r"[\"'`]([\w.-]+)[\"'`]")
SECTION = re.compile(r"`(\w+)\.\$\{")
IMPORT = re.compile(r"\b(?:from|import)\s*\(?\s*\"\./([\w-]+)\.js\"")
SCRIPT = re.compile(r"src=\"/static/([\w-]+)\.js\"")
TEMPLATE = re.compile(r"{% (?:include|extends) \"([\w-]+\.html)\" %}")


@cache
def scripts_of(page: str) -> frozenset[str]:
    """The scripts that a page loads, by their names, and all that those import."""
    found: set[str] = set()
    wanted = [page, *_named(f"{page}.html")]
    while wanted:
        name = wanted.pop()
        if name not in found:
            found.add(name)
            wanted += IMPORT.findall(_text(f"static/{name}.js"))
    return frozenset(found)


@cache
def words_of(page: str, language: str) -> Mapping[str, str]:
    """The texts that the scripts of a page use, by key."""
    text = "\n".join(_text(f"static/{name}.js") for name in sorted(scripts_of(page)))
    keys, sections = set(LITERAL.findall(text)), set(SECTION.findall(text))
    said = for_scripts(language)
    return {
        key: words for key, words in said.items() if key in keys or (key.partition(".")[0] in sections and "." in key)
    }


def _named(template: str) -> Iterator[str]:
    """The scripts that a template names, and those it includes or extends."""
    text = _text(f"templates/{template}")
    yield from SCRIPT.findall(text)
    for other in TEMPLATE.findall(text):
        yield from _named(other)


def _text(name: str) -> str:
    return (HERE / name).read_text("utf-8")
