"""What pages see of label scales: the parts of the board that only they have."""

from protocol.frozen import frozen


@frozen
class LabelScaleView:
    """A label scale: ``sales`` that were new since the start, and how many of all wait for a person."""

    name: str
    up: bool
    why: str
    garbage: int = 0
    sales: int = 0
    waiting: int = 0


@frozen
class LabelSaleView:
    """A sale that a label scale made by itself, as it is known now. ``doubts`` are the words of its record; ``waits``:
    for a person, who says more of it."""

    seq: int
    scale: str
    labelled_at: str
    came: str
    plu: str
    article: str
    label_name: str
    product: str
    product_name: str
    product_name_en: str
    net_g: int | None
    amount_fen: int | None
    lot: str
    source: str
    suspended: tuple[str, ...]
    doubts: tuple[str, ...]
    waits: bool
    counts: bool
    taken_off: str
    text: str
