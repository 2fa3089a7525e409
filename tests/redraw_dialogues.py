"""Draw the dialogues anew from their tables: ``python -P tests/redraw_dialogues.py`` writes ``protocol/dialogues.md``.

``-P`` keeps this folder off the path, whose ``drivers`` and ``protocol`` are the tests of those packages.
"""

import sys
from pathlib import Path

from protocol import modbus
from protocol.analyzers import dayuan_crc8
from protocol.analyzers.shared import astm_link
from protocol.city import agreement
from protocol.scales import cas_handshake
from protocol.table import mermaid

PAGE = Path(__file__).parent.parent / "protocol" / "dialogues.md"
HEAD = """# The dialogues, as their tables have them

Drawn by `make dialogues`; do not edit. An arrow says what was heard, and behind the stroke what is done. What is passed
over is not drawn. The conversations of `dayuan_03ff`, `dayuan_small`, `dayuan_strip` and `taiyang` are no tables: they
are written as prose, "send this, then expect that" (`analyzers/shared/dialogue.py`).
"""
DIALOGUES = {
    "CAS handshake (`scales/cas_handshake.py`)": (cas_handshake.TABLE, cas_handshake.Do.IGNORE),
    "Modbus master (`modbus.py`)": (modbus.TABLE, modbus.Do.IGNORE),
    "Dayuan LZ4000T (`analyzers/dayuan_crc8.py`)": (dayuan_crc8.LZ4000T, dayuan_crc8.Do.IGNORE),
    "Dayuan TL310 (`analyzers/dayuan_crc8.py`)": (dayuan_crc8.TL310, dayuan_crc8.Do.IGNORE),
    "ASTM, the host (`analyzers/shared/astm_link.py`)": (astm_link.HOST, astm_link.Do.IGNORE),
    "ASTM, the instrument (`analyzers/shared/astm_link.py`)": (astm_link.INSTRUMENT, astm_link.Do.IGNORE),
    "Numbers, the station (`city/agreement.py`)": (agreement.STATION, agreement.Do.IGNORE),
    "Numbers, the city (`city/agreement.py`)": (agreement.CITY, None),
}


def page() -> str:
    """The whole page."""
    pictures = [
        f"## {name}\n\n```mermaid\n{mermaid(table, nothing)}\n```\n" for name, (table, nothing) in DIALOGUES.items()
    ]
    return "\n".join([HEAD, *pictures])


def main() -> int:
    PAGE.write_text(page(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
