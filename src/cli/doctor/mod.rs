//! `twinstream doctor`

mod gather;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::admin::AdminArguments;
use super::{Failure, out};
use crate::config::{Config, ForSetup};
use crate::event::legible;
use crate::provision::doctor::{Check, Section, State};
use gather::Gathering;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Look at these alone; as often as wanted.
    #[arg(long, value_name = "WHAT")]
    only: Vec<Place>,
    /// Exit with 1 where something is only to be looked at, too.
    #[arg(long)]
    strict: bool,
    /// Read the whole journal for damage, as well.
    #[arg(long)]
    deep: bool,
    #[command(flatten)]
    form: Form,
    #[command(flatten)]
    admin: AdminArguments,
}

/// How it is told.
#[derive(Debug, Args)]
struct Form {
    /// Show only what is not good.
    #[arg(long, short, conflicts_with = "json")]
    quiet: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What can be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Place {
    /// This host: configuration, disk, files.
    Host,
    /// The running gateway.
    Gateway,
    /// EventBridge and SQS.
    Aws,
    /// The Management API and the streams.
    Auth0,
    /// The webhook door at its public address.
    Door,
}

impl Place {
    const ALL: [Self; 5] = [Self::Host, Self::Gateway, Self::Aws, Self::Auth0, Self::Door];

    const fn title(self) -> &'static str {
        match self {
            Self::Host => "This host",
            Self::Gateway => "The running gateway",
            Self::Aws => "AWS",
            Self::Auth0 => "Auth0",
            Self::Door => "The webhook door, as the world finds it",
        }
    }
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { only, strict, deep, form: Form { quiet, json }, admin } = arguments;
    let sources = admin.sources();
    let config = Config::load(&sources);
    let setup = match ForSetup::load(&sources) {
        Ok(setup) => setup,
        // Too little can be read to look at anything.
        Err(error) => return Err(Failure::Config(error)),
    };
    let gathering = Gathering { sources: &sources, setup, config };
    let mut sections = Vec::new();
    for place in Place::ALL.into_iter().filter(|place| only.is_empty() || only.contains(place)) {
        if out::is_watched() && !json {
            out::renew_line(&format!("looking at {} …", place.title()));
        }
        let checks = match place {
            Place::Host => gathering.host(deep).await?,
            Place::Gateway => gathering.gateway(admin.clone()).await,
            Place::Aws => gathering.aws().await,
            Place::Auth0 => gathering.auth0().await,
            Place::Door => gathering.door().await,
        };
        if !checks.is_empty() {
            sections.push(Section { title: place.title(), checks });
        }
    }
    if out::is_watched() && !json {
        out::renew_line("");
    }
    let numbers = Numbers::of(&sections);
    if json {
        let document = json!({
            "sections": sections, "good": numbers.good, "look": numbers.look,
            "wrong": numbers.bad, "not_asked": numbers.not_asked,
        });
        out::line(&document.to_string());
    } else {
        out::print(&told(&sections, quiet));
        out::line(&numbers.summary());
    }
    numbers.end(strict)
}

/// How many checks came out how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Numbers {
    good: usize,
    look: usize,
    bad: usize,
    not_asked: usize,
}

impl Numbers {
    fn of(sections: &[Section]) -> Self {
        let all = || sections.iter().flat_map(|section| &section.checks);
        let of = |state: State| all().filter(|check| check.found_to_be == state).count();
        Self {
            good: of(State::Good),
            look: of(State::Look),
            bad: of(State::Bad),
            not_asked: of(State::NotAsked),
        }
    }

    fn summary(self) -> String {
        let Self { good, look, bad, not_asked } = self;
        let mut parts = Vec::new();
        for (number, words) in
            [(bad, "wrong"), (look, "to look at"), (not_asked, "not asked"), (good, "good")]
        {
            if number > 0 {
                parts.push(format!("{number} {words}"));
            }
        }
        format!("{}.", parts.join(", "))
    }

    fn end(self, strict: bool) -> Result<(), Failure> {
        if self.bad > 0 {
            return Err(Failure::DoesNotHold(format!("{} wrong, see above", self.bad)));
        }
        if strict && self.look + self.not_asked > 0 {
            let what = "not all is good, see above (--strict)".to_owned();
            return Err(Failure::DoesNotHold(what));
        }
        if self.good == 0 && self.not_asked > 0 {
            let source = anyhow::anyhow!("see above why");
            return Err(Failure::Unreachable { what: "nothing could be asked".into(), source });
        }
        Ok(())
    }
}

/// One line a check; more where it is not good.
fn told(sections: &[Section], quiet: bool) -> String {
    let mut lines = Vec::new();
    for section in sections {
        let shown = |check: &&Check| !quiet || check.found_to_be != State::Good;
        let checks: Vec<&Check> = section.checks.iter().filter(shown).collect();
        if checks.is_empty() {
            continue;
        }
        lines.push(section.title.to_owned());
        for check in checks {
            let mark = match check.found_to_be {
                State::Good => "good ",
                State::NotAsked => "?    ",
                State::Look => "look ",
                State::Bad => "WRONG",
            };
            let found = format!("{}: {}", legible(&check.what), legible(&check.found));
            for (number, line) in wrapped(&found).into_iter().enumerate() {
                lines.push(format!("  {}  {line}", if number == 0 { mark } else { "     " }));
            }
            if let Some(advice) = &check.advice {
                lines.extend(wrapped(advice).into_iter().map(|line| format!("         {line}")));
            }
            if let Some(command) = &check.command {
                lines.push(format!("         $ {}", legible(command)));
            }
        }
        lines.push(String::new());
    }
    if lines.is_empty() { String::new() } else { lines.join("\n") + "\n" }
}

/// The longest line of advice.
const COLUMNS: usize = 90;

/// Breaks between words.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let is_full = lines
            .last()
            .is_some_and(|line| !line.is_empty() && line.len() + 1 + word.len() > COLUMNS);
        if is_full {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sections() -> Vec<Section> {
        vec![Section {
            title: "This host",
            checks: vec![
                Check::good("disk", "20 GiB free"),
                Check::look("clock", "2 s off", "It matters. ".repeat(9).trim()),
                Check::bad("queue", "none", "Gone.").mended_by("twinstream setup aws"),
            ],
        }]
    }

    #[test]
    fn a_page_says_what_is_wrong_why_it_matters_and_what_mends_it() {
        let expected = "\
This host
  good   disk: 20 GiB free
  look   clock: 2 s off
         It matters. It matters. It matters. It matters. It matters. It matters. It matters. It
         matters. It matters.
  WRONG  queue: none
         Gone.
         $ twinstream setup aws

";
        assert_eq!(told(&sections(), false), expected);
        assert!(!told(&sections(), true).contains("disk"));
        assert_eq!(Numbers::of(&sections()).summary(), "1 wrong, 1 to look at, 1 good.");
    }

    #[test]
    fn the_exit_code_is_that_of_the_worst() {
        let numbers = Numbers { good: 1, ..Numbers::default() };
        assert!(numbers.end(true).is_ok());
        let look = Numbers { look: 1, ..numbers };
        assert!(look.end(false).is_ok());
        assert_eq!(look.end(true).unwrap_err().exit_code(), 1);
        assert_eq!(Numbers { bad: 1, ..numbers }.end(false).unwrap_err().exit_code(), 1);
        let nothing = Numbers { not_asked: 1, ..Numbers::default() };
        assert_eq!(nothing.end(false).unwrap_err().exit_code(), 3);
    }
}
