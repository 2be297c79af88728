//! `twinstream compare`

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};

use super::{Failure, JournalArguments, out};
use crate::clock::Clock;
use crate::compare::report::PairRow;
use crate::compare::words::counted;
use crate::compare::{
    self, Document, Expect, Outcome, Scope, Settings, Window, WindowAsked, WindowError, report,
};
use crate::event::Timestamp;
use crate::journal::Reader;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    journal: JournalArguments,
    /// From this time of the events on: RFC 3339, or a duration before now such as 24h or 7d. From
    /// the first event in the journal by default.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Up to this time of the events; now by default.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only events of this type; repeat for several.
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Only arrivals by this stream of Auth0 (`est_…`); repeat for several.
    #[arg(long = "stream", value_name = "STREAM")]
    streams: Vec<String>,
    #[command(flatten)]
    form: Form,
    /// Exit 0 if what is expected holds, 1 if it fails, 4 if there is not enough data yet.
    #[arg(long)]
    assert: bool,
    /// What is expected to be good enough, instead of `compare.expect`.
    #[arg(long, value_name = "PATHS", value_parser = expectations())]
    expect: Option<Expect>,
}

/// In which form the report is given; as tables for a terminal without any of them.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct Form {
    /// Print the JSON document.
    #[arg(long)]
    json: bool,
    /// Print Markdown, for a pull request or a wiki.
    #[arg(long)]
    markdown: bool,
    /// Write one HTML file with charts that needs nothing else; `-` prints it.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the events one by one as CSV; `-` prints them.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

impl Form {
    /// Whether standard output is for people, so that a line may stand below the report.
    const fn is_for_people(&self) -> bool {
        !self.json && !self.markdown && self.html.is_none() && self.csv.is_none()
    }
}

/// What a comparison is of.
struct Asked {
    window: Window,
    scope: Scope,
    expect: Option<Expect>,
    now: Timestamp,
}

fn expectations() -> impl clap::builder::TypedValueParser<Value = Expect> {
    let names = ["webhook", "eventbridge", "both", "either"];
    PossibleValuesParser::new(names).map(|name| match name.as_str() {
        "webhook" => Expect::Webhook,
        "eventbridge" => Expect::Eventbridge,
        "both" => Expect::Both,
        _ => Expect::Either,
    })
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let now = Clock::System.now();
    let wrong = |error: WindowError| Failure::Input(error.to_string());
    let (since, until) = (arguments.since.as_deref(), arguments.until.as_deref());
    let asked = WindowAsked::parse(since, until, now).map_err(wrong)?;
    let (reader, settings) = arguments.journal.open()?;
    let window = asked.of(reader.time_range().await?).map_err(wrong)?;
    let scope = Scope {
        types: arguments.types.into_iter().collect(),
        streams: arguments.streams.into_iter().collect(),
    };
    let asked = Asked { window, scope, expect: arguments.expect, now };
    if let Some(file) = &arguments.form.csv {
        list_pairs(&reader, &settings.compare, &asked, file).await?;
        if !arguments.assert {
            return Ok(());
        }
    }
    let document = compared(&reader, &settings.compare, asked).await?;
    tell(&document, &arguments.form)?;
    if arguments.assert { assert(&document, &arguments.form) } else { Ok(()) }
}

async fn compared(reader: &Reader, settings: &Settings, asked: Asked) -> Result<Document, Failure> {
    let Asked { window, scope, expect, now } = asked;
    let settings = Settings { expect: expect.unwrap_or(settings.expect), ..settings.clone() };
    Ok(compare::run(reader, &settings, &scope, window, now).await?)
}

