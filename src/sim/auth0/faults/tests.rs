use super::*;

const EVENTS: u32 = 20_000;
/// Between two events.
const EVERY: Duration = Duration::from_millis(10);

fn faults(text: &str) -> Faults {
    text.parse().unwrap()
}

fn plans(seed: u64, path: Path, text: &str) -> Vec<(Duration, Vec<Duration>)> {
    let mut dice = Dice::new(seed, path, faults(text));
    let happens = (0..EVENTS).map(|number| EVERY * number);
    happens.map(|at| (at, dice.plan(at).due)).collect()
}

#[track_caller]
fn check(text: &str, expected: &Faults) {
    assert_eq!(&faults(text), expected, "{text}");
}

#[track_caller]
fn check_wrong(text: &str, expected: &str) {
    let error = Faults::parse(Path::Webhook, text).unwrap_err().to_string();
    assert!(error.contains(expected), "{text}: {error}");
}

#[test]
fn faults_are_read_as_people_write_them() {
    let none = Faults::default();
    let ms = Duration::from_millis;
    check("", &none);
    check("none", &none);
    check("loss=1%", &Faults { loss: Share(0.01), ..none.clone() });
    check(" loss = 0.25 ", &Faults { loss: Share(0.25), ..none.clone() });
    check(
        "slow=20ms,skew=-2s",
        &Faults { slow: ms(20), skew: Skew::Behind(ms(2_000)), ..none.clone() },
    );
    check(
        "duplicates=2%,reorder=1%:2s",
        &Faults {
            duplicates: Held { share: Share(0.02), hold: ms(250) },
            reorder: Held { share: Share(0.01), hold: ms(2_000) },
            ..none.clone()
        },
    );
    let delays = vec![
        Delay::Fixed(ms(20)),
        Delay::LogNormal { median: ms(60), sigma: 0.8 },
        Delay::Spikes { share: Share(0.01), extra: ms(1_500) },
    ];
    check(
        "delay=20ms,delay=lognormal(60ms, 0.8),delay=spikes(1%,1.5s)",
        &Faults { delays, ..none.clone() },
    );
    let outages = vec![
        Stretch { from: ms(30_000), lasts: ms(10_000) },
        Stretch { from: ms(60_000), lasts: ms(500) },
    ];
    check("outage=30s+10s,outage=1m+500ms", &Faults { outages, ..none });
}

#[test]
fn what_is_wrong_is_named_with_what_to_write_instead() {
    check_wrong("loss", "`loss` is no fault with a value; write it like loss=1%");
    check_wrong("losses=1%", "there is no fault `losses`; there are loss, duplicates, delay");
    check_wrong("loss=2", "loss=2: `2` is no share; write it like 1% or 0.01");
    check_wrong("loss=-1%", "no share");
    check_wrong("loss=NaN", "no share");
    check_wrong("loss=1%,loss=2%", "loss=2%: given twice");
    check_wrong("slow=20", "slow=20: `20` is no duration; write it like 20ms");
    check_wrong("slow=25h", "slow=25h: 25h is longer than 24 h");
    check_wrong("slow=-1s", "no duration");
    check_wrong("reorder=1%:x", "reorder=1%:x: `x` is no duration");
    check_wrong("delay=lognormal(60ms)", "delay=lognormal(60ms,400ms) with median and p99");
    check_wrong("delay=lognormal(400ms,60ms)", "with median and p99");
    check_wrong("delay=uniform(1ms,2ms)", "write it like delay=20ms");
    check_wrong("outage=30s", "write it like outage=30s+10s");
    check_wrong("skew=1s", "--clock-skew");
}

#[test]
fn the_presets_are_faults_of_their_paths() {
    for (path, texts) in [
        (Path::Webhook, [Faults::NONE, Faults::TYPICAL_WEBHOOK, Faults::STORM_WEBHOOK]),
        (Path::Eventbridge, [Faults::NONE, Faults::TYPICAL_EVENTBRIDGE, Faults::STORM_EVENTBRIDGE]),
    ] {
        for text in texts {
            let faults = Faults::parse(path, text).unwrap();
            assert_eq!(faults == Faults::default(), text == Faults::NONE);
        }
        let [none, typical, storm] = texts.map(|text| Faults::parse(path, text));
        let named = ["none", "typical", "storm"].map(|name| Faults::parse(path, name));
        assert_eq!(named, [none, typical, storm]);
    }
}

/// Four standard deviations of a share of so many events.
fn tolerance(share: f64) -> f64 {
    4.0 * (share * (1.0 - share) / f64::from(EVENTS)).sqrt()
}

