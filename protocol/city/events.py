"""What an event says: one pydantic model per record kind (contract parts A2, A3, C6); what all of them share is in
``record.py``, and the kinds stand in files by what they are about.

Masses are integer grams, money integer fen, every other number a decimal string of at most 15 digits.  Unknown fields
are refused: an event is a record, not a bag.  Texts of one line have nothing in them that is not seen or turns the
direction of writing; a ``Page`` is as the instrument said it, and is cleaned where it is shown.

Others import from here, and kinds that most boxes never record (``record.LATER``) from their file. The kinds are shown
to people in the order of ``record.ORDER``.
"""

# ruff: noqa: F403
# isort: off

from protocol.city.record import *
from protocol.city.entry_events import *
from protocol.city.result_events import *
from protocol.city.trade_events import *
from protocol.city.acceptance_events import *
from protocol.city.lot_events import *
from protocol.city.box_events import *

from protocol.city import bench_events as bench_events
from protocol.city import day_events as day_events
from protocol.city import key_events as key_events
from protocol.city import ledger_events as ledger_events
