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
    too_late INTEGER NOT NULL DEFAULT 0,         -- what was known of its time had expired when it came
    erased INTEGER NOT NULL DEFAULT 0,           -- its content was erased on request
    backfilled_at INTEGER,                       -- taken in from the Events API then; webhook_* is what came later

    webhook_at INTEGER,
    webhook_stored_at INTEGER,
    webhook_stream TEXT,
    webhook_id TEXT,                             -- only where it is not `id`
    webhook_repeats INTEGER NOT NULL DEFAULT 0,
    webhook_flags INTEGER NOT NULL DEFAULT 0,    -- why its time says nothing: src/event/flags.rs
    webhook_overtaken INTEGER NOT NULL DEFAULT 0,  -- a later event had come before

    eventbridge_at INTEGER,
    eventbridge_stored_at INTEGER,
    eventbridge_stream TEXT,
    eventbridge_id TEXT,                         -- only where it is not `id`
    eventbridge_repeats INTEGER NOT NULL DEFAULT 0,
    eventbridge_flags INTEGER NOT NULL DEFAULT 0,
    eventbridge_overtaken INTEGER NOT NULL DEFAULT 0,
    envelope_time INTEGER,
    sent_at INTEGER,
    first_received_at INTEGER,
    receive_count INTEGER,
    redriven INTEGER NOT NULL DEFAULT 0,         -- put back into the queue from a dead-letter queue
    message_id TEXT
);
-- Nearly in order of arrival, so that it is as good as append-only. The subject keeps the search for
-- an event's other arrival short when many events share an instant.
CREATE INDEX events_time ON events (time_ns, subject);

-- encoding: 0 as it came, 1 zstd.
CREATE TABLE payloads (seq INTEGER PRIMARY KEY, encoding INTEGER NOT NULL, body BLOB NOT NULL);
-- What is left of a payload once its deliveries have ended, where journal.payload = "redact".
CREATE TABLE redacted_payloads (
    seq INTEGER PRIMARY KEY, encoding INTEGER NOT NULL, body BLOB NOT NULL
);

-- The payload of the second path, where it is not the same as the first's.
CREATE TABLE rival_payloads (
    seq INTEGER NOT NULL, path INTEGER NOT NULL, encoding INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (seq, path)
) WITHOUT ROWID;

-- Arrivals after the first by a path. kind: 0 webhook retry, 1 same message, 2 other message.
CREATE TABLE repeats (
    seq INTEGER NOT NULL, no INTEGER NOT NULL, path INTEGER NOT NULL, kind INTEGER NOT NULL,
    at INTEGER NOT NULL, stored_at INTEGER NOT NULL, stream TEXT, id TEXT,
    receive_count INTEGER, redriven INTEGER NOT NULL DEFAULT 0, message_id TEXT,
    PRIMARY KEY (seq, no)
) WITHOUT ROWID;

-- Digest of an event id -> the event; see src/journal/ids.rs.
CREATE TABLE ids (digest BLOB NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (digest, seq)) WITHOUT ROWID;
-- Ids that joined an event later, until `ids` has them for certain.
CREATE TABLE aliases (no INTEGER PRIMARY KEY, digest BLOB NOT NULL, seq INTEGER NOT NULL);

CREATE TABLE routes (no INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, target TEXT NOT NULL);

-- state, not ended: 0 due for the first time or again after a redrive, 1 parked behind another of its
-- subject, 2 leased (an attempt is under way), 3 waiting for a retry, 4 waiting for its SQS message to
-- come again. Ended: 5 delivered, 6 dead, 7 superseded, 8 filtered, 9 discarded.
-- attempts: made so far; uncounted: those of them that no limit counts (before a redrive, or while the
-- target was down). since: acceptance or the last redrive. due_at: when it may be attempted; while
-- leased, when the lease ends. watched: what the event says at the places that its route watches.
CREATE TABLE deliveries (
    seq INTEGER NOT NULL, route INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0,
    lane INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, uncounted INTEGER NOT NULL DEFAULT 0,
    redrives INTEGER NOT NULL DEFAULT 0, late INTEGER NOT NULL DEFAULT 0,
    since INTEGER NOT NULL, due_at INTEGER NOT NULL, settled_at INTEGER, reason TEXT, watched BLOB,
    PRIMARY KEY (seq, route)
) WITHOUT ROWID;
-- By number, not by time: a clock that is set back must not bring a later event before an earlier one.
CREATE INDEX deliveries_fresh ON deliveries (route, seq) WHERE state = 0;
CREATE INDEX deliveries_parked ON deliveries (route, lane, seq) WHERE state = 1;
-- The lanes that have something under way or waiting for a retry, one row each: small while targets
-- answer.
CREATE INDEX deliveries_busy ON deliveries (route, lane, state, due_at) WHERE state IN (2, 3);
CREATE INDEX deliveries_retry ON deliveries (route, due_at) WHERE state = 3;
CREATE INDEX deliveries_returned ON deliveries (route, seq) WHERE state = 4;
CREATE INDEX deliveries_dead ON deliveries (seq, route) WHERE state = 6;

