use skyful::compile::Snapshot;
use skyful::resolve::write::{Release, Track};
use skyful::snapshot::Digest;
use skyful::value::datetime;

use super::*;
use crate::store::Span;
use crate::store::sqlite::snapshots::{self, SnapshotRow};
use crate::store::sqlite::workspaces;

const SECRET: &str = "3333333333333333333333333333333333333333333333333333333333333333";
const NOW: i64 = 1_800_000_000_000;
const DAY: i64 = 86_400_000;

fn receipt(env: &str, page: &str) -> String {
    let secrets = Secrets::parse(SECRET, "wallet", env).unwrap();
    let release = Release {
        sequence: 42,
        snapshot: Digest([9; 32]),
        track: Track::Stable,
    };
    Receipt::of(&release, page, 0, &[]).seal(secrets.sealer().unwrap())
}

fn line(id: &str, received_ms: i64, receipt: &str) -> String {
    let at = datetime::format(received_ms);
    format!(
        "{{\"workspace\":\"wallet\",\"env\":\"prod\",\"received_at\":\"{at}\",\"id\":\"{id}\",\"type\":\"click\",\
         \"unit\":\"u\",\"page\":\"home\",\"receipt\":\"{receipt}\",\"at\":\"{at}\"}}"
    )
}

fn run(secret: Option<&str>, test: impl AsyncFnOnce(Ingest)) {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let store = Sqlite::open(&folder.path().join("events.sqlite"))
            .await
            .unwrap();
        test(Ingest::new(store, secret.map(str::to_owned)).unwrap()).await;
    });
}

#[test]
fn a_batch_is_kept_but_for_the_lines_that_cannot_be() {
    run(Some(SECRET), async |ingest| {
        let genuine = receipt("prod", "home");
        let lines = [
            line("a", NOW, &genuine),
            line("b", NOW, &receipt("dev", "home")),
            line("c", NOW, &receipt("prod", "other")),
            "rubbish".to_owned(),
            line("d", NOW - 15 * DAY, &genuine),
            line("e", NOW - 15 * DAY - 1, &genuine),
            line("a", NOW, &genuine),
        ];
        let texts: Vec<&str> = lines.iter().map(String::as_str).collect();
        let collected = ingest.collect(&texts, NOW).await.unwrap();
        let refused: Vec<_> = collected
            .refused
            .iter()
            .map(|refused| (refused.line, refused.id.as_deref(), refused.why))
            .collect();
        let expected = [
            (1, Some("b"), "forged_receipt"),
            (2, Some("c"), "receipt_of_another_page"),
            (3, None, "unreadable"),
            (5, Some("e"), "too_late"),
        ];
        assert_eq!(refused, expected);
        assert_eq!((collected.stored, collected.duplicates), (2, 1));
        let again = ingest.collect(&texts, NOW).await.unwrap();
        assert_eq!((again.stored, again.duplicates), (0, 3));
    });
}

/// `home` shows `hero`, another page `other`.
fn two_pages() -> Snapshot {
    let document = serde_json::json!({
        "skyful": 1, "workspace": "wallet", "locales": {"default": "en", "supported": ["en"]},
        "module_types": {"card": {"schema": {"type": "object"}}},
        "modules": {
            "hero": {"type": "card", "default": {"content": {}}},
            "other": {"type": "card", "default": {"content": {}}},
        },
        "pages": {
            "home": {"slots": [{"key": "s"}], "default": {"modules": {"s": ["hero"]}}},
            "other": {"slots": [{"key": "s"}], "default": {"modules": {"s": ["other"]}}},
        },
    });
    let read_file = |name: &str| Err(format!("no file {name}"));
    let options = skyful::check::Options {
        now_ms: None,
        read_file: &read_file,
    };
    let checked = skyful::check::check(document.to_string().as_bytes(), &options);
    let workspace = checked.workspace.expect("a workspace");
    skyful::compile::compile(&workspace, &mut |_, _| ()).expect("a snapshot")
}

/// As a release does.
async fn keep(store: &Sqlite, snapshot: &Snapshot) {
    let row = SnapshotRow {
        digest: snapshot.listing.digest().hex(),
        revision: 1,
        document: "{}".into(),
        listing: snapshot.listing.to_object(),
        created_ms: NOW,
    };
    let objects = snapshot.objects.clone();
    let kept: Result<(), StoreError> = store
        .write(|tx| {
            Box::pin(async move {
                workspaces::create(tx, "wallet", "Wallet", (0, 1), NOW).await?;
                snapshots::add(tx, "wallet", &row).await?;
                for (digest, bytes) in &objects {
                    let chunk = (&*digest.hex(), &**bytes);
                    snapshots::add_chunk(tx, "wallet", &row.digest, chunk).await?;
                }
                Ok(())
            })
        })
        .await;
    kept.unwrap();
}

