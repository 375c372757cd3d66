//! For each failpoint what leads there. A point without a play doesn't compile, and a play that doesn't lead there fails.

use super::scenes::*;
use crate::failpoint::Point;
use crate::stage::World;

pub enum Play {
    /// The first start in an empty folder.
    New,
    Backup,
    /// Whether the backup is what counts then.
    Restore {
        done: bool,
    },
    Served {
        /// By an origin that lives, if any.
        before: fn(&mut World),
        /// Leads to the point, and is asked again where nothing came of it.
        act: fn(&World),
        done: fn(&World) -> bool,
        left: Left,
    },
}

pub enum Left {
    Old,
    New,
    /// The next origin finishes it by itself.
    ToDo(fn(&mut World)),
}

type Way = (Vec<Point>, Play);

/// All ways to die at a point.
pub fn of(point: Point) -> Vec<Way> {
    use Point::*;
    match point {
        MasterKeyMade | DatabaseMade => vec![(vec![point], Play::New)],
        DraftWritten => [
            inside(point, (lives_not, saves, saved)),
            // In the middle of many.
            vec![(
                vec![point; 2],
                served((lives_not, imports, imported), Left::Old),
            )],
        ]
        .into_iter()
        .flatten()
        .collect(),
        DraftImported => inside(point, (lives_not, imports, imported)),
        IdListPiece => once(point, (lives_not, uploads, uploaded), Left::Old),
        IdListKept => inside(point, (lives_not, uploads, uploaded)),
        SnapshotCompiled => once(point, (lives_not, releases, released), Left::Old),
        SnapshotPartKept | ReleaseCreated | ReleaseFinished | ManifestSigned => {
            inside(point, (lives_not, releases, released))
        }
        IdListCollected => inside_by_itself(point, forgets_a_list, list_goes),
        SnapshotsCollected => inside_by_itself(point, forgets_a_snapshot, snapshot_goes),
        ManifestsCollected => inside_by_itself(point, forgets_a_manifest, manifest_goes),
        ReleaseApproved => inside(point, (waits_for_bob, approves, approved)),
        ReleaseStepped => inside(point, (goes_in_steps, skips, skipped)),
        ReleaseRolledBack => inside(point, (has_released, rolls_back, rolled_back)),
        ModeSwitched => inside(point, (lives_not, switches, switched)),
        KeyMade => inside(point, (lives_not, makes_a_key, key_made)),
        KeyActivated => inside(point, (lives_not, activates, activated)),
        KeyReissued => inside_by_itself(point, has_activated, is_signed_again),
        KeyRetired => inside(point, (has_activated, retires, retired)),
        SecretResealed => [
            vec![point],
            // Between two of them.
            vec![point; 2],
            vec![point, WriterCommitted],
        ]
        .into_iter()
        .flat_map(|way| by_itself(way, master_follows, older_master_goes))
        .collect(),
        EraKept => inside(point, (lives_not, raises, raised)),
        WriterChanged | WriterSealed => {
            let play = served((lives_not, releases, released), Left::Old);
            vec![(vec![ReleaseCreated, point], play)]
        }
        WriterCommitted => {
            let play = served((lives_not, releases, released), Left::New);
            vec![(vec![ReleaseFinished, WriterSealed, point], play)]
        }
        // Of all that is done the release is, before anything of it is delivered.
        FileWritten | DeliveryLeased | DeliveryClaimed | DeliveryUploaded | DeliveryPut
        | DeliveryReadBack | DeliverySettled => {
            once(point, (lives_not, releases, released), Left::New)
        }
        // The one page that is another, at the edge and in the folder.
        DeliveryObjectPut => (1..=2)
            .map(|many| {
                let play = served((lives_not, releases, released), Left::New);
                (vec![point; many], play)
            })
            .collect(),
        DeliveryDelivered | DeliveryEnded => [vec![point], vec![point, WriterCommitted]]
            .map(|way| (way, served((lives_not, releases, released), Left::New)))
            .into(),
        CollectCondemned | CollectDeleting => {
            inside_by_itself(point, forgets_an_object, object_goes)
        }
        CollectDeleted => by_itself(vec![point], forgets_an_object, object_goes),
        BackupBegun | BackupCopied => vec![(vec![point], Play::Backup)],
        RestoreCopied | RestoreRaised => vec![(vec![point], Play::Restore { done: false })],
        RestoreReady | RestorePlaced => vec![(vec![point], Play::Restore { done: true })],
        // Its logs, and then the database itself.
        RestoreMoved => (1..=3)
            .map(|many| (vec![point; many], Play::Restore { done: true }))
            .collect(),
    }
}

type Scene = (fn(&mut World), fn(&World), fn(&World) -> bool);

fn served((before, act, done): Scene, left: Left) -> Play {
    Play::Served {
        before,
        act,
        done,
        left,
    }
}

fn once(point: Point, scene: Scene, left: Left) -> Vec<Way> {
    vec![(vec![point], served(scene, left))]
}

/// In a transaction: there, and once it is committed, before anybody is told.
fn inside(point: Point, scene: Scene) -> Vec<Way> {
    vec![
        (vec![point], served(scene, Left::Old)),
        (
            vec![point, Point::WriterCommitted],
            served(scene, Left::New),
        ),
    ]
}

fn by_itself(way: Vec<Point>, before: fn(&mut World), finishes: fn(&mut World)) -> Vec<Way> {
    let scene: Scene = (before, |_| (), |_| true);
    vec![(way, served(scene, Left::ToDo(finishes)))]
}

fn inside_by_itself(point: Point, before: fn(&mut World), finishes: fn(&mut World)) -> Vec<Way> {
    [vec![point], vec![point, Point::WriterCommitted]]
        .into_iter()
        .flat_map(|way| by_itself(way, before, finishes))
        .collect()
}
