"""``marketsim demo``."""

import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import click

from simulator.broker import BrokerFailed
from simulator.demo.hands import Hands
from simulator.demo.story import SALES, Story
from simulator.demo.words import ACTS
from simulator.market import Market, Refusal, StageFailed
from simulator.obstacles import alone_in, answers_as, plain_errors, shown_at, usual
from simulator.power import PowerSupply
from simulator.stage import CABBAGE, wait_for

STATION_PORT, CITY_PORT, DESK_PORT = 8080, 8600, 8700
WHOLE_NETWORK = "0.0.0.0"
PORT = click.IntRange(1, 65535)


@click.command()
@click.option("--once", is_flag=True, help="Play the story unattended, print one JSON line, and end.")
@click.option(
    "--act", "acts", type=click.Choice(list(ACTS)), multiple=True, help="Play this act alone; may be repeated."
)
@click.option("--lan", is_flag=True, help="Show the pages to the whole network, so that a phone can scan the slip.")
@click.option("--broker", default="", metavar="URL", help="Use this MQTT broker instead of starting one.")
@click.option(
    "--mqtt", type=click.Choice(["5", "3.1.1"]), default="5", help="What the broker given by --broker speaks."
)
@click.option("--embedded", is_flag=True, help="Use the broker inside Python although Mosquitto is installed.")
@click.option("--folder", type=click.Path(path_type=Path), help="Keep ledger, city and papers here; else they go away.")
@click.option("--port", type=PORT, help=f"The station's pages; else {STATION_PORT}, or a free port when that is taken.")
@click.option("--city-port", type=PORT, help=f"The city's pages; else {CITY_PORT}, or a free port.")
@click.option("--desk-port", type=PORT, help=f"The desk; else {DESK_PORT}, or a free port.")
@click.option(
    "--listen",
    "host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    callback=lambda _context, _option, text: _ipv4(text),
    help="Show the pages there: 0.0.0.0 is the whole network.",
)
def demo(
    once: bool,
    acts: tuple[str, ...],
    lan: bool,
    broker: str,
    mqtt: str,
    embedded: bool,
    folder: Path | None,
    port: int | None,
    city_port: int | None,
    desk_port: int | None,
    host: str,
) -> None:
    """A market plays on one page, in about ninety seconds, in Chinese or English; then its levers are yours.

    Goods come in and are sold; a positive test stops a sale; the plug is pulled in the middle of one; the network goes
    and comes; the roll ends; the clock is wrong; a phone scans the slip. It says which page to open; then the story
    begins. With --once it is told unattended, on free ports where none are given: the last line says as JSON what came
    of it, act by act, and the exit code says whether all did. A folder may be used again.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that nothing is left behind
    host = WHOLE_NETWORK if lan else host
    ports = [
        given or (0 if once else usual(host, wanted))
        for given, wanted in ((port, STATION_PORT), (city_port, CITY_PORT), (desk_port, DESK_PORT))
    ]
    told = acts or tuple(ACTS)
    if not once:
        click.echo("  正在准备，几秒钟后告诉你打开哪一页 Setting up a market: which page to open comes in seconds")
    try:
        with (
            plain_errors(StageFailed, BrokerFailed, Refusal),
            _folder(folder) as place,
            new_market(place, ports, broker=broker, mqtt=mqtt, embedded=embedded, host=host) as market,
        ):
            if once:
                summary = tell(market, told)
                click.echo(json.dumps(summary, ensure_ascii=False, separators=(",", ":")))
                sys.exit(0 if summary["ok"] else 1)
            _stay(market, ports[2], told)
    except KeyboardInterrupt:
        sys.exit(130)


def new_market(folder: Path, ports: Sequence[int], **how: Any) -> Market:
    """A market whose pages may stand on the desk's page, and whose box has a clock of its own."""
    return Market(
        folder,
        ports=(ports[0], ports[1]),
        power=PowerSupply(folder),
        clock="kernel",
        frames=origins(how["host"], ports[2]),
        **how,
    )


def origins(host: str, port: int) -> tuple[str, ...]:
    """By which the desk's page is known to browsers; none without a port."""
    names = dict.fromkeys(("127.0.0.1", "localhost", shown_at(host)))
    return tuple(f"http://{name}:{port}" for name in names) if port else ()


