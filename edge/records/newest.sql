-- Written by `make schema` from the steps of migrations.py.
BEGIN TRANSACTION;
CREATE TABLE events (
            seq      INTEGER PRIMARY KEY,  -- contiguous, in the order of receipt
            lane     INTEGER NOT NULL,     -- 0 ordinary, 1 alarm: sent ahead of the backlog
            serials  TEXT NOT NULL,        -- last serial of every code kind after this event (serials.py)
            body     BLOB NOT NULL         -- the signed bytes, as on the wire, packed (packing.py)
        , asked BLOB) STRICT;
CREATE INDEX events_alarms ON events (seq) WHERE lane = 1;
CREATE TABLE delivery (            -- one row: the city has everything up to here
            one  INTEGER PRIMARY KEY CHECK (one = 1),
            upto INTEGER NOT NULL
        , claimed INTEGER NOT NULL DEFAULT 0, held TEXT NOT NULL DEFAULT '') STRICT;
INSERT INTO "delivery" VALUES(1,0,0,'');
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
        , later INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX print_jobs_later ON print_jobs (seq) WHERE later = 1;
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
        , card_seq INTEGER, held_seq INTEGER, corrected_seq INTEGER, rechecked_seq INTEGER, resumed_seq INTEGER, sampling TEXT NOT NULL DEFAULT '', disposed_seq INTEGER) STRICT;
CREATE UNIQUE INDEX lots_source ON lots (source) WHERE source IS NOT NULL;
CREATE UNIQUE INDEX lots_upstream ON lots (upstream) WHERE upstream IS NOT NULL;
CREATE INDEX lots_sample ON lots (sample, seq);
CREATE INDEX lots_seq ON lots (seq);
CREATE INDEX lots_product ON lots (product) WHERE source IS NOT NULL;
CREATE TABLE results (             -- what instruments already handed over
            analyzer TEXT NOT NULL,
            identity BLOB NOT NULL,        -- first 12 bytes of its SHA-256: short rows, few pages
            seq      INTEGER NOT NULL,
            PRIMARY KEY (analyzer, identity)
        ) STRICT, WITHOUT ROWID;
