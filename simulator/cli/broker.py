"""``marketsim broker``: an MQTT broker on the loopback address, to try things with."""

import logging
import signal
import threading
from pathlib import Path

import click

from simulator.broker import Broker, BrokerFailed
from simulator.obstacles import plain_errors

log = logging.getLogger("broker")


@click.command("broker")
@click.option(
    "--listen", default="127.0.0.1:1883", show_default=True, help="Loopback address; port 0 takes a free one."
)
@click.option("--embedded", is_flag=True, help="The broker inside Python (MQTT 3.1.1), even if Mosquitto is installed.")
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Folder for Mosquitto's persistence.")
def broker(listen: str, embedded: bool, data: Path | None) -> None:
    """Run an MQTT broker: Mosquitto when it is installed, else the one inside Python."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    host, _, port = listen.rpartition(":")
    if host not in ("127.0.0.1", "localhost") or not port.isdigit() or int(port) > 65535:
        raise click.BadParameter("write 127.0.0.1:PORT; this broker lets everybody in and stays on this machine")
    ending = threading.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: ending.set())
    with plain_errors(BrokerFailed), Broker(int(port), data, "embedded" if embedded else "auto") as running:
        log.info("broker url=%s kind=%s mqtt=%s", running.url, running.kind, running.mqtt_version)
        while not ending.wait(0.5):
            if not running.running:
                raise BrokerFailed(f"broker {running.url} ended by itself")
    log.info("broker state=stopped")


if __name__ == "__main__":
    broker()
