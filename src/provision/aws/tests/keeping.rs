//! What somebody else made, uses or asked for before is left to them.

use super::*;

/// What is there of another source that shares the queue.
fn shared() -> Found {
    let mut found = done();
    let other = place().rule("aws.partner/auth0.com/other-1/auth0.events", RULE);
    for queue in [&mut found.queue, &mut found.undelivered] {
        let queue = queue.as_mut().unwrap();
        let arn = queue.attribute("QueueArn").unwrap_or("arn").to_owned();
        let theirs = policy::fresh(&policy::statements(&arn, Some(&other)));
        queue.attributes.insert("Policy".into(), theirs);
    }
    let first = plan(&wanted(), &found, NOW).unwrap();
    after(found, &first)
}

#[test]
fn two_sources_share_a_queue_and_one_is_taken_down_without_the_other() {
    let found = shared();
    let policy =
        |found: &Found| found.queue.as_ref().unwrap().attribute("Policy").unwrap().to_owned();
    let both = policy(&found);
    assert!(both.contains("other-1") && both.contains("acme-1b2c"), "{both}");
    assert!(plan(&wanted(), &found, NOW).unwrap().is_empty());

    let losses = Losses { queues: Queues::EvenWithMessages, archive: true };
    let (tearing, _) = teardown(&wanted(), &found, losses);
    assert!(tearing.notes[0].starts_with("the queues stay: "), "{:?}", tearing.notes);
    let left = after(found, &tearing);
    let others = policy(&left);
    assert!(others.contains("other-1") && !others.contains("acme-1b2c"), "{others}");
    assert!(left.rule.is_none() && left.dead_letters.is_some() && left.undelivered.is_some());
}

#[test]
fn queues_that_another_rule_sends_to_stay() {
    let check = |change: fn(&mut Found), note: &str| {
        let mut found = done();
        change(&mut found);
        let losses = Losses { queues: Queues::EvenWithMessages, archive: true };
        let (tearing, _) = teardown(&wanted(), &found, losses);
        let what: Vec<_> = tearing.steps.iter().map(|step| &*step.what).collect();
        assert!(tearing.notes.iter().any(|one| one.contains(note)), "{:?}", tearing.notes);
        let left = after(found, &tearing);
        assert!(left.queue.is_some() && left.dead_letters.is_some(), "{what:?}");
    };
    check(|found| found.senders.push("mine".into()), "the rule mine sends");
    check(|found| found.elsewhere.push("the rule x on the bus default".into()), "the rule x on");
}

#[test]
fn an_archive_stays_unless_its_loss_is_wanted() {
    let mut wanted = wanted();
    wanted.archive_days = Some(Setting::new(None, 1));
    let found = after(nothing(), &plan(&wanted, &nothing(), NOW).unwrap());
    let losses = Losses { queues: Queues::Empty, archive: false };
    let (tearing, _) = teardown(&wanted, &found, losses);
    assert!(tearing.notes[0].contains("add --with-archive"), "{:?}", tearing.notes);
    let left = after(found, &tearing);
    assert!(left.archive.is_some() && left.bus && left.rule.is_none());
}

/// What somebody chose is not put back by a run that does not speak of it.
#[test]
fn a_bare_run_leaves_what_was_asked_for_before() {
    let mut first = wanted();
    first.retention = Setting::new(Some(DEAD_LETTER_RETENTION), RETENTION);
    first.receives_max = Setting::new(Some(5), RECEIVES_MAX);
    first.visibility = Setting::new(Some(VISIBILITY * 2), VISIBILITY);
    first.pattern = Setting::new(
        Some(rule_pattern(Some(&serde_json::json!({"type": ["user.updated"]})))),
        rule_pattern(None),
    );
    let found = after(nothing(), &plan(&first, &nothing(), NOW).unwrap());
    let bare = plan(&wanted(), &found, NOW).unwrap();
    assert!(bare.is_empty(), "{:?}", told(&bare));
    assert!(bare.notes[0].contains("--all-events takes all"), "{:?}", bare.notes);

    let mut shorter = wanted();
    shorter.retention = Setting::new(Some(RETENTION), RETENTION);
    let shortened = plan(&shorter, &found, NOW).unwrap();
    let step = shortened.steps.iter().find(|step| step.change == Change::Update).unwrap();
    assert_eq!(
        step.details,
        [
            "MessageRetentionPeriod: 1209600 → 345600",
            "messages older than 345600 s are DELETED by that"
        ]
    );
    let mut all = wanted();
    all.pattern = Setting::new(Some(rule_pattern(None)), rule_pattern(None));
    let widened = plan(&all, &found, NOW).unwrap();
    assert!(told(&widened)[0].2.starts_with("EventPattern: "), "{:?}", told(&widened));
}

#[test]
fn a_dead_letter_queue_of_somebody_else_is_left_as_it_is() {
    let mut found = done();
    let letters = found.dead_letters.as_mut().unwrap();
    letters.is_ours = false;
    letters.attributes = [("RedrivePolicy".to_owned(), "{}".to_owned())].into();
    assert!(plan(&wanted(), &found, NOW).unwrap().is_empty());
    let undelivered = found.undelivered.as_mut().unwrap();
    undelivered.is_ours = false;
    undelivered.attributes.clear();
    let needed = plan(&wanted(), &found, NOW).unwrap();
    assert_eq!(told(&needed)[0].2, "Policy: this rule alone may send, TLS only");
}

#[test]
fn a_second_rule_beside_one_that_does_it_already_is_not_made() {
    let mut found = done();
    found.rule = None;
    found.senders = vec!["by-hand".into()];
    let refused = plan(&wanted(), &found, NOW).unwrap_err();
    assert_eq!(refused, Impossible::OtherRule("by-hand".into()));
}

#[test]
fn the_key_under_which_eventbridge_can_not_send_is_taken_away() {
    let mut found = done();
    let queue = found.queue.as_mut().unwrap();
    queue.attributes.insert("KmsMasterKeyId".into(), "alias/aws/sqs".into());
    queue.attributes.insert("SqsManagedSseEnabled".into(), "false".into());
    let mending = plan(&wanted(), &found, NOW).unwrap();
    assert!(told(&mending)[0].2.starts_with("KmsMasterKeyId: alias/aws/sqs → none"));
    assert!(plan(&wanted(), &after(found, &mending), NOW).unwrap().is_empty());
}
