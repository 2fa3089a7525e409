-- The city's tables for PostgreSQL 11 and later, and KingbaseES. Elsewhere only PARTITION BY is written otherwise:
-- README.md says how. No sequence, trigger, function, array, JSON type or foreign key is used.

CREATE TABLE events (
  station varchar(16) NOT NULL, sequence bigint NOT NULL, id varchar(200) NOT NULL, kind varchar(80) NOT NULL,
  subject text NOT NULL, code varchar(40) NOT NULL, reason text NOT NULL, received varchar(40) NOT NULL,
  alarm smallint NOT NULL, body bytea NOT NULL,
  PRIMARY KEY (station, sequence)
) PARTITION BY HASH (station);
CREATE TABLE events_00 PARTITION OF events FOR VALUES WITH (MODULUS 16, REMAINDER 0);
CREATE TABLE events_01 PARTITION OF events FOR VALUES WITH (MODULUS 16, REMAINDER 1);
CREATE TABLE events_02 PARTITION OF events FOR VALUES WITH (MODULUS 16, REMAINDER 2);
CREATE TABLE events_03 PARTITION OF events FOR VALUES WITH (MODULUS 16, REMAINDER 3);
CREATE TABLE events_04 PARTITION OF events FOR VALUES WITH (MODULUS 16, REMAINDER 4);
CREATE TABLE events_05 PARTITION OF events FOR VALUES WITH (MODULUS 16, REMAINDER 5);
CREATE TABLE events_06 PARTITION OF events FOR VALUES WITH (MODULUS 16, REMAINDER 6);
CREATE TABLE events_07 PARTITION OF events FOR VALUES WITH (MODULUS 16, REMAINDER 7);
CREATE TABLE events_08 PARTITION OF events FOR VALUES WITH (MODULUS 16, REMAINDER 8);
CREATE TABLE events_09 PARTITION OF events FOR VALUES WITH (MODULUS 16, REMAINDER 9);
CREATE TABLE events_10 PARTITION OF events FOR VALUES WITH (MODULUS 16, REMAINDER 10);
CREATE TABLE events_11 PARTITION OF events FOR VALUES WITH (MODULUS 16, REMAINDER 11);
CREATE TABLE events_12 PARTITION OF events FOR VALUES WITH (MODULUS 16, REMAINDER 12);
CREATE TABLE events_13 PARTITION OF events FOR VALUES WITH (MODULUS 16, REMAINDER 13);
CREATE TABLE events_14 PARTITION OF events FOR VALUES WITH (MODULUS 16, REMAINDER 14);
CREATE TABLE events_15 PARTITION OF events FOR VALUES WITH (MODULUS 16, REMAINDER 15);
CREATE INDEX events_id ON events (station, id);
CREATE INDEX events_subject ON events (subject);
CREATE INDEX events_received ON events (received);

CREATE TABLE stations (
  station varchar(64) NOT NULL PRIMARY KEY, base varchar(80) NOT NULL, upto bigint NOT NULL, head varchar(64) NOT NULL,
  top bigint NOT NULL, stored bigint NOT NULL, count bigint NOT NULL, rejected bigint NOT NULL,
  duplicates bigint NOT NULL, breaks bigint NOT NULL, state varchar(16) NOT NULL, software text NOT NULL,
  claimed bigint NOT NULL, seen varchar(40) NOT NULL, torn text NOT NULL, given_up bigint NOT NULL,
  born varchar(40) NOT NULL, serials text NOT NULL, issued varchar(40) NOT NULL, gap_since varchar(40) NOT NULL,
  joint bigint NOT NULL
);
CREATE INDEX stations_base ON stations (base);

