"""The ledger's schema, step by step. A step that was released is never edited; the next change is a new step."""

from sqlite_utils import Database, Migrations

ledger = Migrations("ledger")


@ledger()
def m001_events_and_state(db: Database) -> None:
    """Append-only events; beside them the state that is changed in the same transaction."""
    db.executescript(
        """
        CREATE TABLE events (
            seq      INTEGER PRIMARY KEY,  -- contiguous, in the order of receipt
            lane     INTEGER NOT NULL,     -- 0 ordinary, 1 alarm: sent ahead of the backlog
            serials  TEXT NOT NULL,        -- last serial of every code kind after this event, "1:74 2:424"
            body     BLOB NOT NULL         -- the signed bytes, the same as on the wire
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
        ) STRICT, WITHOUT ROWID;
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
