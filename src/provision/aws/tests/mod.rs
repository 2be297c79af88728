//! From what is there to the plan: both ways.

mod keeping;

use super::carry_out::Action;
use super::*;
use crate::event::Timestamp;
use crate::provision::{Change, Plan};

pub(super) const SOURCE: &str = "aws.partner/auth0.com/acme-1b2c/auth0.events";
const NOW: Timestamp = Timestamp::from_millis(1_000);

pub(super) fn place() -> Place {
    Place { partition: "aws".into(), region: "eu-west-1".into(), account: "123456789012".into() }
}

pub(super) fn wanted() -> Wanted {
    Wanted {
        source: SourceName::parse(SOURCE).unwrap(),
        names: Names::new(QUEUE, RULE).unwrap(),
        visibility: Setting::new(None, VISIBILITY),
        receives_max: Setting::new(None, RECEIVES_MAX),
        retention: Setting::new(None, RETENTION),
        pattern: Setting::new(None, rule_pattern(None)),
        archive_days: None,
    }
}

fn nothing() -> Found {
    Found {
        place: place(),
        source: SourceStanding {
            name: SOURCE.into(),
            state: SourceState::Pending { expires: None },
            created: None,
        },
        bus: false,
        rule: None,
        targets: Vec::new(),
        rules: Vec::new(),
        senders: Vec::new(),
        elsewhere: Vec::new(),
        archive: None,
        queue: None,
        dead_letters: None,
        undelivered: None,
    }
}

/// What is there when a plan has been carried out.
fn after(mut found: Found, plan: &Plan<Action>) -> Found {
    for action in plan.steps.iter().filter_map(|step| step.action.as_ref()) {
        act(&mut found, action);
    }
    found
}

fn act(found: &mut Found, action: &Action) {
    match action {
        Action::CreateBus { .. } => {
            found.bus = true;
            found.source.state = SourceState::Active;
        }
        Action::CreateArchive { bus_arn, days, name } => {
            found.archive = Some(FoundArchive { bus_arn: bus_arn.clone(), days: *days });
            found.rules.push(format!("Events-Archive-{name}"));
        }
        Action::UpdateArchive { days, .. } => found.archive.as_mut().unwrap().days = *days,
        Action::CreateQueue { name, attributes } => {
            let url = format!("https://sqs.eu-west-1.amazonaws.com/123456789012/{name}");
            let queue = FoundQueue { url, attributes: attributes.clone(), is_ours: true };
            *slot(found, name) = Some(queue);
        }
        Action::ChangeQueue { name, attributes } => {
            slot(found, name).as_mut().unwrap().attributes.extend(attributes.clone());
        }
        Action::PutRule { name, pattern, .. } => {
            found.rule = Some(FoundRule { pattern: Some(pattern.clone()), is_enabled: true });
            if !found.rules.contains(name) {
                found.rules.push(name.clone());
            }
        }
        Action::PutTarget { target, .. } => {
            found.targets.retain(|held| held.id != target.id);
            found.targets.push(FoundTarget {
                id: target.id.clone(),
                arn: target.arn.clone(),
                dead_letter_arn: Some(target.dead_letter_arn.clone()),
                retries: Some(185),
                retry_age: Some(86_400),
                is_plain: true,
            });
        }
        Action::RemoveTargets { ids, .. } => found.targets.retain(|held| !ids.contains(&held.id)),
        Action::DeleteRule { name, .. } => {
            assert!(found.targets.is_empty(), "AWS refuses that");
            found.rule = None;
            found.rules.retain(|rule| rule != name);
        }
        Action::DeleteArchive { name } => {
            found.archive = None;
            found.rules.retain(|rule| *rule != format!("Events-Archive-{name}"));
        }
        Action::DeleteBus { .. } => {
            assert!(found.rules.is_empty(), "AWS refuses that");
            found.bus = false;
            found.source.state = SourceState::Pending { expires: None };
        }
        Action::DeleteQueue { name, .. } => *slot(found, name) = None,
    }
}

fn slot<'a>(found: &'a mut Found, name: &str) -> &'a mut Option<FoundQueue> {
    match name {
        "auth0-events" => &mut found.queue,
        "auth0-events-dead-letters" => &mut found.dead_letters,
        "auth0-events-undelivered" => &mut found.undelivered,
        other => panic!("{other}"),
    }
}

