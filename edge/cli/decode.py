"""`marketedge decode` and `replay`: what recorded bytes say."""

import json
from collections.abc import Iterable
from pathlib import Path

import click

from drivers.transports.recorder import read_log
from edge.cli.device_options import chosen, model_option, settings_option
from edge.cli.main import as_typed, plain_errors
from protocol.readings import Event


@click.command()
@click.argument("words", nargs=-1, metavar="PROTOCOL|--model ID [FILE|-]")
@model_option
@settings_option
@click.option("--hex", "as_hex", is_flag=True, help="The input is hex text, not bytes.")
def decode(words: tuple[str, ...], model: str, options: tuple[str, ...], as_hex: bool) -> None:
    """Decode bytes of a protocol, or of a model, from FILE (or standard input): one JSON object a line.

    \b
    marketedge decode yaohua_equals --option reversed=false heard.bin
    marketedge decode --model yaohua-a12 heard.bin
    """
    protocol, *files = ("", *words) if model else words or ("",)
    if len(files) > 1:
        raise click.UsageError("one FILE at a time; with --model no protocol is named")
    with plain_errors():
        row = chosen(protocol, model, options)
        if row is None:
            raise click.UsageError("name a protocol, or a model with --model (`marketedge protocols` lists them)")
        with as_typed():
            decoder = row.decoder()
        with click.open_file(files[0] if files else "-", "rb") as file:
            data = file.read()
        if as_hex:
            with as_typed():
                data = bytes.fromhex(data.decode("ascii"))
        _tell(decoder.feed(data))
        _tell(decoder.finish())


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--protocol", default="", help="Decode as this wire format instead of printing hex.")
@model_option
@settings_option
def replay(file: Path, protocol: str, model: str, options: tuple[str, ...]) -> None:
    """Show a recorded log: its chunks, or with --protocol or --model its readings as JSON."""
    with plain_errors():
        row = chosen(protocol, model, options)
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


def _tell(events: Iterable[Event]) -> None:
    for event in events:
        click.echo(json.dumps(event.as_json(), ensure_ascii=False))
