"""`marketedge enrol`: a box becomes a station of the city, over HTTPS or by a file on a stick."""

import ssl
import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

import click

from edge.between.tongue import said
from edge.care.enrolment import REQUEST, Enrolment, Taken
from edge.cli.main import BadInput, config_option, plain_errors
from edge.config.sections import is_loopback, load
from edge.records import private
from edge.records.identity import load_key, public_hex
from edge.records.lock import holder
from protocol.city.enrolment import ANSWER_CAP, BadEnrolment, Token, bare, is_request, read_refusal, spoken

SECONDS = 30.0


@click.command()
@click.argument("target", metavar="URL|FILE")
@config_option
@click.option(
    "--token",
    "typed",
    envvar="MARKETEDGE_ENROL_TOKEN",
    prompt="入网码 token",
    metavar="ME1-…",
    help="The city's one-time token for this box; asked for when left out. It is never sent.",
)
@click.option("--serial", default="", help="The hardware's number, where the box does not know it by itself.")
@click.option(
    "--ca",
    "ca_file",
    type=click.Path(exists=True, path_type=Path, dir_okay=False),
    help="Authority (PEM) of the city's https address; left out: the system's.",
)
def enrol(target: str, config_path: Path, typed: str, serial: str, ca_file: Path | None) -> None:
    """Become a station of the city: send key and certificate request, get seat, brokers, certificate and keys back.

    URL is the city's address for this (https; http on this machine alone). FILE is for a stick: the first time the
    request is written there, and when the city's people have put their answer in its place, the same command takes it.

    All of it is written or nothing, and the same command may be given again. The private keys stay on the box.
    """
    with plain_errors():
        try:
            config = load(config_path)
            box = Enrolment(config_path, config, Token.parse(typed))
            if "://" in target:
                taken = box.take(_sent(target, box.request(serial[:120]), ca_file))
            else:
                answer = _from_stick(Path(target), box, serial[:120])
                if answer is None:
                    _tell_request(Path(target), public_hex(load_key(config.station.key)))
                    return
                taken = box.take(answer)
        except BadEnrolment as bad:
            detail = f" ({bad.detail})" if bad.detail else ""
            raise BadInput(
                said(f"{bad.zh}{detail}；没有写入任何内容", f"{bad.en}{detail}; nothing was written")
            ) from None
        _tell(taken, running=holder(config.station.data) is not None)


def _from_stick(file: Path, box: Enrolment, serial: str) -> bytes | None:
    """The answer that lies there; None when the request was written there now. Raises BadInput, BadEnrolment."""
    request = box.request(serial)
    try:
        with file.open("rb") as came:
            payload = came.read(ANSWER_CAP + 1)
    except FileNotFoundError:
        private.replace(file, request)
        return None
    if is_request(payload):
        if bare(payload) == request:
            raise BadInput(
                said(
                    f"{file} 里还是申请，平台尚未答复", f"{file} still holds the request: the city has not answered yet"
                )
            )
        raise BadInput(said(f"{file} 是另一份申请：换一个文件名", f"{file} holds another request: name another file"))
    return payload


# --- over the network ---------------------------------------------------------------------------------------------


class _Straight(urllib.request.HTTPRedirectHandler):
    """Nobody is followed elsewhere, least of all from https to http."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _sent(url: str, request: bytes, ca_file: Path | None) -> bytes:
    """What the city answers. Raises BadInput, BadEnrolment and OSError."""
    parts = urlsplit(url)
    local = is_loopback(parts.hostname or "")
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise BadInput(
            said(
                f"{url}：地址须以 https:// 开头（http 只可用于本机）",
                f"{url}: the address has to be https:// (http on this machine alone)",
            )
        )
    try:
        context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    except ValueError as error:
        raise BadInput(f"{ca_file}: {error}") from None
    proxies = [urllib.request.ProxyHandler({})] if local else []
    opener = urllib.request.build_opener(_Straight, urllib.request.HTTPSHandler(context=context), *proxies)
    asked = urllib.request.Request(url, request, {"Content-Type": "application/json"})
    try:
        with opener.open(asked, timeout=SECONDS) as answer:
            return bytes(answer.read(ANSWER_CAP + 1))
    except HTTPError as error:
        with error:
            body = error.read(ANSWER_CAP + 1)
        if (refused := read_refusal(body)) is not None:
            raise refused from None
        raise BadInput(said(f"{url} 回应 {error.code}", f"{url} answers {error.code} {error.reason}")) from None


# --- what is told --------------------------------------------------------------------------------------------------


def _tell_request(file: Path, key: str) -> None:
    click.echo(
        said(
            f"{file}：入网申请，交给平台；拿回答复后再运行同一命令（{REQUEST} 是底稿，请勿删除）",
            f"{file}: the request, for the city's people; with their answer in its place run the same command again "
            f"({REQUEST} is its copy: leave it there)",
        )
    )
    click.echo(said(f"本站密钥：{spoken(key)}", f"this station's key: {spoken(key)}"))


def _tell(taken: Taken, *, running: bool) -> None:
    click.echo(said(f"站点 {taken.station} 已入网", f"this box is station {taken.station} now"))
    for file in taken.files:
        click.echo(said(f"已写入 {file}", f"written: {file}"))
    click.echo(said(f"平台地址：{' '.join(taken.brokers)}", f"brokers: {' '.join(taken.brokers)}"))
    if taken.ends:
        click.echo(said(f"客户端证书有效至 {taken.ends}", f"client certificate until {taken.ends}"))
    click.echo(said("请与平台人员核对下列词语：", "compare these words with the city's people:"))
    click.echo(said(f"  本站 {spoken(taken.key)}", f"  this station: {spoken(taken.key)}"))
    for key in taken.city_keys:
        click.echo(said(f"  平台 {spoken(key)}", f"  the city: {spoken(key)}"))
    if running:
        click.echo(said("站点正在运行：请重启服务", "the station is running: restart it"))
