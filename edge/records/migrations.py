"""The ledger's schema, step by step, from where ``first_migrations.py`` ends. A step that was released is never edited;
the next change is a new step, and ``make schema`` writes what a new file is after it (``newest.sql``)."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from edge.records.first_migrations import NEWEST, ledger
from edge.records.packing import unpack

if TYPE_CHECKING:
    from sqlite_utils import Database

__all__ = ["NEWEST", "ledger", "minute_of"]


def minute_of(moment: datetime | None) -> bytes:
    """A minute within its year, in three bytes that sort by it; zeros for none."""
    if moment is None:
        return bytes(3)
    return (((moment.month * 32 + moment.day) * 24 + moment.hour) * 60 + moment.minute).to_bytes(3)


@ledger()
def m023_prices_and_scales(db: Database) -> None:
    """Of which days the prices were reported, and what the register last said of each scale."""
    db.executescript(
        """
        CREATE TABLE price_reports (
            day TEXT PRIMARY KEY,          -- 2026-11-23, by the market's time
            seq INTEGER NOT NULL           -- its price.daily
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE scale_register (
            scale  TEXT PRIMARY KEY,       -- its name in station.toml
            seq    INTEGER NOT NULL,       -- its newest scale.registered; 0: none was asked for
            said   TEXT NOT NULL,          -- what that record says of it, JSON
            warned TEXT NOT NULL           -- the last day of the verification that was warned of, or that is over
        ) STRICT, WITHOUT ROWID;
        """
    )


@ledger()
def m024_shifts(db: Database) -> None:
    """Which shifts were closed, and how far the open one is counted: records before this step are of none."""
    db.executescript(
        """
        CREATE TABLE shifts (
            number INTEGER PRIMARY KEY,
            seq    INTEGER NOT NULL        -- its shift.closed
        ) STRICT;

        CREATE TABLE shift_counted (       -- one row
            one  INTEGER PRIMARY KEY CHECK (one = 1),
            upto INTEGER NOT NULL,         -- records up to here are counted
            sum  TEXT NOT NULL             -- their figures, JSON; empty: none
        ) STRICT;
        INSERT INTO shift_counted SELECT 1, coalesce(max(seq), 0), '' FROM events;
        """
    )


@ledger()
def m025_deliveries(db: Database) -> None:
    """Deliveries that a canteen has begun, with all that was weighed, until two people have signed."""
    db.executescript(
        """
        CREATE TABLE deliveries (
            number     INTEGER PRIMARY KEY,
            order_code TEXT NOT NULL,      -- empty: nobody ordered it
            state      TEXT NOT NULL CHECK (state IN ('open', 'done', 'voided', 'dropped')),
            body       TEXT NOT NULL,      -- JSON, as in edge/state/delivery.py
            seq        INTEGER             -- its record, when it is done
        ) STRICT;
        CREATE INDEX deliveries_order ON deliveries (order_code, state);
        CREATE INDEX deliveries_open ON deliveries (number) WHERE state = 'open';

        CREATE TABLE delivery_lines (      -- of those that are open
            delivery INTEGER NOT NULL,
            line     INTEGER NOT NULL,
            body     TEXT NOT NULL,
            PRIMARY KEY (delivery, line)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE delivery_loads (
            load     INTEGER PRIMARY KEY AUTOINCREMENT,
            delivery INTEGER NOT NULL,
            line     INTEGER NOT NULL,
            body     TEXT NOT NULL         -- as it will stand in the record
        ) STRICT;
        CREATE INDEX delivery_loads_line ON delivery_loads (delivery, line);

        CREATE TABLE delivery_pans (       -- what lay on a scale when its last load was counted
            scale    TEXT PRIMARY KEY,
            g        INTEGER NOT NULL,
            net      INTEGER NOT NULL,
            before_g INTEGER NOT NULL,
            load     INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        """
    )


@ledger()
def m026_kept_samples(db: Database) -> None:
    """Samples of dishes that are kept, and for how long by now, as far as the clocks of all boots can tell."""
    db.executescript(
        """
        CREATE TABLE kept_samples (
            number  INTEGER PRIMARY KEY,
            seq     INTEGER NOT NULL,      -- its record
            due_s   INTEGER NOT NULL,      -- how long it is kept
            known_s REAL NOT NULL,         -- how long it was at the moment of the next columns
            boot    TEXT NOT NULL,
            steady  REAL NOT NULL,         -- of that boot
            wall    REAL NOT NULL,         -- seconds since 1970
            trusted INTEGER NOT NULL,
            sure    INTEGER NOT NULL,      -- 0: it was kept for longer than known_s, nobody can tell by how much
            gone    INTEGER NOT NULL       -- 1: it was discarded
        ) STRICT;
        CREATE INDEX kept_samples_here ON kept_samples (number) WHERE gone = 0;
        """
    )


@ledger()
def m027_scales_by_page(db: Database) -> None:
    """What people entered of a scale on its page: it counts before what station.toml says."""
    db.executescript(
        """
        CREATE TABLE scale_entered (
            scale TEXT NOT NULL,           -- its name in station.toml
            name  TEXT NOT NULL,           -- the setting
            value TEXT NOT NULL,           -- as station.toml would have it, without quotation marks
            PRIMARY KEY (scale, name)
        ) STRICT, WITHOUT ROWID;
        """
    )


@ledger()
def m028_brought_food_in_racks(db: Database) -> None:
    """Food that somebody brought may lie in a place of a rack, too."""
    kinds = "('lot', 'public', 'blank', 'negative', 'positive', 'spiked')"
    db.executescript(
        f"""
        ALTER TABLE rack_places RENAME TO rack_places_before;
        CREATE TABLE rack_places (
            rack      INTEGER NOT NULL,
            place     TEXT NOT NULL,       -- a channel, or the number in a list of samples
            kind      TEXT NOT NULL CHECK (kind IN {kinds}),
            test_code TEXT NOT NULL,       -- of a lot, or of food that somebody brought
            sample    TEXT NOT NULL,
            name      TEXT NOT NULL,
            since     TEXT NOT NULL,
            seq       INTEGER NOT NULL,    -- the record of its result; 0 while it is waited for
            verdict   TEXT NOT NULL,
            value     TEXT NOT NULL,
            PRIMARY KEY (rack, place)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO rack_places SELECT * FROM rack_places_before;
        DROP TABLE rack_places_before;
        CREATE INDEX rack_places_seq ON rack_places (seq) WHERE seq > 0;
        """
    )


@ledger()
def m029_agreement(db: Database) -> None:
    """Where station and city stand with their numbers (protocol/city/agreement.py)."""
    db.executescript(
        """
        ALTER TABLE delivery ADD COLUMN claimed INTEGER NOT NULL DEFAULT 0;  -- the newest number the city said
        ALTER TABLE delivery ADD COLUMN held TEXT NOT NULL DEFAULT '';       -- JSON: its word of another ledger
        UPDATE delivery SET claimed = upto;

        CREATE TABLE joints (              -- where this ledger goes on behind records that it does not hold
            seq  INTEGER PRIMARY KEY,      -- the ledger.restored
            own  INTEGER NOT NULL,         -- the newest number before it
            city INTEGER NOT NULL,         -- what the city's newest record was, …
            hash TEXT NOT NULL             -- … and its hash
        ) STRICT;
        """
    )


@ledger()
def m030_retention(db: Database) -> None:
    """How far the city had everything, month by month; where the ledger begins since older records are gone."""
    db.executescript(
        """
        CREATE TABLE city_had (
            day  TEXT PRIMARY KEY,         -- the market's date
            upto INTEGER NOT NULL          -- the city had every record up to this one
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE checkpoints (         -- the newest one
            seq  INTEGER PRIMARY KEY,      -- its ledger.checkpoint
            upto INTEGER NOT NULL,         -- records up to here may be missing, …
            hash TEXT NOT NULL             -- … the last of which had this hash
        ) STRICT;

        ALTER TABLE photos ADD COLUMN last INTEGER;  -- the newest record that names it
        UPDATE photos SET last = (SELECT max(seq) FROM events) WHERE seq IS NOT NULL;
        CREATE INDEX photos_last ON photos (last) WHERE last IS NOT NULL;
        """
    )


@ledger()
def m031_results_of_a_morning_together(db: Database) -> None:
    """Results are found by their minute and then their hash: by the hash alone each dirtied a page of its own."""
    rows = db.execute(
        "SELECT analyzer, identity, results.seq, body FROM results LEFT JOIN events USING (seq)"
    ).fetchall()
    db.execute("DELETE FROM results")
    for analyzer, identity, seq, stored in rows:
        try:
            said = json.loads(unpack(stored or b""))["data"]["analyzer"]["measured_at"]
            minute = minute_of(datetime.fromisoformat(said) if said else None)
        except (ValueError, LookupError, TypeError):
            minute = minute_of(None)
        db.execute("INSERT OR IGNORE INTO results VALUES (?, ?, ?)", [analyzer, minute + identity[:9], seq])


@ledger()
def m032_what_was_told_of_the_disk(db: Database) -> None:
    """Whether the city was told that the disk gets full: once, not at each start."""
    db.executescript(
        """
        CREATE TABLE disk_told (           -- one row, when anything was told
            one   INTEGER PRIMARY KEY CHECK (one = 1),
            state TEXT NOT NULL            -- enough, short, full
        ) STRICT;
        """
    )


@ledger()
def m033_own_words(db: Database) -> None:
    """Words that this ledger's records have in common, with which they are packed (packing.py)."""
    db.executescript(
        """
        CREATE TABLE own_words (
            seq   INTEGER PRIMARY KEY,     -- the newest record when they were learnt; those of the last row are used
            words BLOB NOT NULL
        ) STRICT;
        """
    )


@ledger()
def m034_boots(db: Database) -> None:
    """How long the box was on in each boot: what is proven of a time that runs over restarts without a date."""
    db.executescript(
        """
        CREATE TABLE boots (
            number INTEGER PRIMARY KEY,    -- in their order
            boot   TEXT NOT NULL UNIQUE,   -- the kernel's id of it
            up     REAL NOT NULL           -- seconds, as they were written down last
        ) STRICT;
        """
    )


@ledger()
def m035_certificates_told(db: Database) -> None:
    """Ends of certificates that the city was told of."""
    db.executescript("CREATE TABLE certificates_told (key TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;")


@ledger()
def m037_records_of_public_samples(db: Database) -> None:
    """Each measurement of brought food knows its record, so that one that is of other food can be taken off."""
    for code, items in db.execute("SELECT code, items FROM public_samples").fetchall():
        said = json.loads(items) or {}
        known = {item: [(outcome, 0) for outcome in outcomes] for item, outcomes in said.items()}
        db.execute("UPDATE public_samples SET items = ? WHERE code = ?", (json.dumps(known, ensure_ascii=False), code))


@ledger()
def m038_papers_by_their_order(db: Database) -> None:
    """A record's papers are found by their place: an index of all of them was one more page that each sale wrote."""
    db.executescript(
        """
        ALTER TABLE print_jobs ADD COLUMN later INTEGER NOT NULL DEFAULT 0;  -- 1: behind papers of newer records
        UPDATE print_jobs SET later = 1 WHERE job IN (
            SELECT job FROM (SELECT job, seq, max(seq) OVER (ORDER BY job) AS newest FROM print_jobs) WHERE seq < newest
        );
        UPDATE print_jobs SET why = 'unproven' WHERE why = 'in_turn';
        CREATE INDEX print_jobs_later ON print_jobs (seq) WHERE later = 1;
        DROP INDEX print_jobs_seq;
        """
    )


@ledger()
def m039_stretches(db: Database) -> None:
    """Stretches of records, not single ones: what is sent again, what was refused, what is settled beyond ``upto``."""
    db.executescript(
        """
        CREATE TABLE stretches (           -- none when all is delivered
            what  TEXT NOT NULL,           -- again: published once more; aside: refused; ahead: settled beyond upto
            first INTEGER NOT NULL,
            last  INTEGER NOT NULL,
            why   TEXT NOT NULL,           -- who wants it once more; why it was refused
            PRIMARY KEY (what, first)
        ) STRICT, WITHOUT ROWID;

        INSERT INTO stretches SELECT 'again', next, last, '' FROM resending WHERE next <= last;
        INSERT INTO stretches SELECT 'aside', min(seq), max(seq), reason FROM (
            SELECT seq, reason, seq - row_number() OVER (PARTITION BY reason ORDER BY seq) AS run
            FROM settled_ahead WHERE reason IS NOT NULL
        ) GROUP BY reason, run;
        INSERT INTO stretches SELECT 'ahead', min(seq), max(seq), '' FROM (
            SELECT seq, seq - row_number() OVER (ORDER BY seq) AS run
            FROM settled_ahead WHERE seq > (SELECT upto FROM delivery)
        ) GROUP BY run;
        DROP TABLE resending;
        DROP TABLE settled_ahead;
        """
    )


@ledger()
def m040_label_scales(db: Database) -> None:
    """What label scales sold by themselves, each once; and what their numbers mean."""
    db.executescript(
        """
        CREATE TABLE label_sales (
            scale    TEXT NOT NULL,
            identity TEXT NOT NULL,            -- of what the scale sent
            alike    TEXT NOT NULL,            -- the same of the two that a scale sends of a label; empty: not known
            sold_at  TEXT NOT NULL,            -- by the scale's clock; empty: not readable
            twin     TEXT NOT NULL DEFAULT '', -- identity of the other of the two, once it came
            article  TEXT NOT NULL,
            seq      INTEGER NOT NULL,         -- the newest record of it
            waits    INTEGER NOT NULL,         -- 1: for a person
            PRIMARY KEY (scale, identity)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX label_sales_alike ON label_sales (scale, alike) WHERE alike <> '' AND twin = '';
        CREATE UNIQUE INDEX label_sales_seq ON label_sales (seq);
        CREATE INDEX label_sales_waits ON label_sales (scale, article, seq) WHERE waits = 1;

        CREATE TABLE label_goods (
            scale   TEXT NOT NULL,
            article TEXT NOT NULL,
            product TEXT NOT NULL,
            seq     INTEGER NOT NULL,          -- the record in which a person said so
            PRIMARY KEY (scale, article)
        ) STRICT, WITHOUT ROWID;
        """
    )


@ledger()
def m041_shorter_rows(db: Database) -> None:
    """Records are packed shorter and serials are letters (packing.py, ledger.py): no program of before reads that.

    What lies there stays as it is.
    """


@ledger()
def m042_lots_with_a_source(db: Database) -> None:
    """Lots of a product are looked for that are on sale, or were: the others need no place in its index."""
    db.executescript(
        """
        DROP INDEX lots_product;
        CREATE INDEX lots_product ON lots (product) WHERE source IS NOT NULL;
        """
    )
