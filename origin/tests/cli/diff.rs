//! Comparing documents and snapshots.

use crate::support::{Desk, sample};

#[test]
fn a_document_and_its_snapshot_are_equal() {
    let desk = Desk::with_snapshot();
    let result = desk.run(&["diff", "wallet.yaml", "snapshot", "--exit-code"]);
    let result = result.ends_with_code(0);
    assert_eq!(result.out, "");
    assert_eq!(result.err, "no differences\n");
}

#[test]
fn an_edit_is_told_by_page_module_plan_and_field() {
    let desk = Desk::with_sample();
    desk.edit("wallet.yaml", "op: gte, value: 60", "op: gte, value: 65");
    desk.edit("wallet.yaml", "en: Good morning!", "en: Good day!");
    desk.edit(
        "wallet.yaml",
        "advice: [family_pot, family_safety]",
        "advice: [family_safety, family_pot]",
    );
    desk.edit("wallet.yaml", "{key: tips, max: 3}", "{key: tips, max: 2}");
    let original = sample().join("wallet.yaml");
    let original = original.to_str().expect("UTF-8");
    let result = desk
        .run(&["diff", original, "wallet.yaml"])
        .ends_with_code(0);
    insta::assert_snapshot!(result.out);
    desk.run(&["diff", original, "wallet.yaml", "--exit-code"])
        .ends_with_code(1);
    let json = desk.run(&["diff", original, "wallet.yaml", "--json"]);
    let json = json.ends_with_code(0).json();
    assert_eq!(json["equal"], false);
}
