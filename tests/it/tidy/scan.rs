//! Rust source as these tests read it: words and signs with their lines, without comments, texts and
//! lifetimes, and the paths that they spell.

/// A word or a sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub text: &'a str,
    /// From 1.
    pub line: usize,
}

/// A path, from `crate` or from the name of another crate on; `super`, `self` and groups resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub path: Vec<String>,
    pub line: usize,
    /// Whether it is in code that only tests are built with.
    pub test: bool,
}

/// Splits source into words and signs; `::` is one sign.
pub(super) fn tokens(source: &str) -> Vec<Token<'_>> {
    let (mut found, mut line, mut rest) = (Vec::new(), 1, source);
    while let Some(first) = rest.chars().next() {
        let (length, is_token) = lexeme(rest, first);
        if is_token {
            let text = &rest[..length];
            found.push(Token { text: text.strip_prefix("r#").unwrap_or(text), line });
        }
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    found
}

/// How long the next piece is, and whether it is a word or a sign.
fn lexeme(rest: &str, first: char) -> (usize, bool) {
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), false);
    }
    if rest.starts_with("/*") {
        return (block_comment(rest), false);
    }
    if let Some(length) = quoted(rest) {
        return (length, false);
    }
    if rest.starts_with("::") {
        return (2, true);
    }
    let word = word(rest.strip_prefix("r#").unwrap_or(rest));
    match first {
        '\'' => (1 + self::word(&rest[1..]), false),
        'r' if rest.starts_with("r#") => (2 + word, true),
        _ if word > 0 => (word, true),
        _ => (first.len_utf8(), !first.is_whitespace()),
    }
}

fn word(rest: &str) -> usize {
    rest.find(|sign: char| !sign.is_alphanumeric() && sign != '_').unwrap_or(rest.len())
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    loop {
        let (opens, closes) = (rest[at..].find("/*"), rest[at..].find("*/"));
        match (opens, closes) {
            (_, None) => return rest.len(),
            (Some(opens), Some(closes)) if opens < closes => {
                depth += 1;
                at += opens + 2;
            }
            (_, Some(closes)) => {
                depth -= 1;
                at += closes + 2;
                if depth == 0 {
                    return at;
                }
            }
        }
    }
}

/// The length of the text or character that begins here, if one does.
fn quoted(rest: &str) -> Option<usize> {
    let unprefixed = rest.trim_start_matches(['b', 'c', 'r']);
    let prefix = rest.len() - unprefixed.len();
    if prefix > 2 {
        return None;
    }
    let fences = unprefixed.len() - unprefixed.trim_start_matches('#').len();
    let body = &unprefixed[fences..];
    if rest[..prefix].contains('r') && body.starts_with('"') {
        let end = format!("\"{}", "#".repeat(fences));
        let length = body[1..].find(&end).map_or(body.len(), |at| 1 + at + end.len());
        return Some(prefix + fences + length);
    }
    if fences > 0 {
        return None;
    }
    match body.chars().next()? {
        '"' => Some(prefix + 1 + escaped(&body[1..], '"')),
        '\'' if is_character(body) => Some(prefix + 1 + escaped(&body[1..], '\'')),
        _ => None,
    }
}

/// A character, and not a lifetime.
fn is_character(body: &str) -> bool {
    let mut signs = body.chars().skip(1);
    match signs.next() {
        Some('\\') => true,
        Some(_) => signs.next() == Some('\''),
        None => false,
    }
}

/// The length up to and with the closing mark.
fn escaped(body: &str, mark: char) -> usize {
    let mut signs = body.char_indices();
    while let Some((at, sign)) = signs.next() {
        if sign == '\\' {
            signs.next();
        } else if sign == mark {
            return at + sign.len_utf8();
        }
    }
    body.len()
}

/// The paths that a file names. `module` is where the file stands, from the root of the crate;
/// `test` says that the whole file is for tests.
pub(super) fn named(source: &str, module: &[String], test: bool) -> Vec<Named> {
    let tokens = tokens(source);
    let mut walk = Walk {
        tokens: &tokens,
        module: module.to_vec(),
        opened: Vec::new(),
        depth: 0,
        test_until: if test { usize::MAX } else { 0 },
        found: Vec::new(),
    };
    let mut at = 0;
    while at < tokens.len() {
        at = walk.step(at);
    }
    walk.found
}

