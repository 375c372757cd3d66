//! Over a store that is a directory: publishing, damage, restarts.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::fixture::{chunk_key, keys, objects, release, snapshot, value};
use crate::support::{Folders, SOON, start};

#[test]
fn a_published_page_is_answered_and_an_edit_within_two_seconds() {
    let folders = Folders::new();
    let server = start(folders.options());
    assert_eq!(server.get("/healthz").status, 503);
    assert_eq!(server.home().status, 503);
    folders.publish(1, &snapshot("one"));
    let answer = server.home_becomes("one in en", SOON);
    assert_eq!(answer.status, 200);
    assert!(
        answer.head.contains("content-type: application/json"),
        "{}",
        answer.head
    );
    assert_eq!(server.get("/healthz").status, 200);
    folders.publish(2, &snapshot("two"));
    server.home_becomes("two in en", SOON);
    let posted = server.post(r#"{"page":"home","unit":"u-1","attributes":{"ip":"192.0.2.1"}}"#);
    assert_eq!(posted.body, server.home().body);
    let here = server.get("/v1/pages/home?unit=u-1");
    assert!(here.body.contains("two for local in en"), "{here:?}");
    let minted = server.post(r#"{"page":"home"}"#);
    assert!(
        minted.head.contains("skyful-unit: anon-"),
        "{}",
        minted.head
    );
}

#[test]
fn a_manifest_damaged_in_the_store_changes_no_answer() {
    let folders = Folders::new();
    folders.publish(1, &snapshot("one"));
    let server = start(folders.options());
    let before = server.home().body;
    assert!(before.contains("one in en"), "{before}");
    let path = folders.store().join(keys().manifest());
    for damage in [&b"rubbish"[..], b""] {
        std::fs::write(&path, damage).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(server.home().body, before);
    }
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(server.home().body, before);
    let status = server.get("/v1/status").body;
    assert!(status.contains("\"last_error\":{"), "{status}");
    assert!(
        !status.contains(folders.store().to_str().unwrap()),
        "{status}"
    );
}

#[test]
fn a_restart_with_an_emptied_or_damaged_store_still_answers() {
    let folders = Folders::new();
    folders.publish(1, &snapshot("one"));
    let before = start(folders.options()).home().body;
    assert!(before.contains("one in en"), "{before}");
    folders.put(&keys().manifest(), b"rubbish");
    assert_eq!(start(folders.options()).home().body, before);
    folders.empty_store();
    let server = start(folders.options());
    assert_eq!(server.home().body, before);
    assert_eq!(server.get("/healthz").status, 200);
    // And it takes up what is published next.
    folders.publish(2, &snapshot("two"));
    server.home_becomes("two in en", SOON);
}

#[test]
fn a_missing_chunk_is_answered_by_the_release_before_and_marked() {
    let folders = Folders::new();
    folders.publish(1, &snapshot("one"));
    let server = start(folders.options());
    server.home_becomes("one in en", SOON);
    let two = snapshot("two");
    folders.put(&keys().manifest(), &value(&release(2, &two).sign(1), &[]));
    std::thread::sleep(Duration::from_millis(300));
    let answer = server.home();
    assert!(answer.body.contains("one in en"), "{answer:?}");
    assert!(answer.head.contains("skyful-behind: 2"), "{answer:?}");
    assert!(
        answer.head.contains("cache-control: no-store"),
        "{answer:?}"
    );
    folders.put(&chunk_key(&two, "home"), &objects(&two)[0].1);
    folders.publish(2, &two);
    server.home_becomes("two in en", Duration::from_secs(5));
}

#[test]
fn the_own_copy_leaves_no_half_written_files() {
    let folders = Folders::new();
    let server = start(folders.options());
    for sequence in 1..=5 {
        folders.publish(sequence, &snapshot(&format!("release {sequence}")));
        server.home_becomes(&format!("release {sequence} in"), SOON);
    }
    drop(server);
    let files = walk(&folders.root.path().join("state"));
    assert!(
        files.iter().all(|file| file.extension().is_none()),
        "{files:?}"
    );
    // Younger than the age at which others are swept, all five may still be there.
    let count = files
        .iter()
        .filter(|file| file.to_string_lossy().contains("/o/"))
        .count();
    assert!(count >= 2, "of the last two releases: {files:?}");
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(walk(&path));
        } else {
            files.push(path);
        }
    }
    files
}
