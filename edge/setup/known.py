"""What was answered and found on the way through the steps, and the devices that were chosen."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from drivers.discover import FoundPort
from drivers.recognise import Match
from edge.between.words import Bilingual
from edge.setup.found import Found, Kind
from protocol.frozen import frozen

NETWORK = "network"  # the key of a printer that is on no port of this box


@dataclass(slots=True)
class Known:
    """Everything that was answered and found so far. ``told`` is what an act came to, by the key of its question."""

    folder: Path
    given: dict[str, str] = field(default_factory=dict)
    ports: tuple[FoundPort, ...] = ()
    found: dict[str, Found] = field(default_factory=dict)
    told: dict[str, Bilingual] = field(default_factory=dict)

    def get(self, key: str, default: str = "") -> str:
        return self.given.get(key, default)

    def but(self, more: Mapping[str, str]) -> "Known":
        """The same with other answers."""
        return replace(self, given={**self.given, **more})

    @property
    def jobs(self) -> list[str]:
        return self.get("jobs", "stall").split()


@frozen
class Device:
    """A device that was chosen: its key among the answers, its kind, and its name in station.toml."""

    key: str
    kind: Kind
    name: str
    port: str
    found: Found | None = None


def devices(known: Known) -> list[Device]:
    """The devices that station.toml will have, in the order of their ports, named by kind and number."""
    found: list[Device] = []
    counts: dict[str, int] = {}
    names = {"scale": "scale", "analyzer": "tester", "probe": "probe", "printer": "printer"}

    def add(kind: Kind, key: str, port: str, seen: Found | None) -> None:
        counts[kind] = counts.get(kind, 0) + 1
        found.append(Device(key, kind, f"{names[kind]}-{counts[kind]}", port, seen))

    for port in known.ports:
        key, seen = port.stable, known.found.get(port.stable)
        took = known.get(f"look {key}")
        taken = known.get(f"is {key}") if took == "look" else took
        if taken == "printer":
            add("printer", key, key, seen or Found(port, printer=True))
        elif seen and taken.startswith("m") and taken[1:].isdigit() and int(taken[1:]) < len(seen.matches):
            add(seen.matches[int(taken[1:])].kind, key, key, seen)  # type: ignore[arg-type]  # a format's kind
    if address := known.get("network_printer"):
        add("printer", NETWORK, network_port(address), None)
    return found


def match_of(known: Known, one: Device) -> Match:
    assert one.found is not None
    return one.found.matches[int(known.get(f"is {one.key}")[1:])]


def broker_list(text: str) -> tuple[str, ...]:
    """Addresses as somebody typed them: without a scheme, port 1883 is mqtt:// and any other mqtts://."""
    return tuple(_broker(word) for word in text.replace(",", " ").split())


def _broker(word: str) -> str:
    if "://" in word:
        return word
    return f"{'mqtt' if word.endswith(':1883') else 'mqtts'}://{word}"


def network_port(text: str) -> str:
    """``192.168.1.50`` as the address of a printer."""
    host = text.removeprefix("tcp://")
    return f"tcp://{host}" if ":" in host else f"tcp://{host}:9100"