CREATE TABLE keys (
  station varchar(64) NOT NULL PRIMARY KEY, public_key varchar(64) NOT NULL, how varchar(16) NOT NULL,
  time varchar(40) NOT NULL
);
CREATE TABLE old_keys (
  station varchar(64) NOT NULL, public_key varchar(64) NOT NULL, until bigint NOT NULL, time varchar(40) NOT NULL,
  PRIMARY KEY (station, public_key)
);
CREATE TABLE refused_keys (
  station varchar(64) NOT NULL, public_key varchar(64) NOT NULL, time varchar(40) NOT NULL, times bigint NOT NULL,
  PRIMARY KEY (station, public_key)
);
CREATE TABLE refusals (
  station varchar(64) NOT NULL, hash varchar(64) NOT NULL, code varchar(40) NOT NULL, id varchar(64) NOT NULL,
  reason text NOT NULL, time varchar(40) NOT NULL, times bigint NOT NULL, number bigint NOT NULL, body bytea NOT NULL,
  PRIMARY KEY (station, hash, code)
);
CREATE INDEX refusals_time ON refusals (time);
CREATE TABLE incidents (
  station varchar(64) NOT NULL, kind varchar(16) NOT NULL, sequence bigint NOT NULL, detail text NOT NULL,
  since varchar(40) NOT NULL, latest varchar(40) NOT NULL, times bigint NOT NULL,
  PRIMARY KEY (station, kind, sequence)
);
CREATE INDEX incidents_latest ON incidents (latest);
CREATE TABLE counts (
  kind varchar(80) NOT NULL, part varchar(64) NOT NULL, n bigint NOT NULL, PRIMARY KEY (kind, part)
);
CREATE TABLE scans (code varchar(200) NOT NULL PRIMARY KEY, first varchar(40) NOT NULL);

CREATE TABLE commands (
  id varchar(64) NOT NULL PRIMARY KEY, name varchar(40) NOT NULL, target varchar(64) NOT NULL, fields text NOT NULL,
  asked varchar(40) NOT NULL, seconds double precision NOT NULL, issued varchar(40) NOT NULL,
  expires double precision NOT NULL, payload bytea NOT NULL
);
CREATE INDEX commands_issued ON commands (issued);
CREATE TABLE sent (
  id varchar(64) NOT NULL, station varchar(64) NOT NULL, at double precision NOT NULL, times bigint NOT NULL,
  PRIMARY KEY (id, station)
);
CREATE TABLE answers (
  id varchar(64) NOT NULL, station varchar(64) NOT NULL, state varchar(16) NOT NULL, code varchar(40) NOT NULL,
  message_zh text NOT NULL, message_en text NOT NULL, seq bigint, time varchar(40) NOT NULL, final smallint NOT NULL,
  PRIMARY KEY (id, station)
);

CREATE TABLE lots (
  code varchar(64) NOT NULL, station varchar(16) NOT NULL, sequence bigint NOT NULL, PRIMARY KEY (code, station, sequence)
);
CREATE INDEX lots_record ON lots (station, sequence);
CREATE TABLE shelf (
  station varchar(16) NOT NULL, source varchar(64) NOT NULL, lot varchar(64) NOT NULL, sequence bigint NOT NULL,
  facts text NOT NULL, in_g bigint, out_g bigint NOT NULL, PRIMARY KEY (station, source)
);
CREATE INDEX shelf_lot ON shelf (station, lot);
CREATE TABLE stalls (
  code varchar(16) NOT NULL, station varchar(16) NOT NULL, sequence bigint NOT NULL, name text NOT NULL,
  stall text NOT NULL, licence text NOT NULL, PRIMARY KEY (code, station)
);
CREATE TABLE replaced (
  station varchar(16) NOT NULL, tx varchar(64) NOT NULL, made varchar(200) NOT NULL, PRIMARY KEY (station, tx)
);
CREATE TABLE merchants (
  code varchar(16) NOT NULL PRIMARY KEY, name text NOT NULL, stall text NOT NULL, licence text NOT NULL
);
CREATE TABLE photo_names (
  sha256 varchar(64) NOT NULL, station varchar(16) NOT NULL, sequence bigint NOT NULL,
  PRIMARY KEY (sha256, station, sequence)
);
CREATE TABLE photo_chunks (
  sha256 varchar(64) NOT NULL, place bigint NOT NULL, data bytea NOT NULL, PRIMARY KEY (sha256, place)
);
CREATE TABLE photos (sha256 varchar(64) NOT NULL PRIMARY KEY, kind varchar(40) NOT NULL, size bigint NOT NULL,
  body bytea NOT NULL)
