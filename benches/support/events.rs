//! Unique events of 1.6 KB: a prebuilt text in which only ids and times are written over.

use std::ops::Range;

const BASE_58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// A `user.updated` CloudEvent. `%I`, `%T` and `%U` stand where the id, the time and the user's
/// number are written.
const TEMPLATE: &str = concat!(
    r#"{"specversion":"1.0","type":"user.updated","source":"urn:auth0:acme-bench.eu.auth0.com","#,
    r#""id":"evt_%IIIIIIIIIIIIIIIIIIIII","time":"%TTTTTTTTTTTTTTTTTTTTTTTTTT","#,
    r#""a0tenant":"acme-bench","a0stream":"est_6uNCbd5hVq3TzRkW8yJmXp","data":{"object":{"#,
    r#""user_id":"auth0|65f1c0ffee0ddba1%UUUUUUU","email":"kim.%UUUUUUU@customers.example.com","#,
    r#""email_verified":true,"phone_number":"+4930901820","phone_verified":false,"blocked":false,"#,
    r#""created_at":"2026-01-12T08:00:00.000Z","updated_at":"%TTTTTTTTTTTTTTTTTTTTTTTTTT","#,
    r#""last_password_reset":"2026-02-03T16:41:09.311Z","multifactor":["guardian"],"#,
    r#""identities":[{"connection":"Username-Password-Authentication","isSocial":false,"#,
    r#""provider":"auth0","user_id":"65f1c0ffee0ddba1%UUUUUUU"},{"connection":"google-oauth2","#,
    r#""isSocial":true,"provider":"google-oauth2","user_id":"1108%UUUUUUU7731","#,
    r#""profileData":{"email":"kim.%UUUUUUU@gmail.example","email_verified":true,"#,
    r#""name":"Kim Doe","given_name":"Kim","family_name":"Doe","locale":"de","#,
    r#""picture":"https://lh3.example/a/%UUUUUUU=s96-c"}}],"name":"Kim Doe","given_name":"Kim","#,
    r#""family_name":"Doe","nickname":"kim.%UUUUUUU","picture":"https://s.example/avatar/%UUUUUUU"#,
    r#".png?s=480&r=pg&d=https%3A%2F%2Fcdn.example%2Favatars%2Fki.png","#,
    r#""app_metadata":{"plan":"team","seats":25,"roles":["editor","billing"],"region":"eu-central","#,
    r#""flags":{"beta":true,"export":false,"sso":true},"crm":{"id":"0035g00000%UUUUUUU","#,
    r#""owner":"ops@customers.example.com","score":71.5}},"#,
    r#""user_metadata":{"language":"de","theme":"dark","notify":{"email":true,"push":false,"sms":"#,
    r#"false},"onboarding":{"step":7,"of":9,"skipped":["tour","invite"]},"seen":1234}},"#,
    r#""context":{"tenant":{"tenant_id":"acme-bench"}}}}"#,
);

/// How many different users events are about.
pub(crate) const USERS: u64 = 200_000;
/// Between two events, in nanoseconds.
const STEP_NS: i64 = 41_000;

/// A text with places that are written over.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    text: Vec<u8>,
    ids: Vec<Range<usize>>,
    times: Vec<Range<usize>>,
    users: Vec<Range<usize>>,
    start_ns: i64,
}

impl Template {
    /// The bare CloudEvent.
    pub(crate) fn body() -> Self {
        Self::new(TEMPLATE.as_bytes().to_vec())
    }

    /// The whole HTTP request that posts it.
    pub(crate) fn request(host: &str, token: &str) -> Self {
        let head = format!(
            "POST /webhooks/auth0 HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\nuser-agent: auth0-event-streams\r\n\
             content-length: {}\r\n\r\n",
            TEMPLATE.len()
        );
        Self::new([head.as_bytes(), TEMPLATE.as_bytes()].concat())
    }

    /// The body of an SQS message: EventBridge's envelope around it.
    pub(crate) fn envelope() -> Self {
        let source = "aws.partner/auth0.com/acme-bench-0/auth0.events";
        let text = format!(
            r#"{{"version":"0","id":"6a7e8feb-b491-4cf7-a9f1-bf3703467718","detail-type":"event","source":"{source}","account":"000000000000","time":"2026-11-22T15:00:00Z","region":"us-east-1","resources":[],"detail":{TEMPLATE}}}"#
        );
        Self::new(text.into_bytes())
    }

    fn new(text: Vec<u8>) -> Self {
        let places = |letter: u8| {
            let starts = text.windows(3).enumerate();
            let starts = starts.filter(|(_, window)| *window == [b'%', letter, letter]);
            let end = |from: usize| text[from + 1..].iter().position(|byte| *byte != letter);
            starts.map(|(from, _)| from..from + 1 + end(from).unwrap()).collect::<Vec<_>>()
        };
        let (ids, times, users) = (places(b'I'), places(b'T'), places(b'U'));
        let start_ns = jiff::Timestamp::now().as_nanosecond() as i64;
        Self { text, ids, times, users, start_ns }
    }

    /// The text of event number `number`: each number gives an id and a time of its own.
    pub(crate) fn fill(&mut self, number: u64) -> &[u8] {
        let id = id(number);
        let nanos = self.start_ns.wrapping_add(number.cast_signed().wrapping_mul(STEP_NS));
        let time = jiff::Timestamp::from_nanosecond(i128::from(nanos)).unwrap();
        let time = format!("{time:.6}");
        let user = format!("{:08x}", mix(number) % USERS);
        for (places, with) in [
            (&self.ids, id.strip_prefix("evt_").unwrap()),
            (&self.times, time.as_str()),
            (&self.users, user.as_str()),
        ] {
            for place in places {
                self.text[place.clone()].copy_from_slice(with.as_bytes());
            }
        }
        &self.text
    }
}

/// The id of an event: `evt_` and 22 letters that look random, a different one for each number.
pub(crate) fn id(number: u64) -> String {
    let mut id = *b"evt_0000000000000000000000";
    for (half, mut rest) in [(4, mix(number)), (15, mix(number ^ 0x5bd1_e995))] {
        for letter in &mut id[half..half + 11] {
            *letter = BASE_58[(rest % 58) as usize];
            rest /= 58;
        }
    }
    String::from_utf8(id.to_vec()).unwrap()
}

/// `SplitMix64`'s last step: one to one, and scattered.
const fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
