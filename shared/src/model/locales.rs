//! Which locale a text is taken from. Negotiation of the requested tag is not here but in resolving.

use alloc::string::String;
use alloc::vec::Vec;

use super::Locales;

/// Tags are compared by this: ASCII letters in lower case, `_` as `-`.
pub fn fold(tag: &str) -> String {
    tag.chars()
        .map(|c| {
            if c == '_' {
                '-'
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect()
}

/// The tags along which a localized text is looked for, folded, each once: the supported locale of
/// this index, its declared fallbacks in order, its parents nearest first, the default.
pub fn chain(locales: &Locales, found: usize) -> Vec<String> {
    let mut chain: Vec<String> = Vec::new();
    let mut push = |tag: String| {
        if !chain.contains(&tag) {
            chain.push(tag);
        }
    };
    if let Some(tag) = locales.supported.get(found) {
        let tag = fold(tag);
        push(tag.clone());
        let declared = locales.fallback.iter().find(|(from, _)| fold(from) == tag);
        for fallback in declared.map(|(_, list)| list).into_iter().flatten() {
            push(fold(fallback));
        }
        let mut rest = tag.as_str();
        while let Some((parent, _)) = rest.rsplit_once('-') {
            push(parent.into());
            rest = parent;
        }
    }
    if let Some(default) = locales.supported.get(locales.default) {
        push(fold(default));
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_chain_is_found_then_fallbacks_then_parents_then_default() {
        let strings = |tags: &[&str]| tags.iter().map(ToString::to_string).collect::<Vec<_>>();
        let locales = Locales {
            supported: strings(&["zh-CN", "zh_Hant_HK", "en"]),
            default: 0,
            fallback: [("zh-hant-hk".into(), strings(&["zh-TW", "zh-CN"]))].into(),
        };
        assert_eq!(
            chain(&locales, 1),
            ["zh-hant-hk", "zh-tw", "zh-cn", "zh-hant", "zh"]
        );
        assert_eq!(chain(&locales, 2), ["en", "zh-cn"]);
        assert_eq!(chain(&locales, 0), ["zh-cn", "zh"]);
        assert_eq!(chain(&locales, 9), ["zh-cn"]);
    }
}
