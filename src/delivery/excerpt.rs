//! The beginning of a target's answer, to be kept with the attempt and shown. What an application
//! answers may hold what it was sent, or worse; so what looks like a secret or a person is taken out.
//!
//! Pure. It errs on the side of taking out: a request's id may go, a sentence stays.

/// The longest excerpt, in bytes.
pub(super) const EXCERPT_BYTES_MAX: usize = 512;
/// The part of an answer that it is made of, in bytes: longer, so that what is cut off at its end can
/// be left out.
pub(super) const READ_BYTES_MAX: usize = 2 * EXCERPT_BYTES_MAX;

const REDACTED: &str = "[redacted]";

/// The excerpt of an answer that begins with these bytes; `None` when nothing is left to show.
pub(super) fn excerpt(answer: &[u8]) -> Option<Box<str>> {
    let (read, cut) = match answer.get(..READ_BYTES_MAX) {
        Some(beginning) => (beginning, answer.len() > READ_BYTES_MAX),
        None => (answer, false),
    };
    let text = visible(&String::from_utf8_lossy(read));
    let mut words = words(&text);
    if cut && words.last().is_some_and(|word| word.is_word) {
        // Half a token does not look like one.
        words.pop();
    }
    let mut redacted = redact(&words);
    redacted.truncate(redacted.floor_char_boundary(EXCERPT_BYTES_MAX));
    let shown = redacted.trim();
    (!shown.is_empty()).then(|| shown.into())
}

/// Without control characters, and without those that turn the direction of a line or hide in it; a
/// line's end becomes a space.
fn visible(text: &str) -> String {
    let mut visible = String::new();
    for sign in text.chars() {
        let sign = if matches!(sign, '\n' | '\r' | '\t') { ' ' } else { sign };
        let is_second = sign == ' ' && visible.ends_with(' ');
        if !sign.is_control() && !is_invisible(sign) && !is_second {
            visible.push(sign);
        }
    }
    visible
}

/// Unicode's format characters with an effect on what is seen (UAX #9; zero-width ones).
const fn is_invisible(sign: char) -> bool {
    matches!(
        sign,
        '\u{ad}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
    )
}

/// A word, or what stands between two.
#[derive(Debug, Clone, Copy)]
struct Piece<'a> {
    text: &'a str,
    is_word: bool,
}

/// Words as tokens and addresses have them: base64, base64url, e-mail, names with dots.
fn is_of_a_word(sign: char) -> bool {
    sign.is_alphanumeric() || "._-+/@%~$".contains(sign)
}

fn words(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = is_of_a_word(first);
        let end = rest.find(|sign| is_of_a_word(sign) != is_word).unwrap_or(rest.len());
        let (text, after) = rest.split_at(end);
        pieces.push(Piece { text, is_word });
        rest = after;
    }
    pieces
}

