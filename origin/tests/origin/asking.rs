//! What somebody is told who asks an origin wrongly, or asks one that isn't there.

use crate::api::Origin;
use crate::commands::at;
use crate::story::WALLET;
use crate::support::Desk;

/// One sentence on stderr with what helps, and the exit code.
#[track_caller]
fn refused(told: crate::support::Result, code: i32, words: &[&str]) {
    let told = told.ends_with_code(code);
    for words in words {
        assert!(told.err.contains(words), "no {words:?} in: {}", told.err);
    }
    assert!(told.err.starts_with("error: "), "{}", told.err);
}

#[test]
fn who_asks_wrongly_is_told_what_is_right() {
    let (origin, owner) = Origin::with_first_user();
    let desk = &origin.desk;
    let as_who = |token: &str| at(&origin, token);
    let export = ["export"];
    refused(
        as_who("").run(&export),
        2,
        &["without a token", "SKYFUL_TOKEN"],
    );
    let nobody = as_who("skyful_nobody");
    refused(
        nobody.run(&export),
        2,
        &["lets nobody in", "docs/people.md"],
    );
    refused(as_who("two words").run(&export), 2, &["no token"]);
    let missing = ["export", "--token-file", "nowhere"];
    refused(nobody.run(&missing), 2, &["cannot read nowhere"]);

    let viewer = as_who(&owner.token("viewer"));
    desk.write("token", &format!("{}\n", viewer.token));
    as_who("")
        .run(&["export", "--token-file", "token"])
        .ends_with_code(0);
    let other = ["export", "--workspace", "purse"];
    refused(
        viewer.run(&other),
        2,
        &["no workspace `purse`", "sees wallet"],
    );
    let nowhere = ["release", "list"];
    refused(viewer.run(&nowhere), 2, &["which environment", "dev, prod"]);
    let nowhere = ["release", "list", "--env", "prd"];
    refused(
        viewer.run(&nowhere),
        2,
        &["no environment `prd`", "dev, prod"],
    );
    let unknown = ["release", "show", "9", "--env", "prod"];
    refused(viewer.run(&unknown), 2, &["no release 9"]);
    let nothing = ["rollback", "--env", "prod"];
    refused(
        viewer.run(&nothing),
        1,
        &["nothing is released in wallet/prod"],
    );
    let apply = ["apply", "wallet.yaml", "--env", "dev"];
    refused(viewer.run(&apply), 2, &["your role does not let you"]);
    assert_eq!(owner.get(WALLET).is(200).body["revision"], 0);
    let told = viewer.run(&[&["--json"], &apply[..]].concat());
    let told = told.ends_with_code(2).json();
    assert_eq!(told["type"], "urn:skyful:problem:denied");

    let designer = as_who(&owner.token("designer"));
    refused(
        designer.run(&["apply", "nowhere.yaml"]),
        2,
        &["cannot read nowhere.yaml"],
    );
    let moved = [&apply[..], &["--revision", "7"]].concat();
    refused(designer.run(&moved), 1, &["revision 0", "export it again"]);
    let named = [&apply[..], &["--workspace", "purse"]].concat();
    refused(
        designer.run(&named),
        2,
        &["the document of `wallet`, not of `purse`"],
    );
    let pipeline = [&apply[..], &["--pipeline", "express"]].concat();
    refused(
        designer.run(&pipeline),
        1,
        &["no pipeline `express`", "careful"],
    );
    // What was refused late is in the draft, and applied as it is the next time.
    let told = designer.run(&apply).ends_with_code(0).out;
    assert!(
        told.contains("release 1 of wallet/dev: everybody sees it"),
        "{told}"
    );
    let told = designer
        .run(&["release", "--env", "dev"])
        .ends_with_code(0)
        .out;
    assert!(told.contains("nothing to release"), "{told}");
}

#[test]
fn an_origin_that_is_not_there_is_told_by_its_address() {
    let desk = Desk::with_sample();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let ask = |args: &[&str]| {
        let mut command = desk.command(args);
        let told = command.env("SKYFUL_TOKEN", "skyful_x").output();
        crate::support::Result::from(told.expect("it runs"))
    };
    let apply = ["apply", "wallet.yaml", "--env", "dev", "--origin", &address];
    refused(ask(&apply), 2, &[&address, "skyful serve", "--origin"]);
    let wrong = ["export", "--origin", "localhost:8700"];
    let told = ask(&wrong).ends_with_code(2).err;
    assert!(told.contains("begins with http"), "{told}");
}
