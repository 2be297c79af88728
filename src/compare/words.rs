//! Numbers as a reader likes them.

use super::number::count_from;

/// A count with its thousands apart: `12,345`.
pub fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count of things: `1 event`, `2 events`.
pub fn counted(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", count(number))
}

/// Stands for a number that is none. Documents have none of these; what they can't compute is `None`.
const NO_NUMBER: &str = "no number";

/// A share from 0 to 1 in per cent, with at least two digits that say something: `0.025 %`.
pub fn percent(share: f64) -> String {
    if !share.is_finite() {
        return NO_NUMBER.to_owned();
    }
    let percent = share * 100.0;
    // Close to 100 % it is the distance to 100 % that matters.
    let telling = percent.min(100.0 - percent).abs();
    let decimals = match telling {
        _ if telling <= 0.0 => 0,
        _ if telling >= 10.0 => 1,
        _ if telling >= 1.0 => 2,
        _ if telling >= 0.1 => 3,
        _ if telling >= 0.01 => 4,
        _ if telling >= 0.001 => 5,
        _ if percent > 50.0 => return "over 99.999 %".to_owned(),
        _ if share < 1e-7 => return "under 0.1 per million".to_owned(),
        _ => return trimmed(&format!("{:.1}", share * 1e6), "per million"),
    };
    trimmed(&format!("{percent:.decimals$}"), "%")
}

/// A duration in milliseconds, in the unit that suits it: `412.3 ms`, `5.21 s`, `3.5 min`, `7 d`.
pub fn duration(ms: f64) -> String {
    let size = ms.abs();
    if !ms.is_finite() {
        NO_NUMBER.to_owned()
    } else if size < 999.95 {
        trimmed(&format!("{ms:.1}"), "ms")
    } else if size < 120_000.0 {
        trimmed(&format!("{:.2}", ms / 1e3), "s")
    } else if size < 7_200_000.0 {
        trimmed(&format!("{:.1}", ms / 60e3), "min")
    } else if size < 259_200_000.0 {
        trimmed(&format!("{:.1}", ms / 3_600e3), "h")
    } else {
        trimmed(&format!("{:.1}", ms / 86_400e3), "d")
    }
}

/// A number without its fraction, its thousands apart: `360,270`.
pub fn rounded(number: f64) -> String {
    match count_from(number.round()) {
        Some(whole) => count(whole),
        None if number.is_finite() => format!("{number:.3e}"),
        None => NO_NUMBER.to_owned(),
    }
}

/// The price of one, however small: `0.0000004 USD`. Six digits that say something are enough for any
/// price list, and leave out what floating point adds.
pub fn price(price: f64, currency: &str) -> String {
    if !price.is_finite() {
        return NO_NUMBER.to_owned();
    }
    let decimals = (0..18).find(|decimals| price.abs() * 10_f64.powi(*decimals) >= 99_999.5);
    let decimals = decimals.and_then(|decimals| usize::try_from(decimals).ok()).unwrap_or(18);
    trimmed(&format!("{price:.decimals$}"), currency)
}

/// An amount of money: `5.07 USD`, `12,345.60 USD`.
pub fn money(amount: f64, currency: &str) -> String {
    if !amount.is_finite() {
        return NO_NUMBER.to_owned();
    }
    if amount > 0.0 && amount < 0.01 {
        return format!("under 0.01 {currency}");
    }
    let text = format!("{amount:.2}");
    let (whole, cents) = text.split_once('.').unwrap_or((&text, "00"));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), count);
    format!("{whole}.{cents} {currency}")
}

/// A number of events that need not be whole: `0.3`, `12`.
pub fn quantity(number: f64) -> String {
    match number {
        _ if !number.is_finite() => NO_NUMBER.to_owned(),
        _ if number <= 0.0 => "0".to_owned(),
        _ if number < 0.01 => "under 0.01".to_owned(),
        _ if number < 1.0 => format!("{number:.2}"),
        _ if number < 100.0 => format!("{number:.1}"),
        _ => rounded(number),
    }
}

