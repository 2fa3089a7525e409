"""A backup put in the place of a ledger: checked record by record, then made to go on behind what the city has.

Made ready beside the data folder, so that whatever ends it before the last step leaves everything as it was.  What lay
there is moved into a folder ``replaced-N`` and never deleted.
"""

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from edge.between.tongue import said
from edge.records import backup, lock, mark, private
from edge.records.clock import Stamp
from edge.records.delivery import Delivery
from edge.records.identity import BadKey, load_key, private_key_in
from edge.records.joints import go_on, reach
from edge.records.ledger import FILE, Head, Ledger, LedgerBroken, Recorded, Signer, body_of, last_of, open_reader
from edge.records.own_keys import Chains, earlier_of, own_keys
from edge.records.photos import FOLDER
from edge.records.verify import verify_folder
from protocol.city.agreement import KEPT_BACK
from protocol.city.envelope import BadEvent
from protocol.city.state import Reach
from protocol.city.token import kid_of
from protocol.city.topics import Ack
from protocol.ed25519 import PrivateKey, PublicKey, public_pem
from protocol.frozen import frozen

PART = ".restoring"  # behind the data folder's name
LOG_FILES = ("", "-wal", "-shm")


@frozen
class Place:
    """Where a station's ledger belongs: its data folder, its key and the mark beside it."""

    data: Path
    key: Path

    @property
    def mark(self) -> Path:
        return mark.beside(self.key)

    def earlier(self) -> tuple[PublicKey, ...]:
        """The keys before the one that is here; none without one. Raises BadKey."""
        return earlier_of(self.key)

    def has_later(self, key: PublicKey) -> bool:
        """Whether the key that is here took this one's place. Raises BadKey."""
        return key.public_bytes_raw() in (one.public_bytes_raw() for one in self.earlier())


@frozen
class Ready:
    """A backup that was unpacked and holds. ``reach`` is how far it goes, ``known`` the highest number known to be
    given."""

    place: Place
    part: Path
    found: backup.Unpacked
    reach: Reach
    known: int
    marked: mark.Mark

    @property
    def key(self) -> PrivateKey:
        """The one that signed it: the box's own, or the one in the backup. Raises BadKey."""
        if not self.found.key or self.place.has_later(self.found.public):
            return load_key(self.place.key)
        key = private_key_in(self.found.key)
        if key is None:
            raise BadKey(f"{backup.KEY}: not an Ed25519 key")
        return key


@contextmanager
def prepared(file: Path, place: Place, progress: backup.Progress) -> Iterator[Ready]:
    """Hold the folder, unpack the backup beside it and check all of it.

    Raises DataInUse while a station runs, BadBackup for what cannot be restored here, LedgerBroken, OSError.
    """
    private.make_folder(place.data)
    part = place.data.with_name(place.data.name + PART)
    with closing(lock.Lock(place.data)):
        shutil.rmtree(part, ignore_errors=True)  # of one that was cut off
        private.make_folder(part)
        backup.see_to_room(part, file.stat().st_size)
        try:
            yield _check(file, place, part, progress)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _check(file: Path, place: Place, part: Path, progress: backup.Progress) -> Ready:
    found = backup.unpack(file, part, progress)
    _see_to_key(file, place, found)
    try:
        count, last = verify_folder(
            part, found.public, lambda done, total: progress("check", done, total), earlier=place.earlier()
        )
    except LedgerBroken as broken:
        raise backup.BadBackup(
            said(
                f"{file}：账本不完整（{broken}）。先取出并修复：tar xf {file} {FILE}，"
                f"marketedge ledger salvage {FILE} -o FILE",
                f"{file}: its ledger does not hold ({broken}). Take what is left of it: tar xf {file} {FILE}, then "
                f"marketedge ledger salvage {FILE} -o FILE",
            )
        ) from None
    with closing(open_reader(part)) as db:
        end = last_of(db.conn)
        delivered = Delivery(db.conn).end()
        goes = reach(db.conn, Head(end, last), delivered.upto)
    if (end, last) != (found.about.records, found.about.hash):
        raise backup.BadBackup(
            said(f"{file}：内容与说明不符（{count} 条）", f"{file}: not what it says it is ({count} records)")
        )
    _see_to_newer(file, place, found.public, end)
    marked = mark.read(place.mark) or mark.Mark()
    known = max(end, marked.records, delivered.claimed, delivered.upto)
    return Ready(place, part, found, goes, known, marked)


