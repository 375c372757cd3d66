//! A key's life in a real database.

use skyful::manifest::{Manifest, Mode, Tail, TrustSet, sign};

use super::*;
use crate::app::access::{Grant, Role};
use crate::app::delivery::settings::Settings;
use crate::app::drafts::Expect;
use crate::app::workspaces::EnvironmentSettings;
use crate::store::sqlite::Sqlite;
use crate::store::sqlite::manifests::{self, ManifestRow};

const NOW: i64 = 1_764_000_000_000;

fn admin() -> Actor {
    Actor {
        name: "user:ada".into(),
        user: "ada".into(),
        grants: vec![Grant {
            workspace: "wallet".into(),
            env: None,
            role: Role::Admin,
        }],
        root: true,
        session: None,
    }
}

fn run(test: impl AsyncFnOnce(App)) {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let store = Sqlite::open(&folder.path().join("origin.sqlite"))
            .await
            .unwrap();
        let app = App::new(store, || NOW).with_keyring(Keyring::new([[7; 32]]));
        let actor = admin();
        crate::app::testing::known(&app, &actor).await;
        app.create_workspace(&actor, "wallet", "Wallet")
            .await
            .unwrap();
        let settings = EnvironmentSettings {
            name: "Production".into(),
            protected: false,
            editors_approve: false,
            pipeline: None,
        };
        app.put_environment(&actor, "wallet", "prod", Expect::Absent, settings)
            .await
            .unwrap();
        test(app).await;
    });
}

async fn signing(app: &App) -> SigningKey {
    let keyring = app.keyring.clone();
    let key = app.store.write(move |tx| {
        Box::pin(async move { signer(tx, &keyring, &admin(), ("wallet", "prod"), NOW).await })
    });
    key.await.unwrap()
}

/// Signs and keeps the next manifest, as a release does.
async fn release(app: &App, tail: Tail) -> Result<u64, Error> {
    let keyring = app.keyring.clone();
    let issued = app.store.write(move |tx| {
        Box::pin(async move {
            let place = ("wallet", "prod");
            let key = signer(tx, &keyring, &admin(), place, NOW).await?;
            let sequence = next_sequence(tx, place.0, place.1).await?;
            let header = sign::full_release(place.0, place.1, sequence, NOW);
            let row = ManifestRow {
                sequence: stored(sequence),
                stable: tail.stable.digest().hex(),
                envelope: sign::sign(header, &tail, &key),
                gray: None,
                issued_ms: NOW,
                release: None,
            };
            manifests::add(tx, place.0, place.1, &row).await?;
            Ok(sequence)
        })
    });
    issued.await
}

fn tail() -> Tail {
    let text = "{skyful: 1, workspace: wallet, locales: {default: en, supported: [en]}, \
                pages: {home: {slots: [{key: hero}], default: {modules: {hero: []}}}}}";
    let read_file = |name: &str| Err(format!("no file {name}"));
    let options = skyful::check::Options {
        now_ms: None,
        read_file: &read_file,
    };
    let checked = skyful::check::check(text.as_bytes(), &options);
    let workspace = checked.workspace.expect("a document without errors");
    let snapshot = skyful::compile::compile(&workspace, &mut |_, _| ()).unwrap();
    Tail {
        stable: snapshot.listing,
        gray: None,
        allow: Vec::new(),
    }
}

async fn newest(app: &App) -> ManifestRow {
    let mut tx = app.store.read().await.unwrap();
    manifests::newest(&mut tx, "wallet", "prod")
        .await
        .unwrap()
        .unwrap()
}

#[test]
fn the_first_to_sign_makes_the_key_and_the_next_one_finds_it() {
    run(async |app| {
        let first = signing(&app).await;
        assert_eq!(signing(&app).await.to_bytes(), first.to_bytes());
        let keys = app.keys(&admin(), "wallet", "prod").await.unwrap();
        assert_eq!(keys.items.len(), 1);
        assert_eq!(
            (&*keys.items[0].state, keys.items[0].era_limit),
            ("active", 15)
        );
        let public = Digest(first.verifying_key().to_bytes()).hex();
        assert_eq!(keys.trust, format!("{public}:15"));
        // What anybody is told has nothing of the secret half, nor has the log.
        let told = serde_json::to_string(&keys).unwrap();
        let secret = Digest(first.to_bytes()).hex();
        assert!(!told.contains(&secret), "{told}");
        let mut tx = app.store.read().await.unwrap();
        let dumped: String = sqlx::query_scalar("SELECT group_concat(detail) FROM audit")
            .fetch_one(&mut *tx)
            .await
            .unwrap();
        assert!(
            dumped.contains(&public) && !dumped.contains(&secret),
            "{dumped}"
        );
    });
}