/// All in place.
fn done() -> Found {
    after(nothing(), &plan(&wanted(), &nothing(), NOW).unwrap())
}

/// The steps that do something, with their first line.
fn told(plan: &Plan<Action>) -> Vec<(String, Change, String)> {
    let doing = plan.steps.iter().filter(|step| step.change != Change::Keep);
    doing
        .map(|step| {
            (step.what.clone(), step.change, step.details.first().cloned().unwrap_or_default())
        })
        .collect()
}

#[test]
fn from_nothing_all_is_made_and_then_there_is_nothing_to_do() {
    let first = plan(&wanted(), &nothing(), NOW).unwrap();
    assert_eq!(first.counts()[0], (Change::Create, 7));
    assert_eq!(first.steps[0].what, format!("event bus {SOURCE}"));
    assert!(first.notes[0].contains("PENDING"));
    let found = after(nothing(), &first);
    let second = plan(&wanted(), &found, NOW).unwrap();
    assert!(second.is_empty(), "{second:?}");
    assert_eq!(second.notes, Vec::<String>::new());
    let policy = found.queue.as_ref().unwrap().attribute("Policy");
    let rule = place().rule(SOURCE, RULE);
    assert_eq!(admission(policy, None, &rule), Admission::In);
    let section = Section::new(&found, None).unwrap();
    assert_eq!(
        section.to_toml(),
        "[eventbridge]\n\
         queue_url = \"https://sqs.eu-west-1.amazonaws.com/123456789012/auth0-events\"\n\
         region = \"eu-west-1\"\n\
         dead_letter_queue_url = \"https://sqs.eu-west-1.amazonaws.com/123456789012/auth0-events-dead-letters\"\n\
         rule_dead_letter_queue_url = \"https://sqs.eu-west-1.amazonaws.com/123456789012/auth0-events-undelivered\"\n"
    );
    assert_eq!(Section::new(&nothing(), None), None);
}

/// What is in place but for a change is mended, and told.
#[track_caller]
fn check(change: impl FnOnce(&mut Found), what: &str, line: &str) {
    let mut found = done();
    change(&mut found);
    let mending = plan(&wanted(), &found, NOW).unwrap();
    let expected = [(what.to_owned(), Change::Update, line.to_owned())];
    assert_eq!(told(&mending), expected);
    let again = plan(&wanted(), &after(found, &mending), NOW).unwrap();
    assert!(again.is_empty(), "{again:?}");
}

