"""What is given away says nothing of people and no secret: every text of a bundle goes through one ``Mask``.

station.toml is shown by what is allowed (``KEPT``) and not by what is forbidden: a new setting is withheld until
somebody decided, and comments, where people note passwords, are left out.  Other texts are cleaned of what is known
(people, businesses and secrets of this station), of what looks like a secret, and of telephone and identity numbers.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, time
from itertools import pairwise
from typing import Any

from protocol.personal import masked

WITHHELD = "…"
NAME, SECRET_WORD = "〈name〉", "〈secret〉"
LEAST, LEAST_ASCII = 2, 3  # letters of a name that is looked for; fewer are in every text
LONGEST_VALUE = 60  # lines over which a value may go
ENCODINGS = ("gb18030", "utf-8")
_PORT = ("name", "port", "model", "protocol", "link", "options")
_BENCH = ("control", "control_samples", "review", "reports", "unsampled")
KEPT: Mapping[str, frozenset[str]] = {
    section: frozenset(keys)
    for section, keys in {
        "station": ("jobs", "node", "terminal", "region", "host", "language", "data", "key", "keep_months"),
        "seller": ("code", "stall"),
        "city": (
            *("brokers", "mqtt", "confirm", "keys_file", "window", "client_id", "resend_seconds"),
            *("spread_seconds", "ca_file", "ca_fingerprint", "cert_file"),
        ),
        "web": ("listen", "allow", "frames", "theme", "day", "tls", "cert_file", "insecure"),
        "people": ("idle_minutes", "typed_weights", "prices"),
        "clock": ("trust",),
        "gate": (*_BENCH, "tests", "unchecked", "suspended", "missing_proofs", "proofs", "destroy_at_once"),
        "stall": (
            *("continuous", "without_lot", "oversell", "lot", "rounding", "payment", "payments", "print"),
            *("keep_product", "price_report", "containers"),
        ),
        "canteen": (
            *("tolerance", "over", "suspended", "signers", "one_of", "functions", "automatic", "near_days"),
            *("sample", "sample_hours"),
        ),
        "market": ("keys_file", "siblings", "offer_days"),
        "screens": ("open", "held", "page_seconds"),
        "paper": ("language", "templates", "automatic"),
        "scale": (
            *_PORT,
            *("max", "min", "e", "unit", "verified_until", "agree", "still", "tare_key", "writable", "fair", "maker"),
            *("type", "serial", "accuracy", "certificate", "cpa", "production_code", "repair_code"),
            *("verification_code", "seal", "software"),
        ),
        "analyzer": (
            *_PORT,
            *("item", "method", "match", "most_a_day", "channels", "controls", "serial", "calibrated"),
        ),
        "label_scale": (*_PORT, "goods", "seat"),
        "probe": _PORT,
        "scanner": (*_PORT, "pages_at"),
        "printer": ("name", "port", "profile", "link", "flow", "papers", "keep_minutes", "change"),
        "seat": ("name", "scale", "printer", "people", "code", "stall"),
        "goods": ("groups",),
        "product": (
            *("code", "name", "name_en", "price", "per", "tests", "lot", "also", "disturbs_enzyme", "packed"),
            *("group", "by", "initials"),
        ),
        "method": (
            *("id", "name", "number", "item", "items", "unit", "limit", "least", "most", "at_limit", "repeats"),
            *("control_low", "control_high", "enzyme", "own_control"),
        ),
        "plan": ("product", "name", "items", "share"),
        "barcode": ("pattern", "items"),
    }.items()
}
NOT_KEPT: Mapping[str, frozenset[str]] = {
    section: frozenset(keys)
    for section, keys in {
        "station": ("name",),
        "seller": ("name", "contact", "licence", "address"),
        "seat": ("seller", "contact", "licence", "address"),
        "city": ("user", "password_file", "key_file"),
        "web": ("key_file",),
        "gate": ("store", "office"),
        "market": ("address", "complaint", "testing_body", "authority"),
        "screens": ("pay_text", "pay_file", "pay_words"),
    }.items()
}
WORDS = frozenset({"user", "password_file", "key_file"})  # not shown, and no names: they may be any word
_QUOTED = re.compile(r"\"([^\"\n]*)\"|'([^'\n]*)'")
_FREE = {"options", "change"}  # tables of whatever a format or a printer takes: texts in them are withheld

_SECTION = re.compile(r"\s*(\[\[?)\s*([a-z]+)\s*(\]\]?)\s*(#.*)?$")
_KEY = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=\s*(.*)$", re.DOTALL)
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL)
_LOGIN = re.compile(r"(?<=://)[^/@\s'\"]+@")
_BEARER = re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]+", re.IGNORECASE)
_SAID = re.compile(
    r"\b((?:[a-z0-9]{1,20}[_-]){0,4}(?:passw(?:or)?d|passwd|pwd|pin|token|secret|api[_-]?key|session|cookie|csrf|authorization))"
    r"(\"?\s*[=:]\s*)(?:([\"'])[^\"'\n]+\3|[^\s\"',;}\]]+)",
    re.IGNORECASE,
)
_PERSON = re.compile(
    r"(?<=: )([^:\n]+?)(?= (?:confirms|lets the station go on) )"
)  # what the log tells of a person's word
_HEX = re.compile(r"\bhex=([0-9a-f]+)(…?)")
_TEXT = re.compile(r" text='.*'$")


class Mask:
    """``names`` of people and businesses and ``secrets`` of this station, wherever they turn up."""

    def __init__(self, names: Iterable[str] = (), secrets: Iterable[str] = ()) -> None:
        said = {name.strip(): NAME for name in names} | {secret.strip(): SECRET_WORD for secret in secrets}
        said = {one: mark for one, mark in said.items() if len(one) >= (LEAST_ASCII if one.isascii() else LEAST)}
        spelled = said | {_escaped(one): mark for one, mark in said.items()}
        self._known = sorted(spelled.items(), key=lambda one: len(one[0]), reverse=True)

    def text(self, text: str) -> str:
        """Any text."""
        text = _PEM.sub("〈PEM〉", text)
        pairs = set(pairwise(text))  # of thousands of names few are in a text: most have no chance
        for known, mark in self._known:
            if (known[0], known[1]) in pairs and (known[-2], known[-1]) in pairs and known in text:
                text = _without(text, known, mark)
        text = _PERSON.sub(NAME, text)
        text = _LOGIN.sub("", text)
        text = _BEARER.sub(rf"\1 {SECRET_WORD}", text)
        text = _SAID.sub(lambda found: f"{found[1]}{found[2]}{found[3] or ''}{SECRET_WORD}{found[3] or ''}", text)
        return "\n".join(map(masked, text.split("\n")))

    def frame(self, line: str) -> str:
        """A line of the last frames: its bytes are left out where they spell what is masked."""
        found = _HEX.search(line)
        raw = bytes.fromhex(found[1]) if found and len(found[1]) % 2 == 0 else b""
        if any(self.text(said) != said for encoding in ENCODINGS for said in [raw.decode(encoding, "replace")]):
            return _TEXT.sub("", _HEX.sub(f"hex={WITHHELD}", line))
        return self.text(line)

    def settings(self, text: str) -> str:
        """station.toml, a line for each of its lines, whether it can be read or not."""
        return self.text("\n".join(_settings(text.removeprefix("\ufeff").splitlines()))) + "\n"


def _without(text: str, known: str, mark: str) -> str:
    """A word of Latin letters is looked for as a word: a name is no part of another one."""
    if not known.isascii():
        return text.replace(known, mark)
    return re.sub(rf"(?<![A-Za-z0-9〈]){re.escape(known)}(?![A-Za-z0-9〉])", mark, text)


def withheld(text: str) -> Iterator[str]:
    """The texts that station.toml has under settings that are not shown, whether it can be read or not."""
    section = ""
    for line in text.splitlines():
        if (head := _SECTION.match(line)) is not None:
            section = head[2]
        elif (key := _KEY.match(line)) is not None and key[1] not in KEPT.get(section, WORDS) | WORDS:
            yield from (one or other for one, other in _QUOTED.findall(key[2]) if one or other)


def _escaped(text: str) -> str:
    """As JSON spells it in ASCII."""
    return json.dumps(text)[1:-1]


def _settings(lines: list[str]) -> Iterator[str]:
    """The same number of lines, so that a mistake is found by the number it was told with."""
    section, number = "", 0
    while number < len(lines):
        line = lines[number]
        if (head := _SECTION.match(line)) is not None:
            section = head[2]
            yield f"{head[1]}{section}{head[3]}"
        elif not line.strip() or line.lstrip().startswith("#"):
            yield ""
        elif (key := _KEY.match(line)) is not None:
            shown, used = _value(section, key[1], lines, number, key[2])
            yield f"{key[1]} = {shown}"
            for _ in range(used - 1):
                yield ""
            number += used - 1
        else:
            yield WITHHELD
        number += 1


def _value(section: str, key: str, lines: list[str], number: int, first: str) -> tuple[str, int]:
    """A value as it is shown, and over how many lines it went."""
    for used in range(1, LONGEST_VALUE):
        try:
            value = tomllib.loads("\n".join([f"x = {first}", *lines[number + 1 : number + used]]))["x"]
        except (tomllib.TOMLDecodeError, RecursionError):
            if not first.lstrip().startswith(("[", "{", '"""', "'''")) or number + used >= len(lines):
                break
            continue
        if key not in KEPT.get(section, ()):
            return WITHHELD, used
        return _shown(value, free=key in _FREE), used
    return WITHHELD, 1


def _shown(value: Any, *, free: bool = False) -> str:
    if isinstance(value, dict):
        rows = (f"{json.dumps(key, ensure_ascii=False)} = {_shown(one, free=free)}" for key, one in value.items())
        return f"{{ {', '.join(rows)} }}"
    if isinstance(value, list):
        return f"[{', '.join(_shown(one, free=free) for one in value)}]"
    if isinstance(value, date | time):
        return value.isoformat()
    return WITHHELD if free and isinstance(value, str) else json.dumps(value, ensure_ascii=False)
