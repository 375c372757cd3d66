//! A doctor that asks edges: one that is fine, one that lags, one that trusts somebody else, one that is gone.

use std::time::Duration;

use serde_json::json;

use crate::api::Origin;
use crate::restoring::{releases, unprotected, with_an_edge};
use crate::story::{PROD, edge_over, until_seen};
use crate::support::Desk;

const SOON: Duration = Duration::from_secs(20);

#[test]
fn a_doctor_asks_edges_what_they_show() {
    let (origin, ada) = Origin::with_first_user();
    ada.imports_the_sample(&origin.desk);
    unprotected(&ada);
    let mut fine = with_an_edge(&origin, &ada);
    let trust = ada.get(&format!("{PROD}/keys")).is(200).body["trust"].clone();
    let mut late = edge_over(&origin, trust.as_str().expect("keys"), "late-store");
    late.start(&origin.desk);
    let settings = json!({"kind": "edge", "url": format!("http://{}", late.address)});
    let at = format!("{PROD}/targets/lima");
    let made = ada.make(&at, &json!({"settings": settings})).is(200);
    releases(&ada, "First");
    until_seen(&fine, 1, SOON);
    until_seen(&late, 1, SOON);
    let off = json!({"settings": settings, "enabled": false});
    ada.put(&at, &made.etag, &off).is(200);
    releases(&ada, "Second");
    until_seen(&fine, 2, SOON);
    origin
        .desk
        .run(&["keys", "new", "-o", "stranger"])
        .ends_with_code(0);
    let mut strange = edge_over(&origin, "stranger.pub", "strange-store");
    strange.start(&origin.desk);

    let url = |edge: &crate::process::Process| format!("http://{}", edge.address);
    let (lima, oslo) = (url(&late), url(&strange));
    let doctor = ["doctor", "--data", "data", "--edge", &lima, "--edge", &oslo];
    let told = origin.desk.run(&doctor).ends_with_code(1).out;
    for words in [
        &format!("wallet/prod/frankfurt ({}) shows sequence 2", url(&fine)),
        &format!("{lima} lags: it shows sequence 1 of wallet/prod, 2 is out"),
        &format!("{oslo} doesn't trust the key that signs wallet/prod"),
    ] {
        assert!(told.contains(words), "no {words:?} in: {told}");
    }
    fine.kill();
    let told = origin.desk.run(&["--json", "doctor", "--data", "data"]);
    let told = told.ends_with_code(1).json();
    let gone = told["findings"].as_array().expect("a list").iter();
    let gone: Vec<_> = gone.filter(|found| found["level"] == "error").collect();
    assert_eq!(gone.len(), 1, "{told:#}");
    let what = gone[0]["what"].as_str().expect("words");
    assert!(
        what.contains("wallet/prod/frankfurt") && what.contains("gives no answer"),
        "{what}"
    );

    // Elsewhere, without a database, edges are held against each other.
    let desk = Desk::new();
    let told = desk.run(&["doctor", "--edge", &lima, "--edge", &oslo]);
    let told = told.ends_with_code(0).out;
    assert!(told.contains("shows sequence 1 of wallet/prod"), "{told}");
    desk.run(&["doctor"]).ends_with_code(2);
}
