"""`marketedge identify`: which protocol and settings speak on a port."""

import json
import re
from typing import Any

import click

from drivers.identify import LISTEN_SECONDS, Report, Search
from drivers.recognise import Match, only
from drivers.transports import open_port
from edge.cli.device_options import Named, device_options
from edge.cli.main import plain_errors
from protocol import formats
from protocol.readings import TestResult, Weighing

SCHEMES = ("usb-hid", "w1", "folder", "http", "ws")  # other addresses carry what is spoken on serial lines
RESULT_SECONDS = 30.0  # in which a person has a result sent
LINES = re.compile(rb"([ -~]{3,}[\r\n]+)+")


@click.command()
@click.argument("port")
@device_options
@click.option(
    "--listen",
    type=float,
    help=f"Seconds to listen at each rate; {LISTEN_SECONDS} otherwise, {RESULT_SECONDS:g} for files and uploads.",
)
@click.option("--print", "allow_print", is_flag=True, help="Also press the PRINT key by wire; paper may come out.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def identify(
    ctx: click.Context,
    port: str,
    device: Named,
    listen: float | None,
    allow_print: bool,
    as_json: bool,
) -> None:
    """Find out what is connected to PORT: its protocol and link settings.

    It listens first. Only on a silent port it asks, and only for a weight, a name or a test: nothing that is asked
    erases, tares, zeroes or changes a setting. Some scales answer only by printing; they are asked with --print.
    An analyzer is told while it sends a result, and keeps it where it waits for an answer. A scanner cannot be told:
    any line of text may be a code. With --protocol or --model it looks for that one only. Exit code 1 when it cannot be
    told.
    """
    serial = port.startswith("/")
    scheme = port.partition(":")[0]
    wire = scheme if scheme in SCHEMES else "serial"
    with plain_errors():
        row = device.row()
    if scheme == "evdev" and row is None:
        raise click.ClickException(f'{port} is a keyboard: what types there is a scanner, model = "keyboard-scanner"')
    search = Search(
        lambda link: open_port(port, link),
        of=only(row) if row else None,
        wire=wire,
        our_settings=serial,
        listen=listen or (RESULT_SECONDS if wire in ("folder", "http") else LISTEN_SECONDS),
        allow_print=allow_print,
        tell=lambda text: click.echo(text, err=True),
    )
    with plain_errors():
        report = search.run()
    if as_json:
        click.echo(json.dumps(_as_json(report), ensure_ascii=False))
    else:
        for line in _told(report) if report.findings else untold(report, wire, allow_print=allow_print):
            click.echo(line)
    ctx.exit(0 if report.findings else 1)


def _as_json(report: Report) -> dict[str, Any]:
    return {
        "findings": [
            {
                "protocol": one.protocol,
                "kind": one.kind,
                "link": one.link and str(one.link),
                "confidence": one.confidence,
                "frames": one.frames,
                "readable": one.readable,
                "models": list(one.models),
                "options": dict(one.options),
                "example": one.example.as_json(),
            }
            for one in report.findings
        ],
        "asked": report.asked,
        "heard": report.heard.hex(),
        "seconds": round(report.seconds, 1),
    }


def _told(report: Report) -> list[str]:
    lines = [_line(one) for one in report.findings]
    first = report.findings[0]
    if len(report.findings) > 1:
        lines.append("These cannot be told apart by what was heard: compare the reading with the display.")
    lines += ["", "For station.toml:"]
    if first.models:
        lines.append(f'  model = "{first.models[0]}"    # or: {", ".join(first.models[1:])}'.removesuffix("    # or: "))
    else:
        lines.append(f'  protocol = "{first.protocol}"')
        if first.options:
            said = ", ".join(f"{name} = {json.dumps(value)}" for name, value in first.options.items())
            lines.append(f"  options = {{ {said} }}")
    if first.link is not None:
        lines.append(f'  link = "{first.link}"')
    return lines


def _line(one: Match) -> str:
    settings = f" at {one.link}" if one.link else ""
    says = _says(one)
    return f"{one.confidence:4.0%}  {one.protocol}{settings}: {formats.find(one.protocol).title}; {says}"


def _says(one: Match) -> str:
    match one.example:
        case Weighing(value=value, unit=unit) if value is not None:
            return f"reads {value} {unit or '(no unit sent)'}, {one.frames} frames"
        case Weighing(state=state):
            return f"state {state.value}, {one.frames} frames"
        case TestResult(item=item, value=value):
            return f"a result: {item} {value}"
    return f"{one.frames} answers"


def untold(report: Report, wire: str, *, allow_print: bool) -> list[str]:
    """Why it cannot be told, and the next step."""
    if report.heard:
        lines = [
            f"{len(report.heard)} bytes received at {report.heard_at}, but no known protocol fits them:",
            f"  {report.heard[:48].hex(' ')}",
        ]
        if wire == "serial" and LINES.fullmatch(report.heard):
            lines.append('If that is what you have just scanned, it is a scanner: model = "serial-scanner".')
        return [
            *lines,
            "Look up protocol and link settings in the device's menu, or send us a log (marketedge record).",
        ]
    lines = [
        f"Nothing heard, and no answer to {report.asked} questions. Check that it is on, the cable (crossed or",
        "straight?), and the output mode. An analyzer may speak only when it has a result: measure one, or press",
        f"its send key, while this listens (--listen {RESULT_SECONDS:g}).",
    ]
    rows = [row for row in map(formats.find, formats.ids()) if row.wire == wire]
    asleep = [row.id for row in rows if row.print_questions]
    if asleep and not allow_print:
        lines += [
            f"Scales that answer only by printing were not asked ({', '.join(asleep)}):",
            "put something on the pan, and see --print.",
        ]
    if unasked := [row.id for row in rows if row.polled and not (row.questions or row.print_questions)]:
        lines += [
            f"Never asked, as nothing in an answer would tell them from others ({', '.join(unasked)}):",
            "write the model into station.toml, and see whether marketedge check reads it.",
        ]
    return lines