/// A probability: `0.034`, `below 0.0001`.
pub fn probability(probability: f64) -> String {
    match probability {
        _ if !probability.is_finite() => NO_NUMBER.to_owned(),
        _ if probability < 0.0001 => "below 0.0001".to_owned(),
        _ => format!("{probability:.4}"),
    }
}

/// The number without zeros at the end of its fraction, and its unit.
fn trimmed(number: &str, unit: &str) -> String {
    let number = if number.contains('.') {
        number.trim_end_matches('0').trim_end_matches('.')
    } else {
        number
    };
    let number = if number == "-0" { "0" } else { number };
    format!("{number} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(shown: &str, expected: &str) {
        assert_eq!(shown, expected);
    }

    #[test]
    fn thousands_stand_apart() {
        check(&count(0), "0");
        check(&count(999), "999");
        check(&count(1_000), "1,000");
        check(&count(1_234_567), "1,234,567");
        check(&counted(1, "event"), "1 event");
        check(&counted(3_000, "event"), "3,000 events");
    }

    #[test]
    fn shares_keep_the_digits_that_matter() {
        check(&percent(0.0), "0 %");
        check(&percent(1.0), "100 %");
        check(&percent(0.5), "50 %");
        check(&percent(0.123_45), "12.3 %");
        check(&percent(0.000_25), "0.025 %");
        check(&percent(0.001), "0.1 %");
        check(&percent(0.999_75), "99.975 %");
        check(&percent(0.000_001_5), "1.5 per million");
        check(&percent(1e-9), "under 0.1 per million");
        check(&percent(1.0 - 1e-9), "over 99.999 %");
    }

    #[test]
    fn durations_come_in_the_unit_that_suits_them() {
        check(&duration(0.0), "0 ms");
        check(&duration(-12.34), "-12.3 ms");
        check(&duration(-0.01), "0 ms");
        check(&duration(412.0), "412 ms");
        check(&duration(999.99), "1 s");
        check(&duration(5_214.0), "5.21 s");
        check(&duration(210_000.0), "3.5 min");
        check(&duration(86_400_000.0), "24 h");
        check(&duration(604_800_000.0), "7 d");
    }

    #[test]
    fn money_has_its_cents() {
        check(&money(5.072, "USD"), "5.07 USD");
        check(&money(12_345.6, "EUR"), "12,345.60 EUR");
        check(&money(0.004, "USD"), "under 0.01 USD");
        check(&money(0.0, "USD"), "0.00 USD");
        check(&money(-1.5, "USD"), "-1.50 USD");
        check(&rounded(360_270.4), "360,270");
        check(&rounded(1e18), "1.000e18");
    }

    #[test]
    fn a_price_is_as_it_was_written() {
        check(&price(0.40 / 1e6, "USD"), "0.0000004 USD");
        check(&price(0.000_001, "USD"), "0.000001 USD");
        check(&price(5.0, "EUR"), "5 EUR");
        check(&price(1_234.56, "EUR"), "1234.56 EUR");
        check(&price(0.0, "USD"), "0 USD");
        check(&price(0.1 + 0.2, "USD"), "0.3 USD");
        check(&price(-0.5, "USD"), "-0.5 USD");
    }

    #[test]
    fn what_is_no_number_is_never_shown_as_one() {
        for none in [f64::NAN, f64::INFINITY] {
            check(&percent(none), NO_NUMBER);
            check(&duration(none), NO_NUMBER);
            check(&rounded(none), NO_NUMBER);
            check(&money(none, "USD"), NO_NUMBER);
            check(&price(none, "USD"), NO_NUMBER);
            check(&quantity(none), NO_NUMBER);
            check(&probability(none), NO_NUMBER);
        }
    }

    #[test]
    fn fractions_of_an_event_are_not_rounded_away() {
        check(&quantity(0.0), "0");
        check(&quantity(0.000_9), "under 0.01");
        check(&quantity(0.303), "0.30");
        check(&quantity(2_400.0), "2,400");
        check(&probability(0.034_088), "0.0341");
        check(&probability(1e-9), "below 0.0001");
    }
}