/// Writes the events that are still there, one line for each, and says how many they were.
async fn list_pairs(
    reader: &Reader,
    settings: &Settings,
    asked: &Asked,
    file: &Path,
) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::Unreachable {
        what: format!("{} can't be written", file.display()),
        source: error.into(),
    };
    let mut into: Box<dyn Write> = if file == Path::new("-") {
        Box::new(std::io::stdout().lock())
    } else {
        Box::new(BufWriter::new(File::create(file).map_err(failed)?))
    };
    into.write_all(report::pairs_header().as_bytes()).map_err(failed)?;
    let settled_until = asked.now.minus(settings.grace);
    let (window, mut after, mut events) = ((asked.window.from, asked.window.to), None, 0_u64);
    loop {
        let page = reader.observed(window, asked.scope.clone(), after).await?;
        for event in &page.events {
            let line = report::pairs_line(&PairRow::of(event, settled_until));
            into.write_all(line.as_bytes()).map_err(failed)?;
            events += 1;
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    into.flush().map_err(failed)?;
    out::note(&format!(
        "{} written; those older than journal.keep are gone, and are in the report's sums alone",
        counted(events, "event")
    ));
    Ok(())
}

fn tell(document: &Document, form: &Form) -> Result<(), Failure> {
    let fault = |error: anyhow::Error| Failure::Fault(error);
    if form.json {
        out::line(&report::json(document).map_err(|error| fault(error.into()))?);
    } else if form.markdown {
        out::print(&report::markdown(document));
    } else if let Some(file) = &form.html {
        let html = report::html(document).map_err(|error| fault(error.into()))?;
        write(file, &html)?;
    } else if form.csv.is_none() {
        out::print(&report::terminal(document));
    }
    Ok(())
}

/// To a file, or to standard output when it is called `-`.
fn write(file: &Path, text: &str) -> Result<(), Failure> {
    if file == Path::new("-") {
        out::print(text);
        return Ok(());
    }
    std::fs::write(file, text).map_err(|error| Failure::Unreachable {
        what: format!("{} can't be written", file.display()),
        source: error.into(),
    })?;
    out::note(&format!("{} is written", file.display()));
    Ok(())
}

/// What holds is told below a report for people, else on standard error, so that files and pipes hold
/// the report alone; what does not is an error.
fn assert(document: &Document, form: &Form) -> Result<(), Failure> {
    let line = report::asserted(document);
    match document.expectation.outcome {
        Outcome::Holds if form.is_for_people() => out::line(&format!("\n{line}")),
        Outcome::Holds => out::note(&line),
        Outcome::Fails => return Err(Failure::DoesNotHold(line)),
        Outcome::NotEnoughData => return Err(Failure::NotEnoughData(line)),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        arguments: Arguments,
    }

    #[track_caller]
    fn check(line: &str, error: Option<&str>) -> Option<Arguments> {
        let words = std::iter::once("compare").chain(line.split_whitespace());
        match (Command::try_parse_from(words), error) {
            (Ok(command), None) => Some(command.arguments),
            (Err(found), Some(error)) => {
                let found = found.to_string();
                assert!(found.contains(error), "{found}");
                None
            }
            (found, _) => panic!("{line}: {found:?}"),
        }
    }

    #[test]
    fn a_report_has_one_form() {
        for line in ["", "--json", "--markdown", "--html -", "--html a.html", "--csv -"] {
            check(line, None);
        }
        for line in ["--json --markdown", "--markdown --html -", "--html a --csv b"] {
            check(line, Some("cannot be used with"));
        }
    }

    #[test]
    fn only_the_tables_are_for_people() {
        let is_for_people = |line| check(line, None).unwrap().form.is_for_people();
        assert!(is_for_people("--assert"));
        for line in ["--json", "--markdown", "--html a", "--csv a"] {
            assert!(!is_for_people(line), "{line}");
        }
    }

    #[test]
    fn types_and_streams_can_be_several() {
        let arguments = check("--type a --type b --stream est_1", None).unwrap();
        assert_eq!((arguments.types.len(), arguments.streams.len()), (2, 1));
    }

    #[test]
    fn what_is_expected_is_one_of_four() {
        for (name, expect) in [
            ("webhook", Expect::Webhook),
            ("eventbridge", Expect::Eventbridge),
            ("both", Expect::Both),
            ("either", Expect::Either),
        ] {
            let arguments = check(&format!("--assert --expect {name}"), None).unwrap();
            assert_eq!(arguments.expect, Some(expect));
        }
        check("--expect neither", Some("possible values"));
    }
}
