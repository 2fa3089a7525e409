"""``marketsim demo``."""

import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import click

from simulator.broker import BrokerFailed
from simulator.market import Market, Refusal, StageFailed
from simulator.obstacles import alone_in, answers_as, plain_errors, shown_at, usual
from simulator.stage import CABBAGE, SPINACH, wait_for

SALES = ((Decimal("2.350"), "", ""), (Decimal("11.460"), "4101080010456", "大学食堂"), (Decimal("0.780"), "", ""))
STATION_PORT, CITY_PORT, DESK_PORT = 8080, 8600, 8700
PORT = click.IntRange(1, 65535)


@click.command()
@click.option("--once", is_flag=True, help="Play the story unattended, print one JSON line, and end.")
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
    broker: str,
    mqtt: str,
    embedded: bool,
    folder: Path | None,
    port: int | None,
    city_port: int | None,
    desk_port: int | None,
    host: str,
) -> None:
    """The whole story: goods come in, the rapid test passes, three sales, slips, the city has it all.

    Then it stays for you to use: the stall's page, the papers as pictures, a scale to put things on.
    With --once it takes free ports where none are given. A folder may be used again.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that nothing is left behind
    ports = [
        given or (0 if once else usual(host, wanted))
        for given, wanted in ((port, STATION_PORT), (city_port, CITY_PORT), (desk_port, DESK_PORT))
    ]
    try:
        with (
            plain_errors(StageFailed, BrokerFailed, Refusal),
            _folder(folder) as place,
            Market(place, broker=broker, mqtt=mqtt, embedded=embedded, ports=(ports[0], ports[1]), host=host) as market,
        ):
            if once:
                summary = play(market, lambda line: None)
                click.echo(json.dumps(summary, ensure_ascii=False, separators=(",", ":")))
                sys.exit(0 if told_whole(summary) else 1)
            _stay(market, ports[2])
    except KeyboardInterrupt:
        sys.exit(130)


def _ipv4(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except ValueError:
        raise click.BadParameter("write an IPv4 address of this machine, like 127.0.0.1 or 0.0.0.0") from None


def play(market: Market, tell: Callable[[str], None]) -> dict[str, Any]:
    """The story; ``tell`` gets a line for each deed. Answers what all sides say of it in the end."""
    before = counts(market)
    entry = market.bring_in(CABBAGE, 320_000, "河南省郑州市中牟县", "中牟县绿源合作社")
    tell(f"goods came in: 320 kg 大白菜, test number {entry['test_code']}, sample {entry['sample']}")
    market.test(entry["sample"], Decimal("12.5"), "白菜")
    lot = market.lot(entry["test_code"], "released")
    tell(f"rapid test 12.5 %: qualified, source code {lot['source']}")
    for kg, buyer, name in SALES:
        sale = market.sell(CABBAGE, entry["test_code"], kg, buyer, name)
        tell(f"sold {kg} kg for {sale['amount_fen'] / 100:.2f} yuan: {sale['tx']}")
    wait_for("the slips", lambda: len(market.slips()) >= before["slips"] + len(SALES), 15)
    _all_delivered(market)
    tell("the city has all of it")
    return summary_of(market, before)


def _all_delivered(market: Market) -> None:
    wait_for("the city's answer", lambda: market.station.board()["city"]["pending"] == 0, 10)


def counts(market: Market) -> dict[str, int]:
    """How many of each there are, once all is delivered: of earlier stories in this folder, too."""
    _all_delivered(market)
    city = market.city.summary()
    return {
        **{name: int(city[name]) for name in ("entries", "results", "trades")},
        "slips": len(market.slips()),
        "acked": int(market.station.board()["city"]["acked"]),
    }


def summary_of(market: Market, before: dict[str, int]) -> dict[str, Any]:
    """What there is more than ``before``, and whether all of it can be checked."""
    verified = json.loads(market.station.command("ledger", "verify", "-c", str(market.station.config)))
    slips = market.slips()[before["slips"] :]
    return {
        **{name: count - before[name] for name, count in counts(market).items()},
        "pending": market.station.board()["city"]["pending"],
        "chain_ok": verified["ok"] and market.city_station().get("chain_ok", False),
        "qr": slips,
        "qr_verified": bool(slips) and all(market.verify_qr(slip) for slip in slips),
    }


def told_whole(summary: dict[str, Any]) -> bool:
    """Did all of it happen?"""
    return bool(
        summary["entries"] == 1
        and summary["results"] == 1
        and summary["trades"] == summary["slips"] == len(SALES)
        and summary["acked"] == 3 + len(SALES)  # the entry, its result, the release
        and summary["pending"] == 0
        and summary["chain_ok"]
        and summary["qr_verified"]
    )


def _stay(market: Market, desk_port: int) -> None:
    from simulator.demo.desk import Desk

    with Desk(market, desk_port) as desk:
        click.echo(_addresses(market, desk.port))
        play(market, lambda line: click.echo(f"  · {line}"))
        second = market.bring_in(SPINACH, 80_000, "河南省郑州市惠济区", "惠济菜农 张建国")
        market.test(second["sample"], Decimal("21.8"), "菠菜")
        click.echo(f"  · more goods came in: 80 kg 菠菜, test number {second['test_code']}, rapid test 21.8 %")
        market.scale.do(lambda device, now: device.pan.take_off(now))
        click.echo("\n  It stays for you to use. Press Ctrl-C to end.")
        try:
            while market.station.running:
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
        "  the desk: a scale to put goods on, a rapid tester, and the slips that come out of the printer",
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
