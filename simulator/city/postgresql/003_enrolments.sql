-- Tokens that were given out, what a box gets for one, and what was answered to whom.

CREATE TABLE enrolments (
  id varchar(16) NOT NULL PRIMARY KEY, secret varchar(32) NOT NULL, station varchar(16) NOT NULL, gets text NOT NULL,
  until varchar(40) NOT NULL, request varchar(64) NOT NULL, public_key varchar(64) NOT NULL, time varchar(40) NOT NULL,
  answer bytea NOT NULL
);
