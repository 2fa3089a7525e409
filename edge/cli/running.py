"""A station that runs, asked by the command line: its ports and its ledger are its own."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.error import URLError
from urllib.request import Request

from edge.between.fixed_words import clock_word
from edge.between.needs import AILING
from edge.between.tongue import said, then
from edge.between.words import Words
from edge.cli.asking import opener
from edge.config.sections import Config
from edge.records.lock import Holder
from edge.web.wording import ucum

ASK_SECONDS = 5.0
Line = tuple[str, bool | None, str]
"""What it is about; True well, None to be looked at, False failed; and the words."""


def lines(config: Config, holder: Holder) -> Iterator[Line]:
    """A line for each device and for the way to the city, from the station's own board."""
    try:
        state = _board(config, holder)
    except (OSError, ValueError) as error:
        yield "station", False, _mute(holder, error)
        return
    if not state["alive"]:
        yield (
            "station",
            False,
            said(
                f"进程 {holder.pid} 在运行，但没有响应：重启服务",
                f"process {holder.pid} is running but no longer responds: restart the service",
            ),
        )
        return
    board, words = state["board"], Words(config.station.language)
    yield "station", True, said(f"正在运行，进程 {holder.pid}", f"running, process {holder.pid}")
    if board["trouble"]:
        yield (
            "trouble",
            False,
            then(
                board["trouble"],
                f"打开 {holder.pages}/status，按上面写的做",
                f"Open {holder.pages}/status and do what stands there",
            ),
        )
    for scale in board["scales"]:
        yield scale["name"], *_scale(scale, words)
    for label_scale in board["label_scales"]:
        yield label_scale["name"], *_label_scale(label_scale, words)
    for analyzer in board["analyzers"]:
        yield analyzer["name"], *_analyzer(analyzer, words)
    for probe in board["probes"]:
        yield probe["name"], *_probe(probe, words)
    for scanner in board["scanners"]:
        yield scanner["name"], *_scanner(scanner, words)
    for printer in board["printers"]:
        yield printer["name"], *_printer(printer, words)
    yield "broker", *_city(board["city"], words)
    yield (
        "web",
        True,
        said(f"{holder.pages}/ 由正在运行的站点提供", f"{holder.pages}/ is served by the running station"),
    )
    if board["certificate"]:
        yield "certificate", *_certificate(board["certificate"], words)
    yield "clock", *_clock(board, words)


def _board(config: Config, holder: Holder) -> Any:
    """The station's answer; raises OSError and ValueError."""
    return ask(config, holder, "/api/board")


def ask(config: Config, holder: Holder, path: str, body: dict[str, Any] | None = None) -> Any:
    """What a station that runs answers its own user's command line; with a body it is ordered something.

    Raises OSError and ValueError; urllib's HTTPError has the station's refusal in it.
    """
    return json.loads(asked(config, holder, path, body))


def asked(
    config: Config,
    holder: Holder,
    path: str,
    body: dict[str, Any] | None = None,
    *,
    seconds: float = ASK_SECONDS,
    most: int = -1,
) -> bytes:
    """The same, as the bytes that came, at most so many."""
    if not holder.pages:
        raise OSError(said("还在启动", "still starting"))
    address = holder.pages.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
    headers = {"Authorization": f"Bearer {holder.word}"} if holder.word else {}
    data = None if body is None else json.dumps(body).encode()
    if data is not None:
        headers["Content-Type"] = "application/json"
    with opener(config).open(Request(f"{address}{path}", data, headers), timeout=seconds) as answer:
        return bytes(answer.read(most))


def _mute(holder: Holder, error: Exception) -> str:
    why = error.reason if isinstance(error, URLError) else error
    return said(
        f"进程 {holder.pid} 占用数据目录，但页面 {holder.pages} 没有回应（{why}）：稍等再试，仍不行就重启服务",
        f"process {holder.pid} holds the data folder, but its pages {holder.pages} do not answer ({why}): "
        "try again in a moment; if it stays so, restart the service",
    )


def _lost(view: dict[str, Any], why: str, words: Words, step: str) -> tuple[bool | None, str]:
    detail = f" ({why})" if why else ""
    return False, f"{words('not_connected')}{detail}. {words(step)}"


def _scale(view: dict[str, Any], words: Words) -> tuple[bool | None, str]:
    if not view["up"]:
        return _lost(view, view["port_why"], words, "do_scale")
    parts = [words("connected")]
    if view["text"] and view["net_g"] is not None:
        parts.append(f"{view['text']} {view['unit']} {words('stable' if view['stable'] else 'moving')}")
    if view["why"] in AILING:
        parts.append(words.known("weight", view["why"], unit=view["unit"] or "?", e=f"{view['e_g']} g"))
        if view["why"] == "unverified":
            parts.append(said("送检后填写新证书上的日期", "Have it verified, then enter the new certificate's date"))
        return False, ". ".join(parts)
    return _unless_garbled(view, parts, words)


