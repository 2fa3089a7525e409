"""Values of the environment that go before those of station.toml: ``MARKETEDGE_WEB__LISTEN=127.0.0.1:8081``.

One key a variable, of a section that stands there once; a list is written as in JSON: ``'["box.local"]'``.  Other
variables that begin so have their own meaning (``MARKETEDGE_TOKEN``) and are left alone.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any

PREFIX, BETWEEN = "MARKETEDGE_", "__"


def overridden(data: Mapping[str, Any], environ: Mapping[str, str], sections: Collection[str]) -> dict[str, Any]:
    """station.toml's tables with what the environment says. Raises ValueError for a variable that names no key, or is
    no JSON where it begins like a list or a table."""
    tables = dict(data)
    for name, text in environ.items():
        section, _, key = name.removeprefix(PREFIX).lower().partition(BETWEEN)
        if not name.startswith(PREFIX) or section not in sections:
            continue
        if not key:
            raise ValueError(f"{name} names no key")
        table = tables.get(section, {})
        if isinstance(table, dict):  # else a mistake of the file, which is told as such
            tables[section] = table | {key: json.loads(text) if text[:1] in ("[", "{") else text}
    return tables
