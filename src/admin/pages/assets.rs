//! Style, script and icon: compiled in, named by what is in them.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use sha2::{Digest as _, Sha256};

/// One file that pages load.
#[derive(Debug)]
struct Asset {
    name: &'static str,
    kind: &'static str,
    content: &'static str,
}

/// The pages' own style, and that of the charts which they share with the comparison's HTML report.
const STYLE: &str = concat!(
    include_str!("assets/style.css"),
    include_str!("../../compare/report/charts/charts.css")
);

const ASSETS: [Asset; 3] = [
    Asset { name: "style.css", kind: "text/css; charset=utf-8", content: STYLE },
    Asset {
        name: "live.js",
        kind: "text/javascript; charset=utf-8",
        content: include_str!("assets/live.js"),
    },
    Asset { name: "icon.svg", kind: "image/svg+xml", content: include_str!("assets/icon.svg") },
];

/// Changes when any of them does, so that a browser may keep them for good.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut digest = Sha256::new();
    for asset in &ASSETS {
        digest.update(asset.content);
    }
    let digest: [u8; 32] = digest.finalize().into();
    let [first, second, third, fourth, ..] = digest;
    format!("{:08x}", u32::from_be_bytes([first, second, third, fourth]))
});

/// Where a page finds one.
pub(super) fn url(name: &str) -> String {
    format!("/assets/{name}?v={}", *VERSION)
}

pub(super) async fn asset(Path(name): Path<String>) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let kept = "public, max-age=31536000, immutable";
    let headers = [(header::CONTENT_TYPE, asset.kind), (header::CACHE_CONTROL, kept)];
    (headers, asset.content).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::ASSETS;
    use crate::admin::pages::chart;

    const REPORT: &str = include_str!("../../compare/report/html/report.css");

    fn style() -> &'static str {
        ASSETS.iter().find(|asset| asset.name == "style.css").unwrap().content
    }

    /// Every colour token of a scheme; what dark does not say is as in light.
    fn tokens(is_dark: bool) -> BTreeMap<&'static str, &'static str> {
        tokens_of(style(), is_dark)
    }

    fn tokens_of(style: &'static str, is_dark: bool) -> BTreeMap<&'static str, &'static str> {
        let schemes = style.split(":root {").skip(1).take(1 + usize::from(is_dark));
        let lines = schemes.flat_map(|scheme| scheme.split('}').next().unwrap().lines());
        let tokens = lines.filter_map(|line| line.trim().strip_prefix("--")?.split_once(": "));
        tokens.map(|(name, value)| (name, value.trim_end_matches(';'))).collect()
    }

    /// Relative luminance: WCAG 2.2, <https://www.w3.org/TR/WCAG22/#dfn-relative-luminance>.
    fn luminance(colour: &str) -> f64 {
        let number = u32::from_str_radix(colour.strip_prefix('#').unwrap(), 16).unwrap();
        let [_, red, green, blue] = number.to_be_bytes().map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    #[track_caller]
    fn check(of: &[&str], on: &[&str], least: f64) {
        for is_dark in [false, true] {
            let tokens = tokens(is_dark);
            for (one, other) in of.iter().flat_map(|one| on.iter().map(move |other| (one, other))) {
                let (one_is, other_is) = (luminance(tokens[one]), luminance(tokens[other]));
                let ratio = (one_is.max(other_is) + 0.05) / (one_is.min(other_is) + 0.05);
                assert!(ratio >= least, "{one} on {other}, dark: {is_dark}: {ratio:.2}");
            }
        }
    }

    #[test]
    fn the_report_has_the_colours_of_the_pages() {
        for is_dark in [false, true] {
            let (own, pages) = (tokens_of(REPORT, is_dark), tokens(is_dark));
            assert!(own.len() > 12, "{own:?}");
            for (name, colour) in own {
                assert_eq!(pages.get(name), Some(&colour), "--{name}, dark: {is_dark}");
            }
        }
    }

    #[test]
    fn text_can_be_read_in_both_schemes() {
        let words = ["ink", "muted", "accent", "webhook", "eventbridge", "good", "warn", "bad"];
        check(&words, &["card", "paper", "sunk"], 4.5);
        for kind in ["good", "warn", "bad", "accent", "webhook", "eventbridge"] {
            let soft = format!("{kind}-soft");
            check(&[kind, "ink"], &[&soft], 4.5);
        }
        check(&["on-accent"], &["accent"], 4.5);
        check(&["on-bad"], &["bad"], 4.5);
    }

    #[test]
    fn edges_of_what_can_be_used_can_be_seen() {
        check(&["edge", "accent"], &["card", "paper"], 3.0);
    }

    #[test]
    fn the_race_slides_as_fast_as_it_is_drawn() {
        let slide = style().split("@keyframes slide").nth(1).unwrap().lines().next().unwrap();
        let [from, to] = [1.0, -2.0].map(|seconds| seconds * chart::SECOND);
        assert!(slide.contains(&format!("from {{ transform: translateX({from}px)")), "{slide}");
        assert!(slide.contains(&format!("to {{ transform: translateX({to}px)")), "{slide}");
        assert!(style().contains(".slide { animation: slide 3s linear"));
    }
}