def _ipv4(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except ValueError:
        raise click.BadParameter("write an IPv4 address of this machine, like 127.0.0.1 or 0.0.0.0") from None


def play(market: Market, tell: Callable[[str], None]) -> None:
    """The first act alone, in any market: goods come in, the rapid test passes, three sales, the city has it all."""
    before = len(market.slips())
    entry = market.bring_in(CABBAGE, 320_000, "河南省郑州市中牟县", "中牟县绿源合作社")
    market.test(entry["sample"], Decimal("12.5"), "白菜")
    market.lot(entry["test_code"], "released")
    for kg, buyer, name in SALES:
        sale = market.sell(CABBAGE, entry["test_code"], kg, buyer, name)
        tell(f"sold {kg} kg for {sale['amount_fen'] / 100:.2f} yuan: {sale['tx']}")
    wait_for("the slips", lambda: len(market.slips()) >= before + len(SALES), 15)
    _all_delivered(market)


def tell(market: Market, acts: Sequence[str]) -> dict[str, Any]:
    """The story, unattended; answers what all sides say of it in the end."""
    begun, before = time.monotonic(), counts(market)
    story = Story(market, Hands(market))
    story.tell(acts)
    try:
        summary = summary_of(market, before, story)
        end: dict[str, Any] = {**summary, "ok": told_whole(summary, story)}
    except StageFailed as failed:  # after what an act left behind
        end = {"acts": _acts(story), "wrong": str(failed), "ok": False}
    return {**end, "seconds": round(time.monotonic() - begun, 1)}


def _all_delivered(market: Market) -> None:
    wait_for("the city's answer", lambda: market.station.board()["city"]["pending"] == 0, 60)


def counts(market: Market) -> dict[str, int]:
    """How many of each there are, once all is delivered: of earlier stories in this folder, too."""
    _all_delivered(market)
    city = market.city.summary()
    return {
        **{name: int(city[name]) for name in ("entries", "results", "trades")},
        "slips": len(market.slips()),
        "acked": int(market.station.board()["city"]["acked"]),
        "recorded": sum(market.city_counts().values()),
    }


def summary_of(market: Market, before: dict[str, int], story: Story) -> dict[str, Any]:
    """What there is more than ``before``, whether all of it can be checked, and how each act came out."""
    now = counts(market)
    verified = json.loads(market.station.command("ledger", "verify", "-c", str(market.station.config)))
    slips = market.slips()[before["slips"] :]
    return {
        **{name: count - before[name] for name, count in now.items() if name != "recorded"},
        "pending": market.station.board()["city"]["pending"],
        "chain_ok": verified["ok"] and market.city_station().get("chain_ok", False),
        "in_city_once": now["recorded"] == verified["records"],
        "qr": slips,
        "qr_verified": bool(slips) and all(market.verify_qr(slip) for slip in dict.fromkeys(slips)),
        "acts": _acts(story),
    }


def _acts(story: Story) -> list[dict[str, Any]]:
    return [{"act": one.act, "ok": not one.wrong, "seconds": one.seconds, "wrong": one.wrong} for one in story.played]


def told_whole(summary: dict[str, Any], story: Story) -> bool:
    """Did all of it happen, and nothing twice?"""
    sold = [sale["url"] for sale in story.sold]
    return bool(
        all(one["ok"] for one in summary["acts"])
        and summary["entries"] == story.entries
        and summary["trades"] == len(set(sold)) == len(sold)
        and set(sold) == set(summary["qr"])
        and summary["pending"] == 0
        and summary["in_city_once"]
        and summary["chain_ok"]
        and summary["qr_verified"]
    )


def _stay(market: Market, desk_port: int, acts: Sequence[str]) -> None:
    from simulator.demo.desk import Desk

    hands = Hands(market)
    story = Story(
        market, hands, heard=lambda line: click.echo(f"  · {line}"), lan=market.host == WHOLE_NETWORK, acts=acts
    )
    with Desk(market, desk_port, story=story, frames=origins(market.host, desk_port)) as desk:
        click.echo(_addresses(market, desk.port))
        click.echo("  The story begins when that page is opened. It stays for you to use. Press Ctrl-C to end.\n")
        with story:
            try:
                while hands.powered:
                    time.sleep(0.5)
            except KeyboardInterrupt:
                click.echo("")
                return
        raise StageFailed(f"the station ended; its log is {market.station.log}")


def _addresses(market: Market, desk_port: int) -> str:
    """Where to go: first the one page that is needed, then the others."""
    machine = f"http://{shown_at(market.host)}"
    station = f"{machine}:{market.station.port}"
    lines = [
        "",
        f"  先打开 Open this first:  {machine}:{desk_port}",
        "  the market on one page: pan, stall, paper, phone, city; it tells itself in about ninety seconds",
        "",
        f"  stall    {station}/stall     sell what lies on the scale",
        f"  gate     {station}/gate      register goods, see their results",
        f"  status   {station}/status    devices, records, the way to the city",
        f"  city     {machine}:{market.city.address[1]}            what the city has",
        f"  broker   {market.broker.url if market.broker else 'as given'}",
    ]
    if market.station.port != STATION_PORT and (other := answers_as(market.host, STATION_PORT)):
        lines.append(f"  Port {STATION_PORT} is used by another program (it answers as {other}): it is left alone.")
    return "\n".join([*lines, ""])


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    if given is not None:
        with alone_in(given):
            yield given
        return
    with tempfile.TemporaryDirectory(prefix="marketsim-") as made:
        yield Path(made)
