//! A target or an environment that is made again under the name of one that is gone.

use skyful::manifest::{Manifest, TrustSet, Value, era_of};

use super::desk::{Desk, admin, run};
use crate::app::delivery::settings::Settings;
use crate::app::delivery::worker::{Place, Worker};
use crate::app::drafts::Expect;
use crate::app::keys::Eras;
use crate::app::workspaces::EnvironmentSettings;
use crate::deliver::dir::Directory;
use crate::deliver::{Slot, Target as _};

const PLACE: (&str, &str) = ("wallet", "prod");

fn worker(desk: &Desk) -> Worker {
    let place = Place {
        workspace: PLACE.0.into(),
        env: PLACE.1.into(),
        target: "t".into(),
    };
    Worker::new(desk.app.clone(), place)
}

async fn target(desk: &Desk, settings: Settings) {
    desk.target(PLACE.1, "t", settings).await;
}

async fn delete_target(desk: &Desk) {
    let at = (PLACE.0, PLACE.1, "t");
    let version = desk.app.target(&admin(), at).await.unwrap().version;
    desk.app.delete_target(&admin(), at, version).await.unwrap();
}

async fn remake(desk: &Desk) {
    let (app, who) = (&desk.app, admin());
    let version = app
        .environment(&who, PLACE.0, PLACE.1)
        .await
        .unwrap()
        .version;
    app.delete_environment(&who, PLACE.0, PLACE.1, version)
        .await
        .unwrap();
    make(desk).await;
}

async fn make(desk: &Desk) {
    let settings = EnvironmentSettings {
        name: "Again".into(),
        protected: false,
        editors_approve: false,
        pipeline: None,
    };
    let who = admin();
    let put = desk
        .app
        .put_environment(&who, PLACE.0, PLACE.1, Expect::Absent, settings);
    put.await.unwrap();
}

/// The sequence that stands in a folder, under a key that edges are told of now.
async fn shown(desk: &Desk, folder: &str) -> Option<u64> {
    let directory = Directory::open(&desk.root().join(folder), PLACE.0, PLACE.1);
    let value = directory.get(Slot::Manifest).await.unwrap()?;
    let keys = desk.app.keys(&admin(), PLACE.0, PLACE.1).await.unwrap();
    let trust = TrustSet::parse(&keys.trust).unwrap();
    let current = Value::split(&value).unwrap().current;
    let manifest = Manifest::open(current, &trust, PLACE.0, PLACE.1).ok()?;
    Some(manifest.sequence())
}

#[test]
fn a_worker_that_remembers_a_target_does_not_write_to_it_when_another_has_its_name() {
    run(async |desk| {
        let mut worker = worker(&desk);
        target(&desk, desk.directory("one")).await;
        desk.release("first").await;
        desk.settle(&mut worker).await;
        assert_eq!(shown(&desk, "one").await, Some(1));
        delete_target(&desk).await;
        target(&desk, desk.directory("two")).await;
        desk.release("second").await;
        desk.settle(&mut worker).await;
        assert_eq!(
            shown(&desk, "one").await,
            Some(1),
            "it is nobody's any more"
        );
        assert_eq!(shown(&desk, "two").await, Some(2));
    });
}

#[test]
fn whoever_held_the_lease_of_a_target_has_no_say_about_the_next_of_its_name() {
    run(async |desk| {
        let lease = async || {
            let now_ms = desk.app.now_ms();
            let taken = desk.app.store.write(move |tx| {
                Box::pin(async move {
                    let at = (PLACE.0, PLACE.1, "t");
                    crate::store::sqlite::deliveries::take(tx, at, now_ms, now_ms + 1_000).await
                })
            });
            taken.await.unwrap().expect("nobody holds it")
        };
        target(&desk, desk.directory("one")).await;
        let first = lease().await;
        delete_target(&desk).await;
        target(&desk, desk.directory("two")).await;
        assert_ne!(lease().await, first);
    });
}

#[test]
fn an_environment_that_is_made_again_signs_above_all_that_edges_saw_of_the_first() {
    run(async |mut desk| {
        let who = admin();
        let file = desk.root().join("eras.json");
        desk.app = desk.app.clone().with_eras(Eras::at(file.clone()));
        let mut worker = worker(&desk);
        target(&desk, desk.directory("one")).await;
        let mut highest = 0;
        for title in ["first", "second", "third"] {
            highest = desk.release(title).await as u64;
        }
        desk.settle(&mut worker).await;
        assert_eq!((highest, shown(&desk, "one").await), (3, Some(3)));
        for round in 1..4 {
            remake(&desk).await;
            assert!(
                desk.app
                    .targets(&admin(), PLACE.0, PLACE.1)
                    .await
                    .unwrap()
                    .is_empty()
            );
            let keys = desk.app.keys(&admin(), PLACE.0, PLACE.1).await.unwrap();
            assert!(keys.items.is_empty() && keys.era > 0, "{keys:?}");
            // The same folder, where the manifest of the first still stands.
            target(&desk, desk.directory("one")).await;
            let sequence = desk.release(&format!("again {round}")).await as u64;
            assert!(
                era_of(sequence) > era_of(highest),
                "{sequence} after {highest}"
            );
            highest = sequence;
            desk.settle(&mut worker).await;
            assert_eq!(shown(&desk, "one").await, Some(sequence));
            assert_eq!(desk.progress(PLACE.1, "t").await.state, "current");
        }
        // One that never signed anything leaves nothing to be above.
        let quiet = desk.app.put_environment(
            &who,
            PLACE.0,
            "quiet",
            Expect::Absent,
            EnvironmentSettings {
                name: "Quiet".into(),
                protected: false,
                editors_approve: false,
                pipeline: None,
            },
        );
        let quiet = quiet.await.unwrap();
        let gone = desk
            .app
            .delete_environment(&who, PLACE.0, "quiet", quiet.version);
        gone.await.unwrap();
        let known = std::fs::read_to_string(&file).unwrap();
        assert!(
            !known.contains("quiet") && known.contains("wallet/prod"),
            "{known}"
        );
    });
}

#[test]
fn a_restore_from_before_an_environment_still_knows_what_it_signed() {
    run(async |mut desk| {
        let who = admin();
        let file = desk.root().join("eras.json");
        desk.app = desk.app.clone().with_eras(Eras::at(file));
        desk.release("first").await;
        let version = desk
            .app
            .environment(&admin(), PLACE.0, PLACE.1)
            .await
            .unwrap()
            .version;
        let gone = desk.app.delete_environment(&who, PLACE.0, PLACE.1, version);
        gone.await.unwrap();
        // An older database knows neither that it was there nor that it went.
        let forget = desk.app.store.write(|tx| {
            Box::pin(async move {
                let done = sqlx::query("DELETE FROM former_places").execute(tx).await;
                done.map(drop).map_err(crate::store::sqlite::failed)
            })
        });
        forget.await.unwrap();
        make(&desk).await;
        let sequence = desk.release("again").await as u64;
        assert!(era_of(sequence) > 0, "{sequence}");
    });
}
