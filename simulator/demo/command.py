"""``marketsim demo``."""

import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from simulator.broker import BrokerFailed
from simulator.demo.market import Market, Refusal, StageFailed
from simulator.stage import CABBAGE, SPINACH, wait_for

SALES = ((Decimal("2.350"), "", ""), (Decimal("11.460"), "4101080010456", "大学食堂"), (Decimal("0.780"), "", ""))
PORTS = (8080, 8600, 8700)


@click.command()
@click.option("--once", is_flag=True, help="Play the story unattended, print one JSON line, and end.")
@click.option("--broker", default="", metavar="URL", help="Use this MQTT broker instead of starting one.")
@click.option(
    "--mqtt", type=click.Choice(["5", "3.1.1"]), default="5", help="What the broker given by --broker speaks."
)
@click.option("--embedded", is_flag=True, help="Use the broker inside Python although Mosquitto is installed.")
@click.option("--folder", type=click.Path(path_type=Path), help="Keep ledger, city and papers here; else they go away.")
def demo(once: bool, broker: str, mqtt: str, embedded: bool, folder: Path | None) -> None:
    """The whole story: goods come in, the rapid test passes, three sales, slips, the city has it all.

    Then it stays for you to use: the stall's page, the papers as pictures, a scale to put things on.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that nothing is left behind
    try:
        with _folder(folder) as place:
            ports = (0, 0) if once else PORTS[:2]
            with Market(place, broker=broker, mqtt=mqtt, embedded=embedded, ports=ports) as market:
                if once:
                    summary = play(market, lambda line: None)
                    click.echo(json.dumps(summary, ensure_ascii=False, separators=(",", ":")))
                    sys.exit(0 if told_whole(summary) else 1)
                _stay(market)
    except KeyboardInterrupt:
        sys.exit(130)
    except (StageFailed, BrokerFailed, Refusal, OSError, ValueError) as error:
        raise click.ClickException(str(error)) from None


def play(market: Market, tell: Callable[[str], None]) -> dict[str, Any]:
    """The story; ``tell`` gets a line for each deed. Answers what all sides say in the end."""
    entry = market.bring_in(CABBAGE, 320_000, "河南省郑州市中牟县", "中牟县绿源合作社")
    tell(f"goods came in: 320 kg 大白菜, test number {entry['test_code']}, sample {entry['sample']}")
    market.test(entry["sample"], Decimal("12.5"), "白菜")
    lot = market.lot(entry["test_code"], "released")
    tell(f"rapid test 12.5 %: qualified, source code {lot['source']}")
    for kg, buyer, name in SALES:
        sale = market.sell(CABBAGE, entry["test_code"], kg, buyer, name)
        tell(f"sold {kg} kg for {sale['amount_fen'] / 100:.2f} yuan: {sale['tx']}")
    wait_for("the slips", lambda: len(market.slips()) >= len(SALES), 15)
    wait_for("the city's answer", lambda: market.station.board()["city"]["pending"] == 0, 10)
    tell("the city has all of it")
    return summary_of(market)


def summary_of(market: Market) -> dict[str, Any]:
    city, board, slips = market.city.summary(), market.station.board()["city"], market.slips()
    verified = json.loads(market.station.command("ledger", "verify", "-c", str(market.station.config)))
    return {
        "entries": city["entries"],
        "results": city["results"],
        "trades": city["trades"],
        "slips": len(slips),
        "acked": board["acked"],
        "pending": board["pending"],
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
        and summary["acked"] == 2 + len(SALES)
        and summary["pending"] == 0
        and summary["chain_ok"]
        and summary["qr_verified"]
    )


def _stay(market: Market) -> None:
    from simulator.demo.desk import Desk

    with Desk(market, PORTS[2]) as desk:
        click.echo(f"\n  stall      {market.station.url}/stall")
        click.echo(f"  gate       {market.station.url}/gate")
        click.echo(f"  papers     {desk.url}     slips as pictures, and a scale to put things on")
        click.echo(f"  city       {market.city.url}")
        click.echo(f"  broker     {market.broker.url if market.broker else 'as given'}\n")
        play(market, lambda line: click.echo(f"  · {line}"))
        second = market.bring_in(SPINACH, 80_000, "河南省郑州市惠济区", "惠济菜农 张建国")
        market.test(second["sample"], Decimal("21.8"), "菠菜")
        click.echo("\n  It stays for you to use. Press Ctrl-C to end.")
        try:
            while market.station.running:
                time.sleep(0.5)
        except KeyboardInterrupt:
            click.echo("")
            return
        raise StageFailed(f"the station ended; its log is {market.station.log}")


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="marketsim-") as made:
        yield Path(made)
