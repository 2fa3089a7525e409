"""What becomes of the answers: station.toml, and the files beside it."""

import json
from datetime import date
from typing import Any

from drivers import catalogue, proposed
from edge.config.sections import PrinterSection
from edge.records.identity import city_keys_text
from edge.setup.known import Device, Known, broker_list, devices, match_of
from edge.setup.pieces import toml_of
from edge.setup.station import CITY_KEYS, NO_CITY_KEY, PASSWORD, text_of
from protocol import formats

USUAL_BROKER = "mqtt://127.0.0.1:1883"
ENCODINGS = ("gbk", "utf-8", "raster")  # tried one after the other until the Chinese can be read


def printer_of(known: Known, one: Device) -> PrinterSection:
    """The printer as it was answered for so far."""
    return PrinterSection.model_validate(_printer_values(known, one))


def _printer_values(known: Known, one: Device) -> dict[str, Any]:
    taken, change = known.get(f"profile {one.key}", "generic-58"), {}
    if taken.startswith("proposed ") and (row := proposed.named(taken.removeprefix("proposed "))):
        taken, change = row.profile, dict(row.change)
    encoding = _encoding(known, one.key)
    if encoding != "gbk":
        change["encoding"] = encoding
    link = known.get(f"link {one.key}") or (one.found.link if one.found else "")
    values = {"name": one.name, "port": one.port, "profile": taken, "link": link, "change": change}
    return {key: value for key, value in values.items() if value or key in ("name", "port")}


def _encoding(known: Known, key: str) -> str:
    """The first whose page was not garbled; the last of them where all were."""
    garbled = [known.get(f"came {number} {key}") == "garbled" for number in range(1, len(ENCODINGS) + 1)]
    tried = garbled.index(False) if False in garbled else len(ENCODINGS) - 1
    return ENCODINGS[tried]


def scale_values(known: Known, one: Device) -> dict[str, Any]:
    key, verified = one.key, known.get(f"verified {one.key}")
    values = {
        **_port_values(known, one, known.get(f"model {one.key}")),
        "max": known.get(f"max {key}", "30 kg"),
        "min": known.get(f"min {key}", "200 g"),
        "e": known.get(f"e {key}", "10 g"),
        "unit": known.get(f"unit {key}"),
        "verified_until": date.fromisoformat(verified) if verified else "",
    }
    return {name: value for name, value in values.items() if value != ""}


def _port_values(known: Known, one: Device, model: str = "") -> dict[str, Any]:
    match = match_of(known, one)
    model = model if model in match.models else next(iter(match.models), "")
    spoken = {"model": model} if model else {"protocol": match.protocol}
    usual = catalogue.find(model).default_link() if model else formats.find(match.protocol).link
    link = "" if match.link in (None, usual) else str(match.link)
    options = {} if model else json.loads(json.dumps(dict(match.options), default=str))
    values = {"name": one.name, **spoken, "port": one.port, "link": link, "options": options}
    return {name: value for name, value in values.items() if value not in ("", {})}


def composed(known: Known) -> tuple[str, dict[str, bytes]]:
    """station.toml, and the files beside it by name. What was left open stays as in the template."""
    get = known.get
    values: dict[tuple[str, str], Any] = {
        ("station", "name"): get("name") or known.folder.resolve().name,
        ("station", "jobs"): known.jobs,
        ("station", "terminal"): get("terminal", "01"),
        ("station", "language"): get("language", "zh"),
        ("goods", "groups"): ["all"] if "all" in get("goods", "all").split() else get("goods").split(),
        ("city", "brokers"): list(broker_list(get("broker") or USUAL_BROKER)),
    }
    for place, key, answer in (
        ("station", "node", "node"),
        ("station", "region", "region"),
        ("station", "host", "host"),
        ("seller", "code", "seller.code"),
        ("seller", "name", "seller.name"),
        ("seller", "stall", "seller.stall"),
        ("seller", "contact", "seller.contact"),
        ("city", "user", "user"),
    ):
        if get(answer):
            values[place, key] = get(answer)
    files = {CITY_KEYS: (city_keys_text(get("city_key")) if get("city_key") else NO_CITY_KEY).encode()}
    if get("user"):
        values["city", "password_file"] = PASSWORD
        files[PASSWORD] = get("password").encode()
    return text_of(
        values | by_job(known.jobs), [(one.kind, _lines(known, one)) for one in devices(known)], goods=False
    ), files


def by_job(jobs: list[str]) -> dict[tuple[str, str], Any]:
    """What depends on the job alone."""
    values: dict[tuple[str, str], Any] = {}
    if "gate" in jobs:  # a market's test room; the stall's default asks for nothing
        values["gate", "control"] = "required"
    return values


def _lines(known: Known, one: Device) -> list[str]:
    if one.kind == "printer":
        return toml_of("printer", **_printer_values(known, one))
    if one.kind == "scale":
        return toml_of("scale", **scale_values(known, one))
    return toml_of(one.kind, **_port_values(known, one))