#[test]
fn a_new_key_takes_over_and_edges_that_trust_both_follow() {
    run(async |app| {
        let actor = admin();
        let place = ("wallet", "prod");
        assert_eq!(release(&app, tail()).await.unwrap(), 1);
        let old = app.keys(&actor, "wallet", "prod").await.unwrap().items[0].clone();
        let new = app.create_key(&actor, "wallet", "prod").await.unwrap();
        let keys = app.keys(&actor, "wallet", "prod").await.unwrap();
        assert_eq!(new.era_limit, 31);
        let trust = TrustSet::parse(&keys.trust).unwrap();
        // Until it is activated the old one signs.
        assert_eq!(release(&app, tail()).await.unwrap(), 2);
        let opened = |row: ManifestRow| Manifest::open(&row.envelope, &trust, "wallet", "prod");
        let id = |manifest: &Manifest| format!("{:016x}", manifest.header.key_id);
        assert_eq!(id(&opened(newest(&app).await).unwrap()), old.id);
        app.activate_key(&actor, place, &new.id, false)
            .await
            .unwrap();
        let manifest = opened(newest(&app).await).unwrap();
        assert_eq!((manifest.sequence(), id(&manifest)), (3, new.id.clone()));
        assert_eq!(manifest.header.mode, Mode::Run);
        let held = app.retire_key(&actor, place, &new.id, false).await;
        assert!(matches!(held, Err(Error::Conflict { .. })), "{held:?}");
        app.retire_key(&actor, place, &old.id, false).await.unwrap();
        let keys = app.keys(&actor, "wallet", "prod").await.unwrap();
        assert_eq!(keys.trust, format!("{}:31", new.public));
        let again = app.activate_key(&actor, place, &old.id, false).await;
        assert!(matches!(again, Err(Error::Conflict { .. })), "{again:?}");
    });
}

#[test]
fn after_a_theft_the_era_is_above_what_the_thief_may_sign() {
    run(async |app| {
        let actor = admin();
        let place = ("wallet", "prod");
        release(&app, tail()).await.unwrap();
        let stolen = app.keys(&actor, "wallet", "prod").await.unwrap().items[0].clone();
        // Edges would take nothing above era 15 from it, so it can't be outlived yet.
        let early = app.raise_era(&actor, place, Some(&stolen.id)).await;
        assert!(matches!(early, Err(Error::Conflict { .. })), "{early:?}");
        let new = app.create_key(&actor, "wallet", "prod").await.unwrap();
        app.activate_key(&actor, place, &new.id, true)
            .await
            .unwrap();
        let era = app
            .raise_era(&actor, place, Some(&stolen.id))
            .await
            .unwrap();
        assert_eq!(era, stolen.era_limit + 1);
        let first = (16 << COUNTER_BITS) + 1;
        assert_eq!(newest(&app).await.sequence, first);
        assert_eq!(release(&app, tail()).await.unwrap(), first as u64 + 1);
        app.retire_key(&actor, place, &stolen.id, true)
            .await
            .unwrap();
        let keys = app.keys(&actor, "wallet", "prod").await.unwrap();
        assert_eq!(
            (keys.era, &*keys.trust),
            (16, &*format!("{}:31", new.public))
        );
    });
}

#[test]
fn without_the_master_secret_nothing_is_signed_and_nothing_is_lost() {
    run(async |app| {
        release(&app, tail()).await.unwrap();
        let other = app.clone().with_keyring(Keyring::new([[9; 32]]));
        let none = app.clone().with_keyring(Keyring::default());
        for app in [&other, &none] {
            let refused = release(app, tail()).await;
            assert!(
                matches!(refused, Err(Error::Conflict { .. })),
                "{refused:?}"
            );
        }
        assert_eq!(release(&app, tail()).await.unwrap(), 2);
    });
}

#[test]
fn a_new_master_secret_seals_everything_anew_and_the_older_one_may_go() {
    run(async |app| {
        let older = app.reseal().await.unwrap();
        assert!(!older.needs_older() && older.newest == 0);
        release(&app, tail()).await.unwrap();
        let target = Settings::Redis {
            url: "redis://redis.example".into(),
            user: None,
            password: Some("secret of redis".into()),
        };
        let (admin, at) = (admin(), ("wallet", "prod", "eu"));
        let target = app.put_target(&admin, at, Expect::Absent, (target, false));
        target.await.unwrap();

        let file: String = {
            let mut tx = app.store.read().await.unwrap();
            let file = sqlx::query_scalar("SELECT file FROM pragma_database_list");
            file.fetch_one(&mut *tx).await.unwrap()
        };
        // As a process that starts with them.
        let with = async |masters: &[[u8; 32]]| {
            let store = Sqlite::open(file.as_ref()).await.unwrap();
            App::new(store, || NOW).with_keyring(Keyring::new(masters.to_vec()))
        };
        let wrong = with(&[[9; 32]]).await.reseal().await.unwrap();
        assert_eq!(
            (wrong.closed.len(), wrong.older, wrong.log_older),
            (2, 0, false)
        );
        let both = with(&[[8; 32], [7; 32]]).await;
        let before = both.reseal().await.unwrap();
        assert_eq!(
            (before.newest, before.older, before.log_older),
            (0, 2, true)
        );
        assert!(
            !both.reseal().await.unwrap().needs_older(),
            "it is done once"
        );
        let newest = with(&[[8; 32]]).await;
        let after = newest.reseal().await.unwrap();
        assert_eq!((after.newest, after.older, after.log_older), (2, 0, false));
        assert!(after.closed.is_empty());
        assert_eq!(release(&newest, tail()).await.unwrap(), 2);
        let older = with(&[[7; 32]]).await;
        assert_eq!(older.reseal().await.unwrap().closed.len(), 2);
    });
}
