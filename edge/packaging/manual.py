"""Manual pages and completion for shells, from the commands themselves."""

import gzip
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click
from click.shell_completion import get_completion_class

COMPLETIONS = {
    "bash": "usr/share/bash-completion/completions/{}",
    "zsh": "usr/share/zsh/vendor-completions/_{}",
    "fish": "usr/share/fish/vendor_completions.d/{}.fish",
}
CONFIGURATION = "station.toml"


def completions(group: click.Group, name: str) -> dict[str, str]:
    """Path under ``/`` and text, a shell each."""
    variable = f"_{name.upper()}_COMPLETE"
    found = {}
    for shell, place in COMPLETIONS.items():
        kind = get_completion_class(shell)
        if kind is not None:
            maker = kind(group, {}, name, variable)
            found[place.format(name)] = maker.source_template % maker.source_vars()
    return found


def manuals(group: click.Group, name: str, version: str, template: Path) -> dict[str, bytes]:
    """Path under ``/`` and gzipped text: a page for the whole, one for each command, one for the configuration."""
    pages = {f"{name}.1": page(group, (name,), version)}
    with click.Context(group, info_name=name) as parent:
        for word in group.list_commands(parent):
            command = group.get_command(parent, word)
            if command is not None and not command.hidden:
                pages[f"{name}-{word}.1"] = page(command, (name, word), version)
    pages[f"{CONFIGURATION}.5"] = configuration(template.read_text("utf-8"), name, version)
    return {
        f"usr/share/man/man{title[-1]}/{title}.gz": gzip.compress(text.encode(), 9, mtime=0)
        for title, text in pages.items()
    }


def page(command: click.Command, words: tuple[str, ...], version: str) -> str:
    """The page of a command, with the commands below it."""
    first, *more = _paragraphs(command.help or "")
    lines = [
        f'.TH "{"-".join(words).upper()}" 1 "" "{words[0]} {version}" "User Commands"',
        ".SH NAME",
        rf"{_plain('-'.join(words))} \- {_plain(_short(first))}",
        ".SH SYNOPSIS",
        *_synopsis(command, words),
        ".SH DESCRIPTION",
        *_set(first),
    ]
    for paragraph in more:
        lines += [".PP", *_set(paragraph)]
    lines += _options(command, words, ".SH OPTIONS")
    lines += list(_below(command, words))
    lines += [
        ".SH SEE ALSO",
        f".BR {words[0]} (1)," if len(words) > 1 else f".BR {words[0]}\\-init (1),",
        f".BR {CONFIGURATION} (5)",
    ]
    return "\n".join(lines) + "\n"


def configuration(template: str, name: str, version: str) -> str:
    """The page of the configuration: the file explains itself."""
    return "\n".join(
        [
            f'.TH "{CONFIGURATION.upper()}" 5 "" "{name} {version}" "File Formats"',
            ".SH NAME",
            rf"{CONFIGURATION} \- what a station is, which devices it has, where the city is",
            ".SH DESCRIPTION",
            rf"\fB{name} init\fR writes it, with these comments:",
            ".PP",
            ".nf",
            *(_plain(line) for line in template.splitlines()),
            ".fi",
            ".SH SEE ALSO",
            rf".BR {name} (1)",
            "",
        ]
    )


def _below(command: click.Command, words: tuple[str, ...]) -> Iterator[str]:
    """The commands of a group: of the program by name and a line, of a command in full."""
    if not isinstance(command, click.Group):
        return
    yield ".SH COMMANDS"
    with click.Context(command, info_name=words[-1]) as ctx:
        for word in command.list_commands(ctx):
            one = command.get_command(ctx, word)
            if one is None or one.hidden:
                continue
            if len(words) == 1:
                yield from (
                    ".TP",
                    rf".BR {words[0]}\-{_plain(word)} (1)",
                    _plain(_short(_paragraphs(one.help or "")[0])),
                )
            else:
                first, *more = _paragraphs(one.help or "")
                yield f".SS {_plain(word)}"
                yield from _synopsis(one, (*words, word))
                for paragraph in (first, *more):
                    yield from (".PP", *_set(paragraph))
                yield from _options(one, (*words, word), ".PP")


def _synopsis(command: click.Command, words: tuple[str, ...]) -> Iterator[str]:
    with click.Context(command, info_name=words[-1]) as ctx:
        pieces = " ".join(command.collect_usage_pieces(ctx))
    yield rf".B {' '.join(map(_plain, words))}"
    yield _plain(pieces)


def _options(command: click.Command, words: tuple[str, ...], heading: str) -> list[str]:
    rows = []
    with click.Context(command, info_name=words[-1]) as ctx:
        for parameter in command.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record:
                rows += [".TP", rf"\fB{_plain(record[0])}\fR", _plain(" ".join(record[1].split()))]
    return [heading, *rows] if rows else []


def _paragraphs(text: str) -> list[str]:
    parts = [part for part in re.split(r"\n\s*\n", inspect.cleandoc(text)) if part]
    return parts or [""]


def _short(paragraph: str) -> str:
    text = " ".join(paragraph.split())
    return re.split(r"(?<=[.:])\s", text)[0].rstrip(".")


def _set(paragraph: str) -> list[str]:
    """A paragraph as it is; behind click's mark for one that is not to be filled, line by line."""
    if paragraph.startswith("\b"):
        return [".nf", *(_plain(line) for line in paragraph.lstrip("\b\n").splitlines()), ".fi"]
    return [_plain(" ".join(paragraph.split()))]


def _plain(text: str) -> str:
    """Text that roff takes for nothing else."""
    safe = (
        text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq").replace("`", r"\(ga").replace("^", r"\(ha")
    )
    safe = safe.replace("~", r"\(ti")
    return rf"\&{safe}" if safe.startswith(".") else safe
