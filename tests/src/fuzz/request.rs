//! Target `request`: any bytes as a context. The first byte says whether they are JSON or a query string.

use serde_json::Value;
use skyful::context::{Context, Fact};

pub const JSON: u8 = 0;
pub const QUERY: u8 = 1;

/// Whether it is a request.
pub fn run(input: &[u8]) -> bool {
    let Some((form, bytes)) = input.split_first() else {
        return false;
    };
    if form % 2 == QUERY {
        let Ok(query) = core::str::from_utf8(bytes) else {
            return false;
        };
        return Context::from_query(query).is_ok_and(|context| fits(&context));
    }
    let read = Context::from_json(bytes);
    if let Err(strict) = serde_json::from_slice::<Value>(bytes) {
        let why = strict.to_string();
        // Numbers are kept as written and typed later; how deep is too deep is each reader's own.
        let lenient = why.contains("number out of range") || why.contains("recursion limit");
        assert!(
            read.is_err() || lenient,
            "{why}: {}",
            String::from_utf8_lossy(bytes)
        );
    }
    read.is_ok_and(|context| fits(&context))
}

/// What every reader of a context relies on.
fn fits(context: &Context<'_>) -> bool {
    use skyful::limits;
    for id in [&context.unit, &context.device].into_iter().flatten() {
        assert!((1..=limits::UNIT_BYTES).contains(&id.len()));
    }
    assert!(context.attributes.len() <= limits::REQUEST_ATTRIBUTES);
    assert!(context.caps.len() <= limits::REQUEST_COUNTERS);
    for (name, fact) in &context.attributes {
        assert!(context.attribute(name).is_some());
        if let Fact::Number(literal) = fact {
            let _ = skyful::value::number::integer(literal);
            let double = skyful::value::number::double(literal);
            assert!(double.is_none_or(f64::is_finite), "{literal}");
        }
    }
    let mut turned = context.clone();
    turned.attributes.reverse();
    turned.have = None;
    let unique = (1..context.attributes.len()).all(|n| {
        context.attributes[..n]
            .iter()
            .all(|(name, _)| *name != context.attributes[n].0)
    });
    assert!(!unique || turned.fingerprint() == context.fingerprint());
    true
}
