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
        let (text, build) = match text.split_once('+') {
            Some((text, build)) => (text, Some(build)),
            None => (text, None),
        };
        let (numbers, pre) = match text.split_once('-') {
            Some((numbers, pre)) => (numbers, Some(pre)),
            None => (text, None),
        };
        if build.is_some_and(|b| !identifiers(b, true))
            || pre.is_some_and(|p| !identifiers(p, false))
        {
            return None;
        }
        let mut components = [0; 4];
        let mut slots = components.iter_mut();
        for number in numbers.split('.') {
            let slot = slots.next()?;
            if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            *slot = number.parse().ok()?;
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