def _see_to_key(file: Path, place: Place, found: backup.Unpacked) -> None:
    """The key that signed the ledger is here, or in the backup. Raises BadBackup and BadKey."""
    if found.key or place.has_later(found.public):
        return
    here = load_key(place.key).public_key()
    if here.public_bytes_raw() == found.public.public_bytes_raw():
        return
    raise backup.BadBackup(
        said(
            f"{file}：由另一把密钥签名（{kid_of(found.public).hex()}），本机是 {kid_of(here).hex()}。"
            f"把原来的 station.key 放到 {place.key} 后再试；原密钥丢失时这本账不能继续，请向平台另行登记一台",
            f"{file}: signed by another key ({kid_of(found.public).hex()}) than this box has ({kid_of(here).hex()}). "
            f"Put the station.key that it had at {place.key} and try again; if that is lost, this ledger cannot go on: "
            "register another station",
        )
    )


def _see_to_newer(file: Path, place: Place, public: PublicKey, end: int) -> None:
    """Nobody puts an older ledger in the place of a newer one that a station would go on with. Raises BadBackup."""
    if not (place.data / FILE).is_file():
        return
    try:
        with closing(open_reader(place.data)) as db:
            there = last_of(db.conn)
            Chains(own_keys(db.conn, public, place.earlier())).link(body_of(db.conn, there))
    except (LedgerBroken, BadEvent, OSError, LookupError):
        return
    if there > end:
        raise backup.BadBackup(
            said(
                f"{place.data / FILE}：已有 {there} 条记录，比备份（{end} 条）新，未恢复。"
                f"要继续用它，直接 marketedge run；确实要用 {file} 代替，先把 {FILE}* 移到别处",
                f"{place.data / FILE}: has {there} records, more than the backup ({end}); nothing was restored. To go "
                f"on with it, marketedge run; to use {file} all the same, move {FILE}* away first",
            )
        )


def finish(
    ready: Ready, signer: Signer, city: Ack | None, why: str, person: str, stamp: Stamp, boot_id: str
) -> Recorded:
    """Record that the ledger goes on behind the city's newest record, and put it in its place.

    ``city`` is its answer to a birth with this backup's end; None: a person goes on without it.
    Raises LedgerBroken and OSError.
    """
    place, part = ready.place, ready.part
    word = city or Ack()
    serials = {**word.serials}
    for kind, serial in ready.marked.serials.items():
        serials[kind] = max(serials.get(kind, 0), serial)
    with closing(Ledger(part, signer)) as ledger:
        delivery = Delivery(ledger.conn)
        end = delivery.end()
        with ledger.batch():
            recorded = go_on(ledger, end, replace(word, serials=serials), why, person, stamp, boot_id, ready.known)
            delivery.write(end)
            for first, last, _ in end.kept_back(ready.reach.last):
                delivery.send_again(first, last, KEPT_BACK)
        head = ledger.head
    _swap(place, part, ready.found)
    mark.write(place.mark, mark.Mark(head.seq, head.prevhash, head.serials))
    return recorded


def _swap(place: Place, part: Path, found: backup.Unpacked) -> None:
    """What is ready takes the place of what was there; the photos first, since records name them."""
    if (photos := part / FOLDER).is_dir():
        private.make_folder(place.data / FOLDER)
        for photo in photos.iterdir():
            if not (place.data / FOLDER / photo.name).exists():
                photo.rename(place.data / FOLDER / photo.name)
        backup.sync(place.data / FOLDER)
    aside = _free(place.data)
    there = [place.data / f"{FILE}{ending}" for ending in LOG_FILES]
    if any(file.exists() for file in there):
        private.make_folder(aside)
    same = place.key.exists() and place.key.read_bytes() == found.key
    if found.key and not same and not place.has_later(found.public):
        private.make_folder(aside)
        for file in (place.key, place.mark):
            if file.exists():
                shutil.copy2(file, aside / file.name)
        private.replace(place.key, found.key)
        private.replace(place.key.with_suffix(".pub"), _public(found))
    for file in there:
        if file.exists():
            file.rename(aside / file.name)
    for ending in reversed(LOG_FILES):  # a log there is only if somebody still reads the file
        if (ready := part / f"{FILE}{ending}").exists():
            ready.rename(place.data / ready.name)
    backup.sync(place.data)


def _public(found: backup.Unpacked) -> bytes:
    return public_pem(found.public)


def _free(data: Path) -> Path:
    number = 1
    while (folder := data / f"replaced-{number}").exists():
        number += 1
    return folder
