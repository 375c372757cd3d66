//! Versions: one to four numeric components, ordered with pre-releases by SemVer 2.0 precedence.

use core::cmp::Ordering;

/// A version borrowed from its text. Build metadata is checked and dropped.
#[derive(Clone, Copy, Debug)]
pub struct Version<'a> {
    pub components: [u32; 4],
    /// Dot-separated identifiers; empty for a release.
    pub pre: &'a str,
}

impl<'a> Version<'a> {
    pub fn parse(text: &'a str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let end = text.bytes().position(|byte| matches!(byte, b'+' | b'-'));
        let (numbers, rest) = text.split_at_checked(end.unwrap_or(text.len()))?;
        let components = components(numbers)?;
        let (rest, build) = match rest.split_once('+') {
            Some((rest, build)) => (rest, Some(build)),
            None => (rest, None),
        };
        let pre = rest.strip_prefix('-');
        if build.is_some_and(|b| !identifiers(b, true))
            || pre.is_some_and(|p| !identifiers(p, false))
        {
            return None;
        }
        Some(Self {
            components,
            pre: pre.unwrap_or(""),
        })
    }

    /// SemVer 2.0 precedence, section 11, over four components.
    pub fn precedence(&self, other: &Version<'_>) -> Ordering {
        self.components
            .cmp(&other.components)
            .then_with(|| match (self.pre, other.pre) {
                ("", "") => Ordering::Equal,
                ("", _) => Ordering::Greater,
                (_, "") => Ordering::Less,
                (a, b) => {
                    let (mut a, mut b) = (a.split('.'), b.split('.'));
                    loop {
                        match (a.next(), b.next()) {
                            (None, None) => return Ordering::Equal,
                            (None, Some(_)) => return Ordering::Less,
                            (Some(_), None) => return Ordering::Greater,
                            (Some(a), Some(b)) => match identifier(a, b) {
                                Ordering::Equal => {}
                                decided => return decided,
                            },
                        }
                    }
                }
            })
    }
}

/// One to four numbers with dots between them. A byte at a time: requests have versions in them.
fn components(text: &str) -> Option<[u32; 4]> {
    let mut components = [0; 4];
    let mut slots = components.iter_mut();
    let mut number: Option<u32> = None;
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => {
                let tens = number.unwrap_or(0).checked_mul(10)?;
                number = Some(tens.checked_add(u32::from(byte.wrapping_sub(b'0')))?);
            }
            b'.' => *slots.next()? = number.take()?,
            _ => return None,
        }
    }
    *slots.next()? = number?;
    Some(components)
}

/// Numeric identifiers are below others and compare as numbers of any length.
fn identifier(a: &str, b: &str) -> Ordering {
    let numeric = |s: &str| s.bytes().all(|c| c.is_ascii_digit());
    match (numeric(a), numeric(b)) {
        (true, true) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => a.cmp(b),
    }
}

fn identifiers(text: &str, leading_zeros: bool) -> bool {
    text.split('.').all(|id| {
        let numeric = id.bytes().all(|b| b.is_ascii_digit());
        !id.is_empty()
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && (leading_zeros || !numeric || id.len() == 1 || !id.starts_with('0'))
    })
}
