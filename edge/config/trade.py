"""The sections of the trade: goods, and how each job deals with them."""

from collections.abc import Iterable
from functools import cached_property
from operator import attrgetter
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    Field,
    StringConstraints,
    model_validator,
)

from edge.between.fixed_words import GoodsGroup, PaymentKind, Rounding
from edge.between.initials import initials
from edge.between.people import Role
from edge.config.bench import BenchRules
from edge.config.goods import common, filled
from edge.config.values import OF_DAY, ConfigSection, Mass, Number, Percent, Yuan, checked, label_pattern
from protocol.city.events import ONE_LINE, Name, ProductCode, ProofType, Short


class ProductSection(ConfigSection):
    """A product. ``price`` is in yuan per ``per``; 斤 is not a legal unit, so it is kg or 500 g.

    ``tests`` are the items its lots are tested for; left out, those of ``[gate]``.  ``lot`` is ``optional`` where the
    market lets it be sold without a source code; such sales are marked.  ``also`` are other names that
    instruments have for it.  ``packed`` are prepackaged goods: the law wants their 规格, 生产日期 or 批号, and
    保质期 in the book.  ``disturbs_enzyme`` marks foods that make an enzyme test positive by themselves (葱, 蒜,
    韭菜, 芹菜, 香菜, 萝卜, 茭白, 蘑菇, 番茄): they are extracted as whole plants.  ``by``: sold by weight, or by the
    ``piece``; ``price`` is then that of one.  ``group`` and ``initials`` are how people find it.  What is left out is
    taken from the catalogue (``goods.py``).
    """

    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{8}$")]
    name: Annotated[str, StringConstraints(min_length=1, max_length=120), ONE_LINE]
    name_en: Name = ""
    price: Yuan = "0"
    per: Literal["kg", "500g"] = "kg"
    tests: tuple[Name, ...] | None = None
    lot: Literal["required", "optional"] = "required"
    also: tuple[Name, ...] = ()
    disturbs_enzyme: bool = False
    packed: bool = False
    group: GoodsGroup = "other"
    by: Literal["weight", "piece"] = "weight"
    initials: Annotated[str, StringConstraints(pattern=r"^[0-9a-z]{0,20}$")] = ""

    @model_validator(mode="before")
    @classmethod
    def _of_catalogue(cls, row: Any) -> Any:
        return filled(row)

    @cached_property
    def found_by(self) -> tuple[str, ...]:
        """What people type to find it, beside name and code: initials, and other names with theirs."""
        goods = common().get(self.code)
        more = (goods.name, *goods.also) if goods and goods.called(self.name) else ()
        names = [name for name in dict.fromkeys((*self.also, *more)) if name != self.name]
        own = self.initials or initials(self.name)
        return tuple(dict.fromkeys((own, *(part for name in names for part in (name, initials(name)) if part))))

    @property
    def per_g(self) -> Literal[500, 1000]:
        return 1000 if self.per == "kg" else 500


def catalogued(products: Iterable[ProductSection]) -> None:
    """These goods know what the catalogue says of them; it is 200 KB and not kept for them."""
    list(map(attrgetter("found_by"), products))
    common.cache_clear()


_PROOF = "|".join(get_args(ProofType))
PROOF_PATTERN = rf"^({_PROOF})(\|({_PROOF}))*$"


class GateSection(BenchRules):
    """How goods come in. ``tests`` are the items every lot is tested for, where its product says nothing else.

    Left out, it is what the first analyzer's first method measures.  ``unchecked`` is what a source code from elsewhere
    allows that nobody here can answer for: ``refuse`` it, ``test`` the goods as if they had none, or ``accept`` it,
    marked on record and slip.  ``suspended`` is what becomes of goods of a supplier that the city's directory names as
    suspended: ``refuse`` them, or ``warn`` and register them.  ``proofs`` are the vouchers that goods need, by the
    first digits of their code, before those of ``proofs.toml``; ``missing_proofs`` is what becomes of goods that come
    without.

    ``store`` is where held goods stand apart, ``office`` the authority where may be objected: both stand on the notice.
    ``destroy_at_once``: the market's rule lets a positive lot be destroyed before the four hours are over, when its
    owner gave up the recheck in writing (就地销毁).
    """

    tests: tuple[Name, ...] | None = None
    unchecked: Literal["refuse", "test", "accept"] = "test"
    suspended: Literal["refuse", "warn"] = "refuse"
    missing_proofs: Literal["refuse", "warn"] = "warn"
    proofs: dict[
        Annotated[str, StringConstraints(pattern=r"^[0-9]{2,8}$")],
        tuple[Annotated[str, StringConstraints(pattern=PROOF_PATTERN)], ...],
    ] = Field(default_factory=dict)
    store: Name = ""
    office: Name = ""
    destroy_at_once: bool = False


