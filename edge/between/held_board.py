"""Parts of the board: lots that are held with how far each is, and food that people brought to be tested."""

from protocol.frozen import frozen


@frozen
class HoldView:
    """A lot that is held here. ``kind``: by a ``test`` or a ``person``; ``step`` and ``deeds`` are words of
    ``hold_steps.py``.

    ``told`` is who received the result and ``told_at`` when; ``ends`` is the end of the four hours on the station's
    steady clock in seconds, None when none run; ``phase`` is ``soon`` half an hour before it and ``over`` after it;
    ``unsure``: the box was off meanwhile and its clock is not set, so they end then at the latest.  ``left_g`` is what
    is held, ``returned_g`` and ``destroyed_g`` what went.  ``planned`` is when the disposal will be.  ``seqs`` are the
    newest records of its steps by name.
    """

    lot: str
    source: str | None
    seq: int
    kind: str
    step: str
    product: str
    product_name: str
    supplier: str
    sample: str
    why: str
    held_at: str
    told: str = ""
    told_at: str = ""
    ends: int | None = None
    phase: str = ""
    unsure: bool = False
    asked_by: str = ""
    late: bool = False
    seal_no: str = ""
    laboratory: str = ""
    method: str = ""
    verdict: str = ""
    report_no: str = ""
    waived: bool = False
    planned: str = ""
    net_g: int = 0
    left_g: int = 0
    returned_g: int = 0
    destroyed_g: int = 0
    deeds: tuple[str, ...] = ()
    seqs: tuple[tuple[str, int], ...] = ()


@frozen
class PublicSampleView:
    """Food that somebody brought: its number to collect by, and what was found; ``verdict`` is empty until then."""

    code: str
    seq: int
    sample: str
    goods: str
    asked_by: str
    time: str
    item: str
    value: str
    unit: str
    verdict: str
    result_seq: int | None = None
