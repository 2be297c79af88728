//! The demo, run as somebody runs it who has heard of it a minute ago.

use crate::support::process;
use crate::support::settings::Settings;

/// The cells of a row of the last table: `truth / found`, but for the order, which SQS does not keep.
#[track_caller]
fn check_row(output: &str, path: &str) {
    let (_, table) = output.split_once("What really happened").expect("a table of the truth");
    let row = table.lines().find(|line| line.contains(&format!("│ {path} "))).expect(path);
    let numbers: Vec<u64> =
        row.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect();
    let [seen, seen_found, missing, missing_found, duplicates, duplicates_found, ..] = numbers[..]
    else {
        panic!("{row}");
    };
    assert!(seen > 0, "{row}");
    assert_eq!((seen, missing, duplicates), (seen_found, missing_found, duplicates_found), "{row}");
}

#[track_caller]
fn check(arguments: &[&str]) -> String {
    // Nothing but loopback is spoken to, and so nobody's authority is needed.
    let settings = Settings::new("both").without_certificate_authorities();
    let output = process::run(&settings, &[&["demo"], arguments].concat());
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (printed, told) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{told}");
    for place in ["dashboard", "application"] {
        let line = told.lines().find(|line| line.trim_start().starts_with(place)).expect(place);
        assert!(line.contains(" http://127.0.0.1:"), "{line}");
    }
    assert!(!told.contains('\u{1b}'), "no terminal watches: {told}");
    check_row(&printed, "webhook");
    check_row(&printed, "eventbridge");
    assert!(printed.contains("Verdict: "), "{printed}");
    printed
}

#[test]
fn the_demo_finds_what_really_happened() {
    check(&["--events", "250", "--rate", "100", "--faults", "storm", "--seed", "3"]);
}

#[test]
fn it_pairs_what_has_two_ids() {
    let printed = check(&["--events", "150", "--rate", "50", "--ids", "different"]);
    assert!(printed.contains("Paired by tenant, type, subject and time"), "{printed}");
}

#[test]
fn without_faults_nothing_is_lost() {
    let printed = check(&["--for", "1s", "--rate", "30", "--faults", "none"]);
    assert!(printed.contains("0 dead letters are left"), "{printed}");
    let (_, truth) = printed.split_once("What really happened").unwrap();
    assert!(truth.matches("0 / 0").count() >= 4, "nothing missing, nothing twice: {printed}");
}
