//! What came in the last moments.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// One event each second; the numbers in the list and how it was thinned out.
#[track_caller]
fn check(found: &Lately, seqs: &[i64], came: u64, one_in: u64) {
    let listed: Vec<i64> = found.events.iter().map(|event| event.seq).collect();
    assert_eq!((listed.as_slice(), found.came, found.one_in), (seqs, came, one_in));
}

async fn lately(server: &Server, seconds: u64, most: u64) -> Lately {
    let since = server.now().minus(SECOND * u32::try_from(seconds).unwrap());
    server.journal.reader().unwrap().lately(since, most).await.unwrap()
}

#[tokio::test]
async fn events_of_the_last_moments_are_listed_as_they_came() {
    let server = Server::start();
    check(&lately(&server, 60, 10).await, &[], 0, 1);
    for number in 1..=20 {
        server.advance(SECOND);
        let id = format!("evt_{number}");
        server.send_new(webhook(&id).later(SECOND * number).of_user(&id)).await;
    }
    check(&lately(&server, 3, 10).await, &[17, 18, 19, 20], 4, 1);
    check(&lately(&server, 3, 4).await, &[17, 18, 19, 20], 4, 1);
    check(&lately(&server, 0, 10).await, &[20], 1, 1);
    // The same ones are picked whenever it is asked.
    check(&lately(&server, 600, 19).await, &[2, 4, 6, 8, 10, 12, 14, 16, 18, 20], 20, 2);
    check(&lately(&server, 600, 5).await, &[4, 8, 12, 16, 20], 20, 4);
    check(&lately(&server, 600, 0).await, &[], 20, 32);
    server.advance(SECOND);
    check(&lately(&server, 0, 10).await, &[], 0, 1);
}

#[tokio::test]
async fn the_last_arrival_of_each_path_is_told_however_long_ago() {
    let server = Server::start();
    let arrivals = |found: &Lately| Path::ALL.map(|path| found.last_arrival(path));
    assert_eq!(arrivals(&lately(&server, 1, 1).await), [None, None]);
    let first = server.now();
    server.send_new(webhook("evt_1")).await;
    server.advance(SECOND);
    let second = server.now();
    server.send(eventbridge("evt_1")).await;
    server.advance(SECOND * 3_600);
    assert_eq!(arrivals(&lately(&server, 1, 1).await), [Some(first), Some(second)]);
}