fn redact(pieces: &[Piece<'_>]) -> String {
    let mut text = String::new();
    let (mut word_before, mut gap) = ("", "");
    for piece in pieces {
        if !piece.is_word {
            gap = piece.text;
            text.push_str(gap);
            continue;
        }
        // The dot at the end of a sentence is no part of its last word.
        let word = piece.text.trim_end_matches('.');
        let dots = piece.text.get(word.len()..).unwrap_or_default();
        let secret = announces_a_secret(word_before, gap, word) || is_secret(word);
        text.push_str(if secret { REDACTED } else { word });
        text.push_str(dots);
        (word_before, gap) = (word, "");
    }
    text
}

/// Whether the word before says that this one is secret: `Bearer x`, `password=x`, `"token": "x"`.
fn announces_a_secret(before: &str, gap: &str, word: &str) -> bool {
    const NAMES: [&str; 11] = [
        "apikey",
        "api_key",
        "api-key",
        "authorization",
        "cookie",
        "passwd",
        "password",
        "secret",
        "session",
        "signature",
        "token",
    ];
    let before = before.to_ascii_lowercase();
    if before == "bearer" {
        return !word.is_empty();
    }
    // `Basic authentication is required` is a sentence.
    if before == "basic" {
        return word.chars().any(|sign| sign.is_ascii_uppercase() || sign.is_ascii_digit());
    }
    // `invalid token: expired` is one as well.
    let is_assigned = gap.contains('=') || (gap.contains('"') && gap.contains(':'));
    is_assigned && NAMES.iter().any(|name| before.ends_with(name))
}

/// Whether a word looks like an e-mail address or a token.
fn is_secret(word: &str) -> bool {
    is_e_mail(word)
        || word.starts_with("whsec_")
        // Base64 of `{"`: a JSON Web Token, or a part of one (RFC 7519).
        || (word.starts_with("eyJ") && word.len() >= 10)
        || is_uuid(word)
        || is_random(word)
}

fn is_e_mail(word: &str) -> bool {
    let decoded = word.replace("%40", "@");
    let Some((local, domain)) = decoded.rsplit_once('@') else { return false };
    !local.is_empty() && !domain.is_empty()
}

fn is_uuid(word: &str) -> bool {
    let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut parts = word.split('-');
    [8, 4, 4, 4, 12]
        .iter()
        .all(|&length| parts.next().is_some_and(|part| part.len() == length && is_hex(part)))
        && parts.next().is_none()
}

/// Letters and digits that no word has so many of in one piece, or that change so often.
fn is_random(word: &str) -> bool {
    word.split(|sign: char| !sign.is_ascii_alphanumeric()).any(is_random_run) || is_mixed(word)
}

fn is_random_run(run: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| run.bytes().any(|byte| kind(&byte));
    let digits = has(u8::is_ascii_digit);
    let letters = has(u8::is_ascii_alphabetic);
    let shouted = !has(u8::is_ascii_lowercase);
    // The last is an AWS access key's form: 20 capitals and digits.
    run.len() >= 32
        || (run.len() >= 20 && digits && letters)
        || (run.len() >= 16 && digits && letters && shouted)
}

/// From so many letters and digits on, changes between them are counted.
const MIXED_MIN: usize = 16;

/// One change in five: in base64 and hex it is near one in two, in `camelCase` and paths with a number
/// one in ten.
fn is_mixed(word: &str) -> bool {
    let signs = word.bytes().filter(u8::is_ascii_alphanumeric).count();
    let changes = word.as_bytes().windows(2).filter(|pair| match pair {
        [one, two] => is_change(*one, *two),
        _ => false,
    });
    signs >= MIXED_MIN && changes.count() * 5 >= signs
}

/// From a letter to a digit, from a digit to a letter, from a small letter to a capital.
const fn is_change(one: u8, two: u8) -> bool {
    (one.is_ascii_alphabetic() && two.is_ascii_digit())
        || (one.is_ascii_digit() && two.is_ascii_alphabetic())
        || (one.is_ascii_lowercase() && two.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(answer: &str, expected: &str) {
        let shown = excerpt(answer.as_bytes()).map(String::from).unwrap_or_default();
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_people_write_stays() {
        for text in [
            "not found",
            r#"{"error":"validation_failed","detail":"user is unknown","status":404}"#,
            "<html><head><title>502 Bad Gateway</title></head><hr><center>nginx/1.18.0</center>",
            "java.lang.NullPointerException: at com.example.app.UserService.findById(UserService.java:42)",
            "at /srv/app/node_modules/express/lib/router/index.js:284:15",
            "see https://app.example.com/errors/2026/validation-failed",
            "upstream timed out at 2026-03-01T09:15:44.96Z after 30000 ms",
            "Basic authentication is required. The token has expired; invalid token: expired.",
            "Überlastet – bitte später",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn addresses_of_people_go() {
        check("no such user: ada@example.com.", "no such user: [redacted].");
        check(r#"{"email":"ada.l+x@mail.example.co.uk"}"#, r#"{"email":"[redacted]"}"#);
        check("<mailto:ada@example.com>", "<mailto:[redacted]>");
        check("/users?email=ada%40example.com", "/users?email=[redacted]");
        check("@home and a@", "@home and a@");
    }

    #[test]
    fn tokens_go() {
        check("Authorization: Bearer abc", "Authorization: Bearer [redacted]");
        check("bad Basic dXNlcjpwYXNz", "bad Basic [redacted]");
        check("expected whsec_abc, got none", "expected [redacted], got none");
        check("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln expired", "jwt [redacted] expired");
        for token in [
            "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
            "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "9f86d081884c7d659a2feaa0c55ad015",
            "550e8400-e29b-41d4-a716-446655440000",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "abcdefghijklmnopqrstuvwxyzabcdefgh",
        ] {
            check(&format!("id {token} is unknown"), "id [redacted] is unknown");
        }
    }

    #[test]
    fn what_is_said_to_be_secret_goes() {
        check("password=hunter2&user=ada", "password=[redacted]&user=ada");
        check(r#"{"access_token": "x", "n": 1}"#, r#"{"access_token": "[redacted]", "n": 1}"#);
        check(r#"{"apiKey":"a1"}"#, r#"{"apiKey":"[redacted]"}"#);
        check("cookie=abc; path=/", "cookie=[redacted]; path=/");
    }

    #[test]
    fn control_characters_go_and_a_line_end_is_a_space() {
        check("one\r\n\ttwo\u{0}\u{1b}[31mred\u{202e}x", "one two[31mredx");
        check("ada@\u{200b}example.com", "[redacted]");
        check(" \n ", "");
        check("", "");
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_as_such() {
        assert_eq!(excerpt(b"caf\xe9 closed").as_deref(), Some("caf\u{fffd} closed"));
        assert!(excerpt(&[0xff; 2_000]).is_some());
    }

    #[test]
    fn it_is_short_and_ends_between_two_characters() {
        let long = "a b ".repeat(1_000);
        let shown = excerpt(long.as_bytes()).unwrap();
        assert!(shown.len() > 500 && shown.len() <= EXCERPT_BYTES_MAX, "{}", shown.len());
        let wide = "é ".repeat(1_000);
        assert!(excerpt(wide.as_bytes()).unwrap().len() <= EXCERPT_BYTES_MAX);
    }

    #[test]
    fn a_token_that_is_cut_off_is_not_shown_in_part() {
        // Long secrets before it leave room for the end of what was read.
        let secrets = "0a".repeat(240);
        let before = format!("{secrets} {secrets} and ");
        let answer = format!("{before}{}ada@example.com", "x ".repeat((1_020 - before.len()) / 2));
        assert!(answer.len() > READ_BYTES_MAX);
        let shown = excerpt(answer.as_bytes()).unwrap();
        assert!(!shown.contains("ada"), "{shown}");
    }
}