/// Of a release that is in this database, what it shows is known; of another so many modules of a page are counted.
#[test]
fn modules_that_the_release_lacks_are_refused() {
    run(Some(SECRET), async |ingest| {
        let snapshot = two_pages();
        let digest = snapshot.listing.digest();
        keep(&ingest.store, &snapshot).await;
        let of = |snapshot: Digest, page: &str| {
            let secrets = Secrets::parse(SECRET, "wallet", "prod").unwrap();
            let release = Release {
                sequence: 42,
                snapshot,
                track: Track::Stable,
            };
            Receipt::of(&release, page, 0, &[]).seal(secrets.sealer().unwrap())
        };
        let about = |id: &str, page: &str, module: &str, receipt: &str| {
            let module = format!("\"page\":\"{page}\",\"module\":\"{module}\"");
            line(id, NOW, receipt).replace("\"page\":\"home\"", &module)
        };
        let (home, gone) = (of(digest, "home"), of(digest, "gone"));
        let lines = [
            line("page", NOW, &home),
            about("a", "home", "hero", &home),
            about("b", "home", "stranger", &home),
            about("c", "home", "other", &home),
            about("d", "gone", "hero", &gone),
        ];
        let texts: Vec<&str> = lines.iter().map(String::as_str).collect();
        for _ in 0..2 {
            let collected = ingest.collect(&texts, NOW).await.unwrap();
            let refused = collected.refused.iter().map(|one| (one.line, one.why));
            let expected = [
                (2, "unknown_module"),
                (3, "unknown_module"),
                (4, "unknown_page"),
            ];
            assert_eq!(refused.collect::<Vec<_>>(), expected);
        }
        let elsewhere = of(Digest([9; 32]), "home");
        let mut stored = 0;
        for part in 0..3 {
            let made_up: Vec<String> = (0..800)
                .map(|n| format!("{part}-{n}"))
                .map(|name| about(&name, "home", &name.replace('-', "_"), &elsewhere))
                .collect();
            let texts: Vec<&str> = made_up.iter().map(String::as_str).collect();
            stored += ingest.collect(&texts, NOW).await.unwrap().stored;
        }
        assert_eq!(stored, 1_024);
        // Those that were counted go on.
        let again = about("again", "home", "0_0", &elsewhere);
        assert_eq!(ingest.collect(&[&again], NOW).await.unwrap().stored, 1);
    });
}

#[test]
fn without_a_secret_edges_are_believed() {
    run(None, async |ingest| {
        let line = line("a", NOW, "AAAA");
        let collected = ingest.collect(&[&line], NOW).await.unwrap();
        assert_eq!((collected.stored, collected.refused.len()), (1, 0));
    });
    assert_eq!(Ingest::parsed("sesame"), Err(BadSecret));
    assert_eq!(Ingest::parsed(""), Err(BadSecret));
}

#[test]
fn an_id_is_remembered_for_as_long_as_it_can_come_again() {
    run(None, async |ingest| {
        let first = line("a", NOW, "AAAA");
        ingest.collect(&[&first], NOW).await.unwrap();
        // Sent again at the end of its horizon, then kept waiting for as long as a queue may.
        let last = NOW + 14 * DAY;
        let again = line("a", last, "AAAA").replace(
            &format!("\"at\":\"{}\"", datetime::format(last)),
            &format!("\"at\":\"{}\"", datetime::format(NOW + 7 * DAY)),
        );
        let late = last + 15 * DAY;
        assert_eq!(ingest.expire(late).await.unwrap(), 0);
        let collected = ingest.collect(&[&again], late).await.unwrap();
        assert_eq!((collected.stored, collected.duplicates), (0, 1));
        assert_eq!(ingest.expire(NOW + 30 * DAY + 1).await.unwrap(), 1);
        let span = Span {
            workspace: "wallet".into(),
            env: "prod".into(),
            from_ms: 0,
            to_ms: i64::MAX,
        };
        assert!(
            ingest
                .store()
                .count_events(&span, 10)
                .await
                .unwrap()
                .is_empty()
        );
    });
}
