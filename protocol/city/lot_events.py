"""What is recorded of lots: held, released, disposed of, and on their way between stations."""

from typing import Annotated, Literal

from pydantic import Field

from protocol.city.record import Goods, Grams, Name, Operator, Party, Record, Short, Trace, VerdictWord, event


@event("lot.held", "暂停销售", "Lot held", told=("lot", "product", "why"))
class LotHeld(Record):
    """Sale of a lot was suspended, by a test's rule (no ``person``) or by a named person.

    ``told_at`` is when the seller received the result: the four hours for a recheck run from then (contract A1).
    ``source`` is the code it was sold by, when it had been released.  ``left_g`` is what was left of it and is held,
    ``store`` where it stands apart, ``office`` where may be objected, ``authority`` whom it is reported to, and
    ``seller`` whose stall or gate it is.
    """

    lot: Trace
    source: Trace | None = None
    goods: Goods
    net_g: Grams
    left_g: int | None = None
    origin: Name
    supplier: Name
    supplier_code: str = ""
    seller: Party | None = None
    store: Name = ""
    office: Name = ""
    authority: Name = ""
    test: Trace | None = None
    verdict: VerdictWord | None = None
    why: Name
    person: Short | None = None
    told_at: str | None = None


@event("lot.disposed", "处置", "Lot disposed of", told=("lot", "product", "decision", "mass_g"))
class LotDisposed(Record):
    """What a named person decided about a held lot (contract A3); a release needs a recheck that was not rapid.

    ``hold`` is the id of the record that held it, ``test`` the number of the report.  Of ``held_g`` that were held,
    ``before_g`` went before this.
    ``complete``: nothing is left; then ``difference_g`` is what was held less all that went, and ``why`` explains it.
    ``planned`` is the id of the record that announced it.  ``owner``, ``witness`` and ``officer`` were there.
    """

    lot: Trace
    goods: Goods
    decision: Literal["released_after_recheck", "returned", "destroyed"]
    mass_g: Grams
    hold: Short = ""
    test: Trace | None = None
    held_g: Grams | None = None
    before_g: Grams = 0
    complete: bool = True
    difference_g: int = 0
    why: Name = ""
    how: Name = ""
    where: Name = ""
    recheck_no: Name = ""
    laboratory: Name = ""
    method: Name = ""
    waiver: bool = False
    planned: Short | None = None
    owner: Name = ""
    person: Short
    witness: Short = ""
    officer: Short = ""
    photos: tuple[str, ...] = ()


class LotFacts(Record):
    """What is known of a lot wherever it is: what its card states."""

    lot: Trace
    source: Trace
    goods: Goods
    net_g: Grams
    origin: Name
    origin_code: Short = ""
    supplier: Name
    supplier_code: str = ""
    verdict: VerdictWord
    item: Name
    tested_at: Short | None


@event("lot.released", "放行", "Lot released", told=("lot", "source", "net_g"))
class LotReleased(LotFacts):
    """Every test the lot asks for is qualified: it may be sold. ``url`` is what its source card's code says."""

    url: str


@event("lot.opened", "批次接收", "Lot opened", told=("source", "portion", "net_g", "by"))
class LotOpened(LotFacts):
    """This stall took goods of a lot of another station over.

    ``kid``, ``source`` and ``portion`` name what was taken (``protocol/city/source.py``), ``issuer`` is the station
    that signed it and ``of_g`` what it says that it is.  ``by``: the stall scanned its card, or was told of it by the
    city or by that station.
    """

    kid: Short
    portion: Annotated[int, Field(ge=0, le=65_535)]
    issuer: Short
    of_g: Grams
    by: Literal["card", "city", "sibling"]


@event("lot.handed", "批次移交", "Lot handed on", told=("source", "portion", "net_g"))
class LotHanded(LotFacts):
    """Part of a lot was handed to another stall (``to``, its operator code): ``portion`` of those it signed."""

    kid: Short
    portion: Annotated[int, Field(ge=1, le=65_535)]
    to: Operator
    left_g: int
    url: str


@event("lot.resumed", "恢复销售", "Lot on sale again", told=("lot", "source", "why"))
class LotResumed(Record):
    """What stopped a lot's sale is settled."""

    lot: Trace
    source: Trace | None = None
    goods: Goods
    why: Name = ""
    person: Short | None = None


class Claim(Record):
    """How much of it a station took over."""

    station: Short
    net_g: Grams


@event("lot.disputed", "批次数量有争议", "Lot opened twice", told=("source", "portion"))
class LotDisputed(Record):
    """More was taken over than there is, as far as this station knows: it sells none of it until a supervisor has
    settled it. ``own_g`` is what this station has of it, ``of_g`` what there is, ``settled`` that a supervisor here has
    said so."""

    lot: Trace
    source: Trace
    goods: Goods
    kid: Short
    portion: Annotated[int, Field(ge=0, le=65_535)]
    of_g: Grams
    own_g: Grams
    settled: bool
    claims: tuple[Claim, ...]


@event("lot.settled", "批次数量核定", "Lot settled", told=("source", "portion", "net_g"))
class LotSettled(Record):
    """A supervisor says how much of what was taken over this station really has, instead of ``was_g``."""

    lot: Trace
    source: Trace
    goods: Goods
    kid: Short
    portion: Annotated[int, Field(ge=0, le=65_535)]
    of_g: Grams
    was_g: Grams
    net_g: Grams
    why: Name
