-- Up to which number a station's records have left it, and up to which its newest ledger.checkpoint names them.

ALTER TABLE stations ADD COLUMN gone bigint DEFAULT 0 NOT NULL;
ALTER TABLE stations ADD COLUMN point bigint DEFAULT 0 NOT NULL;