CREATE TABLE results_of_day (
            analyzer TEXT PRIMARY KEY,
            day      TEXT NOT NULL,        -- the newest day of which results were recorded
            count    INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
CREATE TABLE goods_counted (       -- one row: the scores count all records up to this one
            one  INTEGER PRIMARY KEY CHECK (one = 1),
            upto INTEGER NOT NULL
        ) STRICT;
CREATE TABLE goods_use (
            job     TEXT NOT NULL,
            product TEXT NOT NULL,
            score   REAL NOT NULL,         -- how often, each time worth half after HALF_LIFE_DAYS
            day     INTEGER NOT NULL,      -- whose score that is; days since the year 1
            PRIMARY KEY (job, product)
        ) STRICT, WITHOUT ROWID;
CREATE TABLE own_words (
            seq   INTEGER PRIMARY KEY,     -- the newest record when they were learnt; those of the last row are used
            words BLOB NOT NULL
        ) STRICT;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'ledger','m001_events_and_state',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(2,'ledger','m002_papers_of_a_record',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(3,'ledger','m003_devices_behind_ports',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(4,'ledger','m004_what_could_not_be_handled',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(5,'ledger','m005_how_a_record_was_asked_for',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(6,'ledger','m006_results_of_a_day',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(7,'ledger','m008_lots_of_elsewhere',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(8,'ledger','m009_the_city_speaks',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(9,'ledger','m010_people',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(10,'ledger','m011_corrections',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(11,'ledger','m012_holds_that_ended',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(12,'ledger','m013_directory_found_by_initials',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(13,'ledger','m014_what_is_used_here',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(14,'ledger','m015_photos',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(15,'ledger','m016_loads',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(16,'ledger','m017_the_bench',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(17,'ledger','m018_controls_and_sampling',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(18,'ledger','m019_after_a_positive',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(19,'ledger','m020_public_samples',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(20,'ledger','m021_baskets',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(21,'ledger','m023_prices_and_scales',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(22,'ledger','m024_shifts',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(23,'ledger','m025_deliveries',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(24,'ledger','m026_kept_samples',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(25,'ledger','m027_scales_by_page',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(26,'ledger','m028_brought_food_in_racks',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(27,'ledger','m029_agreement',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(28,'ledger','m030_retention',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(29,'ledger','m031_results_of_a_morning_together',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(30,'ledger','m032_what_was_told_of_the_disk',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(31,'ledger','m033_own_words',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(32,'ledger','m034_boots',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(33,'ledger','m035_certificates_told',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(34,'ledger','m037_records_of_public_samples',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(35,'ledger','m038_papers_by_their_order',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(36,'ledger','m039_stretches',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(37,'ledger','m040_label_scales',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(38,'ledger','m041_shorter_rows',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
INSERT INTO "_sqlite_migrations" VALUES(39,'ledger','m042_lots_with_a_source',strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));
CREATE TABLE basket_lines (
            basket INTEGER NOT NULL,
            line   INTEGER NOT NULL,       -- counts on; that of a line that was taken out is not used again
            mark   TEXT NOT NULL,          -- the caller's own text: sent twice it is one line
            body   TEXT NOT NULL,          -- JSON: what was weighed, frozen
            PRIMARY KEY (basket, line)
        ) STRICT, WITHOUT ROWID;
CREATE TABLE baskets (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            scale  TEXT NOT NULL,
            state  TEXT NOT NULL CHECK (state IN ('open', 'parked', 'paying')),
            begun  TEXT NOT NULL,          -- when its first line was weighed, RFC 3339
            terms  TEXT NOT NULL           -- JSON: buyer, rounding … that were agreed, while it waits for its payment
        ) STRICT;
CREATE TABLE boots (
            number INTEGER PRIMARY KEY,    -- in their order
            boot   TEXT NOT NULL UNIQUE,   -- the kernel's id of it
            up     REAL NOT NULL           -- seconds, as they were written down last
        ) STRICT;
CREATE TABLE browsers (            -- where an operator has signed in before
            code TEXT NOT NULL,
            mark TEXT NOT NULL,            -- SHA-256 of the browser's word
            seen INTEGER NOT NULL,
            PRIMARY KEY (code, mark)
        ) STRICT, WITHOUT ROWID;
CREATE TABLE certificates_told (key TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE channel_plan (        -- which lot's sample lies in which channel of an instrument
            analyzer  TEXT NOT NULL,
            channel   TEXT NOT NULL,
            test_code TEXT NOT NULL,
            planned   TEXT NOT NULL,       -- since when
            PRIMARY KEY (analyzer, channel)
        ) STRICT, WITHOUT ROWID;
CREATE TABLE checkpoints (         -- the newest one
            seq  INTEGER PRIMARY KEY,      -- its ledger.checkpoint
            upto INTEGER NOT NULL,         -- records up to here may be missing, …
            hash TEXT NOT NULL             -- … the last of which had this hash
        ) STRICT;
CREATE TABLE city_done (           -- each command once, also after a restart
            id     TEXT PRIMARY KEY,
            issued REAL NOT NULL,
            digest BLOB NOT NULL,          -- of the message: another one under this id is another command
            name   TEXT NOT NULL,
            answer BLOB NOT NULL,          -- the signed bytes: a repeat is answered by the same
            told   INTEGER NOT NULL        -- 1: a broker has the answer
        ) STRICT, WITHOUT ROWID;
CREATE TABLE city_floors (         -- nothing of this kind that was issued up to here is news
            kind   TEXT PRIMARY KEY,       -- "done" (forgotten ids), a list of the directory, or a command's name
            issued REAL NOT NULL
        ) STRICT, WITHOUT ROWID;
CREATE TABLE city_had (
            day  TEXT PRIMARY KEY,         -- the market's date
            upto INTEGER NOT NULL          -- the city had every record up to this one
        ) STRICT, WITHOUT ROWID;
CREATE TABLE city_keys (           -- beside those of the keys file
            key     TEXT PRIMARY KEY,      -- 64 hex digits
            revoked INTEGER NOT NULL,
            issued  REAL NOT NULL
        ) STRICT, WITHOUT ROWID;
CREATE TABLE city_settings (
            name   TEXT PRIMARY KEY,       -- section.key
            value  TEXT NOT NULL,          -- JSON; null: as station.toml says
            issued REAL NOT NULL
        ) STRICT, WITHOUT ROWID;
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
CREATE TABLE corrections (
            seq INTEGER PRIMARY KEY,       -- the record that is voided, corrected, matched to a lot or replaced
            by  INTEGER NOT NULL,          -- the newest record that says so
            job INTEGER NOT NULL           -- the last print job then: later papers of it are marked
        ) STRICT;
CREATE TABLE deliveries (
            number     INTEGER PRIMARY KEY,
            order_code TEXT NOT NULL,      -- empty: nobody ordered it
            state      TEXT NOT NULL CHECK (state IN ('open', 'done', 'voided', 'dropped')),
            body       TEXT NOT NULL,      -- JSON, as in edge/state/delivery.py
            seq        INTEGER             -- its record, when it is done
        ) STRICT;
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
CREATE TABLE delivery_pans (       -- what lay on a scale when its last load was counted
            scale    TEXT PRIMARY KEY,
            g        INTEGER NOT NULL,
            net      INTEGER NOT NULL,
            before_g INTEGER NOT NULL,
            load     INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
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
            issued   REAL NOT NULL, address TEXT NOT NULL DEFAULT '', contact TEXT NOT NULL DEFAULT '',
            PRIMARY KEY (kind, code)
        ) STRICT, WITHOUT ROWID;
CREATE TABLE disk_told (           -- one row, when anything was told
            one   INTEGER PRIMARY KEY CHECK (one = 1),
            state TEXT NOT NULL            -- enough, short, full
        ) STRICT;
CREATE TABLE focus (
            product       TEXT NOT NULL,   -- first digits of its code, or empty
            origin_code   TEXT NOT NULL,   -- the same
            supplier_code TEXT NOT NULL,
            reason        TEXT NOT NULL
        ) STRICT;
CREATE TABLE gate_loads (
            number INTEGER PRIMARY KEY,
            scale  TEXT NOT NULL,
            net_g  INTEGER NOT NULL,
            load   TEXT NOT NULL           -- as the record will have it, JSON
        ) STRICT;
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
CREATE TABLE joints (              -- where this ledger goes on behind records that it does not hold
            seq  INTEGER PRIMARY KEY,      -- the ledger.restored
            own  INTEGER NOT NULL,         -- the newest number before it
            city INTEGER NOT NULL,         -- what the city's newest record was, …
            hash TEXT NOT NULL             -- … and its hash
        ) STRICT;
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
CREATE TABLE lab_verdicts (        -- the newest of each lot
            lot    TEXT PRIMARY KEY,       -- as the city named it
            seq    INTEGER NOT NULL,       -- its record
            issued REAL NOT NULL
        ) STRICT, WITHOUT ROWID;
CREATE TABLE label_goods (
            scale   TEXT NOT NULL,
            article TEXT NOT NULL,
            product TEXT NOT NULL,
            seq     INTEGER NOT NULL,          -- the record in which a person said so
            PRIMARY KEY (scale, article)
        ) STRICT, WITHOUT ROWID;
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
CREATE TABLE last_entries (        -- the newest lot of a supplier, of a product, of both
            who     TEXT NOT NULL,         -- a supplier's code, else name, or empty
            product TEXT NOT NULL,         -- code, or empty
            lot     TEXT NOT NULL,         -- test code
            PRIMARY KEY (who, product)
        ) STRICT, WITHOUT ROWID;
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
CREATE TABLE lot_portions (        -- how many portions of a lot this station has handed on
            source TEXT PRIMARY KEY,
            last   INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
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
CREATE TABLE lots_seen (
            test_code TEXT PRIMARY KEY,
            upto      INTEGER NOT NULL,    -- the newest record about it that the person saw
            words     TEXT NOT NULL,       -- of edge/between/bench_board.py, separated by blanks: why it was shown
            person    TEXT NOT NULL,
            time      TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
CREATE TABLE node_keys (           -- of the node's stations, for checking their codes
            station TEXT NOT NULL,
            key     TEXT NOT NULL,
            revoked INTEGER NOT NULL,
            issued  REAL NOT NULL,
            PRIMARY KEY (station, key)
        ) STRICT, WITHOUT ROWID;
CREATE TABLE operators (
            code   TEXT PRIMARY KEY,       -- 1 to 13 digits; stands in the records
            name   TEXT NOT NULL,
            role   TEXT NOT NULL CHECK (role IN ('operator', 'supervisor', 'technician')),
            active INTEGER NOT NULL,
            pin    TEXT NOT NULL           -- argon2id, or empty: cannot sign in yet
        ) STRICT, WITHOUT ROWID;
CREATE TABLE orders (
            number TEXT PRIMARY KEY,
            due    TEXT NOT NULL,          -- its day
            body   TEXT NOT NULL,          -- JSON, as the command has it
            issued REAL NOT NULL
        ) STRICT, WITHOUT ROWID;
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
CREATE TABLE payments (
            reference TEXT PRIMARY KEY,    -- the payment program's own
            amount_fen INTEGER NOT NULL,
            kind      TEXT NOT NULL,
            seq       INTEGER NOT NULL,    -- the sale
            answer    TEXT NOT NULL        -- JSON
        ) STRICT, WITHOUT ROWID;
CREATE TABLE photos (
            sha256 TEXT PRIMARY KEY,       -- of the file, 64 hex digits
            size   INTEGER NOT NULL,       -- its bytes
            day    TEXT NOT NULL,          -- the market's date when it came
            at     REAL NOT NULL,          -- seconds since 1970; 0 while the clock could not be believed
            seq    INTEGER,                -- the first record that names it
            sent   INTEGER NOT NULL DEFAULT 0  -- 1: the city has it
        , last INTEGER) STRICT, WITHOUT ROWID;
CREATE TABLE pin_failures (
            code  TEXT NOT NULL,           -- whose PIN; empty for codes that nobody has, and of a peer
            place TEXT NOT NULL,           -- which way it came, as in edge/state/attempts.py
            count INTEGER NOT NULL,        -- since the last right one
            last  INTEGER NOT NULL,        -- seconds since 1970
            PRIMARY KEY (code, place)
        ) STRICT, WITHOUT ROWID;
CREATE TABLE price_limits (
            product TEXT PRIMARY KEY,
            max_fen INTEGER NOT NULL,
            per_g   INTEGER NOT NULL,
            reason  TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
CREATE TABLE price_reports (
            day TEXT PRIMARY KEY,          -- 2026-11-23, by the market's time
            seq INTEGER NOT NULL           -- its price.daily
        ) STRICT, WITHOUT ROWID;
CREATE TABLE prices (product TEXT PRIMARY KEY, fen INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE programs (            -- other software with a token
            name TEXT PRIMARY KEY,
            role TEXT NOT NULL CHECK (role IN ('operator', 'supervisor', 'technician')),
            mark TEXT NOT NULL UNIQUE      -- SHA-256 of the token
        ) STRICT, WITHOUT ROWID;
CREATE TABLE public_samples (
            code   TEXT PRIMARY KEY,       -- of the test.result and of sample.registered
            seq    INTEGER NOT NULL,       -- its sample.registered
            sample TEXT NOT NULL,          -- number, as typed into the analyzer
            items  TEXT NOT NULL DEFAULT '[]',  -- JSON: outcome and record of each measurement by item
            result_seq INTEGER             -- its newest test.result
        ) STRICT, WITHOUT ROWID;
CREATE TABLE rack_places (
            rack      INTEGER NOT NULL,
            place     TEXT NOT NULL,       -- a channel, or the number in a list of samples
            kind      TEXT NOT NULL CHECK (kind IN ('lot', 'public', 'blank', 'negative', 'positive', 'spiked')),
            test_code TEXT NOT NULL,       -- of a lot, or of food that somebody brought
            sample    TEXT NOT NULL,
            name      TEXT NOT NULL,
            since     TEXT NOT NULL,
            seq       INTEGER NOT NULL,    -- the record of its result; 0 while it is waited for
            verdict   TEXT NOT NULL,
            value     TEXT NOT NULL,
            PRIMARY KEY (rack, place)
        ) STRICT, WITHOUT ROWID;
CREATE TABLE racks (
            number   INTEGER PRIMARY KEY,
            analyzer TEXT NOT NULL,
            begun    TEXT NOT NULL,
            ended    TEXT NOT NULL,        -- empty: it is the analyzer's current one
            tester   TEXT NOT NULL
        ) STRICT;
CREATE TABLE reagents (
            seq      INTEGER PRIMARY KEY,  -- the record that opened it
            reagent  TEXT NOT NULL,
            item     TEXT NOT NULL,        -- as it is compared
            name     TEXT NOT NULL,
            expires  TEXT NOT NULL,
            finished INTEGER NOT NULL      -- the record that says it is used up, or 0
        ) STRICT;
CREATE TABLE scale_entered (
            scale TEXT NOT NULL,           -- its name in station.toml
            name  TEXT NOT NULL,           -- the setting
            value TEXT NOT NULL,           -- as station.toml would have it, without quotation marks
            PRIMARY KEY (scale, name)
        ) STRICT, WITHOUT ROWID;
CREATE TABLE scale_register (
            scale  TEXT PRIMARY KEY,       -- its name in station.toml
            seq    INTEGER NOT NULL,       -- its newest scale.registered; 0: none was asked for
            said   TEXT NOT NULL,          -- what that record says of it, JSON
            warned TEXT NOT NULL           -- the last day of the verification that was warned of, or that is over
        ) STRICT, WITHOUT ROWID;
CREATE TABLE sessions (
            mark TEXT PRIMARY KEY,         -- SHA-256 of the session's word
            code TEXT NOT NULL,            -- of the operator
            seen INTEGER NOT NULL          -- seconds since 1970, by the station's clock: last used
        ) STRICT, WITHOUT ROWID;
CREATE TABLE shift_counted (       -- one row
            one  INTEGER PRIMARY KEY CHECK (one = 1),
            upto INTEGER NOT NULL,         -- records up to here are counted
            sum  TEXT NOT NULL             -- their figures, JSON; empty: none
        ) STRICT;
INSERT INTO "shift_counted" VALUES(1,0,'');
CREATE TABLE shifts (
            number INTEGER PRIMARY KEY,
            seq    INTEGER NOT NULL        -- its shift.closed
        ) STRICT;
CREATE TABLE stretches (           -- none when all is delivered
            what  TEXT NOT NULL,           -- again: published once more; aside: refused; ahead: settled beyond upto
            first INTEGER NOT NULL,
            last  INTEGER NOT NULL,
            why   TEXT NOT NULL,           -- who wants it once more; why it was refused
            PRIMARY KEY (what, first)
        ) STRICT, WITHOUT ROWID;
CREATE TABLE time_went_back (seq INTEGER PRIMARY KEY) STRICT;
CREATE TABLE unmatched (           -- results that wait until a person says whose they are or what they mean
            seq      INTEGER PRIMARY KEY,
            analyzer TEXT NOT NULL,
            why      TEXT NOT NULL,        -- words of edge/state/judgement.py, separated by blanks
            lot      TEXT NOT NULL         -- test code of the lot it would be of, or empty
        ) STRICT;
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
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE INDEX unmatched_lot ON unmatched (lot) WHERE lot <> '';
CREATE INDEX lot_offers_at ON lot_offers (at);
CREATE INDEX city_done_issued ON city_done (issued);
CREATE INDEX city_done_untold ON city_done (issued) WHERE told = 0;
CREATE INDEX directory_name ON directory (kind, name);
CREATE INDEX orders_due ON orders (due);
CREATE INDEX corrections_by ON corrections (by);
CREATE INDEX photos_day ON photos (day);
CREATE INDEX photos_loose ON photos (at) WHERE seq IS NULL;
CREATE INDEX photos_unsent ON photos (seq) WHERE sent = 0 AND seq IS NOT NULL;
CREATE INDEX racks_analyzer ON racks (analyzer, number);
CREATE INDEX reagents_open ON reagents (item) WHERE finished = 0;
CREATE INDEX public_samples_sample ON public_samples (sample, seq);
CREATE UNIQUE INDEX baskets_open ON baskets (scale) WHERE state = 'open';
CREATE INDEX deliveries_order ON deliveries (order_code, state);
CREATE INDEX deliveries_open ON deliveries (number) WHERE state = 'open';
CREATE INDEX delivery_loads_line ON delivery_loads (delivery, line);
CREATE INDEX kept_samples_here ON kept_samples (number) WHERE gone = 0;
CREATE INDEX rack_places_seq ON rack_places (seq) WHERE seq > 0;
CREATE INDEX photos_last ON photos (last) WHERE last IS NOT NULL;
CREATE INDEX label_sales_alike ON label_sales (scale, alike) WHERE alike <> '' AND twin = '';
CREATE UNIQUE INDEX label_sales_seq ON label_sales (seq);
CREATE INDEX label_sales_waits ON label_sales (scale, article, seq) WHERE waits = 1;
DELETE FROM "sqlite_sequence";
COMMIT;
