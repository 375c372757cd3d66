//! Number literals, decided on their digits. No float takes part in deciding what is whole.

/// The whole number that a JSON number literal stands for, if it is whole and fits an `i64`.
///
/// `67`, `67.0`, `6.7e1` and `670e-1` are all 67. Exponents of any length are accepted: one beyond
/// `i64` is as good as infinite, since no literal has that many digits to make up for it.
pub fn whole(literal: &str) -> Option<i64> {
    let (negative, rest) = match literal.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, literal),
    };
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], exponent(&rest[at + 1..])),
        None => (rest, 0),
    };
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{before}{after}");
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    let stripped = digits.len() - digits.trim_end_matches('0').len();
    // The value is `significant` × 10^scale, and `significant` ends in a digit that isn't 0.
    let scale = exponent
        .saturating_sub(after.len() as i64)
        .saturating_add(stripped as i64);
    if !(0..=19).contains(&scale) || significant.len() as i64 + scale > 19 {
        return None;
    }
    let text = format!("{significant}{}", "0".repeat(scale as usize));
    let magnitude: i128 = text.parse().ok()?;
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

fn exponent(text: &str) -> i64 {
    match text.strip_prefix('-') {
        Some(digits) => -digits.parse::<i64>().unwrap_or(i64::MAX / 2),
        None => text
            .trim_start_matches('+')
            .parse::<i64>()
            .unwrap_or(i64::MAX / 2),
    }
}

/// The double nearest to a JSON number literal, if finite. The standard library rounds correctly.
pub fn double(literal: &str) -> Option<f64> {
    let value: f64 = literal.parse().ok()?;
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_is_whole_however_written() {
        for text in [
            "67", "67.0", "6.7e1", "6.7E+1", "670e-1", "0.67e2", "67.000e0",
        ] {
            assert_eq!(whole(text), Some(67), "{text}");
        }
        for text in ["0", "-0", "0.0", "0e999999999999999999999", "-0.00e-7"] {
            assert_eq!(whole(text), Some(0), "{text}");
        }
        assert_eq!(whole("9007199254740993.0"), Some(9_007_199_254_740_993));
        assert_eq!(whole("-100"), Some(-100));
        assert_eq!(whole("1200e-2"), Some(12));
    }

    #[test]
    fn a_fraction_or_more_than_i64_is_none() {
        for text in [
            "67.5",
            "1e-1",
            "6.75e1",
            "1e19",
            "1e99999999999999999999",
            "1e-99999999999999999999",
        ] {
            assert_eq!(whole(text), None, "{text}");
        }
        assert_eq!(whole("9223372036854775807"), Some(i64::MAX));
        assert_eq!(whole("9223372036854775808"), None);
        assert_eq!(whole("-9223372036854775808"), Some(i64::MIN));
        assert_eq!(whole("-9.223372036854775808e18"), Some(i64::MIN));
        assert_eq!(whole("-9223372036854775809"), None);
    }

    #[test]
    fn a_double_is_finite() {
        assert_eq!(double("1e400"), None);
        assert_eq!(double("-0.0"), Some(0.0));
        assert_eq!(double("9007199254740993"), Some(9_007_199_254_740_992.0));
    }
}