#[test]
fn what_differs_is_mended_alone() {
    check(
        |found| found.rule.as_mut().unwrap().is_enabled = false,
        "rule twinstream",
        "State: DISABLED → ENABLED",
    );
    check(
        |found| {
            found.rule.as_mut().unwrap().pattern =
                Some(r#"{"source":["aws.partner/auth0.com"]}"#.into());
        },
        "rule twinstream",
        r#"EventPattern: {"source":["aws.partner/auth0.com"]} → {"source":[{"prefix":"aws.partner/auth0.com/"}]}"#,
    );
    check(
        |found| found.targets[0].dead_letter_arn = Some("other".into()),
        "target of rule twinstream",
        &format!("DeadLetterConfig: other → {}", place().queue("auth0-events-undelivered")),
    );
    check(
        |found| found.targets[0].retries = Some(2),
        "target of rule twinstream",
        "MaximumRetryAttempts: 2 → 185",
    );
    check(
        |found| found.targets[0].is_plain = false,
        "target of rule twinstream",
        "Input, InputPath, InputTransformer: taken away, so that events come whole",
    );
    check(
        |found| {
            let queue = found.queue.as_mut().unwrap();
            queue.attributes.insert("VisibilityTimeout".into(), "30".into());
        },
        "queue auth0-events",
        "VisibilityTimeout: 30 → 90",
    );
    check(
        |found| {
            let letters = found.dead_letters.as_mut().unwrap();
            let deny = r#"{"redrivePermission":"denyAll"}"#;
            letters.attributes.insert("RedriveAllowPolicy".into(), deny.into());
        },
        "redrive-allow policy of queue auth0-events-dead-letters",
        "dead letters of auth0-events may come here",
    );
}

#[test]
fn a_pattern_that_is_written_otherwise_is_the_same_pattern() {
    let mut found = done();
    let pattern = r#"{ "source" : [ { "prefix" : "aws.partner/auth0.com/" } ] }"#;
    found.rule.as_mut().unwrap().pattern = Some(pattern.into());
    assert!(plan(&wanted(), &found, NOW).unwrap().is_empty());
}

#[test]
fn a_target_that_leads_to_the_queue_already_is_taken_over() {
    let mut found = done();
    found.targets[0].id = "by-hand".into();
    assert!(plan(&wanted(), &found, NOW).unwrap().is_empty());
    found.targets[0].retries = None;
    let mending = plan(&wanted(), &found, NOW).unwrap();
    assert_eq!(after(found, &mending).targets.len(), 1, "no second one");
}

#[test]
fn an_archive_is_made_when_asked_for_and_never_taken_from_another_bus() {
    let mut wanted = wanted();
    wanted.archive_days = Some(Setting::new(None, 30));
    let making = plan(&wanted, &done(), NOW).unwrap();
    let line = "keeps all events of the bus for 30 days";
    assert_eq!(told(&making), [("archive auth0-events".into(), Change::Create, line.into())]);
    let found = after(done(), &making);
    assert!(plan(&wanted, &found, NOW).unwrap().is_empty());
    wanted.archive_days = Some(Setting::new(None, 0));
    assert!(plan(&wanted, &found, NOW).unwrap().is_empty(), "nobody asked for that");
    wanted.archive_days = Some(Setting::new(Some(0), 30));
    let longer = plan(&wanted, &found, NOW).unwrap();
    assert_eq!(told(&longer)[0].2, "RetentionDays: 30 → 0");
    wanted.archive_days = Some(Setting::new(Some(7), 30));
    let shorter = &plan(&wanted, &found, NOW).unwrap().steps[1];
    assert_eq!(shorter.details[1], "events older than 7 days are DELETED by that");
    let mut other = found;
    other.archive.as_mut().unwrap().bus_arn = place().bus("default");
    assert!(matches!(plan(&wanted, &other, NOW), Err(Impossible::Archive { .. })));
}

#[track_caller]
fn check_note(change: impl FnOnce(&mut Found), part: &str) {
    let mut found = done();
    change(&mut found);
    let notes = plan(&wanted(), &found, NOW).unwrap().notes;
    assert!(notes.iter().any(|note| note.contains(part)), "{notes:?}");
}

#[test]
fn what_no_step_can_do_is_noted() {
    check_note(|found| found.senders = vec![RULE.into(), "by-hand".into()], "rule by-hand sends");
    check_note(|found| found.source.state = SourceState::Unknown("denied".into()), "(denied)");
    check_note(
        |found| {
            let queue = found.queue.as_mut().unwrap();
            queue.attributes.insert("KmsMasterKeyId".into(), "alias/mine".into());
        },
        "kms:GenerateDataKey",
    );
    let mut found = nothing();
    found.source.state = SourceState::Deleted;
    assert!(matches!(plan(&wanted(), &found, NOW), Err(Impossible::Source(_))));
}

#[track_caller]
fn check_teardown(
    change: impl FnOnce(&mut Found),
    queues: Queues,
    (steps, notes, holding): (&[&str], &[&str], bool),
) {
    let losses = Losses { queues, archive: true };
    let mut wanted = wanted();
    wanted.archive_days = Some(Setting::new(None, 1));
    let mut found = after(nothing(), &plan(&wanted, &nothing(), NOW).unwrap());
    change(&mut found);
    let (tearing, holds) = teardown(&wanted, &found, losses);
    let told: Vec<&str> = tearing.steps.iter().map(|step| step.what.as_str()).collect();
    assert_eq!(told, steps);
    assert!(tearing.steps.iter().all(|step| step.change == Change::Delete));
    assert_eq!(tearing.notes.len(), notes.len(), "{:?}", tearing.notes);
    for (note, part) in tearing.notes.iter().zip(notes) {
        assert!(note.contains(part), "{note}");
    }
    assert_eq!(holds, holding);
    // Twice is fine.
    let (again, _) = teardown(&wanted, &after(found, &tearing), losses);
    assert_eq!(again.steps, []);
}

const BUS: &str = "event bus aws.partner/auth0.com/acme-1b2c/auth0.events";
const TARGET_AND_RULE: [&str; 2] = ["target of rule twinstream", "rule twinstream"];
const QUEUES: [&str; 3] =
    ["queue auth0-events", "queue auth0-events-undelivered", "queue auth0-events-dead-letters"];

#[test]
fn all_of_ours_is_taken_down_in_reverse_order() {
    let all = [&TARGET_AND_RULE[..], &["archive auth0-events", BUS], &QUEUES].concat();
    check_teardown(|_| {}, Queues::Empty, (&all, &[], false));
    let nothing_left = (&[][..], &[][..], false);
    check_teardown(|found| *found = nothing(), Queues::Empty, nothing_left);
}

#[test]
fn queues_with_messages_stay_unless_their_loss_is_wanted() {
    let hold = |found: &mut Found| {
        let queue = found.queue.as_mut().unwrap();
        queue.attributes.insert("ApproximateNumberOfMessagesNotVisible".into(), "2".into());
    };
    // With its dead-letter queues: the gateway goes on taking.
    let but_queues = [&TARGET_AND_RULE[..], &["archive auth0-events", BUS]].concat();
    let notes = ["holds about 2 messages", "-undelivered stays with", "-dead-letters stays with"];
    check_teardown(hold, Queues::Empty, (&but_queues, &notes, true));
    let all = [&TARGET_AND_RULE[..], &["archive auth0-events", BUS], &QUEUES].concat();
    check_teardown(hold, Queues::EvenWithMessages, (&all, &[], false));
}

#[test]
fn what_is_not_ours_stays() {
    let all = [&TARGET_AND_RULE[..], &["archive auth0-events"], &QUEUES].concat();
    check_teardown(
        |found| found.rules.push("theirs".into()),
        Queues::Empty,
        (&all, &["other rules, and stays: theirs"], false),
    );
    let but_queues = [&TARGET_AND_RULE[..], &["archive auth0-events", BUS]].concat();
    let notes = ["was not made by", "-undelivered stays with", "-dead-letters stays with"];
    check_teardown(
        |found| found.queue.as_mut().unwrap().is_ours = false,
        Queues::EvenWithMessages,
        (&but_queues, &notes, false),
    );
    let all = [&TARGET_AND_RULE[..1], &["archive auth0-events"], &QUEUES].concat();
    let add = |found: &mut Found| {
        let other =
            FoundTarget { id: "log".into(), arn: "arn:log".into(), ..found.targets[0].clone() };
        found.targets.push(other);
    };
    let notes = ["other targets, and stays: log", "other rules, and stays: twinstream"];
    check_teardown(add, Queues::Empty, (&all, &notes, false));
    let all = [&TARGET_AND_RULE[..], &QUEUES].concat();
    let elsewhere = |found: &mut Found| {
        found.archive.as_mut().unwrap().bus_arn = place().bus("default");
        found.rules.retain(|rule| rule == RULE);
    };
    let expected = [&all[..2], &[BUS], &all[2..]].concat();
    check_teardown(elsewhere, Queues::Empty, (&expected, &["of another bus"], false));
}

#[test]
fn names_are_checked_before_aws_is_asked() {
    #[track_caller]
    fn check(queue: &str, rule: &str, expected: Result<(), &str>) {
        match (Names::new(queue, rule), expected) {
            (Ok(_), Ok(())) => {}
            (Err(why), Err(part)) => assert!(why.contains(part), "{why}"),
            (got, _) => panic!("{got:?}"),
        }
    }
    check("auth0-events", "twin.stream_1", Ok(()));
    check("auth0.events", RULE, Err("no name of a queue"));
    check("", "", Err("no name of a archive"));
    check(&"q".repeat(49), RULE, Err("1 to 48"));
    check("q.fifo", RULE, Err("FIFO"));
    check(QUEUE, "a rule", Err("no name of a rule"));
    check(QUEUE, &"r".repeat(65), Err("1 to 64"));
}
