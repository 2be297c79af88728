//! Text of others, made harmless to look at.

/// Text of others for one line: what would break the line, move the cursor of a terminal or turn the
/// direction of writing is shown by its code.
pub fn legible(text: &str) -> String {
    text.chars().map(|c| if is_harmless(c) { c.to_string() } else { code(c) }).collect()
}

/// The same for several lines.
pub fn legible_lines(text: &str) -> String {
    let line = |line: &str| legible(line.trim_end_matches('\r'));
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

fn is_harmless(c: char) -> bool {
    // Unicode, bidirectional formatting characters.
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !c.is_control() && !turns
}

fn code(c: char) -> String {
    c.escape_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(legible(text), expected);
    }

    #[test]
    fn text_of_others_can_not_write_over_what_stands_around_it() {
        check("Zoë's 日本 \\n", "Zoë's 日本 \\n");
        check("a\u{1b}[2Jb\r\nc\td", "a\\u{1b}[2Jb\\r\\nc\\td");
        check("\u{9b}2J", "\\u{9b}2J");
        check("user\u{202e}gnp.exe", "user\\u{202e}gnp.exe");
        assert_eq!(legible_lines("a\r\nb\u{7}"), "a\nb\\u{7}");
    }
}