class StallSection(ConfigSection):
    """``continuous`` names a product: each new stable load becomes a sale by itself (连续过秤, sacks on a belt).

    ``oversell`` is what happens when more of a lot is sold than came in: ``warn`` (the record says so) or ``refuse``.
    ``without_lot`` are products that may be sold without a source code, as ``lot = "optional"`` says of one.
    ``containers`` are the codes on the market's own containers and what each weighs empty.

    ``lot`` says how a lot is chosen where a product has several: the oldest first (``fifo``), or by a person, asked
    once a day (``ask``).  ``rounding`` lets down to a tenth of a yuan (``jiao``) or a yuan off each slip by itself.
    ``payments`` are the kinds of payment that are noted; with ``payment = "before_slip"`` a slip is made when its
    payment came.  ``print``: slips come out by themselves (``always``), when somebody asks (``ask``), or are shown as a
    code on the screen (``never``).  ``keep_product``: after a sale its product stays chosen.
    ``price_report`` is the time of day when the day's prices are recorded for the city; empty: they are not.
    """

    continuous: str = ""
    without_lot: tuple[str, ...] = ()
    oversell: Literal["warn", "refuse"] = "warn"
    lot: Literal["fifo", "ask"] = "fifo"
    rounding: Rounding = "none"
    payment: Literal["note", "before_slip"] = "note"
    payments: tuple[PaymentKind, ...] = ("cash", "wechat", "alipay", "card", "account")
    print: Literal["always", "ask", "never"] = "always"
    keep_product: bool = True
    price_report: Annotated[str, StringConstraints(pattern=rf"^({OF_DAY})?$")] = ""
    containers: dict[Annotated[str, StringConstraints(min_length=3, max_length=64), ONE_LINE], Mass] = Field(
        default_factory=dict
    )


class BarcodeSection(ConfigSection):
    """Labels with a weight or a price inside (``protocol/labels.py``): what stands where in their code.

    ``pattern`` has a letter for each digit: ``I`` the item, ``W`` grams, ``P`` fen, ``V`` a check digit of the field
    after it, ``C`` that of the whole code, ``X`` anything; digits stand for themselves.  ``gs1`` reads (01) and
    (310n).  ``items`` says which product an item is; one that is not there is the product whose code ends so.
    """

    pattern: Annotated[str, checked(label_pattern)]
    items: dict[Annotated[str, StringConstraints(pattern=r"^[0-9]{1,14}$")], ProductCode] = Field(default_factory=dict)


class CanteenSection(ConfigSection):
    """How deliveries are accepted.

    More than ``tolerance`` between what was ordered and what came needs a reason; with ``over = "block"`` it is a
    supervisor's.  ``suspended`` is what becomes of a delivery of a supplier that the city has suspended: ``refuse`` it,
    or take it on a ``supervisor``'s word.  So many ``signers`` sign, each with a PIN of their own, and one of them has
    one of the roles ``one_of``; ``functions`` are what they sign as, the usual one first.  ``automatic`` counts a load
    by itself when it stands still.  Goods with so many ``near_days`` to their best-before date are warned of.  A sample
    of a dish is at least ``sample`` and kept for ``sample_hours``.
    """

    tolerance: Percent = "5 %"
    over: Literal["block", "reason"] = "reason"
    suspended: Literal["refuse", "supervisor"] = "refuse"
    signers: Annotated[int, Number] = Field(2, ge=2, le=4)
    one_of: tuple[Role, ...] = ()
    functions: tuple[Short, ...] = ("食堂管理员", "验收员", "厨师长", "家长代表")
    automatic: bool = False
    near_days: Annotated[int, Number] = Field(3, ge=0, le=90)
    sample: Mass = "125 g"
    sample_hours: Annotated[int, Number] = Field(48, ge=48, le=720)
