//! What holds in every journal whose gateway has stopped, whatever happened to it before.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

/// Panics where it does not.
#[track_caller]
pub(crate) fn check(path: &Path) {
    let journal = open(path);
    let integrity: String =
        journal.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(integrity, "ok");
    // Each rule is a query for what breaks it.
    for (rule, sql) in [
        (
            "an id names one event",
            "SELECT id FROM (SELECT id, seq FROM events
                UNION SELECT webhook_id, seq FROM events WHERE webhook_id IS NOT NULL
                UNION SELECT eventbridge_id, seq FROM events WHERE eventbridge_id IS NOT NULL)
             GROUP BY id HAVING count(DISTINCT seq) > 1",
        ),
        (
            "what may still be delivered has its payload",
            "SELECT seq FROM deliveries WHERE state IN (0, 1, 2, 3, 4, 6)
                AND seq NOT IN (SELECT seq FROM payloads)",
        ),
        (
            "every event came by some path",
            "SELECT seq FROM events WHERE webhook_at IS NULL AND eventbridge_at IS NULL",
        ),
        (
            "accepted arrivals are counted",
            "SELECT * FROM (SELECT
                (SELECT coalesce(sum(n), 0) FROM counts WHERE what = 0 AND outcome = 'accepted') AS counted,
                (SELECT count(webhook_at) FILTER (WHERE webhook_flags & 64 = 0) + count(eventbridge_at)
                    FROM events) AS there)
             WHERE counted <> there",
        ),
        (
            "duplicates are counted",
            "SELECT * FROM (SELECT
                (SELECT coalesce(sum(n), 0) FROM counts WHERE what = 0 AND outcome = 'duplicate') AS counted,
                (SELECT count(*) FROM repeats) AS there,
                (SELECT count(*) FROM repeats WHERE kind = 3) AS asked_for,
                (SELECT coalesce(sum(webhook_repeats + eventbridge_repeats), 0) FROM events) AS summed)
             WHERE counted <> there OR there - asked_for <> summed",
        ),
        (
            "quarantined bytes are counted, those that somebody gave up too",
            "SELECT * FROM (SELECT
                (SELECT coalesce(sum(n), 0) FROM counts WHERE what = 0 AND outcome = 'quarantined') AS counted,
                (SELECT count(*) FROM quarantine) AS there,
                EXISTS (SELECT 1 FROM orders WHERE kind IN ('discard', 'erase')) AS given_up)
             WHERE counted < there OR (counted > there AND NOT given_up)",
        ),
        (
            "ended deliveries are counted",
            "SELECT * FROM (SELECT
                (SELECT coalesce(sum(n), 0) FROM counts WHERE what = 1) AS counted,
                (SELECT count(*) FROM deliveries WHERE settled_at IS NOT NULL) AS there)
             WHERE counted <> there",
        ),
        (
            "deliveries belong to events",
            "SELECT seq FROM deliveries WHERE seq NOT IN (SELECT seq FROM events)",
        ),
        (
            "attempts of one route and subject don't overlap",
            "SELECT * FROM (SELECT started_at,
                lag(started_at + took_ns) OVER (PARTITION BY a.route, lane ORDER BY started_at)
                    AS before_ended
                FROM attempts a JOIN deliveries d ON d.seq = a.seq AND d.route = a.route
                WHERE lane <> 0)
             WHERE started_at < before_ended",
        ),
    ] {
        let breaks = journal.prepare(sql).unwrap().exists([]).unwrap();
        assert!(!breaks, "broken: {rule}");
    }
}

/// Ids of the events in the journal, in the order of their arrival.
pub(crate) fn ids(path: &Path) -> Vec<String> {
    let journal = open(path);
    let mut statement = journal.prepare("SELECT id FROM events ORDER BY seq").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

fn open(path: &Path) -> Connection {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}
