-- All times are nanoseconds since 1970-01-01T00:00:00Z. Hot tables are keyed by numbers that only
-- grow, so that each insert lands on the last page; `ids` is the one table in random order, and
-- src/journal/ids.rs says how it is kept cheap.

CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;

-- One row an event, with the first arrival by each path as columns: the comparison reads one row
-- and joins nothing.
CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    tenant TEXT NOT NULL,
    subject TEXT NOT NULL,
    time_ns INTEGER NOT NULL,
    is_test INTEGER NOT NULL,
    object_digest BLOB NOT NULL,
    payload_digest BLOB NOT NULL,
    first_path INTEGER NOT NULL,                 -- 0 webhook, 1 eventbridge
    paired_by INTEGER,                           -- 0 id, 1 fallback, 2 ambiguous; NULL: one path so far
    payload_differs INTEGER NOT NULL DEFAULT 0,

    webhook_at INTEGER,
    webhook_stored_at INTEGER,
    webhook_stream TEXT,
    webhook_id TEXT,                             -- only where it is not `id`
    webhook_repeats INTEGER NOT NULL DEFAULT 0,

    eventbridge_at INTEGER,
    eventbridge_stored_at INTEGER,
    eventbridge_stream TEXT,
    eventbridge_id TEXT,                         -- only where it is not `id`
    eventbridge_repeats INTEGER NOT NULL DEFAULT 0,
    envelope_time INTEGER,
    sent_at INTEGER,
    first_received_at INTEGER,
    receive_count INTEGER,
    message_id TEXT
);
-- Nearly in order of arrival, so that it is as good as append-only. The subject keeps the search for
-- an event's other arrival short when many events share an instant.
CREATE INDEX events_time ON events (time_ns, subject);

-- encoding: 0 as it came, 1 zstd.
CREATE TABLE payloads (seq INTEGER PRIMARY KEY, encoding INTEGER NOT NULL, body BLOB NOT NULL);

-- The payload of the second path, where it is not the same as the first's.
CREATE TABLE rival_payloads (
    seq INTEGER NOT NULL, path INTEGER NOT NULL, encoding INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (seq, path)
) WITHOUT ROWID;

-- Arrivals after the first by a path. kind: 0 webhook retry, 1 same message, 2 other message.
CREATE TABLE repeats (
    seq INTEGER NOT NULL, no INTEGER NOT NULL, path INTEGER NOT NULL, kind INTEGER NOT NULL,
    at INTEGER NOT NULL, stored_at INTEGER NOT NULL, stream TEXT, id TEXT,
    receive_count INTEGER, message_id TEXT,
    PRIMARY KEY (seq, no)
) WITHOUT ROWID;

-- Digest of an event id -> the event; see src/journal/ids.rs.
CREATE TABLE ids (digest BLOB NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (digest, seq)) WITHOUT ROWID;
-- Ids that joined an event later, until `ids` has them for certain.
CREATE TABLE aliases (no INTEGER PRIMARY KEY, digest BLOB NOT NULL, seq INTEGER NOT NULL);

CREATE TABLE routes (no INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, target TEXT NOT NULL);

-- state: 0 due for the first time, 1 parked behind another of its subject, 2 leased (an attempt is
-- under way), 3 waiting for a retry, 4 delivered, 5 dead.
-- due_at: when it may be attempted; while leased, when the lease ends.
CREATE TABLE deliveries (
    seq INTEGER NOT NULL, route INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0,
    lane INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL, due_at INTEGER NOT NULL, settled_at INTEGER, reason TEXT,
    PRIMARY KEY (seq, route)
) WITHOUT ROWID;
-- By number, not by time: a clock that is set back must not bring a later event before an earlier one.
CREATE INDEX deliveries_fresh ON deliveries (route, seq) WHERE state = 0;
CREATE INDEX deliveries_parked ON deliveries (route, lane, seq) WHERE state = 1;
-- The lanes that have something under way or waiting for a retry, one row each: small while targets
-- answer.
CREATE INDEX deliveries_busy ON deliveries (route, lane, state, due_at) WHERE state IN (2, 3);
CREATE INDEX deliveries_retry ON deliveries (route, due_at) WHERE state = 3;

CREATE TABLE attempts (
    seq INTEGER NOT NULL, route INTEGER NOT NULL, attempt INTEGER NOT NULL,
    started_at INTEGER NOT NULL, took_ns INTEGER NOT NULL, status INTEGER, error TEXT,
    PRIMARY KEY (seq, route, attempt)
) WITHOUT ROWID;

CREATE TABLE quarantine (
    no INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, path INTEGER NOT NULL,
    reason TEXT NOT NULL, detail TEXT NOT NULL, message_id TEXT,
    encoding INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE INDEX quarantine_reason ON quarantine (reason);

-- When each door was open. A row is stretched while the door stays open.
CREATE TABLE coverage (
    no INTEGER PRIMARY KEY, path INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL
);

-- How every arrival and every delivery ended, counted for ever: retention does not touch it.
-- what: 0 arrivals (who: the path), 1 deliveries (who: the route).
CREATE TABLE counts (
    what INTEGER NOT NULL, who INTEGER NOT NULL, outcome TEXT NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY (what, who, outcome)
) WITHOUT ROWID;
