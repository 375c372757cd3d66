//! Files beside the pages.

use crate::support::{Folders, start};

#[test]
fn pictures_are_served_without_scripts_and_nothing_beside_them() {
    let folders = Folders::new();
    let art = folders.root.path().join("art");
    std::fs::create_dir(&art).unwrap();
    std::fs::write(art.join("sun.svg"), "<svg/>").unwrap();
    std::fs::write(folders.root.path().join("secret"), "secret").unwrap();
    let mut options = folders.options();
    options.assets = Some(art.clone());
    let server = start(options);
    let answer = server.get("/art/sun.svg");
    assert_eq!((answer.status, answer.body.as_str()), (200, "<svg/>"));
    for header in [
        "content-type: image/svg+xml",
        "content-security-policy: default-src 'none'",
        "x-content-type-options: nosniff",
    ] {
        assert!(answer.head.contains(header), "{}", answer.head);
    }
    for target in [
        "/art/../secret",
        "/art/%2e%2e/secret",
        "/art/..%2fsecret",
        "/art/%2e%2e%2fsecret",
        "/art/..%5csecret",
        "//secret",
        "/art//etc/passwd",
        "/art/%00",
        "/art/",
        "/art",
    ] {
        let answer = server.get(target);
        assert!(
            [400, 404, 307].contains(&answer.status),
            "{target}: {answer:?}"
        );
        assert!(!answer.body.contains("secret") && !answer.body.contains("root:"));
    }
    assert_eq!(start(folders.options()).get("/art/sun.svg").status, 404);
}
