//! What a document changes for visitors of an environment: compared as edges will act on it. Only what isn't the same here is
//! fetched.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use skyful::compile::Snapshot;
use skyful::snapshot::{Digest, Listing};
use ureq::http::Method;

use crate::deliver::api::Call;
use crate::diff::{self, Change};
use crate::failure::Failure;
use crate::outline;
use crate::remote::Place;
use crate::remote::wire::Live;

/// Beside what everybody sees there; beside nothing, all is new.
pub fn live(place: &Place, live: Option<&Live>, after: &Snapshot) -> Result<Vec<Change>, Failure> {
    let before = match live {
        None => json!({}),
        Some(live) => tree(place, &fetched(place, &live.stable, after)?)?,
    };
    Ok(diff::between(&before, &tree(place, after)?))
}

fn tree(place: &Place, snapshot: &Snapshot) -> Result<Value, Failure> {
    let broken = |(digest, error)| {
        let failure = Failure::fault(format!(
            "what {place} shows can't be read: {digest}: {error}"
        ));
        failure.hint("the origin may be of another version than this command line")
    };
    let mut tree = outline::of(snapshot, None).map_err(broken)?;
    outline::forget_storage(&mut tree);
    Ok(tree)
}

fn fetched(place: &Place, named: &str, here: &Snapshot) -> Result<Snapshot, Failure> {
    let other = || {
        let failure = Failure::fault(format!("{named} doesn't come as what it is called"));
        failure.hint("the origin may be of another version than this command line")
    };
    let digest = named.strip_prefix("b3-").and_then(Digest::from_hex);
    let digest = digest.ok_or_else(other)?;
    let of = format!("?snapshot={named}");
    let get = |path: &str| {
        let call = Call::new(Method::GET, place.draft(&format!("preview/{path}{of}")));
        place.origin.send(call)
    };
    let bytes = get("listing")?.body;
    let listing = Listing::from_object(&bytes, digest).map_err(|_| other())?;
    let mut objects = BTreeMap::new();
    for digest in listing.digests() {
        let bytes = match here.objects.get(&digest) {
            Some(bytes) => bytes.clone(),
            None => get(&format!("objects/{digest}"))?.body,
        };
        objects.insert(digest, bytes);
    }
    Ok(Snapshot {
        listing,
        objects,
        warnings: Vec::new(),
    })
}