#[track_caller]
fn check_share(text: &str, share: f64, is_hit: impl Fn(Duration, &[Duration]) -> bool) {
    for seed in 1..=5 {
        let plans = plans(seed, Path::Webhook, text);
        let hits = plans.iter().filter(|(at, due)| is_hit(*at, due)).count();
        let measured = f64::from(u32::try_from(hits).unwrap()) / f64::from(EVENTS);
        assert!((measured - share).abs() <= tolerance(share), "{text}, seed {seed}: {measured}");
    }
}

#[test]
fn faults_strike_as_often_as_they_should() {
    let ms = Duration::from_millis;
    check_share("none", 0.0, |at, due| due != [at]);
    check_share("loss=3%", 0.03, |_, due| due.is_empty());
    check_share("loss=100%", 1.0, |_, due| due.is_empty());
    check_share("duplicates=5%:300ms", 0.05, |at, due| due == [at, at + ms(300)]);
    check_share("reorder=2%:3s", 0.02, |at, due| due == [at + ms(3_000)]);
    check_share("delay=20ms", 1.0, |at, due| due == [at + ms(20)]);
    // Spikes hold up those behind them: the share that is late is larger, the share of jumps is not.
    let spiked = |at: Duration, due: &[Duration]| due == [at + ms(9)];
    check_share("delay=spikes(4%,9ms)", 0.04, spiked);
}

#[test]
fn log_normal_delays_have_their_median_and_their_p99() {
    let mut dice = Dice::new(3, Path::Webhook, faults("delay=lognormal(60ms,400ms)"));
    // So far apart that none waits for the one before.
    let far = Duration::from_hours(1);
    let delays = (0..EVENTS).map(|number| dice.plan(far * number).due[0].abs_diff(far * number));
    let mut delays: Vec<f64> = delays.map(|delay| delay.as_secs_f64() * 1e3).collect();
    delays.sort_by(f64::total_cmp);
    let (median, p99) = (delays[10_000], delays[19_800]);
    assert!((median / 60.0 - 1.0).abs() < 0.05, "{median}");
    assert!((p99 / 400.0 - 1.0).abs() < 0.1, "{p99}");
}

#[test]
fn delays_alone_never_reorder() {
    let text = "delay=lognormal(300ms,3s),delay=spikes(5%,2s),loss=2%,duplicates=3%";
    for (path, seed) in [(Path::Webhook, 1), (Path::Eventbridge, 2)] {
        let firsts: Vec<Duration> = plans(seed, path, &format!("{text},outage=20s+5s"))
            .iter()
            .filter_map(|(_, due)| due.first().copied())
            .collect();
        assert!(firsts.is_sorted());
    }
    let firsts = plans(1, Path::Webhook, "reorder=1%:1s");
    assert!(!firsts.iter().map(|(_, due)| due[0]).is_sorted());
}

#[test]
fn one_fault_does_not_move_the_others() {
    let lost = |path, text| -> Vec<bool> {
        plans(9, path, text).iter().map(|(_, due)| due.is_empty()).collect()
    };
    let alone = lost(Path::Webhook, "loss=5%");
    assert_eq!(
        alone,
        lost(Path::Webhook, "loss=5%,duplicates=9%,delay=lognormal(1s,9s),reorder=3%,slow=1s")
    );
    assert_ne!(alone, lost(Path::Eventbridge, "loss=5%"), "each path has dice of its own");
    let plan = |seed| plans(seed, Path::Webhook, Faults::STORM_WEBHOOK);
    assert_eq!(plan(4), plan(4));
    assert_ne!(plan(4), plan(5));
}

#[test]
fn what_eventbridge_has_waits_for_the_end_of_the_outage_and_a_webhook_is_tried() {
    let (from, end) = (Duration::from_secs(20), Duration::from_secs(30));
    let text = "outage=20s+6s,outage=26s+4s,duplicates=10%:1s";
    for (at, due) in plans(1, Path::Eventbridge, text) {
        let is_out = (from..end).contains(&at);
        assert_eq!(due[0], if is_out { end } else { at });
        for due in due {
            assert!(!(from..end).contains(&due), "{due:?}");
        }
    }
    for (at, due) in plans(1, Path::Webhook, text) {
        assert_eq!(due[0], at);
    }
    let faults = faults(text);
    assert_eq!(faults.outage_until(from), Some(Duration::from_secs(26)));
    assert_eq!(faults.outage_until(end), None);
    assert_eq!(faults.outage_until(from.saturating_sub(Duration::from_nanos(1))), None);
}

#[test]
fn a_clock_that_is_off_shows_another_time() {
    let at = crate::event::Timestamp::from_millis(10_000);
    let shown = |text: &str| text.parse::<Skew>().unwrap().shown(at);
    assert_eq!(shown("+2s"), at.plus(Duration::from_secs(2)));
    assert_eq!(shown("2s"), at.plus(Duration::from_secs(2)));
    assert_eq!(shown("-150ms"), at.minus(Duration::from_millis(150)));
    assert_eq!(shown("0s"), at);
    assert!("2".parse::<Skew>().is_err());
}
