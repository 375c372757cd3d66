//! Texts as JSON strings (RFC 8259): quotation mark, reverse solidus and control characters are escaped.

use alloc::vec::Vec;

pub fn quote(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    escape(out, text.as_bytes());
    out.push(b'"');
}

/// What stands between the quotation marks.
pub fn escape(out: &mut Vec<u8>, text: &[u8]) {
    if plain(text) == text.len() {
        out.extend_from_slice(text);
    } else {
        escape_some(out, text);
    }
}

/// Whatever lies between two escapes is copied in one piece.
#[cold]
fn escape_some(out: &mut Vec<u8>, text: &[u8]) {
    let mut rest = text;
    while let Some((plain, from)) = rest.split_at_checked(plain(rest)) {
        out.extend_from_slice(plain);
        let Some((byte, after)) = from.split_first() else {
            return;
        };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&hex(*byte));
            }
        }
        rest = after;
    }
}

/// Two lower-case digits.
pub fn hex(byte: u8) -> [u8; 2] {
    [byte >> 4, byte & 15].map(|digit| {
        let first = if digit < 10 { b'0' } else { b'a' - 10 };
        first.wrapping_add(digit)
    })
}

/// How many bytes stand before the first one that is escaped. Eight at a time (Mycroft's test for a zero byte): keys and
/// most values end within the second word.
pub fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let (words, rest) = bytes.as_chunks::<8>();
    let mut at = 0_usize;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let below = |word: u64, limit: u64| word.wrapping_sub(ONES.wrapping_mul(limit)) & !word;
        let is = |byte: u8| below(word ^ ONES.wrapping_mul(u64::from(byte)), 1);
        // A borrow can only mark a byte behind the first that is marked rightly.
        let marked = (is(b'"') | is(b'\\') | below(word, 0x20)) & HIGH;
        if marked != 0 {
            return at.saturating_add((marked.trailing_zeros() / 8) as usize);
        }
        at = at.saturating_add(8);
    }
    let special = |byte: &u8| *SPECIAL.get(usize::from(*byte)).unwrap_or(&true);
    at.saturating_add(rest.iter().position(special).unwrap_or(rest.len()))
}

const SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let (below, _) = special.split_at_mut(0x20);
    let mut rest = below;
    while let Some((first, others)) = rest.split_first_mut() {
        *first = true;
        rest = others;
    }
    let (_, from) = special.split_at_mut(b'"' as usize);
    if let Some(quotation) = from.first_mut() {
        *quotation = true;
    }
    let (_, from) = special.split_at_mut(b'\\' as usize);
    if let Some(solidus) = from.first_mut() {
        *solidus = true;
    }
    special
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_quoted_reads_back(text in "[\\x00-\\x22\\x5b-\\x5d\\x7f-\u{ff}a\u{1f600}]{0,40}") {
            let mut out = Vec::new();
            quote(&mut out, &text);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }

        #[test]
        fn bytes_are_plain_up_to_the_first_special_one(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0x00..=0x1F);
            let slowly = bytes.iter().position(special).unwrap_or(bytes.len());
            prop_assert_eq!(plain(&bytes), slowly);
        }
    }
}
