//! The document as one HTML file that needs nothing else: no script, nothing from the network.

use askama::Template;

use super::charts::{self, Figure};
use super::said;
use super::sheets::{self, Sheet};
use crate::compare::Document;

/// The looks: of the report, and of its charts.
const STYLE: &str = concat!(include_str!("report.css"), include_str!("../charts/charts.css"));

/// Tables that stand at the end, with the method.
const LAST: [&str; 3] = ["counted", "excluded", "method"];

#[derive(Debug, Template)]
#[template(path = "compare_report.html")]
struct Report<'a> {
    document: &'a Document,
    style: &'static str,
    headline: String,
    mood: &'static str,
    expected: String,
    criteria: Option<Sheet>,
    tables: Vec<Sheet>,
    figures: Vec<Figure>,
    counted: Vec<Sheet>,
}

/// The report as a whole file.
///
/// # Errors
/// Only if formatting fails, which it does for no document that a comparison makes.
pub fn html(document: &Document) -> Result<String, std::fmt::Error> {
    let sheets = sheets::all(document);
    let (criteria, rest): (Vec<Sheet>, Vec<Sheet>) =
        sheets.into_iter().partition(|sheet| sheet.id == "expected");
    let (counted, tables) = rest.into_iter().partition(|sheet| LAST.contains(&sheet.id));
    let report = Report {
        document,
        style: STYLE,
        headline: said::headline(document),
        mood: said::mood(document.verdict.choice),
        expected: said::expectation(document),
        criteria: criteria.into_iter().next(),
        tables,
        figures: charts::all(document),
        counted,
    };
    // What else can fail is of templates that read files or run filters of their own; this one does not.
    report.render().map(|html| html + "\n").map_err(|_| std::fmt::Error)
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    /// The file is whole and harmless, and says all of this.
    #[track_caller]
    fn check(document: &Document, says: &[&str]) {
        let report = html(document).unwrap();
        for banned in
            ["http:", "https://", "src=", "@import", "url(", "<link", "<script", "NaN", "inf\""]
        {
            let found =
                report.replace("https:&#47;&#47;a.example", "").replace("(https://a.example)", "");
            assert!(!found.contains(banned), "{banned} is in the report");
        }
        let opened = report.matches("<svg").count();
        assert_eq!(opened, report.matches("role=\"img\" aria-label=\"").count());
        assert!(opened.is_multiple_of(2) && report.matches("</svg>").count() == opened);
        for text in says {
            assert!(report.contains(text), "{text} is not in\n{report}");
        }
    }

    #[test]
    fn a_busy_day_has_verdict_tables_charts_and_method() {
        let says = [
            "Keep the webhook",
            "11,988",
            "id=\"chart-loss\"",
            "id=\"chart-distribution\"",
            "id=\"chart-difference\"",
            "id=\"chart-timeline\"",
            "id=\"chart-hops\"",
            "id=\"chart-latency\"",
            "id=\"chart-disorder\"",
            "/data/object/updated_at",
            "default-src",
        ];
        check(&sample::busy_day(), &says);
    }

    #[test]
    fn without_data_there_is_no_chart_of_it() {
        check(&sample::quiet_day(), &["Not enough data yet", "no data"]);
        assert!(!html(&sample::quiet_day()).unwrap().contains("<svg"));
        check(&sample::one_door(), &["id=\"chart-distribution\""]);
    }

    #[test]
    fn texts_of_others_mean_nothing() {
        check(&sample::extremes(), &["&#60;script&#62;", "18,446,744,073,709,551,615"]);
    }
}
