//! Attributes that the request leaves to the edge: what the platform knows, what a header says, and what only the
//! customer's own server can say.

use std::borrow::Cow;

use skyful::context::{Context, Fact};
use skyful::limits;
use skyful::snapshot::Chunk;
use skyful::snapshot::records::{Attribute, Source};

use super::Call;
use super::signed::Signed;
use crate::{Edge, Ports, Request};

impl Edge {
    /// Fills in what attributes are declared to come from, unless the client says it itself. Those declared `signed`
    /// come from the signed context alone.
    pub(super) fn fill_in<'c, P: Ports>(
        &self,
        call: &'c Call<'_, P>,
        chunk: &Chunk,
        context: &mut Context<'c>,
    ) {
        let mut signed = None;
        for attribute in chunk.table::<Attribute>().iter() {
            let name = chunk.text(attribute.name);
            let source = Source::from_code(attribute.source);
            if source == Some(Source::Signed) {
                let signed = signed.get_or_insert_with(|| {
                    let claims = || self.claims(call, context.unit.as_deref());
                    call.claims.get_or_init(claims).facts()
                });
                only_signed(name, signed, context);
            } else if context.attribute(name).is_none()
                && let Some(value) = known(call.request, chunk, &attribute)
            {
                let fact = Fact::Untyped(vec![Cow::Owned(value)]);
                context.attributes.push((Cow::Owned(name.to_owned()), fact));
            }
        }
    }
}

fn known(request: &Request<'_>, chunk: &Chunk, attribute: &Attribute) -> Option<String> {
    let facts = &request.facts;
    let value = match Source::from_code(attribute.source)? {
        Source::EdgeCountry => facts.country.clone(),
        Source::EdgeRegion => facts.region.clone(),
        Source::EdgeIp => facts.ip.clone(),
        Source::Header => (request.header)(chunk.text(attribute.header)),
        Source::Request | Source::Signed => None,
    };
    value.filter(|value| value.len() <= limits::REQUEST_TEXT_BYTES)
}

/// Whatever the client claims is gone; what was signed for it takes that place.
fn only_signed<'c>(name: &str, signed: &Signed<'c>, context: &mut Context<'c>) {
    let before = context.attributes.len();
    context.attributes.retain(|(given, _)| given != name);
    let claimed = context.attributes.len() < before;
    let why = match signed {
        Ok(facts) => match facts.attribute(name) {
            Some(fact) => {
                let name = Cow::Owned(name.to_owned());
                context.attributes.push((name, fact.clone()));
                return;
            }
            None => "counts only in a signed context",
        },
        Err(why) => why,
    };
    // Of what nobody claimed there is only something to tell if a signed context was refused.
    if claimed || signed.is_err() {
        context.dropped.push((name.to_owned(), why));
    }
}