/// The modules that a file declares in files of their own, each with whether only tests have it.
pub(super) fn declared(source: &str) -> Vec<(String, bool)> {
    let tokens = tokens(source);
    let (mut found, mut test_until) = (Vec::new(), 0);
    for at in 0..tokens.len() {
        if is_cfg_test(&tokens[at..]) {
            test_until = item_end(&tokens, at);
        }
        if let [word, name, end, ..] = &tokens[at..]
            && word.text == "mod"
            && end.text == ";"
        {
            found.push((name.text.to_owned(), at < test_until));
        }
    }
    found
}

/// Whether these tokens stand here.
pub(super) fn begins(tokens: &[Token<'_>], expected: &[&str]) -> bool {
    tokens.len() >= expected.len()
        && tokens.iter().zip(expected).all(|(token, expected)| token.text == *expected)
}

fn is_cfg_test(tokens: &[Token<'_>]) -> bool {
    begins(tokens, &["#", "[", "cfg", "(", "test", ")", "]"])
}

/// Where the item ends whose attribute begins here.
fn item_end(tokens: &[Token<'_>], from: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" if depth > 0 => depth -= 1,
            "}" if depth > 1 => depth -= 1,
            ";" if depth > 0 => {}
            ")" | "]" | "}" | ";" => return at,
            _ => {}
        }
    }
    tokens.len()
}

struct Walk<'a> {
    tokens: &'a [Token<'a>],
    /// Where the walk is, inline modules included.
    module: Vec<String>,
    /// The depths of the braces that inline modules opened.
    opened: Vec<usize>,
    depth: usize,
    test_until: usize,
    found: Vec<Named>,
}

impl<'a> Walk<'a> {
    fn text(&self, at: usize) -> &'a str {
        self.tokens.get(at).map_or("", |token| token.text)
    }

    /// Reads what stands here, and returns where to go on.
    fn step(&mut self, at: usize) -> usize {
        if is_cfg_test(&self.tokens[at..]) {
            self.test_until = self.test_until.max(item_end(self.tokens, at));
        }
        match self.text(at) {
            "mod" if self.text(at + 2) == "{" => {
                self.module.push(self.text(at + 1).to_owned());
                self.opened.push(self.depth);
                self.depth += 1;
                return at + 3;
            }
            "{" => self.depth += 1,
            "}" => {
                self.depth = self.depth.saturating_sub(1);
                if self.opened.last() == Some(&self.depth) {
                    self.opened.pop();
                    self.module.pop();
                }
            }
            _ if self.begins_path(at) => return self.path(at),
            _ => {}
        }
        at + 1
    }

    /// A root that can be followed to a module: not a field, a method or the middle of a path.
    fn begins_path(&self, at: usize) -> bool {
        let is_root =
            matches!(self.text(at), "crate" | "self" | "super" | "twinstream" | "std" | "rusqlite");
        let before = if at == 0 { "" } else { self.text(at - 1) };
        let inside = before == "::" && at >= 2 && word(self.text(at - 2)) > 0;
        let renamed = self.text(at + 1) == "as" && matches!(self.text(at), "crate" | "super");
        is_root && !inside && (self.text(at + 1) == "::" || renamed)
    }

    fn path(&mut self, at: usize) -> usize {
        let mut path = vec!["crate".to_owned()];
        match self.text(at) {
            "crate" | "twinstream" => {}
            "self" => path.extend_from_slice(&self.module),
            "super" => {
                path.extend_from_slice(&self.module);
                path.pop();
            }
            other => path = vec![other.to_owned()],
        }
        if self.text(at + 1) == "::" { self.tree(at + 2, path) } else { self.end(at + 1, path) }
    }

    /// What follows a `::`: a name, a group or a star, and on from there.
    fn tree(&mut self, mut at: usize, mut path: Vec<String>) -> usize {
        loop {
            match self.text(at) {
                "{" => return self.group(at + 1, &path),
                "super" => drop(path.pop()),
                "self" => {}
                name if word(name) > 0 || name == "*" => path.push(name.to_owned()),
                // A turbofish, such as `Vec::<u8>`.
                _ => return self.end(at, path),
            }
            if self.text(at + 1) != "::" {
                return self.end(at + 1, path);
            }
            at += 2;
        }
    }

    fn group(&mut self, mut at: usize, prefix: &[String]) -> usize {
        while at < self.tokens.len() {
            match self.text(at) {
                "}" => return at + 1,
                "," => at += 1,
                "as" => at += 2,
                _ => at = self.tree(at, prefix.to_vec()).max(at + 1),
            }
        }
        at
    }

    fn end(&mut self, at: usize, path: Vec<String>) -> usize {
        let last = at.saturating_sub(1);
        let line = self.tokens.get(last).map_or(0, |token| token.line);
        self.found.push(Named { path, line, test: last < self.test_until });
        at
    }
}