-- What each target was told of each subject, by route: see src/routing/turn.rs. By lane first, so that
-- the routes of one subject share a page. known: NULL where the route watches nothing.
CREATE TABLE told (
    lane INTEGER NOT NULL, route INTEGER NOT NULL, time_ns INTEGER NOT NULL, seq INTEGER NOT NULL,
    updated_at INTEGER NOT NULL, known BLOB,
    PRIMARY KEY (lane, route)
) WITHOUT ROWID;

-- Targets that are paused.
CREATE TABLE paused (target TEXT PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL)
    WITHOUT ROWID;

-- What people ordered: who, why, and how far it is. kind: redrive, discard, erase, pause, resume,
-- reprocess. state: 0 under way, 1 done, 2 stopped. cursor: the last letter that was looked at.
CREATE TABLE orders (
    no INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, who TEXT NOT NULL,
    why TEXT NOT NULL, detail TEXT NOT NULL, state INTEGER NOT NULL, cursor INTEGER NOT NULL DEFAULT 0,
    total INTEGER NOT NULL, done INTEGER NOT NULL, ended_at INTEGER
);
CREATE INDEX orders_under_way ON orders (no) WHERE state = 0;

CREATE TABLE attempts (
    seq INTEGER NOT NULL, route INTEGER NOT NULL, attempt INTEGER NOT NULL,
    started_at INTEGER NOT NULL, took_ns INTEGER NOT NULL, status INTEGER, error TEXT, answer TEXT,
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

CREATE INDEX coverage_until ON coverage (path, until);

-- The latest `time` of the live events that came by each path: what comes after it with an earlier one is
-- out of order.
CREATE TABLE latest (path INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL);

-- What the comparison keeps of settled events, for longer than the events: see src/summary. scale:
-- 0 minute, 1 ten minutes, 2 hour, 3 day. kind is empty for all types and streams together. Every event up to `summed`
-- in `meta` is in them, but for those in `set_aside`, whose time is still to come.
CREATE TABLE summaries (
    scale INTEGER NOT NULL, kind TEXT NOT NULL, start INTEGER NOT NULL,
    webhook_stream TEXT NOT NULL, eventbridge_stream TEXT NOT NULL, cell BLOB NOT NULL,
    PRIMARY KEY (scale, kind, start, webhook_stream, eventbridge_stream)
) WITHOUT ROWID;
CREATE TABLE set_aside (seq INTEGER PRIMARY KEY);

-- How every arrival and every delivery ended, counted for ever: retention does not touch it.
-- what: 0 arrivals (who: the path), 1 deliveries (who: the route).
CREATE TABLE counts (
    what INTEGER NOT NULL, who INTEGER NOT NULL, outcome TEXT NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY (what, who, outcome)
) WITHOUT ROWID;

-- Events that Auth0 was asked to send once more, by the digest of their id: how often, when last, and how
-- often it would not. What comes of them by webhook is no arrival of the path, unless it would not each time.
CREATE TABLE rescues (
    digest BLOB PRIMARY KEY, at INTEGER NOT NULL, tries INTEGER NOT NULL, refused INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX rescues_at ON rescues (at);

-- What Auth0's Events API told of, until it has settled and is judged. No content: `fingerprint` is a digest
-- of tenant, type, subject and time; `before` is the offset after which the event can be had again.
CREATE TABLE witnessed (
    no INTEGER PRIMARY KEY, id TEXT NOT NULL, kind TEXT NOT NULL, time_ns INTEGER NOT NULL,
    told_at INTEGER NOT NULL, fingerprint BLOB NOT NULL, before TEXT
);
-- What is told again, after a gap or a step back, is there once.
CREATE UNIQUE INDEX witnessed_id ON witnessed (id);
CREATE INDEX witnessed_told ON witnessed (told_at);
CREATE INDEX witnessed_time ON witnessed (time_ns);
-- What came of it: how many events of an hour had which fate. See src/journal/witness.rs.
CREATE TABLE judged (
    hour INTEGER NOT NULL, fate INTEGER NOT NULL, events INTEGER NOT NULL, PRIMARY KEY (hour, fate)
) WITHOUT ROWID;
-- How far the Events API has been read.
CREATE TABLE feed (no INTEGER PRIMARY KEY CHECK (no = 1), offset TEXT NOT NULL, at INTEGER NOT NULL);
