"""The first steps of the ledger's schema, until stalls had baskets; ``migrations.py`` goes on. A step that was released
is never edited."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from edge.between.initials import initials
from edge.records.database import Steps
from edge.records.packing import teach, unpack

if TYPE_CHECKING:
    from sqlite_utils import Database

NEWEST = Path(__file__).with_name("newest.sql")
BUSY = (
    "events",
    "delivery",
    "print_jobs",
    "lots",
    "results",
    "results_of_day",
    "goods_counted",
    "goods_use",
    "own_words",
)
ledger = Steps("ledger", NEWEST, BUSY)


@ledger()
def m001_events_and_state(db: Database) -> None:
    """Append-only events; beside them the state that is changed in the same transaction."""
    db.executescript(
        """
        CREATE TABLE events (
            seq      INTEGER PRIMARY KEY,  -- contiguous, in the order of receipt
            lane     INTEGER NOT NULL,     -- 0 ordinary, 1 alarm: sent ahead of the backlog
            serials  TEXT NOT NULL,        -- last serial of every code kind after this event (serials.py)
            body     BLOB NOT NULL         -- the signed bytes, as on the wire, packed (packing.py)
        ) STRICT;
        CREATE INDEX events_alarms ON events (seq) WHERE lane = 1;

        CREATE TABLE lots (
            test_code TEXT PRIMARY KEY,    -- 20 digits, given at the entrance
            seq       INTEGER NOT NULL,    -- its entry.registered
            product   TEXT NOT NULL,
            sample    TEXT NOT NULL,
            source    TEXT,                -- 20 digits, once released: the code it is sold by
            upstream  TEXT,                -- 20 digits: the code it came with
            state     TEXT NOT NULL CHECK (state IN ('pending', 'released', 'held')),
            test_seq  INTEGER,             -- the newest test.result of it
            items     TEXT NOT NULL DEFAULT '[]',  -- [item, method, measurements (p n i), verdict, record], JSON
            left_g    INTEGER NOT NULL,    -- what came in less what was sold
            whole_plant TEXT NOT NULL DEFAULT '' CHECK (whole_plant IN ('', 'due', 'done')),
            whole_plant_by TEXT
        ) STRICT;                          -- with rowids: long rows that are no key would spill over
        CREATE UNIQUE INDEX lots_source ON lots (source) WHERE source IS NOT NULL;
        CREATE UNIQUE INDEX lots_upstream ON lots (upstream) WHERE upstream IS NOT NULL;

        CREATE TABLE results (             -- what instruments already handed over
            analyzer TEXT NOT NULL,
            identity BLOB NOT NULL,        -- first 12 bytes of its SHA-256: short rows, few pages
            seq      INTEGER NOT NULL,
            PRIMARY KEY (analyzer, identity)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE unmatched (           -- results that wait until a person says whose they are or what they mean
            seq      INTEGER PRIMARY KEY,
            analyzer TEXT NOT NULL,
            why      TEXT NOT NULL,        -- words of edge/state/judgement.py, separated by blanks
            lot      TEXT NOT NULL         -- test code of the lot it would be of, or empty
        ) STRICT;

        CREATE TABLE channel_plan (        -- which lot's sample lies in which channel of an instrument
            analyzer  TEXT NOT NULL,
            channel   TEXT NOT NULL,
            test_code TEXT NOT NULL,
            planned   TEXT NOT NULL,       -- since when
            PRIMARY KEY (analyzer, channel)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE prices (product TEXT PRIMARY KEY, fen INTEGER NOT NULL) STRICT, WITHOUT ROWID;

        CREATE TABLE print_jobs (
            job     INTEGER PRIMARY KEY,
            seq     INTEGER NOT NULL,      -- the event whose paper it is; for a summary the last one it counts
            paper   TEXT NOT NULL,         -- slip, report, label, …
            detail  TEXT NOT NULL,         -- the date of a day's summary
            printer TEXT NOT NULL,
            copy    INTEGER NOT NULL,      -- 0 the first print, n the n-th copy
            state   TEXT NOT NULL          -- words of edge/between/print_states.py
                CHECK (state IN ('waiting', 'printing', 'held', 'printed', 'unknown', 'failed', 'confirmed')),
            why     TEXT NOT NULL
        ) STRICT;

        CREATE TABLE delivery (            -- one row: the city has everything up to here
            one  INTEGER PRIMARY KEY CHECK (one = 1),
            upto INTEGER NOT NULL
        ) STRICT;
        INSERT INTO delivery VALUES (1, 0);

        CREATE TABLE settled_ahead (       -- beyond upto: acknowledged singly (reason null) or set aside
            seq    INTEGER PRIMARY KEY,
            reason TEXT
        ) STRICT;
        """
    )


@ledger()
def m002_papers_of_a_record(db: Database) -> None:
    """How often a paper was printed is asked while people queue: after a year without an index that takes seconds."""
    db.executescript("CREATE INDEX print_jobs_seq ON print_jobs (seq);")


@ledger()
def m003_devices_behind_ports(db: Database) -> None:
    """Which device each port's name has meant so far, so that another one is not taken for it."""
    db.executescript(
        """
        CREATE TABLE devices (
            device  TEXT PRIMARY KEY,      -- its name in station.toml
            port    TEXT NOT NULL,         -- the address it was met at
            usb     TEXT NOT NULL,         -- vid:pid
            part    TEXT NOT NULL,         -- interface and port of it
            serial  TEXT NOT NULL,         -- as the adapter states it; empty, or one that many have: told by its socket
            shared  INTEGER NOT NULL,      -- 1: another one with this number was seen, told by its socket
            socket  TEXT NOT NULL,         -- controller and chain of hub ports
            address TEXT NOT NULL,         -- of what is reached over a network
            what    TEXT NOT NULL,         -- its product name, for people
            person  TEXT NOT NULL,         -- who confirmed it; empty: met by itself
            since   TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        """
    )


@ledger()
def m004_what_could_not_be_handled(db: Database) -> None:
    """Messages that the station could not handle, with their bytes, until newer ones push them out."""
    db.executescript(
        """
        CREATE TABLE unread (
            number   INTEGER PRIMARY KEY,
            kind     TEXT NOT NULL,        -- words of edge/state/unread.py
            device   TEXT NOT NULL,        -- device, topic, record or part of the program
            identity TEXT NOT NULL,        -- of a result, else empty
            place    TEXT NOT NULL,        -- where in the program it failed
            cause    TEXT NOT NULL,
            raw      BLOB NOT NULL,        -- what was received, cut
            first    TEXT NOT NULL,        -- when it failed first
            last     TEXT NOT NULL,
            count    INTEGER NOT NULL,
            software TEXT NOT NULL,        -- the version that could not
            person   TEXT NOT NULL         -- who has seen it, or empty
        ) STRICT;
        """
    )


@ledger()
def m005_how_a_record_was_asked_for(db: Database) -> None:
    """A request sent again with its key is answered as the first time, also after a restart.

    It stands in the record's own row: a table of its own would cost each sale one more page.
    """
    db.executescript("ALTER TABLE events ADD COLUMN asked BLOB;  -- key, command and answer, as in edge/state/asked.py")


@ledger()
def m006_results_of_a_day(db: Database) -> None:
    """How many results of each instrument were recorded today, so that none writes without bound.

    Lots are found by the sample number that an instrument says, and what waits for one by its code: without an index
    each result, known or unknown, would read all of them.
    """
    db.executescript(
        """
        CREATE TABLE results_of_day (
            analyzer TEXT PRIMARY KEY,
            day      TEXT NOT NULL,        -- the newest day of which results were recorded
            count    INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX lots_sample ON lots (sample, seq);
        CREATE INDEX lots_product ON lots (product, state);
        CREATE INDEX unmatched_lot ON unmatched (lot) WHERE lot <> '';
        """
    )


@ledger()
def m008_lots_of_elsewhere(db: Database) -> None:
    """Lots come from other stations, and other stations and the city stop them: also those that are not here yet."""
    db.executescript(
        """
        ALTER TABLE lots ADD COLUMN card_seq INTEGER;   -- its lot.released, or its newest lot.handed
        ALTER TABLE lots ADD COLUMN held_seq INTEGER;   -- its newest lot.held

        CREATE TABLE lot_claims (          -- which station took over how much of which portion of a lot
            source  TEXT NOT NULL,
            kid     TEXT NOT NULL,         -- who signed the portion
            portion INTEGER NOT NULL,      -- 0 the whole lot
            station TEXT NOT NULL,
            net_g   INTEGER NOT NULL,
            of_g    INTEGER NOT NULL,      -- what the portion is
            seq     INTEGER NOT NULL,      -- the station's record that says so, the newest
            settled INTEGER NOT NULL,      -- 1: a supervisor there said so
            told    INTEGER NOT NULL,      -- 1: we have recorded that it is too much
            PRIMARY KEY (source, kid, portion, station)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE lot_portions (        -- how many portions of a lot this station has handed on
            source TEXT PRIMARY KEY,
            last   INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE lot_offers (          -- what may be opened here without its card: told by the city or its station
            source  TEXT NOT NULL,
            kid     TEXT NOT NULL,
            portion INTEGER NOT NULL,
            station TEXT NOT NULL,         -- who signed it
            by      TEXT NOT NULL CHECK (by IN ('city', 'sibling')),
            product TEXT NOT NULL,
            facts   TEXT NOT NULL,         -- what its card would say, JSON
            at      REAL NOT NULL,         -- when it was said, seconds since 1970
            PRIMARY KEY (source, kid, portion)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX lot_offers_at ON lot_offers (at);

        CREATE TABLE lot_words (           -- the newest order of each kind that each authority gave about a code
            code   TEXT NOT NULL,          -- source or test code
            by     TEXT NOT NULL,          -- 'city' or a station
            stops  INTEGER NOT NULL,       -- 1 stop, 0 resume
            at     REAL NOT NULL,          -- when it was ordered, seconds since 1970
            number INTEGER NOT NULL,       -- that station's record; 0 for the city
            why    TEXT NOT NULL,
            until  REAL,                   -- when a stop ends by itself
            PRIMARY KEY (code, by, stops)
        ) STRICT, WITHOUT ROWID;
        """
    )


@ledger()
def m009_the_city_speaks(db: Database) -> None:
    """What the city ordered, what it was answered, and what it said of people, goods, orders, keys and settings.

    ``issued`` is always that of the command a row comes from, in seconds since 1970: an older one changes it no more.
    """
    db.executescript(
        """
        CREATE TABLE city_done (           -- each command once, also after a restart
            id     TEXT PRIMARY KEY,
            issued REAL NOT NULL,
            digest BLOB NOT NULL,          -- of the message: another one under this id is another command
            name   TEXT NOT NULL,
            answer BLOB NOT NULL,          -- the signed bytes: a repeat is answered by the same
            told   INTEGER NOT NULL        -- 1: a broker has the answer
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX city_done_issued ON city_done (issued);
        CREATE INDEX city_done_untold ON city_done (issued) WHERE told = 0;

        CREATE TABLE city_floors (         -- nothing of this kind that was issued up to here is news
            kind   TEXT PRIMARY KEY,       -- "done" (forgotten ids), a list of the directory, or a command's name
            issued REAL NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE directory (
            kind     TEXT NOT NULL CHECK (kind IN ('operators', 'buyers', 'suppliers')),
            code     TEXT NOT NULL,
            name     TEXT NOT NULL,
            initials TEXT NOT NULL,        -- of its pinyin
            role     TEXT NOT NULL,        -- of operators
            licence  TEXT NOT NULL,
            licence_until TEXT NOT NULL,
            state    TEXT NOT NULL CHECK (state IN ('active', 'suspended', 'gone')),
            why      TEXT NOT NULL,
            issued   REAL NOT NULL,
            PRIMARY KEY (kind, code)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX directory_name ON directory (kind, name);

        CREATE TABLE orders (
            number TEXT PRIMARY KEY,
            due    TEXT NOT NULL,          -- its day
            body   TEXT NOT NULL,          -- JSON, as the command has it
            issued REAL NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX orders_due ON orders (due);

        CREATE TABLE focus (
            product       TEXT NOT NULL,   -- first digits of its code, or empty
            origin_code   TEXT NOT NULL,   -- the same
            supplier_code TEXT NOT NULL,
            reason        TEXT NOT NULL
        ) STRICT;

        CREATE TABLE price_limits (
            product TEXT PRIMARY KEY,
            max_fen INTEGER NOT NULL,
            per_g   INTEGER NOT NULL,
            reason  TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE lab_verdicts (        -- the newest of each lot
            lot    TEXT PRIMARY KEY,       -- as the city named it
            seq    INTEGER NOT NULL,       -- its record
            issued REAL NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE city_keys (           -- beside those of the keys file
            key     TEXT PRIMARY KEY,      -- 64 hex digits
            revoked INTEGER NOT NULL,
            issued  REAL NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE node_keys (           -- of the node's stations, for checking their codes
            station TEXT NOT NULL,
            key     TEXT NOT NULL,
            revoked INTEGER NOT NULL,
            issued  REAL NOT NULL,
            PRIMARY KEY (station, key)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE city_settings (
            name   TEXT PRIMARY KEY,       -- section.key
            value  TEXT NOT NULL,          -- JSON; null: as station.toml says
            issued REAL NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE resending (           -- one row while records are published once more
            one  INTEGER PRIMARY KEY CHECK (one = 1),
            next INTEGER NOT NULL,
            last INTEGER NOT NULL
        ) STRICT;
        """
    )


@ledger()
def m010_people(db: Database) -> None:
    """Who may do what here, who is signed in, and how often a wrong PIN was entered; no PIN and no word itself."""
    db.executescript(
        """
        CREATE TABLE operators (
            code   TEXT PRIMARY KEY,       -- 1 to 13 digits; stands in the records
            name   TEXT NOT NULL,
            role   TEXT NOT NULL CHECK (role IN ('operator', 'supervisor', 'technician')),
            active INTEGER NOT NULL,
            pin    TEXT NOT NULL           -- argon2id, or empty: cannot sign in yet
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE programs (            -- other software with a token
            name TEXT PRIMARY KEY,
            role TEXT NOT NULL CHECK (role IN ('operator', 'supervisor', 'technician')),
            mark TEXT NOT NULL UNIQUE      -- SHA-256 of the token
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE sessions (
            mark TEXT PRIMARY KEY,         -- SHA-256 of the session's word
            code TEXT NOT NULL,            -- of the operator
            seen INTEGER NOT NULL          -- seconds since 1970, by the station's clock: last used
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE browsers (            -- where an operator has signed in before
            code TEXT NOT NULL,
            mark TEXT NOT NULL,            -- SHA-256 of the browser's word
            seen INTEGER NOT NULL,
            PRIMARY KEY (code, mark)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE pin_failures (
            code  TEXT NOT NULL,           -- whose PIN; empty for codes that nobody has, and of a peer
            place TEXT NOT NULL,           -- which way it came, as in edge/state/attempts.py
            count INTEGER NOT NULL,        -- since the last right one
            last  INTEGER NOT NULL,        -- seconds since 1970
            PRIMARY KEY (code, place)
        ) STRICT, WITHOUT ROWID;
        """
    )


@ledger()
def m011_corrections(db: Database) -> None:
    """Which record corrects which, and where the time in the ledger goes back: days are found by bisecting it."""
    db.executescript(
        """
        CREATE TABLE corrections (
            seq INTEGER PRIMARY KEY,       -- the record that is voided, corrected, matched to a lot or replaced
            by  INTEGER NOT NULL,          -- the newest record that says so
            job INTEGER NOT NULL           -- the last print job then: later papers of it are marked
        ) STRICT;
        CREATE INDEX corrections_by ON corrections (by);
        CREATE TABLE time_went_back (seq INTEGER PRIMARY KEY) STRICT;  -- clock.step records, the first of a new run
        ALTER TABLE lots ADD COLUMN corrected_seq INTEGER;  -- the newest entry.corrected of it
        """
    )
    teach(db.conn)
    steps = db.execute("SELECT seq, body FROM events WHERE instr(unpacked(body), CAST('.clock.step.v1' AS BLOB)) > 0")
    for seq, stored in steps.fetchall():
        try:
            data = json.loads(unpack(stored))["data"]
            back = data["after"] < data["before"]
        except (ValueError, LookupError, TypeError):
            back = True
        if back:
            db.execute("INSERT INTO time_went_back VALUES (?)", [seq])


@ledger()
def m012_holds_that_ended(db: Database) -> None:
    """What a person decided about a held lot, and the end of its hold."""
    db.executescript(
        """
        ALTER TABLE lots ADD COLUMN rechecked_seq INTEGER;  -- the newest lot.disposed that released it after a recheck
        ALTER TABLE lots ADD COLUMN resumed_seq INTEGER;    -- the newest lot.resumed of it
        """
    )


@ledger()
def m013_directory_found_by_initials(db: Database) -> None:
    """Where somebody of the directory is and how to reach them; the initials that the city left out."""
    db.executescript(
        """
        ALTER TABLE directory ADD COLUMN address TEXT NOT NULL DEFAULT '';
        ALTER TABLE directory ADD COLUMN contact TEXT NOT NULL DEFAULT '';
        """
    )
    unsaid = db.execute("SELECT kind, code, name FROM directory WHERE initials = ''").fetchall()
    for kind, code, name in unsaid:
        db.execute("UPDATE directory SET initials = ? WHERE kind = ? AND code = ?", [initials(name), kind, code])


@ledger()
def m014_what_is_used_here(db: Database) -> None:
    """Who supplied and bought here, and when last; how often which goods were worked with."""
    db.executescript(
        """
        CREATE TABLE parties (
            kind     TEXT NOT NULL CHECK (kind IN ('buyers', 'suppliers')),
            who      TEXT NOT NULL,        -- 13-digit operator code, or the name of one without
            code     TEXT NOT NULL,
            name     TEXT NOT NULL,
            initials TEXT NOT NULL,
            address  TEXT NOT NULL,
            contact  TEXT NOT NULL,
            PRIMARY KEY (kind, who)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE party_uses (
            job  TEXT NOT NULL,
            kind TEXT NOT NULL,
            who  TEXT NOT NULL,
            seq  INTEGER NOT NULL,         -- a record of the last times in a row
            PRIMARY KEY (job, kind, who)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE goods_use (
            job     TEXT NOT NULL,
            product TEXT NOT NULL,
            score   REAL NOT NULL,         -- how often, each time worth half after HALF_LIFE_DAYS
            day     INTEGER NOT NULL,      -- whose score that is; days since the year 1
            PRIMARY KEY (job, product)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE goods_counted (       -- one row: the scores count all records up to this one
            one  INTEGER PRIMARY KEY CHECK (one = 1),
            upto INTEGER NOT NULL
        ) STRICT;
        """
    )


@ledger()
def m015_photos(db: Database) -> None:
    """Photos that came, each a file beside the ledger named by its hash."""
    db.executescript(
        """
        CREATE TABLE photos (
            sha256 TEXT PRIMARY KEY,       -- of the file, 64 hex digits
            size   INTEGER NOT NULL,       -- its bytes
            day    TEXT NOT NULL,          -- the market's date when it came
            at     REAL NOT NULL,          -- seconds since 1970; 0 while the clock could not be believed
            seq    INTEGER,                -- the first record that names it
            sent   INTEGER NOT NULL DEFAULT 0  -- 1: the city has it
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX photos_day ON photos (day);
        CREATE INDEX photos_loose ON photos (at) WHERE seq IS NULL;
        CREATE INDEX photos_unsent ON photos (seq) WHERE sent = 0 AND seq IS NOT NULL;
        """
    )


@ledger()
def m016_loads(db: Database) -> None:
    """What was weighed for goods that are about to be registered, load by load."""
    db.executescript(
        """
        CREATE TABLE gate_loads (
            number INTEGER PRIMARY KEY,
            scale  TEXT NOT NULL,
            net_g  INTEGER NOT NULL,
            load   TEXT NOT NULL           -- as the record will have it, JSON
        ) STRICT;

        CREATE TABLE last_entries (        -- the newest lot of a supplier, of a product, of both
            who     TEXT NOT NULL,         -- a supplier's code, else name, or empty
            product TEXT NOT NULL,         -- code, or empty
            lot     TEXT NOT NULL,         -- test code
            PRIMARY KEY (who, product)
        ) STRICT, WITHOUT ROWID;
        """
    )


@ledger()
def m017_the_bench(db: Database) -> None:
    """What a person has seen of a lot; racks with what lies in their places; who stands at the bench."""
    db.executescript(
        """
        CREATE TABLE lots_seen (
            test_code TEXT PRIMARY KEY,
            upto      INTEGER NOT NULL,    -- the newest record about it that the person saw
            words     TEXT NOT NULL,       -- of edge/between/bench_board.py, separated by blanks: why it was shown
            person    TEXT NOT NULL,
            time      TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE racks (
            number   INTEGER PRIMARY KEY,
            analyzer TEXT NOT NULL,
            begun    TEXT NOT NULL,
            ended    TEXT NOT NULL,        -- empty: it is the analyzer's current one
            tester   TEXT NOT NULL
        ) STRICT;
        CREATE INDEX racks_analyzer ON racks (analyzer, number);

        CREATE TABLE rack_places (
            rack      INTEGER NOT NULL,
            place     TEXT NOT NULL,       -- a channel, or the number in a list of samples
            kind      TEXT NOT NULL CHECK (kind IN ('lot', 'blank', 'negative', 'positive', 'spiked')),
            test_code TEXT NOT NULL,       -- of a lot
            sample    TEXT NOT NULL,
            name      TEXT NOT NULL,
            since     TEXT NOT NULL,
            seq       INTEGER NOT NULL,    -- the record of its result; 0 while it is waited for
            verdict   TEXT NOT NULL,
            value     TEXT NOT NULL,
            PRIMARY KEY (rack, place)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX rack_places_seq ON rack_places (seq) WHERE seq > 0;
        """
    )


@ledger()
def m018_controls_and_sampling(db: Database) -> None:
    """The day's controls, the reagent lots that stand open, and which lots were drawn to be tested."""
    db.executescript(
        """
        CREATE TABLE controls (
            analyzer TEXT NOT NULL,
            item     TEXT NOT NULL,        -- as it is compared
            day      TEXT NOT NULL,
            valid    INTEGER NOT NULL,     -- the newest valid control of that day: its record, or 0
            failed   INTEGER NOT NULL,     -- the newest that failed
            name     TEXT NOT NULL,        -- the item as people write it
            kind     TEXT NOT NULL,        -- of the newest
            value    TEXT NOT NULL,
            time     TEXT NOT NULL,
            PRIMARY KEY (analyzer, item)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE reagents (
            seq      INTEGER PRIMARY KEY,  -- the record that opened it
            reagent  TEXT NOT NULL,
            item     TEXT NOT NULL,        -- as it is compared
            name     TEXT NOT NULL,
            expires  TEXT NOT NULL,
            finished INTEGER NOT NULL      -- the record that says it is used up, or 0
        ) STRICT;
        CREATE INDEX reagents_open ON reagents (item) WHERE finished = 0;

        ALTER TABLE lots ADD COLUMN sampling TEXT NOT NULL DEFAULT '';  -- drawn, passed, released; or nothing
        CREATE INDEX lots_seq ON lots (seq);
        """
    )


@ledger()
def m019_after_a_positive(db: Database) -> None:
    """How far each hold is, and lots of which nothing is left by a person's decision."""
    db.executescript(
        """
        ALTER TABLE lots ADD COLUMN disposed_seq INTEGER;  -- the lot.disposed by which nothing of it is left
        CREATE TABLE holds (               -- the newest hold of each lot
            lot       TEXT PRIMARY KEY,    -- test code
            held_seq  INTEGER NOT NULL,    -- its lot.held, or what held it in older versions
            told_seq  INTEGER, asked_seq INTEGER, waived_seq INTEGER, sent_seq INTEGER, verdict_seq INTEGER,
            planned_seq INTEGER, disposed_seq INTEGER,                    -- the newest record of each step
            told_s    REAL,                -- T0 in seconds since 1970
            told_sure INTEGER NOT NULL DEFAULT 0,                         -- whether that time is believed
            boot      TEXT NOT NULL DEFAULT '', up REAL NOT NULL DEFAULT 0,  -- a moment: the boot, seconds since then
            spent     REAL NOT NULL DEFAULT 0, spent_sure INTEGER NOT NULL DEFAULT 0,  -- seconds since T0 at it
            late      INTEGER NOT NULL DEFAULT 0,
            verdict   TEXT NOT NULL DEFAULT '' CHECK (verdict IN ('', 'qualified', 'unqualified')),
            verdict_issued REAL NOT NULL DEFAULT 0,                       -- by the city; 0: typed from the report
            ended     INTEGER NOT NULL DEFAULT 0,                         -- it was released since
            returned_g INTEGER NOT NULL DEFAULT 0, destroyed_g INTEGER NOT NULL DEFAULT 0
        ) STRICT, WITHOUT ROWID;
        INSERT INTO holds (lot, held_seq) SELECT test_code, coalesce(held_seq, test_seq, seq) FROM lots
            WHERE state = 'held';
        """
    )


@ledger()
def m020_public_samples(db: Database) -> None:
    """Food that people bring to be tested: it is of no lot."""
    db.executescript(
        """
        CREATE TABLE public_samples (
            code   TEXT PRIMARY KEY,       -- of the test.result and of sample.registered
            seq    INTEGER NOT NULL,       -- its sample.registered
            sample TEXT NOT NULL,          -- number, as typed into the analyzer
            items  TEXT NOT NULL DEFAULT '[]',  -- JSON: outcome and record of each measurement by item
            result_seq INTEGER             -- its newest test.result
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX public_samples_sample ON public_samples (sample, seq);
        """
    )


@ledger()
def m021_baskets(db: Database) -> None:
    """Slips that are not closed yet, with what was weighed for them; and the payments that programs told of."""
    db.executescript(
        """
        CREATE TABLE baskets (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            scale  TEXT NOT NULL,
            state  TEXT NOT NULL CHECK (state IN ('open', 'parked', 'paying')),
            begun  TEXT NOT NULL,          -- when its first line was weighed, RFC 3339
            terms  TEXT NOT NULL           -- JSON: buyer, rounding … that were agreed, while it waits for its payment
        ) STRICT;
        CREATE UNIQUE INDEX baskets_open ON baskets (scale) WHERE state = 'open';

        CREATE TABLE basket_lines (
            basket INTEGER NOT NULL,
            line   INTEGER NOT NULL,       -- counts on; that of a line that was taken out is not used again
            mark   TEXT NOT NULL,          -- the caller's own text: sent twice it is one line
            body   TEXT NOT NULL,          -- JSON: what was weighed, frozen
            PRIMARY KEY (basket, line)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE payments (
            reference TEXT PRIMARY KEY,    -- the payment program's own
            amount_fen INTEGER NOT NULL,
            kind      TEXT NOT NULL,
            seq       INTEGER NOT NULL,    -- the sale
            answer    TEXT NOT NULL        -- JSON
        ) STRICT, WITHOUT ROWID;
        """
    )
