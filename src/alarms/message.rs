//! What is told, as people and Slack read it.

use serde_json::{Value, json};

use super::hysteresis::Change;
use super::{Finding, Severity};
use crate::event::Timestamp;

/// Something that is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// `raised`, `still` or `resolved`; `test` for a message that somebody asked for.
    state: &'static str,
    title: String,
    what: String,
    remedy: &'static str,
    /// Slack's `color`: a name or a hexadecimal number.
    color: &'static str,
    since: Option<Timestamp>,
    alarm: &'static str,
    /// The page that shows more.
    page: Option<&'static str>,
}

impl News {
    pub(super) fn of(change: &Change) -> Self {
        let (
            state,
            Change::Raised { finding, since }
            | Change::Lasts { finding, since }
            | Change::Resolved { finding, since },
        ) = (state(change), change);
        let Finding { alarm, about, severity, what, remedy } = finding;
        let name = alarm.as_str().replace('_', " ");
        let about = if about.is_empty() { String::new() } else { format!(" ({about})") };
        let over = matches!(change, Change::Resolved { .. });
        Self {
            state,
            title: format!("{}: {name}{about}", word(change)),
            what: if over { format!("It was: {what}") } else { what.clone() },
            remedy: if over { "" } else { remedy },
            color: match (over, severity) {
                (true, _) => "good",
                (false, Severity::Critical) => "danger",
                (false, Severity::Warning) => "warning",
            },
            since: Some(*since),
            alarm: alarm.as_str(),
            page: Some(alarm.page()),
        }
    }

    /// A message that somebody asked for, to see whether it arrives.
    pub const fn test() -> Self {
        Self {
            state: "test",
            title: String::new(),
            what: String::new(),
            remedy: "",
            color: "good",
            since: None,
            alarm: "test",
            page: None,
        }
    }

    /// As Slack's incoming webhooks take it, and others who take the same: `text`, and an attachment with
    /// fields. Source: Slack, "Sending messages using incoming webhooks" and "Secondary message attachments".
    pub fn slack(&self, link: Option<&url::Url>) -> Value {
        if self.state == "test" {
            let text = "twinstream: this is a test message. Alarms arrive here.";
            return json!({ "text": text, "state": self.state });
        }
        let more = self.page.and_then(|page| link?.join(page).ok());
        let mut fields =
            vec![json!({ "title": "What", "value": escaped(&self.what), "short": false })];
        if !self.remedy.is_empty() {
            fields.push(
                json!({ "title": "What to do", "value": escaped(self.remedy), "short": false }),
            );
        }
        if let Some(since) = self.since {
            fields.push(json!({ "title": "Since", "value": since.to_string(), "short": true }));
        }
        let title = escaped(&self.title);
        json!({
            "text": format!("twinstream: {title}"),
            "state": self.state,
            "alarm": self.alarm,
            "attachments": [{
                "color": self.color,
                "title": title,
                "title_link": more,
                "fallback": format!("{title}. {}", escaped(&self.what)),
                "fields": fields,
            }],
        })
    }
}

const fn state(change: &Change) -> &'static str {
    match change {
        Change::Raised { .. } => "raised",
        Change::Lasts { .. } => "still",
        Change::Resolved { .. } => "resolved",
    }
}

const fn word(change: &Change) -> &'static str {
    match change {
        Change::Raised { .. } => "Alarm",
        Change::Lasts { .. } => "Still",
        Change::Resolved { .. } => "Over",
    }
}

/// Slack takes these three for marks of its own; what an error said must not become a link or a mention.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::Alarm;
    use super::*;

    fn finding() -> Finding {
        Finding {
            alarm: Alarm::Door,
            about: "eventbridge".to_owned(),
            severity: Severity::Critical,
            what: "The door takes nothing in: <!channel> & co.".to_owned(),
            remedy: "See Set-up.",
        }
    }

    #[test]
    fn an_alarm_says_what_since_when_and_what_to_do() {
        let raised = Change::Raised { finding: finding(), since: Timestamp::from_millis(0) };
        let link = url::Url::parse("https://twinstream.example.com/").unwrap();
        assert_eq!(
            News::of(&raised).slack(Some(&link)),
            json!({
                "text": "twinstream: Alarm: door (eventbridge)",
                "state": "raised",
                "alarm": "door",
                "attachments": [{
                    "color": "danger",
                    "title": "Alarm: door (eventbridge)",
                    "title_link": "https://twinstream.example.com/setup",
                    "fallback": "Alarm: door (eventbridge). The door takes nothing in: &lt;!channel&gt; &amp; co.",
                    "fields": [
                        {"title": "What", "value": "The door takes nothing in: &lt;!channel&gt; &amp; co.", "short": false},
                        {"title": "What to do", "value": "See Set-up.", "short": false},
                        {"title": "Since", "value": "1970-01-01T00:00:00Z", "short": true},
                    ],
                }],
            })
        );
    }

    #[test]
    fn what_is_over_says_what_it_was() {
        let over = Change::Resolved { finding: finding(), since: Timestamp::from_millis(0) };
        let message = News::of(&over).slack(None);
        assert_eq!(message["attachments"][0]["color"], "good");
        assert_eq!(message["attachments"][0]["title"], "Over: door (eventbridge)");
        assert_eq!(message["attachments"][0]["title_link"], Value::Null);
        assert!(
            message["attachments"][0]["fallback"].as_str().unwrap().contains("It was: The door")
        );
    }
}