def _analyzer(view: dict[str, Any], words: Words) -> tuple[bool | None, str]:
    if not view["up"]:
        return _lost(view, view["why"], words, "do_analyzer")
    parts = [words("connected"), words("results_n", n=view["results"])]
    if view["unmatched"]:
        return None, ". ".join([*parts, words("unmatched_n", n=view["unmatched"]), words("do_unmatched")])
    return _unless_garbled(view, parts, words)


def _label_scale(view: dict[str, Any], words: Words) -> tuple[bool | None, str]:
    if not view["up"]:
        return _lost(view, view["why"], words, "do_label_scale")
    parts = [words("connected"), words("label_sales_n", n=view["sales"])]
    if view["waiting"]:
        return None, ". ".join([*parts, words("label_waiting_n", n=view["waiting"]), words("do_label_waiting")])
    return _unless_garbled(view, parts, words)


def _unless_garbled(view: dict[str, Any], parts: list[str], words: Words) -> tuple[bool | None, str]:
    if view["garbage"]:
        return None, ". ".join([*parts, words("garbage_n", n=view["garbage"]), words("do_garbage")])
    return True, ". ".join(parts)


def _probe(view: dict[str, Any], words: Words) -> tuple[bool | None, str]:
    if not view["up"]:
        return _lost(view, view["why"], words, "do_probe")
    values = [f"{words.known('measured', what)} {value} {ucum(unit)}" for what, value, unit in view["measured"]]
    return True, ". ".join([words("connected"), *(values or [words("no_value")])])


def _scanner(view: dict[str, Any], words: Words) -> tuple[bool | None, str]:
    if not view["up"]:
        return _lost(view, view["why"], words, "do_scanner")
    parts = [words("connected"), words("scans_n", n=view["scans"])]
    if view["lost"]:
        return None, ". ".join([*parts, words("scan_lost", time=view["lost"]), words("do_scan_lost")])
    return _unless_garbled(view, parts, words)


def _printer(view: dict[str, Any], words: Words) -> tuple[bool | None, str]:
    parts = [words.known("printer", view["state"])]
    if view["waiting"]:
        parts.append(words("papers_waiting", n=view["waiting"]))
    if view["up"]:
        return True, ". ".join(parts)
    detail = [view["why"]] if view["why"] else []
    return False, ". ".join([*parts, *detail, words.known("print_why", view["state"])])


def _city(view: dict[str, Any], words: Words) -> tuple[bool | None, str]:
    counted = f"{words('pending')} {view['pending']}"
    if view["cause"]:
        detail = f" ({view['why']})" if view["why"] else ""
        what = f"{words.known('link', view['cause'])}{detail}"
        return False, ". ".join([what, counted, words.known("link_do", view["cause"])])
    if view["aside"]:
        return None, ". ".join([words("set_aside_n", n=view["aside"]), counted, words("do_set_aside")])
    if not view["up"]:
        why = [view["why"]] if view["why"] else []
        again = said("稍等再运行 marketedge check", "Run `marketedge check` again in a moment")
        return False, ". ".join([words("connecting"), *why, counted, again])
    if view["left"]:
        told = [
            f"{words.known('link', cause)} ({why}). {words.known('link_do', cause)}" for _, cause, why in view["left"]
        ]
        return None, ". ".join([f"{view['broker']}. {words('connected')}", counted, *told])
    return True, f"{view['broker']}. {words('connected')}. {counted}"


def _certificate(view: dict[str, Any], words: Words) -> tuple[bool | None, str]:
    ends = datetime.fromisoformat(view["ends"])
    names = ", ".join(view["names"])
    what = f"{words('encrypted_until', issuer=view['issuer'], date=ends.date())} ({names})"
    if not view["state"]:
        return True, what
    why = f" ({view['why']})" if view["why"] else ""
    state = f"{words.known('encryption', view['state'])}{why}"
    said_so = ". ".join([state, what, words.known("encryption_do", view["state"])])
    return (False if view["state"] == "expired" else None), said_so


def _clock(board: dict[str, Any], words: Words) -> tuple[bool | None, str]:
    is_it = words.known("clock", clock_word(board["clock_state"], board["clock_source"]))
    by = words.known("clock_source", board["clock_source"])
    if board["clock_synced"]:
        by += f", {words('clock_last', time=board['clock_synced'].replace('T', ' '))}"
    if not board["clock_why"]:
        return True, f"{is_it} ({by})"
    if board["clock_state"] != "unsynced" and not board["clock_asks"]:
        return None, f"{is_it} ({by}). {words.known('clock_why', board['clock_why'])}"
    return False, f"{is_it}. {words.known('clock_why', board['clock_why'])}"
