//! JSON number literals, decided on their digits: `67`, `67.0` and `6.7e1` are the same integer, and
//! nothing passes through a double on the way to an `i64`.

/// The integer a literal denotes, if its exact value is whole and fits. Also reads `-0`.
pub fn integer(literal: &str) -> Option<i64> {
    digits(literal).or_else(|| exact(literal))
}

/// Nearly all are nothing but a few digits.
fn digits(literal: &str) -> Option<i64> {
    let plain = match literal.as_bytes() {
        [b'0', _, ..] | [] => false,
        digits => digits.len() <= 18 && digits.iter().all(u8::is_ascii_digit),
    };
    let digits = plain.then_some(literal.bytes())?;
    Some(digits.fold(0, |n: i64, byte| {
        n.wrapping_mul(10)
            .wrapping_add(i64::from(byte.wrapping_sub(b'0')))
    }))
}

fn exact(literal: &str) -> Option<i64> {
    let parts = Parts::of(literal)?;
    // value = digits × 10^scale, with digits = whole‖fraction.
    let mut scale = parts
        .exponent
        .checked_sub(i64::try_from(parts.fraction.len()).ok()?)?;
    let digits = || parts.whole.bytes().chain(parts.fraction.bytes());
    let significant = digits().rev().skip_while(|b| *b == b'0').count();
    let trailing = parts
        .whole
        .len()
        .checked_add(parts.fraction.len())?
        .checked_sub(significant)?;
    scale = scale.checked_add(i64::try_from(trailing).ok()?)?;
    let mut value: i64 = 0;
    for byte in digits().take(significant) {
        // Downwards, so that i64::MIN is reachable.
        value = value
            .checked_mul(10)?
            .checked_sub(i64::from(byte.wrapping_sub(b'0')))?;
    }
    if value == 0 {
        return Some(0);
    }
    if !(0..=18).contains(&scale) {
        return None;
    }
    for _ in 0..scale {
        value = value.checked_mul(10)?;
    }
    if parts.negative {
        Some(value)
    } else {
        value.checked_neg()
    }
}

/// The double nearest to a literal; −0 becomes 0; none if it overflows.
pub fn double(literal: &str) -> Option<f64> {
    Parts::of(literal)?;
    let value: f64 = literal.parse().ok()?;
    value
        .is_finite()
        .then_some(if value == 0.0 { 0.0 } else { value })
}

struct Parts<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
    exponent: i64,
}

impl<'a> Parts<'a> {
    /// By the grammar of RFC 8259, section 6.
    fn of(literal: &'a str) -> Option<Self> {
        let (negative, rest) = match literal.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, literal),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, saturating_exponent(exponent)?),
            None => (rest, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return None,
            None => (mantissa, ""),
        };
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        (!whole.is_empty() && !leading_zero && digits(whole) && digits(fraction)).then_some(Self {
            negative,
            whole,
            fraction,
            exponent,
        })
    }
}

/// An exponent of any length; beyond ± 10^15 the exact number no longer matters.
fn saturating_exponent(text: &str) -> Option<i64> {
    const FAR: i64 = 1_000_000_000_000_000;
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let value = digits.bytes().fold(0_i64, |n, b| {
        n.saturating_mul(10)
            .saturating_add(i64::from(b.wrapping_sub(b'0')))
            .min(FAR)
    });
    Some(if negative {
        value.saturating_neg()
    } else {
        value
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_is_decided_on_its_digits() {
        for (literal, expected) in [
            ("67", Some(67)),
            ("67.0", Some(67)),
            ("6.7e1", Some(67)),
            ("6700E-2", Some(67)),
            ("-0", Some(0)),
            ("-0.0e9", Some(0)),
            ("0e999999999999999999999", Some(0)),
            ("9007199254740993.0", Some(9_007_199_254_740_993)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("-9223372036854775808", Some(i64::MIN)),
            ("-9.223372036854775808e18", Some(i64::MIN)),
            ("1e18", Some(1_000_000_000_000_000_000)),
            ("1e19", None),
            ("67.5", None),
            ("1e-1", None),
            ("067", None),
            ("+1", None),
            ("1.", None),
            (".5", None),
            ("", None),
            ("-", None),
            ("1e", None),
            ("0x10", None),
        ] {
            assert_eq!(integer(literal), expected, "{literal}");
            assert_eq!(exact(literal), expected, "{literal}");
        }
    }

    #[test]
    fn a_double_is_the_nearest_one_and_never_infinite() {
        assert_eq!(double("0.1"), Some(0.1));
        assert_eq!(double("-0.0").map(f64::is_sign_negative), Some(false));
        assert_eq!(double("1e999"), None);
        assert_eq!(double("NaN"), None);
        assert_eq!(double("inf"), None);
    }
}
