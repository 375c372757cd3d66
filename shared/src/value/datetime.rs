//! Instants: RFC 3339 to and from Unix milliseconds. No clock and no zones here.

use alloc::string::String;
use alloc::vec::Vec;

/// Unix milliseconds of an RFC 3339 text, digits beyond milliseconds cut. A second of 60 counts as
/// the next second.
pub fn parse(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let digit = |i: usize| {
        bytes
            .get(i)
            .filter(|b| b.is_ascii_digit())
            .map(|b| i64::from(b.wrapping_sub(b'0')))
    };
    let two = |i: usize| {
        Some(
            digit(i)?
                .wrapping_mul(10)
                .wrapping_add(digit(i.checked_add(1)?)?),
        )
    };
    let is = |i: usize, wanted: &[u8]| bytes.get(i).is_some_and(|b| wanted.contains(b));
    if !(is(4, b"-") && is(7, b"-") && is(10, b"Tt") && is(13, b":") && is(16, b":")) {
        return None;
    }
    let year = two(0)?.wrapping_mul(100).wrapping_add(two(2)?);
    let (month, day, hour, minute, second) = (two(5)?, two(8)?, two(11)?, two(14)?, two(17)?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut at = 19;
    let mut millis = 0;
    if is(at, b".") {
        let mut unit = 100;
        at = at.wrapping_add(1);
        digit(at)?;
        while let Some(d) = digit(at) {
            millis += d.wrapping_mul(unit);
            unit /= 10;
            at = at.checked_add(1)?;
        }
    }
    let offset_minutes = if is(at, b"Zz") {
        at = at.checked_add(1)?;
        0
    } else {
        let sign = if is(at, b"+") {
            1
        } else if is(at, b"-") {
            -1
        } else {
            return None;
        };
        let (hours, minutes) = (two(at.checked_add(1)?)?, two(at.checked_add(4)?)?);
        if !is(at.checked_add(3)?, b":") || hours > 23 || minutes > 59 {
            return None;
        }
        at = at.checked_add(6)?;
        sign * (hours * 60 + minutes)
    };
    if at != bytes.len() {
        return None;
    }
    let minutes = (days_from_civil(year, month, day) * 24 + hour) * 60 + minute - offset_minutes;
    Some((minutes * 60 + second) * 1_000 + millis)
}

/// RFC 3339 in UTC, with milliseconds only if there are any.
pub fn format(unix_ms: i64) -> String {
    let mut out = Vec::with_capacity(24);
    write(&mut out, unix_ms);
    out.into_iter().map(char::from).collect()
}

/// Appends the same, which is ASCII.
pub fn write(out: &mut Vec<u8>, unix_ms: i64) {
    let (seconds, millis) = (unix_ms.div_euclid(1_000), unix_ms.rem_euclid(1_000));
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil_from_days(days);
    // Of a number below a hundred.
    let two = |number: i64| [number / 10, number % 10].map(|d| b'0'.wrapping_add(d as u8));
    if (0..10_000).contains(&year) {
        out.extend_from_slice(two(year / 100).as_slice());
        out.extend_from_slice(two(year % 100).as_slice());
    } else {
        out.extend_from_slice(alloc::format!("{year:04}").as_bytes());
    }
    let fields = [
        (b'-', month),
        (b'-', day),
        (b'T', of_day / 3_600),
        (b':', of_day / 60 % 60),
        (b':', of_day % 60),
    ];
    for (before, number) in fields {
        let [tens, ones] = two(number);
        out.extend_from_slice(&[before, tens, ones]);
    }
    if millis != 0 {
        let [tens, ones] = two(millis % 100);
        out.extend_from_slice(&[b'.', b'0'.wrapping_add((millis / 100) as u8), tens, ones]);
    }
    out.push(b'Z');
}

/// From 1, of a day since 1970-01-01.
pub(crate) fn day_of_month(days: i64) -> i64 {
    civil_from_days(days).2
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a proleptic Gregorian date (Howard Hinnant, "chrono-compatible low-level
/// date algorithms", public domain). Inputs are small, so the arithmetic cannot overflow.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The inverse, for any day an `i64` of milliseconds can name.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_3339_and_nothing_else() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-11-22t09:00:00.1239z", Some(1_795_338_000_123)),
            ("2026-11-22T09:00:00+08:00", Some(1_795_309_200_000)),
            ("1969-12-31T23:59:59.999Z", Some(-1)),
            ("2016-12-31T23:59:60Z", Some(1_483_228_800_000)),
            ("2024-02-29T00:00:00-00:00", Some(1_709_164_800_000)),
            ("2023-02-29T00:00:00Z", None),
            ("2026-11-22 09:00:00Z", None),
            ("2026-11-22T09:00:00", None),
            ("2026-11-22T09:00Z", None),
            ("2026-11-22T09:00:00.Z", None),
            ("2026-11-22T24:00:00Z", None),
            ("2026-11-22T09:00:00+24:00", None),
            ("2026-11-22T09:00:00Zx", None),
            ("", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn formatting_is_the_inverse_of_parsing() {
        for at in [
            0,
            -1,
            1_795_338_000_123,
            951_782_400_000,
            4_102_444_800_000,
            -62_135_596_800_000,
        ] {
            assert_eq!(parse(&format(at)), Some(at), "{at}");
        }
        assert_eq!(format(1_795_338_000_009), "2026-11-22T09:00:00.009Z");
        assert_eq!(format(i64::MAX), "292278994-08-17T07:12:55.807Z");
        assert_eq!(format(-62_198_755_200_001), "-002-12-31T23:59:59.999Z");
    }
}
