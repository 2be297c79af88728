//! What is taken, what is refused, and in which words.

use super::*;
use crate::delivery::{Destination, bus};

const TOKEN: (&str, &str) = ("TOKEN", "a-long-enough-webhook-token");

/// A webhook-only configuration with one secret, plus `toml`, plus variables.
fn load(toml: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let base = "[[webhook.secrets]]\nlabel = \"one\"\nenv = \"TOKEN\"\n";
    let sources = Sources {
        file: None,
        mode: None,
        environment: [&TOKEN, &("TWINSTREAM__EVENTBRIDGE__QUEUE_URL", "http://127.0.0.1:1/1/q")]
            .into_iter()
            .chain(environment)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        overlay: Some(("app.toml".into(), format!("{toml}\n{base}"))),
    };
    Config::load(&sources)
}

/// One problem: its origin, its key, and a part of its text.
#[track_caller]
fn check(toml: &str, environment: &[(&str, &str)], expected: (&str, &str, &str)) {
    let error = load(toml, environment).map(|config| config.show()).unwrap_err();
    let (origin, key, part) = expected;
    let found = error.problems().iter().any(|problem| {
        problem.origin == origin && problem.key == key && problem.what.contains(part)
    });
    assert!(found, "{error}");
    assert!(error.problems().iter().all(|problem| !problem.remedy.is_empty()));
}

#[test]
fn the_defaults_are_whole() {
    let config = load("", &[]).unwrap();
    assert_eq!(config.mode, PathSet::Both);
    assert_eq!(config.webhook.unwrap().listen.to_string(), "0.0.0.0:8080");
    assert_eq!(config.admin.listen.to_string(), "127.0.0.1:9400");
    assert_eq!(config.journal.keep, std::time::Duration::from_hours(24 * 30));
}

#[test]
fn what_the_defaults_say_of_a_target_is_true() {
    use raw::defaults;
    for (key, value) in [
        ("timeout", format!("\"{}s\"", defaults::timeout().0.as_secs())),
        ("concurrency", defaults::concurrency().to_string()),
        ("max_age", format!("\"{}h\"", defaults::max_age().0.as_secs() / 3600)),
        ("max_attempts", defaults::max_attempts().to_string()),
        ("pause_min", format!("\"{}s\"", defaults::pause_min().0.as_secs())),
        ("pause_max", format!("\"{}m\"", defaults::pause_max().0.as_secs() / 60)),
        ("breaker_failures", defaults::breaker_failures().to_string()),
        ("breaker_pause", format!("\"{}s\"", defaults::breaker_pause().0.as_secs())),
        ("drain_rate", defaults::drain_rate().to_string()),
        ("public_only", bool::default().to_string()),
        ("redrive_on_recovery", bool::default().to_string()),
        ("entry_bytes_max", bus::Settings::ENTRY_BYTES_MAX.to_string()),
    ] {
        assert!(DEFAULTS.contains(&format!("# {key} = {value}")), "{key} = {value}");
    }
}

