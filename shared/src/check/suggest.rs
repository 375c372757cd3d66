//! "Did you mean": the nearest of the possible words.

use std::cell::Cell;

/// Comparisons one check may spend on suggestions, about half a second. A document in which
/// everything is misspelt has other worries.
const COMPARISONS: u32 = 1_000_000;

pub(crate) struct Suggestions {
    left: Cell<u32>,
}

impl Default for Suggestions {
    fn default() -> Self {
        Self {
            left: Cell::new(COMPARISONS),
        }
    }
}

impl Suggestions {
    /// The candidate with the fewest typing errors, if a third of the word or less is wrong.
    pub fn nearest<'c>(
        &self,
        word: &str,
        candidates: impl IntoIterator<Item = &'c str>,
    ) -> Option<&'c str> {
        let word: Vec<char> = word
            .chars()
            .take(100)
            .flat_map(char::to_lowercase)
            .collect();
        let allowed = (word.len() / 3).clamp(1, 4);
        let mut best: Option<(usize, &str)> = None;
        for candidate in candidates {
            let left = self.left.get();
            if left == 0 {
                break;
            }
            self.left.set(left.saturating_sub(1));
            if candidate.chars().count().abs_diff(word.len()) > allowed {
                continue;
            }
            let distance = distance(&word, candidate);
            if distance <= allowed && best.is_none_or(|(least, _)| distance < least) {
                best = Some((distance, candidate));
            }
        }
        best.map(|(_, candidate)| candidate)
    }
}

/// Optimal string alignment: insertions, deletions, replacements and swaps of neighbours.
fn distance(a: &[char], b: &str) -> usize {
    let b: Vec<char> = b.chars().flat_map(char::to_lowercase).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    let mut last_a = None;
    for (i, &x) in a.iter().enumerate() {
        let mut row = vec![i.saturating_add(1)];
        let mut last_b = None;
        for (j, &y) in b.iter().enumerate() {
            let cell = |row: &[usize], k: usize| row.get(k).copied().unwrap_or(usize::MAX / 2);
            let next = j.saturating_add(1);
            let mut least = cell(&previous, j)
                .saturating_add(usize::from(x != y))
                .min(cell(&previous, next).saturating_add(1))
                .min(cell(&row, j).saturating_add(1));
            if last_a == Some(y) && last_b == Some(x) && j > 0 {
                least = least.min(cell(&before, j.saturating_sub(1)).saturating_add(1));
            }
            row.push(least);
            last_b = Some(y);
        }
        before = std::mem::replace(&mut previous, row);
        last_a = Some(x);
    }
    previous.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_and_no_far_one() {
        let suggestions = Suggestions::default();
        let words = ["gte", "lte", "starts_with", "contains_any"];
        for (word, expected) in [
            ("gt", Some("gte")),
            ("eltg", None),
            ("start_with", Some("starts_with")),
            ("startswith", Some("starts_with")),
            ("contians_any", Some("contains_any")),
            ("audience", None),
            ("", None),
        ] {
            assert_eq!(suggestions.nearest(word, words), expected, "{word}");
        }
        let ab: Vec<char> = "ab".chars().collect();
        assert_eq!(distance(&ab, "ba"), 1);
        assert_eq!(distance(&ab, ""), 2);
        assert_eq!(distance(&[], "abc"), 3);
    }
}
