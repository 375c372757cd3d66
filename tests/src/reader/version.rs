//! Versions: 1 to 4 components, SemVer pre-release precedence, build identifiers ignored.

use std::cmp::Ordering;

#[derive(Debug, Clone)]
pub struct Version {
    components: Vec<u32>,
    pre: Vec<String>,
}

/// None for anything that isn't a version.
pub fn parse(text: &str) -> Option<Version> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (text, build) = match text.split_once('+') {
        Some((text, build)) => (text, Some(build)),
        None => (text, None),
    };
    if let Some(build) = build
        && !build.split('.').all(identifier)
    {
        return None;
    }
    let (numbers, pre) = match text.split_once('-') {
        Some((numbers, pre)) => (numbers, pre.split('.').map(str::to_owned).collect()),
        None => (text, Vec::new()),
    };
    for part in &pre {
        let leading_zero = numeric(part) && part.len() > 1 && part.starts_with('0');
        if !identifier(part) || leading_zero {
            return None;
        }
    }
    let mut components = Vec::new();
    for part in numbers.split('.') {
        if !numeric(part) {
            return None;
        }
        // Leading zeros are allowed here, any number of them.
        let part = part.trim_start_matches('0');
        components.push(if part.is_empty() {
            0
        } else {
            part.parse().ok()?
        });
    }
    if components.len() > 4 {
        return None;
    }
    components.resize(4, 0);
    Some(Version { components, pre })
}

pub fn compare(a: &Version, b: &Version) -> Ordering {
    let numbers = a.components.cmp(&b.components);
    if numbers != Ordering::Equal {
        return numbers;
    }
    match (a.pre.is_empty(), b.pre.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    for (x, y) in a.pre.iter().zip(&b.pre) {
        let order = match (numeric(x), numeric(y)) {
            // Without leading zeros, the longer number is the larger one, whatever its size.
            (true, true) => x.len().cmp(&y.len()).then(x.cmp(y)),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => x.as_bytes().cmp(y.as_bytes()),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    a.pre.len().cmp(&b.pre.len())
}

fn numeric(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
}

fn identifier(part: &str) -> bool {
    !part.is_empty()
        && part
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_precedence_of_semver_holds() {
        let ascending = [
            "0",
            "0.0.0.1",
            "0.9",
            "1.0.0-0",
            "1.0.0-2",
            "1.0.0-11",
            "1.0.0-99999999999999999999999",
            "1.0.0--",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.0.1-a",
            "1.0.0.1",
            "1.2",
            "1.10",
            "4294967295",
        ];
        for (i, a) in ascending.iter().enumerate() {
            for (j, b) in ascending.iter().enumerate() {
                let order = compare(&parse(a).unwrap(), &parse(b).unwrap());
                assert_eq!(order, i.cmp(&j), "{a} {b}");
            }
        }
    }

    #[test]
    fn equal_precedence_is_equality() {
        for other in ["v1.2", "1.2.0.0", "1.2.0+build", "v01.002", "1.2+001.-"] {
            assert_eq!(
                compare(&parse("1.2").unwrap(), &parse(other).unwrap()),
                Ordering::Equal,
                "{other}"
            );
        }
        assert!(parse("00000000000000000000001").is_some());
    }

    #[test]
    fn anything_else_is_no_version() {
        for text in [
            "",
            "v",
            "V1",
            "vv1",
            "1.",
            ".1",
            "1..2",
            "1.2.3.4.5",
            "4294967296",
            "1.2-",
            "1.2+",
            "1.2-a..b",
            "1.2-01",
            "1.2-é",
            "1.2 ",
            " 1",
            "-1",
            "+1",
            "1.x",
            "1,2",
            "１",
            "1.2-a+b+c",
            "1.2+a..b",
        ] {
            assert!(parse(text).is_none(), "{text}");
        }
    }
}