#[test]
fn the_environment_goes_over_the_file_and_flags_over_both() {
    let file = "mode = \"eventbridge\"\n[webhook]\nlisten = \"127.0.0.1:1\"\nconnections_max = 5";
    let config = load(file, &[("TWINSTREAM_MODE", "webhook")]).unwrap();
    assert_eq!(config.mode, PathSet::Webhook);
    let webhook = config.webhook.unwrap();
    assert_eq!(webhook.listen.port(), 1);
    assert_eq!(webhook.door.limits.connections_max, 5);
    let environment = [
        ("TWINSTREAM__WEBHOOK__LISTEN", "127.0.0.1:2"),
        ("TWINSTREAM__WEBHOOK__CONNECTIONS_MAX", "7"),
        ("TWINSTREAM__MODE", "webhook"),
        ("TWINSTREAM__TARGETS", "[{ name = \"a\", url = \"http://127.0.0.1:3/\" }]"),
    ];
    let config = load(file, &environment).unwrap();
    let webhook = config.webhook.unwrap();
    assert_eq!(webhook.listen.port(), 2);
    assert_eq!(webhook.door.limits.connections_max, 7);
    assert_eq!(config.targets.len(), 1);
    let sources = Sources {
        mode: Some("webhook".into()),
        environment: [TOKEN, ("TWINSTREAM_MODE", "both")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        overlay: Some(("x".into(), "[[webhook.secrets]]\nlabel=\"l\"\nenv=\"TOKEN\"".into())),
        file: None,
    };
    assert_eq!(Config::load(&sources).unwrap().mode, PathSet::Webhook);
}

#[test]
fn unknown_keys_are_refused_by_name_and_source() {
    check("[webhook]\nlisten_on = \"x\"", &[], ("app.toml", "webhook.listen_on", "unknown field"));
    check("speed = 1", &[], ("app.toml", "speed", "unknown field"));
    check(
        "",
        &[("TWINSTREAM__WEBHOOK__PORT", "1")],
        ("TWINSTREAM__WEBHOOK__PORT", "webhook.port", "unknown field"),
    );
    check(
        "[[targets]]\nname = \"a\"\nurl = \"http://127.0.0.1/\"\nretries = 3",
        &[],
        ("app.toml", "targets[0].retries", "unknown field"),
    );
}

#[test]
fn wrong_values_are_named() {
    check("mode = \"all\"", &[], ("app.toml", "mode", "unknown variant"));
    check("", &[("TWINSTREAM_MODE", "none")], ("TWINSTREAM_MODE", "mode", "unknown variant"));
    check("[webhook]\nlisten = \"here\"", &[], ("app.toml", "webhook.listen", "invalid socket"));
    check("[journal]\nkeep = \"long\"", &[], ("app.toml", "journal.keep", "no duration"));
    check("[journal]\nkeep = 5", &[], ("app.toml", "journal.keep", "invalid type"));
    check("[webhook]\nbody_bytes_max = 1", &[], ("app.toml", "webhook.body_bytes_max", "outside"));
    check("[eventbridge]\nwait = \"30s\"", &[], ("app.toml", "eventbridge.wait", "outside"));
    check("[webhook", &[], ("app.toml", "line 1", ""));
    check("[log]\nfilter = \"a=b=c\"", &[], ("app.toml", "log.filter", ""));
    check("[log]\nfilter = \"inof\"", &[], ("app.toml", "log.filter", "`inof` is no level"));
    assert!(load("[log]\nfilter = \"warn,hyper=off,twinstream::app=debug\"", &[]).is_ok());
    // Polls without a wait would follow each other without a pause.
    check("[eventbridge]\nwait = \"500ms\"", &[], ("app.toml", "eventbridge.wait", "outside"));
    let target = "[[targets]]\nname = \"a\"\nurl = \"http://127.0.0.1/\"\n";
    let route = format!("{target}[[routes]]\nname = \"two\\nlines\"\ntarget = \"a\"");
    check(&route, &[], ("app.toml", "routes[0].name", "header twinstream-route"));
}

#[test]
fn contradictions_are_refused() {
    check(
        "[admin]\nlisten = \"0.0.0.0:9400\"",
        &[],
        ("app.toml", "admin.listen", "there is no admin.token"),
    );
    check(
        "[journal]\nbusy_timeout = \"3s\"",
        &[],
        ("app.toml", "journal.busy_timeout", "webhook.commit_deadline"),
    );
    check(
        "[[routes]]\nname = \"r\"\ntarget = \"nowhere\"",
        &[],
        ("app.toml", "routes[0].target", "no target is called `nowhere`"),
    );
    check("[webhook]\nusername = \"u\"", &[], ("app.toml", "webhook.username", "no use"));
    check("[webhook]\nmethod = \"basic\"", &[], ("app.toml", "webhook.username", "missing"));
    let target = "[[targets]]\nname = \"a\"\nurl = \"http://127.0.0.1/\"\nmax_age = \"31d\"";
    check(target, &[], ("app.toml", "targets[0].max_age", "journal.keep"));
    let grace = "[compare]\ngrace = \"30d\"";
    check(grace, &[], ("app.toml", "compare.grace", "journal.keep"));
    let both = [("TWINSTREAM_MODE", "webhook"), ("TWINSTREAM__MODE", "both")];
    check("", &both, ("TWINSTREAM_MODE and TWINSTREAM__MODE", "mode", "two variables"));
}

#[test]
fn a_pattern_is_a_table_or_json() {
    let route = |pattern: &str| {
        let target = "[[targets]]\nname = \"a\"\nurl = \"http://127.0.0.1/\"";
        format!("{target}\n[[routes]]\nname = \"r\"\ntarget = \"a\"\npattern = {pattern}")
    };
    let table = "{ type = [{ prefix = \"user.\" }], data = { score = [1, 1.5, true] } }";
    let json = r#"'{"type": [{"prefix": "user."}], "data": {"score": [1, 1.5, true]}}'"#;
    let pattern = |text| load(&route(text), &[]).unwrap().routes.remove(0).pattern;
    assert_eq!(pattern(table), pattern(json));
    assert!(pattern("'{\"a\": [null]}'").matches(&serde_json::json!({"a": null})));
    let key = "routes[0].pattern";
    for (pattern, part) in [
        ("{ data = { blocked = true } }", "at /data/blocked: values stand in a list"),
        ("{ type = [{ contains = \"a\" }] }", "at /type/0: `contains` is no operator"),
        ("[\"user.updated\"]", "a pattern is an object"),
        ("{}", "an empty object"),
        ("'{'", "not JSON"),
    ] {
        check(&route(pattern), &[], ("app.toml", key, part));
    }
}

#[test]
fn secrets_come_from_outside_and_are_never_shown() {
    let target = "[[targets]]\nname = \"a\"\nurl = \"http://127.0.0.1/\"\nsigning_secret = ";
    let with = |source: &str| format!("{target}{source}");
    let key = "targets[0].signing_secret";
    check(&with("{ env = \"NOPE\" }"), &[], ("app.toml", key, "NOPE is not set"));
    check(&with("{ file = \"/no/such/file\" }"), &[], ("app.toml", key, "can't be read"));
    check(&with("{}"), &[], ("app.toml", key, "no source"));
    check(&with("{ env = \"A\", file = \"B\" }"), &[], ("app.toml", key, "two sources"));
    check(&with("{ env = \"A\" }"), &[("A", " ")], ("app.toml", key, "is empty"));
    check(&with("{ env = \"A\" }"), &[("A", "whsec_no base64")], ("app.toml", key, "base64"));
    check(&with("\"whsec_plain\""), &[], ("app.toml", key, "where the secret is"));
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let config = load(&with("{ env = \"A\" }"), &[("A", secret)]).unwrap();
    let shown = format!("{}{config:?}", config.show());
    assert!(!shown.contains("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), "{shown}");
    assert!(!shown.contains(TOKEN.1), "{shown}");
    assert!(shown.contains("environment variable A"), "{shown}");
    assert!(load("", &[("TOKEN", "")]).is_err());
}

#[test]
fn a_secret_in_the_wrong_place_is_not_shown_by_the_error() {
    let target = "[[targets]]\nname = \"a\"\nurl = \"http://127.0.0.1/\"\n";
    for toml in [
        "[admin]\ntoken = \"hunter2\"",
        "[webhook]\nsecrets = [\"hunter2\"]\n[x]",
        "[webhook]\nsecrets = \"hunter2\"\n[x]",
        &format!("{target}bearer = \"hunter2\""),
        &format!("{target}signing_secret = \"hunter2\""),
        &format!("{target}headers = \"hunter2\""),
        &format!("{target}headers = {{ \"x-app\" = \"hunter2\" }}"),
        &format!("{target}headers = {{ \"x.app\" = \"hunter2\" }}"),
    ] {
        let sources =
            Sources { overlay: Some(("app.toml".into(), toml.into())), ..Sources::default() };
        let error = Config::load(&sources).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
    let variable = [("TWINSTREAM__ADMIN__TOKEN", "hunter2")];
    let error = load("", &variable).unwrap_err().to_string();
    assert!(error.contains("where the secret is") && !error.contains("hunter2"), "{error}");
}

#[test]
fn secrets_that_no_header_can_carry_are_refused() {
    let refused = "characters that no header may have";
    for secret in ["a secret with a space at its end ", " and one in front", "in\ntwo lines"] {
        let webhook = "[[webhook.secrets]]\nlabel = \"a\"\nenv = \"A\"";
        check(webhook, &[("A", secret)], ("app.toml", "webhook.secrets[0]", refused));
        let admin = "[admin]\ntoken = { env = \"A\" }";
        check(admin, &[("A", secret)], ("app.toml", "admin.token", refused));
        let target = "[[targets]]\nname = \"a\"\nurl = \"http://127.0.0.1/\"\n";
        let bearer = format!("{target}bearer = {{ env = \"A\" }}");
        check(&bearer, &[("A", secret)], ("app.toml", "targets[0].bearer", refused));
        let header = format!("{target}headers = {{ x = {{ env = \"A\" }} }}");
        check(&header, &[("A", secret)], ("app.toml", "targets[0].headers.x", refused));
    }
    // As `echo secret | base64` leaves it in a Kubernetes secret.
    let admin = "[admin]\ntoken = { env = \"A\" }";
    assert!(load(admin, &[("A", "0123456789abcdef\n")]).is_ok());
}

const TARGET: &str = "[[targets]]\nname = \"a\"\nurl = \"http://127.0.0.1/\"\n";

/// One problem with one key of a target.
#[track_caller]
fn check_target(key: &str, value: &str, expected: (&str, &str)) {
    let (blamed, part) = expected;
    let toml = format!("{TARGET}{key} = {value}");
    let environment = [("A", "a-value"), ("B", "another")];
    check(&toml, &environment, ("app.toml", &format!("targets[0].{blamed}"), part));
}

fn target(more: &str) -> Target {
    let environment = [("A", "a-value"), ("B", "another")];
    load(&format!("{TARGET}{more}"), &environment).unwrap().targets.remove(0)
}

#[test]
fn a_targets_limits_are_within_reason() {
    for (key, value) in [
        ("concurrency", "0"),
        ("rate", "0"),
        ("rate", "-1.5"),
        ("rate", "inf"),
        ("drain_rate", "0.0"),
        ("drain_rate", "1e9"),
        ("breaker_failures", "0"),
        ("breaker_pause", "\"0s\""),
        ("breaker_pause", "\"2m\""),
        ("timeout", "\"1ms\""),
    ] {
        check_target(key, value, (key, "outside"));
    }
    check_target("rate", "nan", ("rate", "no number"));
    let limits = target("").limits;
    assert_eq!((limits.rate, limits.drain_rate), (None, 100.0));
    let limits = target("rate = 50\ndrain_rate = 0.5").limits;
    assert_eq!((limits.rate, limits.drain_rate), (Some(50.0), 0.5));
}

#[test]
fn a_target_is_an_application_or_a_bus() {
    let bus = |more: &str| format!("[[targets]]\nname = \"a\"\nevent_bus = \"orders\"\n{more}");
    let key = |name: &str| format!("targets[0].{name}");
    let Destination::Bus(settings) = load(&bus(""), &[]).unwrap().targets.remove(0).destination
    else {
        panic!("no bus")
    };
    assert_eq!((settings.event_bus.as_str(), settings.source.as_str()), ("orders", "twinstream"));
    assert_eq!((settings.region, settings.endpoint_url), (None, None));
    for (name, value) in [
        ("public_only", "false"),
        ("signing_secret", "{ env = \"A\" }"),
        ("bearer", "{ env = \"A\" }"),
        ("headers", "{ x = { env = \"A\" } }"),
        ("retry_on", "[404]"),
    ] {
        let toml = bus(&format!("{name} = {value}"));
        check(&toml, &[], ("app.toml", &key(name), "no use without `url`"));
    }
    for (name, value) in [("source", "\"s\""), ("region", "\"r\""), ("entry_bytes_max", "2048")] {
        check_target(name, value, (name, "no use without `event_bus`"));
    }
    check_target("event_bus", "\"orders\"", ("event_bus", "beside a url"));
    let nowhere = "[[targets]]\nname = \"a\"";
    check(nowhere, &[], ("app.toml", &key("url"), "nowhere"));
    for (name, value, part) in [
        ("source", "\"aws.partner/x\"", "AWS's own"),
        ("entry_bytes_max", "2000000", "outside"),
        ("endpoint_url", "\"ftp://x\"", "not an http or https URL"),
    ] {
        check(&bus(&format!("{name} = {value}")), &[], ("app.toml", &key(name), part));
    }
    let partner = "[[targets]]\nname = \"a\"\nevent_bus = \"aws.partner/auth0.com/x\"";
    check(partner, &[], ("app.toml", &key("event_bus"), "from the partner alone"));
}

#[test]
fn only_failures_can_be_repeated() {
    check_target("retry_on", "[404, 204]", ("retry_on", "204 is a success"));
    check_target("retry_on", "[302]", ("retry_on", "302 is a redirect"));
    check_target("retry_on", "[100]", ("retry_on", "100 is no status of a failure"));
    check_target("retry_on", "[600]", ("retry_on", "600 is no status of a failure"));
    assert_eq!(*target("retry_on = [404, 409]").retry_on, [404, 409]);
}

#[test]
fn a_target_that_must_be_public_is_at_no_other_address() {
    check_target("public_only", "true", ("url", "127.0.0.1 is loopback (RFC 1122)"));
    for url in ["http://169.254.169.254/", "http://[::1]/", "http://0x7f.1/", "http://10.1/"] {
        let toml = format!("[[targets]]\nname = \"a\"\nurl = \"{url}\"\npublic_only = true");
        check(&toml, &[], ("app.toml", "targets[0].url", "public_only"));
    }
    for url in ["http://8.8.8.8/", "https://app.example.com/", "http://localhost/"] {
        let toml = format!("[[targets]]\nname = \"a\"\nurl = \"{url}\"\npublic_only = true");
        assert!(load(&toml, &[]).is_ok(), "{url}: a name is looked up when it is used");
    }
}

#[test]
fn a_targets_headers_are_secrets_under_names_of_its_own() {
    let header = |name: &str| format!("{{ \"{name}\" = {{ env = \"A\" }} }}");
    for name in ["Webhook-Id", "twinstream-late", "Host", "Content-Length", "content-type"] {
        check_target("headers", &header(name), (&format!("headers.{name}"), "by twinstream"));
    }
    check_target("headers", &header("no name"), ("headers.no name", "no HTTP header's name"));
    check_target("headers", "{ x = { env = \"NOPE\" } }", ("headers.x", "NOPE is not set"));
    check_target("headers", "{ x = {} }", ("headers.x", "no source"));
    let twice = "{ \"X-A\" = { env = \"A\" }, \"x-a\" = { env = \"B\" } }";
    check_target("headers", twice, ("headers.x-a", "the same header twice"));
    let both = "bearer = { env = \"B\" }\nheaders = { authorization = { env = \"A\" } }";
    let toml = format!("{TARGET}{both}");
    let environment = [("A", "a-value"), ("B", "another")];
    check(&toml, &environment, ("app.toml", "targets[0].headers.authorization", "by twinstream"));
    let many: Vec<String> = (0..33).map(|n| format!("x{n} = {{ env = \"A\" }}")).collect();
    check_target("headers", &format!("{{ {} }}", many.join(", ")), ("headers", "too many"));
    let target = target("headers = { authorization = { env = \"A\" }, X-App = { env = \"B\" } }");
    let Destination::Http(http) = target.destination else { panic!("no HTTP target") };
    let names: Vec<&str> = http.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["x-app", "authorization"]);
}

#[test]
fn variables_that_set_nothing_are_told() {
    let warnings = |name: &str| load("", &[(name, "x")]).unwrap().warnings;
    for name in
        ["TWINSTREAM_WEBHOOK__LISTEN", "TWINSTREAM_WEBHOOK_LISTEN", "twinstream__webhook__listen"]
    {
        let right = format!("{name} sets nothing; TWINSTREAM__WEBHOOK__LISTEN sets webhook.listen");
        let told = warnings(name).iter().any(|warning| warning.contains(&right));
        assert!(told, "{name}: {:?}", warnings(name));
    }
    let told = |name: &str| warnings(name).iter().any(|warning| warning.contains(name));
    assert!(told("TWINSTREAM_WEBHOOK__PORT"));
    assert!(told("TWINSTREAM_TARGETS"));
    // A secret's, and what Kubernetes makes of a service's name.
    assert!(!told("TWINSTREAM_WEBHOOK_TOKEN"));
    assert!(!told("TWINSTREAM_PORT_8080_TCP_ADDR"));
    let admin = "[admin]\ntoken = { env = \"TWINSTREAM_ADMIN_TOKEN\" }";
    let config = load(admin, &[("TWINSTREAM_ADMIN_TOKEN", "0123456789abcdef")]).unwrap();
    assert!(!config.warnings.iter().any(|warning| warning.contains("sets nothing")));
    let item = [("TWINSTREAM__TARGETS__0__URL", "http://127.0.0.1/")];
    check("", &item, (item[0].0, "targets.0.url", "item by item"));
}

#[test]
fn a_target_without_a_route_is_told() {
    let target = "[[targets]]\nname = \"a\"\nurl = \"http://127.0.0.1/\"\n";
    let warning = "no route leads to the target `a`".to_owned();
    assert!(load(target, &[]).unwrap().warnings.contains(&warning));
    let routed = format!("{target}[[routes]]\nname = \"r\"\ntarget = \"a\"");
    assert!(!load(&routed, &[]).unwrap().warnings.contains(&warning));
}

#[test]
fn doors_that_are_shut_need_nothing() {
    let sources = |mode: &str, overlay: &str| Sources {
        mode: Some(mode.into()),
        overlay: Some(("o".into(), overlay.into())),
        ..Sources::default()
    };
    let queue = "[eventbridge]\nqueue_url = \"https://sqs.eu-west-1.amazonaws.com/1/q\"";
    let config = Config::load(&sources("eventbridge", queue)).unwrap();
    assert!(config.webhook.is_none());
    assert_eq!(config.eventbridge.unwrap().region.as_deref(), Some("eu-west-1"));
    let error = Config::load(&sources("both", "")).unwrap_err();
    let keys: Vec<&str> = error.problems().iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(keys, ["webhook.secrets", "eventbridge.queue_url"]);
}

#[test]
fn the_queue_retries_only_where_it_is_the_only_door() {
    let sources = |mode: &str| Sources {
        mode: Some(mode.into()),
        overlay: Some((
            "o".into(),
            "[eventbridge]\nqueue_url = \"https://sqs.eu-west-1.amazonaws.com/1/q\"\n\
             delete_after = \"delivery\""
                .into(),
        )),
        ..Sources::default()
    };
    let config = Config::load(&sources("eventbridge")).unwrap();
    assert!(config.journal.queue_retries);
    let delete_after = config.eventbridge.unwrap().door.delete_after;
    assert_eq!(delete_after, crate::ingress::DeleteAfter::Delivery);
    for mode in ["both", "webhook"] {
        let error = Config::load(&sources(mode)).unwrap_err();
        let keys = error.problems().iter().map(|problem| problem.key.as_str());
        assert!(keys.clone().any(|key| key == "eventbridge.delete_after"), "{error}");
    }
}

#[test]
fn the_example_is_valid() {
    let sources = Sources {
        overlay: Some(("example".into(), include_str!("../../config/example.toml").into())),
        environment: [
            ("TWINSTREAM_WEBHOOK_TOKEN", "0123456789abcdef"),
            ("TWINSTREAM_APP_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into(),
        ..Sources::default()
    };
    assert_eq!(Config::load(&sources).unwrap().warnings, Vec::<String>::new());
}

#[test]
fn a_transform_is_checked_where_it_stands() {
    let route = |transform: &str| {
        let target = "[[targets]]\nname = \"a\"\nurl = \"http://127.0.0.1/\"\n";
        format!("{target}[[routes]]\nname = \"r\"\ntarget = \"a\"\ntransform = {transform}")
    };
    let refuse = |transform: &str, key: &str, part: &str| {
        check(&route(transform), &[], ("app.toml", &format!("routes[0].{key}"), part));
    };
    let place = "the template, at line 1, character 6: there is no variable `b`";
    refuse("{ template = '{\"a\":<b>}' }", "transform", place);
    refuse("{ paths = { a = \"data\" }, template = '<a>' }", "transform", "the path of `a`");
    refuse("{ paths = {} }", "transform", "missing field `template`");
    refuse("{ template = '{}', path = {} }", "transform.path", "unknown field `path`");
    refuse("'{}'", "transform", "invalid type");
    let transform = "{ paths = { a = \"$.id\" }, template = '{\"a\":<a>}' }";
    let paths = [("a".to_owned(), "$.id".to_owned())].into();
    let expected = Transform::parse(&paths, "{\"a\":<a>}").unwrap();
    let taken = |toml: &str| load(toml, &[]).unwrap().routes.remove(0).transform;
    assert_eq!(taken(&route(transform)), Some(expected));
    assert!(taken(&route("{ template = 'x' }")).is_some());
    let none = route("").replace("\ntransform = ", "");
    assert_eq!(taken(&none), None);
}
