"""`marketedge record`: write down what a port says, so that it can be replayed and sent to us."""

import time
from collections import Counter
from datetime import date
from pathlib import Path

import click

from drivers.anonymous import clean
from drivers.conversation import Conversation
from drivers.model import Model
from drivers.transports import LinkLost, Transport, open_port
from drivers.transports.recorder import ORIGINS, Chunk, write_log
from edge.cli.device_options import Named, device_options
from edge.cli.main import BadInput, as_typed, plain_errors
from protocol import formats
from protocol.link import Link
from protocol.options import BadOptions
from protocol.readings import Event, Garbage
from protocol.session import Listening, Session

UNNAMED = (
    "Without --protocol or --model nothing was asked and no names were replaced: check the file before you send it."
)


@click.command()
@click.argument("port")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@device_options
@click.option("--link", default="", help="Line settings; the protocol's own, else 9600/8n1, unless given.")
@click.option("--seconds", type=float, default=None, help="Stop after this time; otherwise press Ctrl-C.")
@click.option("--name", default="", help="Device name for the log's head.")
@click.option("--firmware", default="", help="The device's firmware, as it shows it.")
@click.option(
    "--origin",
    default="device",
    metavar="WORDS",
    help="What is recorded: `device`, with its number and place if you like, or `simulator` with its version.",
)
@click.option("--submitter", default="", help="Who sends the log in; leave it out to stay unnamed.")
@click.option("--notes", default="", help="What was done while recording.")
def record(
    port: str,
    file: Path,
    device: Named,
    link: str,
    seconds: float | None,
    name: str,
    firmware: str,
    origin: str,
    submitter: str,
    notes: str,
) -> None:
    """Write what PORT says to FILE, with times, so that it can be replayed and sent to us.

    With --protocol or --model a polled device is asked (--option sets its format), and what an analyzer says about
    people and businesses is replaced by stand-ins of the same length. A frame in which that is not possible is left
    out; the log says how many. No result is acknowledged, so an instrument keeps what it has. FILE is written at the
    end.
    """
    with plain_errors():
        row = device.row()
        if origin.partition(" ")[0] not in ORIGINS:
            raise BadInput(f"origin {origin!r}: begin with one of {', '.join(ORIGINS)}")
        with as_typed():
            settings = Link.parse(link) if link else row.default_link() if row else Link(9600)
        transport = open_port(port, settings)
        chunks: list[Chunk] = []
        try:
            _listen(transport, _session(row), chunks, seconds)
        except KeyboardInterrupt:
            pass
        except LinkLost as lost:
            click.echo(f"\n{lost}", err=True)
        finally:
            transport.close()
        click.echo("", err=True)
        said = _cleaned(chunks, row) if row else (chunks, "")
        head = {
            "Name": name or (f"{row.vendor} {row.name}".strip() if row else "") or "unknown",
            "Firmware": firmware or "unknown",
            "Origin": origin,
            "Submitter": submitter or "unnamed",
            "Date": date.today().isoformat(),  # noqa: DTZ011  the day at the device, for people
            "Notes": " ".join(filter(None, (notes, said[1]))) or "none",
            "Serial": str(settings),
        }
        with file.open("w", encoding="utf-8") as out:
            write_log(out, head, said[0])
        for line in _summary(file, said[0], row, said[1]):
            click.echo(line)


def _session(row: Model | None) -> Session:
    """The model's own; without one that is only listened to."""
    if row is None:
        return Listening(_Unread())
    try:
        return row.session(date.today)
    except BadOptions as bad:
        if not formats.find(row.format).polled:
            with as_typed():
                return Listening(row.decoder())
        raise BadInput(f"{row.format} cannot ask yet: {bad}; set it with --option, or name a --model") from bad


class _Unread:
    """Decoder of what nobody knows how to read."""

    def feed(self, data: bytes) -> list[Event]:
        return []

    def finish(self) -> list[Event]:
        return []


def _listen(transport: Transport, session: Session, chunks: list[Chunk], seconds: float | None) -> None:
    """Results are never said to be committed: an instrument that erases what it has handed over keeps it."""
    start, count = time.monotonic(), 0

    def clock() -> float:
        return time.monotonic() - start

    talk = Conversation(transport, session, clock, chunks.append)
    while seconds is None or clock() < seconds:
        if heard := talk.turn().heard:
            count += len(heard)
            click.echo(f"\r{count} bytes", nl=False, err=True)


def _cleaned(chunks: list[Chunk], row: Model) -> tuple[list[Chunk], str]:
    """The chunks without names, and what to say about it."""
    if formats.find(row.format).kind != "analyzer":
        return chunks, ""
    found = clean(b"".join(chunk.data for chunk in chunks if chunk.from_device), row.decoder)
    left, at = [], 0
    for chunk in chunks:
        if not chunk.from_device:
            left.append(chunk)
            continue
        data = bytes(byte for byte in found.stream[at : at + len(chunk.data)] if byte is not None)
        at += len(chunk.data)
        if data:
            left.append(Chunk(chunk.seconds, True, data))
    notes = []
    if found.replaced:
        notes.append(f"Names replaced in {found.replaced} frames.")
    if found.withheld:
        notes.append(f"{found.withheld} pieces left out, because their names could not be replaced.")
    return left, " ".join(notes)


def _summary(file: Path, chunks: list[Chunk], row: Model | None, cleaned: str) -> list[str]:
    stream = b"".join(chunk.data for chunk in chunks if chunk.from_device)
    lines = [f"{file}: {len(stream)} bytes in {sum(chunk.from_device for chunk in chunks)} chunks"]
    if row is None:
        return [*lines, UNNAMED]
    decoder = row.decoder()
    events: list[Event] = [*decoder.feed(stream), *decoder.finish()]
    kinds = Counter(type(event).__name__.lower() for event in events)
    lines.append(f"{row.format}: " + (", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items())) or "nothing"))
    whys = Counter(event.why for event in events if isinstance(event, Garbage))
    lines += [f"  unreadable, {times} times: {why}" for why, times in whys.most_common(3)]
    if cleaned:
        lines.append(cleaned)
    if formats.find(row.format).kind == "analyzer":
        lines.append("Numbers and times are unchanged. Check the file before you send it.")
    return lines
