//! Whether HTML is whole: every element is closed where it was opened, every id is of one element.

use std::collections::BTreeSet;

/// Elements without an end.
const VOID: [&str; 5] = ["meta", "link", "img", "input", "br"];

/// Fails on markup that a browser would have to mend.
#[track_caller]
pub(super) fn check(html: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut ids = BTreeSet::new();
    let mut rest = html.trim_start().strip_prefix("<!doctype html>").unwrap_or(html);
    while let Some((text, after)) = rest.split_once('<') {
        assert!(!text.contains('>'), "a lone > in {text:?}");
        let (tag, next) = after.split_once('>').expect("a tag that ends");
        rest = next;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closed by </{name}> in {html}");
            continue;
        }
        assert!(!tag.contains("style="), "<{tag}>");
        let name = tag.split([' ', '\n', '/']).next().unwrap();
        for (attribute, value) in attributes(tag) {
            assert!(!attribute.starts_with("on"), "<{tag}>");
            assert!(!value.trim_start().starts_with("javascript:"), "<{tag}>");
            assert!(attribute != "id" || ids.insert(value), "{value} twice");
        }
        if !VOID.contains(&name) && !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<&str>::new(), "left open");
}

fn attributes(tag: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = tag;
    while let Some((before, after)) = rest.split_once("=\"") {
        let name = before.rsplit([' ', '\n']).next().unwrap();
        let (value, next) = after.split_once('"').expect("a value that ends");
        assert!(next.is_empty() || next.starts_with([' ', '\n', '/']), "<{tag}>");
        found.push((name, value));
        rest = next;
    }
    found
}

#[test]
#[should_panic(expected = "closed by </p>")]
fn an_element_that_is_not_closed_is_found() {
    check("<p><b>bold</p>");
}

#[test]
#[should_panic(expected = "twice")]
fn an_id_of_two_elements_is_found() {
    check("<p id=\"a\">1</p><p id=\"a\">2</p>");
}

#[test]
fn markup_that_is_whole_passes() {
    check("<!doctype html><p class=\"a\" hidden>1<br>2<img src=\"x\"/></p>");
}
