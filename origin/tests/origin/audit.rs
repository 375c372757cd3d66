//! The audit log of a real origin, looked at while it runs, and after somebody was at the file.

use crate::api::Origin;
use crate::database;

const VERIFY: [&str; 4] = ["audit", "verify", "--db", "data/skyful.sqlite"];

#[test]
fn a_log_is_verified_while_it_is_written_and_a_cut_shows() {
    let (mut origin, ada) = Origin::with_first_user();
    let first = origin.desk.run(&VERIFY).ends_with_code(0);
    let last = first.out.trim().to_owned();
    assert!(first.err.contains("as written"), "{}", first.err);

    ada.imports_the_sample(&origin.desk);
    let expect = [&VERIFY[..], &["--expect", &last]].concat();
    let found = origin.desk.run(&expect).ends_with_code(0);
    assert_ne!(found.out.trim(), last, "it went on");
    let other = format!("1:{}", "0".repeat(64));
    let wrong = [&VERIFY[..], &["--expect", &other]].concat();
    origin.desk.run(&wrong).ends_with_code(1);
    let nonsense = [&VERIFY[..], &["--expect", "yesterday"]].concat();
    origin.desk.run(&nonsense).ends_with_code(2);
    let missing = ["audit", "verify", "--db", "nowhere.sqlite"];
    origin.desk.run(&missing).ends_with_code(2);

    origin.process.kill();
    database::change(
        &origin.desk,
        "DROP TRIGGER audit_loses_none; DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)",
    );
    let broken = origin.desk.run(&VERIFY).ends_with_code(1);
    assert!(broken.err.contains("was cut short here"), "{}", broken.err);
    let told = [&["--json"], &VERIFY[..]].concat();
    let told = origin.desk.run(&told).ends_with_code(1).json();
    assert_eq!(told["sealed"], true, "{told}");
    assert!(told["fault"]["seq"].is_i64(), "{told}");
}
