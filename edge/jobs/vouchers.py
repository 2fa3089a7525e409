"""What comes with goods on paper: certificates as records hold them, those that are missing, what a package states."""

from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any, Literal

from edge.between.commands import ProofGiven, RegisterEntry, Warned
from edge.between.inbox import Refused
from edge.between.words import by_key, proof_name, text
from edge.config.proofs import missing, needed
from edge.config.sections import ProductSection
from edge.state.station import Station
from protocol.city.events import Certificate
from protocol.city.photos import hash_of
from protocol.personal import masked

MOST_PHOTOS = 6  # of a record
Retention = Literal["six_months", "shelf_life", "two_years"]


def certificate(given: ProofGiven, known: Sequence[Certificate] = ()) -> Certificate:
    """A certificate as it stands in a record. What its code says is no word of ours: of persons' numbers in it only the
    hash of the whole text tells, which one of ``known`` keeps when its code is given as it stands there."""
    fields = given.model_dump(exclude={"code"})
    if not given.code:
        return Certificate(**fields)
    for one in known:
        if one.code == given.code:
            return Certificate(**fields, code=one.code, sha256=one.sha256)
    scanned = given.code.encode("utf-8", "backslashreplace")
    return Certificate(**fields, code=masked(scanned.decode()), sha256=hash_of(scanned))


def lacking(station: Station, product: ProductSection, command: RegisterEntry) -> tuple[tuple[str, ...], list[Warned]]:
    """Which vouchers these goods need and have not, and what people are told of it.

    Raises Refused where the market lets none in without.
    """
    lacks = missing_of(station, product, [proof.type for proof in command.proofs])
    if not lacks:
        return (), []
    names = [proof_name(one) for one in lacks]
    zh = f"{product.name}缺少：{'、'.join(name.zh for name in names)}"
    en = f"{product.name_en or product.name} comes without: {', '.join(name.en for name in names)}"
    if station.config.gate.missing_proofs == "refuse":
        raise Refused("proof_missing", f"{zh}；请录入后再登记", f"{en}; enter it, then register")
    return lacks, [Warned(code="proof_missing", message_zh=zh, message_en=en)]


def missing_of(station: Station, product: ProductSection, given: Sequence[str]) -> tuple[str, ...]:
    """What these goods need, with vouchers of these types at hand."""
    return missing(needed(product.code, station.config.gate.proofs), given)


def differences(before: Sequence[Certificate], now: Sequence[Certificate]) -> list[tuple[str, str]]:
    """Each voucher that is not as it was, before and after, in lines of at most 120 letters: by its name and number,
    and what else of it changed; empty for one that was not there, or is not any more."""
    came, gone = list(now), []
    for one in before:
        if one in came:
            came.remove(one)
        else:
            gone.append(one)
    return [(_shown(old, new), _shown(new, old)) for old, new in zip_longest(gone, came)]


def _shown(one: Certificate | None, other: Certificate | None) -> str:
    """A voucher, and the fields of it that the other has otherwise."""
    if one is None:
        return ""
    said = [f"{proof_name(one.type).zh} {one.no or one.issuer or one.sha256[:8]}"]
    for name, (key, written) in _STATED.items():
        if other is not None and getattr(one, name) != getattr(other, name):
            said.append(f"{by_key()[key].zh}：{written(getattr(one, name))[:40] or by_key()['paper.none'].zh}")
    return "；".join(said)[:120]


_STATED: dict[str, tuple[str, Callable[[Any], str]]] = {
    "issuer": ("field.issuer", str),
    "product": ("product", str),
    "quantity": ("field.quantity", str),
    "origin": ("origin", str),
    "issued": ("field.issued", str),
    "contact": ("paper.contact", str),
    "basis": ("field.basis", lambda basis: "、".join(text("basis", one).zh for one in basis)),
    "sha256": ("field.sha256", lambda sha256: str(sha256[:8])),
}


def more_photos(before: Sequence[str], more: Sequence[str]) -> tuple[str, ...]:
    """All photos of an entry; raises Refused when those are more than a record holds."""
    photos = tuple(dict.fromkeys((*before, *more)))
    if len(photos) > MOST_PHOTOS:
        raise Refused(
            "many_photos",
            f"一条登记最多 {MOST_PHOTOS} 张照片，已有 {len(before)} 张",
            f"an entry has at most {MOST_PHOTOS} photos, and this one has {len(before)}: leave some out",
        )
    return photos


def retention(product: ProductSection, shelf_days: int | None, spec: str, produced: str, batch: str) -> Retention:
    """How long the record of these goods is kept (contract A1); raises Refused for a package that states too little."""
    if not product.packed:
        return "six_months"
    if not spec or not (produced or batch):
        raise Refused(
            "package",
            "预包装食品须填写规格，以及生产日期或批号",
            "prepackaged goods need their specification, and the date or batch of production",
        )
    return "two_years" if shelf_days is None else "shelf_life"
