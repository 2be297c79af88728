//! One call, before it is sent.

use http::{HeaderValue, Method};
use serde_json::Value;
use url::Url;

/// One call.
#[derive(Debug, Clone)]
pub(in super::super) struct Call {
    /// What it is for, in words that an error begins with: `listing the event streams`.
    pub what: String,
    pub method: Method,
    /// The path below `/api/v2`.
    pub path: Vec<String>,
    pub query: Vec<(&'static str, String)>,
    pub body: Option<Body>,
    pub headers: Vec<(&'static str, HeaderValue)>,
    /// Whether it may be done twice without harm, when nobody knows whether it was done once.
    pub is_repeatable: bool,
}

/// What a call sends. Never shown: it may hold a secret.
#[derive(Clone)]
pub(in super::super) struct Body(pub Value);

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Body(hidden)")
    }
}

impl Call {
    pub(in super::super) fn new(what: impl Into<String>, method: Method, path: &[&str]) -> Self {
        let is_repeatable = method != Method::POST;
        let path = path.iter().map(|&segment| segment.to_owned()).collect();
        let (query, body, headers) = (Vec::new(), None, Vec::new());
        Self { what: what.into(), method, path, query, body, headers, is_repeatable }
    }

    pub(in super::super) fn get(what: impl Into<String>, path: &[&str]) -> Self {
        Self::new(what, Method::GET, path)
    }

    pub(in super::super) fn post(what: impl Into<String>, path: &[&str]) -> Self {
        Self::new(what, Method::POST, path)
    }

    /// With this parameter, where there is one.
    pub(in super::super) fn with(mut self, name: &'static str, value: Option<String>) -> Self {
        self.query.extend(value.map(|value| (name, value)));
        self
    }

    pub(in super::super) fn sending(mut self, body: Value) -> Self {
        self.body = Some(Body(body));
        self
    }

    pub(in super::super) const fn repeatable(mut self) -> Self {
        self.is_repeatable = true;
        self
    }

    pub(super) fn url(&self, base: &Url) -> Url {
        let path = ["api", "v2"].into_iter().chain(self.path.iter().map(String::as_str));
        let mut url = below(base, path);
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        url
    }
}

/// The address of what is below `base`; whatever the segments hold, they stay segments.
pub(super) fn below<'a>(base: &Url, path: impl IntoIterator<Item = &'a str>) -> Url {
    let mut url = base.clone();
    // A base of http or https always has segments.
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(base: &str, call: &Call, expected: &str) {
        assert_eq!(call.url(&base.parse().unwrap()).as_str(), expected);
    }

    #[test]
    fn calls_become_addresses() {
        let list = Call::get("listing", &["event-streams"]);
        check("https://t.eu.auth0.com", &list, "https://t.eu.auth0.com/api/v2/event-streams");
        check("http://127.0.0.1:80/x/", &list, "http://127.0.0.1/x/api/v2/event-streams");
        let one = Call::get("reading", &["event-streams", "est_/../?"]);
        check(
            "https://t.auth0.com",
            &one,
            "https://t.auth0.com/api/v2/event-streams/est_%2F..%2F%3F",
        );
        let page = list.with("take", Some("2".into())).with("from", None);
        let page = page.with("event_type", Some("a b".into())).with("event_type", Some("c".into()));
        check(
            "https://t.auth0.com",
            &page,
            "https://t.auth0.com/api/v2/event-streams?take=2&event_type=a+b&event_type=c",
        );
    }

    #[test]
    fn what_a_call_sends_is_not_shown() {
        let call = Call::post("creating", &[]).sending(serde_json::json!({ "token": "s3cret" }));
        assert!(!format!("{call:?}").contains("s3cret"));
    }

    #[test]
    fn only_what_is_posted_is_not_repeated_unless_that_is_said() {
        assert!(Call::get("x", &[]).is_repeatable);
        assert!(Call::new("x", Method::PATCH, &[]).is_repeatable);
        assert!(!Call::post("x", &[]).is_repeatable);
        assert!(Call::post("x", &[]).repeatable().is_repeatable);
    }
}
