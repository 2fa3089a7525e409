"""`marketedge decode` and `replay`: what recorded bytes say."""

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import click

from drivers.transports.recorder import read_log
from edge.cli.device_options import Named, device_options
from edge.cli.main import BadInput, as_typed, plain_errors
from protocol.readings import Event


@click.command()
@click.argument("words", nargs=-1, metavar="[PROTOCOL] [FILE|-]")
@device_options
@click.option("--hex", "as_hex", is_flag=True, help="The input is hex text, not bytes.")
def decode(words: tuple[str, ...], device: Named, as_hex: bool) -> None:
    """Decode bytes of a protocol, or of a model, from FILE (or standard input): one JSON object per line.

    \b
    marketedge decode yaohua_equals --option reversed=false heard.bin
    marketedge decode --model yaohua-a12 heard.bin
    """
    files = words
    if words and not device.model and not device.protocol:
        device, files = replace(device, protocol=words[0]), words[1:]
    if len(files) > 1:
        raise click.UsageError("one FILE at a time; after --model or --protocol only FILE follows")
    with plain_errors():
        row = device.row()
        if row is None:
            raise click.UsageError("name a protocol, or a model with --model (`marketedge protocols` lists them)")
        with as_typed():
            decoder = row.decoder()
        with click.open_file(files[0] if files else "-", "rb") as file:
            data = file.read()
        if as_hex:
            data = _from_hex(data)
        _tell(decoder.feed(data))
        _tell(decoder.finish())


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@device_options
def replay(file: Path, device: Named) -> None:
    """Show a log that `marketedge record` made: its bytes, or with --protocol or --model its readings as JSON."""
    with plain_errors():
        row = device.row()
        with as_typed():
            decoder = row.decoder() if row else None
            chunks = list(read_log(file))
        for chunk in chunks:
            if decoder is None:
                click.echo(f"{chunk.seconds:9.3f} {'<' if chunk.from_device else '>'} {chunk.data.hex(' ')}")
            elif chunk.from_device:
                _tell(decoder.feed(chunk.data))
        if decoder is not None:
            _tell(decoder.finish())


def _from_hex(text: bytes) -> bytes:
    """Raises BadInput that names the place."""
    for line, words in enumerate(text.split(b"\n"), 1):
        for word in words.split():
            if found := re.search(rb"[^0-9A-Fa-f]", word):
                raise BadInput(f"input is not hex: {found[0].decode('latin-1')!r} in line {line}")
    digits = b"".join(text.split())
    if len(digits) % 2:
        raise BadInput(f"input is not hex: {len(digits)} digits; every byte has two")
    return bytes.fromhex(digits.decode("ascii"))


def _tell(events: Iterable[Event]) -> None:
    for event in events:
        click.echo(json.dumps(event.as_json(), ensure_ascii=False))
