"""`marketedge support`: the bundle for who helps from elsewhere, whether the station runs or not."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from urllib.error import URLError

import click

from edge.between.tongue import said
from edge.care.bundle import Bundle, data_of
from edge.cli.main import config_option, plain_errors
from edge.cli.running import asked
from edge.config.sections import BadConfig, Config, load
from edge.records import private
from edge.records.lock import holder

ANSWER_SECONDS = 60.0
MOST = 64 << 20  # bytes; a station makes none that is larger


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@config_option
@click.option("--unit", default="", help="The service's name in the system's journal; default: marketedge@FOLDER.")
def support(file: Path, config_path: Path, unit: str) -> None:
    """Write FILE.zip for whoever helps: configuration, health, last frames of devices, log, versions, ledger's status.

    No key, password, PIN or token is in it; names of people and businesses and telephone numbers are replaced. A
    running station is asked; where none runs, or configuration or ledger cannot be used, it says what can be seen.
    """
    with plain_errors():
        config, why = None, ""
        try:
            config = load(config_path)
        except BadConfig as error:
            why = str(error)
        made, note = _of_station(config, config_path)
        bundle = Bundle(config_path, config, why, unit=unit)
        size = _write(file, bundle.stream() if made is None else [bundle.with_journal(made)])
    if note:
        click.echo(note, err=True)
    click.echo(
        said(
            f"{file}：{size} 字节；INDEX.txt 是目录。发送前请自行查看",
            f"{file}: {size} bytes; INDEX.txt says what is in it. Look through it before you send it",
        )
    )


def _of_station(config: Config | None, path: Path) -> tuple[bytes | None, str]:
    """What a running station answers, and what is to be said of it; None when none does."""
    running = None
    with suppress(OSError):
        running = holder(config.station.data if config else data_of(path))
    if running is None:
        return None, said("服务未运行：没有设备通信数据", "the station does not run: no frames of devices")
    if config is None:
        return None, said(
            "配置不能用，未询问正在运行的服务", "the configuration cannot be used: the running station was not asked"
        )
    try:
        return asked(config, running, "/api/support", seconds=ANSWER_SECONDS, most=MOST), ""
    except (OSError, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        return None, said(
            f"正在运行的服务没有回应（{reason}）：从外部制作",
            f"the running station does not answer ({reason}): made from outside",
        )


def _write(file: Path, pieces: Iterable[bytes]) -> int:
    """The file gets its name when it is whole, and is its owner's alone."""
    draft, size = file.with_name(f"{file.name}.new"), 0
    draft.unlink(missing_ok=True)
    try:
        private.write_new(draft, b"")
        with draft.open("ab") as out:
            for piece in pieces:
                size += out.write(piece)
        draft.rename(file)
    finally:
        draft.unlink(missing_ok=True)
    return size
