//! What an edge knows of a visitor beside what the visitor says.

use std::borrow::Cow;

use skyful::context::{Context, Fact};
use skyful::limits;
use skyful::snapshot::Chunk;
use skyful::snapshot::records::{Attribute, Source};

use crate::Request;

/// Fills in what attributes are declared to come from, unless the client says it itself, and drops
/// claims to signed ones.
pub(super) fn fill_in(chunk: &Chunk, context: &mut Context<'_>, request: &Request<'_>) {
    for attribute in chunk.table::<Attribute>().iter() {
        let name = chunk.text(attribute.name);
        let facts = &request.facts;
        let value = match Source::from_code(attribute.source) {
            Some(Source::Signed) => {
                context.attributes.retain(|(given, _)| given != name);
                continue;
            }
            _ if context.attribute(name).is_some() => continue,
            Some(Source::EdgeCountry) => facts.country.clone(),
            Some(Source::EdgeRegion) => facts.region.clone(),
            Some(Source::EdgeIp) => facts.ip.clone(),
            Some(Source::Header) => (request.header)(chunk.text(attribute.header)),
            Some(Source::Request) | None => continue,
        };
        if let Some(value) = value.filter(|value| value.len() <= limits::REQUEST_TEXT_BYTES) {
            let fact = Fact::Untyped(vec![Cow::Owned(value)]);
            context.attributes.push((Cow::Owned(name.to_owned()), fact));
        }
    }
}
