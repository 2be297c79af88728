//! Which dead letters: what a form says, and what the journal is asked.

use serde::{Deserialize, Serialize};

use crate::compare::WindowAsked;
use crate::event::Timestamp;
use crate::journal::{LetterFilter, LetterSource};

/// The fields of the forms. What is empty leaves all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(in crate::admin::pages) struct Choice {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::admin::pages) id: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(in crate::admin::pages) source: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(in crate::admin::pages) target: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(in crate::admin::pages) route: String,
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub(in crate::admin::pages) kind: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(in crate::admin::pages) subject: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(in crate::admin::pages) error: String,
    /// A time, or a duration before now.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(in crate::admin::pages) from: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(in crate::admin::pages) to: String,
    /// An event pattern, as JSON.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(in crate::admin::pages) pattern: String,
    /// All dead letters: to be said where nothing else says which.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(in crate::admin::pages) all: String,
    /// Letters a second, in an order.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(in crate::admin::pages) rate: String,
    /// The list's page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::admin::pages) before: Option<i64>,
}

impl Choice {
    /// Without what stands around the texts.
    pub(in crate::admin::pages) fn trimmed(mut self) -> Self {
        for text in [
            &mut self.source,
            &mut self.target,
            &mut self.route,
            &mut self.kind,
            &mut self.subject,
            &mut self.error,
            &mut self.from,
            &mut self.to,
            &mut self.pattern,
            &mut self.rate,
        ] {
            let trimmed = text.trim();
            if trimmed.len() < text.len() {
                *text = trimmed.to_owned();
            }
        }
        self
    }

    /// Whether it says which letters, other than all.
    pub(in crate::admin::pages) fn is_filter(&self) -> bool {
        self.filter_only() != Self::default()
    }

    /// Without the page, the rate and the word for all.
    pub(in crate::admin::pages) fn filter_only(&self) -> Self {
        Self { all: String::new(), rate: String::new(), before: None, ..self.clone() }
    }

    /// What the journal and the queues are asked.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(in crate::admin::pages) fn filter(&self, now: Timestamp) -> Result<LetterFilter, String> {
        let given = |text: &String| (!text.is_empty()).then(|| text.clone());
        let (from, to) = (given(&self.from), given(&self.to));
        let window = WindowAsked::parse(from.as_deref(), to.as_deref(), now);
        let (from, to) = window.map_err(|error| error.to_string())?.ends();
        let source = match self.source.as_str() {
            "" => None,
            name => Some(
                LetterSource::ALL.into_iter().find(|source| source.as_str() == name).ok_or_else(
                    || format!("dead letters lie in journal, queue or rule, not in {name}"),
                )?,
            ),
        };
        Ok(LetterFilter {
            ids: self.id.clone(),
            target: given(&self.target),
            route: given(&self.route),
            kind: given(&self.kind),
            subject: given(&self.subject),
            error: given(&self.error),
            from,
            to,
            given_up: false,
            source,
            pattern: given(&self.pattern).map(Into::into),
        })
    }

    /// As the query of a link.
    pub(in crate::admin::pages) fn url(&self, path: &str) -> String {
        let query = serde_html_form::to_string(self).unwrap_or_default();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    /// As the hidden fields of a form.
    pub(in crate::admin::pages) fn fields(&self) -> Vec<(String, String)> {
        let query = serde_html_form::to_string(self).unwrap_or_default();
        serde_html_form::from_str(&query).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Choice {
        serde_html_form::from_str::<Choice>(query).unwrap().trimmed()
    }

    const NOW: Timestamp = Timestamp::from_millis(1_772_356_544_000);

    #[test]
    fn a_form_s_fields_and_a_link_say_the_same() {
        let choice = read("id=evt_1%2Fto-app&id=evt_2&error=+422+&target=&from=24h&all=on");
        assert_eq!(choice.id, ["evt_1/to-app", "evt_2"]);
        assert_eq!(choice.error, "422");
        let url = choice.url("/orders/redrive");
        assert_eq!(read(url.strip_prefix("/orders/redrive?").unwrap()), choice);
        let fields = choice.fields();
        let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["id", "id", "error", "from", "all"]);
    }

    #[test]
    fn all_is_no_filter_and_neither_is_a_page() {
        assert!(!read("all=on&rate=5&before=7").is_filter());
        assert!(read("error=x").is_filter());
        assert_eq!(read("all=on").filter(NOW), Ok(LetterFilter::default()));
    }

    #[test]
    fn times_are_read_as_anywhere_and_what_is_wrong_is_said() {
        let filter = read("from=1h&source=queue").filter(NOW).unwrap();
        assert_eq!(filter.from, Some(Timestamp::from_millis(1_772_356_544_000 - 3_600_000)));
        assert_eq!(filter.source, Some(LetterSource::Queue));
        assert!(read("from=yesterday").filter(NOW).unwrap_err().contains("`yesterday`"));
        assert!(read("source=desk").filter(NOW).unwrap_err().contains("desk"));
    }
}
