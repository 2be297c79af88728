//! Links between the pages.

use std::path::{Component, Path};

use crate::repository::{self, Text};

/// The lines of a page outside of code blocks, with their numbers.
fn prose(page: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut code = false;
    page.lines().enumerate().filter_map(move |(at, line)| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        (!code && !fence).then_some((at + 1, line))
    })
}

/// The lines of a page, those outside of code blocks and those inside.
pub(super) fn prose_and_code(page: &str) -> (Vec<&str>, Vec<&str>) {
    let outside: Vec<(usize, &str)> = prose(page).collect();
    let lines = page.lines().enumerate();
    let inside = lines.filter(|(at, _)| !outside.iter().any(|(number, _)| *number == at + 1));
    let inside = inside.map(|(_, line)| line).collect();
    (outside.into_iter().map(|(_, line)| line).collect(), inside)
}

/// Where the links of a page lead, with the numbers of their lines.
fn links(page: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (number, line) in prose(page) {
        for (at, _) in line.match_indices("](") {
            let target = line[at + 2..].split([')', ' ']).next();
            found.extend(target.map(|target| (number, target)));
        }
        let definition = line.strip_prefix('[').and_then(|line| line.split_once("]: "));
        found.extend(definition.map(|(_, target)| (number, target.trim())));
    }
    found
}

/// The names under which the headings of a page can be linked to.
fn anchors(page: &str) -> Vec<String> {
    let headings = prose(page).filter(|(_, line)| line.starts_with('#'));
    headings.map(|(_, line)| slug(line.trim_start_matches('#').trim())).collect()
}

/// As GitHub makes it of a heading.
fn slug(heading: &str) -> String {
    let heading = heading.to_lowercase();
    let kept = heading.chars().filter(|sign| sign.is_alphanumeric() || " -_".contains(*sign));
    kept.map(|sign| if sign == ' ' { '-' } else { sign }).collect()
}

/// A path from the root, without `.` and `..`.
fn resolve(page: &str, target: &str) -> Option<String> {
    let mut names = Vec::new();
    for name in Path::new(page).parent()?.join(target).components() {
        match name {
            Component::Normal(name) => names.push(name.to_string_lossy().into_owned()),
            Component::ParentDir => drop(names.pop()?),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(names.join("/"))
}

/// What is wrong with a link, if something is.
fn wrong(page: &Text, target: &str, pages: &[Text]) -> Option<String> {
    let is_elsewhere = target.contains("://") || target.starts_with("mailto:");
    // A link to an item of the crate is rustdoc's to check.
    if is_elsewhere || target.contains("::") {
        return None;
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if path.is_empty() { page.path.clone() } else { resolve(&page.path, path)? };
    let Some(linked) = pages.iter().find(|page| page.path == path) else {
        let missing = format!("there is no {path}");
        return (!repository::exists(&path)).then_some(missing);
    };
    let known = anchor.is_empty() || anchors(&linked.text).iter().any(|known| known == anchor);
    (!known).then(|| format!("{path} has no heading #{anchor}"))
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let mut pages = repository::texts();
    pages.retain(|file| file.path.to_lowercase().ends_with(".md"));
    assert!(pages.len() >= 5, "{pages:?}");
    for page in &pages {
        for (line, target) in links(&page.text) {
            let wrong = wrong(page, target, &pages);
            assert_eq!(wrong, None, "{}:{line}: {target}", page.path);
        }
    }
}

#[test]
fn links_are_read_as_they_are_meant() {
    let page = "# One, two!\n[a](b.md) and [c](../d#e \"t\")\n```\n[x](y)\n```\n[f]: g.md\n";
    assert_eq!(links(page), [(2, "b.md"), (2, "../d#e"), (6, "g.md")]);
    assert_eq!(anchors(page), ["one-two"]);
    assert_eq!(resolve("docs/a.md", "../b/c.md").as_deref(), Some("b/c.md"));
    assert_eq!(resolve("a.md", "../b.md"), None);
    let page = |path: &str, text: &str| Text { path: path.into(), text: text.into() };
    let pages = [page("docs/a.md", "# Here"), page("docs/b.md", "# There")];
    let found = |target| wrong(&pages[0], target, &pages);
    assert_eq!(found("b.md#there"), None);
    assert_eq!(found("#here"), None);
    assert_eq!(found("https://example.com/x#y"), None);
    assert_eq!(found("crate::journal"), None);
    assert_eq!(found("b.md#where"), Some("docs/b.md has no heading #where".into()));
    assert_eq!(found("c.md"), Some("there is no docs/c.md".into()));
}
