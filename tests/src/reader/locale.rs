//! Which locale is answered, and which of a field's locales is taken.

use serde_json::Value;

/// ASCII case folding, and `_` is `-`.
pub fn fold(tag: &str) -> String {
    tag.to_ascii_lowercase().replace('_', "-")
}

/// The locale found for a request, as `supported` spells it.
pub fn found(locales: &Value, requested: Option<&str>) -> String {
    let default = locales["default"].as_str().expect("a default locale");
    let supported = |tag: &str| -> Option<String> {
        texts(&locales["supported"])
            .find(|known| fold(known) == fold(tag))
            .map(str::to_owned)
    };
    let fallback = || supported(default).unwrap_or_else(|| default.to_owned());
    let Some(requested) = requested else {
        return fallback();
    };
    let mut tries = vec![fold(requested)];
    tries.extend(fallbacks(locales, requested));
    tries.extend(parents(requested));
    tries
        .iter()
        .find_map(|tag| supported(tag))
        .unwrap_or_else(fallback)
}

/// The tags along which a localized field is searched, folded.
pub fn chain(locales: &Value, found: &str) -> Vec<String> {
    let mut tags = vec![fold(found)];
    tags.extend(fallbacks(locales, found));
    tags.extend(parents(found));
    tags.push(fold(locales["default"].as_str().expect("a default locale")));
    tags
}

/// Every tag that stands anywhere under `locales`, folded.
pub fn known(locales: &Value) -> Vec<String> {
    let mut tags: Vec<String> = texts(&locales["supported"]).map(fold).collect();
    tags.extend(locales["default"].as_str().map(fold));
    for (tag, list) in locales["fallback"].as_object().into_iter().flatten() {
        tags.push(fold(tag));
        tags.extend(texts(list).map(fold));
    }
    tags
}

/// The declared fallbacks of a tag itself; those of its parents are not asked.
fn fallbacks(locales: &Value, tag: &str) -> Vec<String> {
    locales["fallback"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(of, _)| fold(of) == fold(tag))
        .flat_map(|(_, list)| texts(list).map(fold))
        .collect()
}

/// `zh-Hant-HK` → `zh-Hant`, `zh`.
fn parents(tag: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut tag = fold(tag);
    while let Some(at) = tag.rfind('-') {
        tag.truncate(at);
        found.push(tag.clone());
    }
    found
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(requested: Option<&str>, expected: &str) {
        let locales = json!({
            "default": "zh-CN", "supported": ["zh-CN", "zh-HK", "en", "th"],
            "fallback": {"zh-HK": ["zh-TW", "zh-CN"], "zh-TW": ["zh-Hant", "zh-HK"], "en-AU": ["fr"], "zh-Hant": ["th"]}
        });
        assert_eq!(found(&locales, requested), expected, "{requested:?}");
    }

    #[test]
    fn the_requested_tag_is_taken_if_supported_in_any_spelling() {
        check(Some("zh-HK"), "zh-HK");
        check(Some("ZH_hk"), "zh-HK");
        check(Some("TH"), "th");
    }

    #[test]
    fn its_own_fallbacks_come_before_its_parents() {
        check(Some("zh-TW"), "zh-HK");
        // Its list has nothing supported, so its parents are asked.
        check(Some("en-AU"), "en");
        // The list of a parent is not asked.
        check(Some("zh-Hant-MO"), "zh-CN");
        check(Some("zh-Hant"), "th");
    }

    #[test]
    fn parents_are_cut_one_subtag_at_a_time() {
        check(Some("zh-HK-x-a"), "zh-HK");
        check(Some("en-Latn-US"), "en");
    }

    #[test]
    fn without_a_readable_tag_it_is_the_default() {
        for tag in [
            None,
            Some(""),
            Some("-"),
            Some("fr"),
            Some("??"),
            Some("e n"),
        ] {
            check(tag, "zh-CN");
        }
    }

    #[test]
    fn a_field_is_searched_along_found_fallbacks_parents_default() {
        let locales = json!({"default": "en", "supported": ["en", "zh-Hant-HK"], "fallback": {"zh-Hant-HK": ["zh-CN"]}});
        let expected = ["zh-hant-hk", "zh-cn", "zh-hant", "zh", "en"];
        assert_eq!(chain(&locales, "zh-Hant-HK"), expected);
    }
}
