//! Places where a crash would leave most behind. Builds for development end there as `kill -9` would end them, if the environment
//! says so; in others there is nothing of it. What a crash anywhere else leaves, one of these leaves too.

/// Names of points, separated by commas, in the order in which they have to be reached: at the last one the process ends. A
/// name that comes twice has to be reached twice.
#[cfg(debug_assertions)]
pub const KILL_AT: &str = "SKYFUL_KILL_AT";

macro_rules! points {
    ($($point:ident = $name:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Point {
            $($point,)*
        }

        #[cfg(debug_assertions)]
        impl Point {
            pub const ALL: &[Self] = &[$(Self::$point,)*];

            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$point => $name,)*
                }
            }
        }
    };
}

points! {
    MasterKeyMade = "master_key.made",
    DatabaseMade = "database.made",
    DraftWritten = "draft.written",
    DraftImported = "draft.imported",
    IdListPiece = "id_list.piece",
    IdListKept = "id_list.kept",
    IdListCollected = "id_list.collected",
    SnapshotCompiled = "snapshot.compiled",
    SnapshotPartKept = "snapshot.part_kept",
    SnapshotsCollected = "snapshots.collected",
    ManifestsCollected = "manifests.collected",
    ReleaseCreated = "release.created",
    ReleaseApproved = "release.approved",
    ReleaseStepped = "release.stepped",
    ReleaseFinished = "release.finished",
    ReleaseRolledBack = "release.rolled_back",
    ModeSwitched = "mode.switched",
    ManifestSigned = "manifest.signed",
    KeyMade = "key.made",
    KeyActivated = "key.activated",
    KeyReissued = "key.reissued",
    KeyRetired = "key.retired",
    SecretResealed = "secret.resealed",
    EraKept = "era.kept",
    WriterChanged = "writer.changed",
    WriterSealed = "writer.sealed",
    WriterCommitted = "writer.committed",
    FileWritten = "file.written",
    DeliveryLeased = "delivery.leased",
    DeliveryClaimed = "delivery.claimed",
    DeliveryObjectPut = "delivery.object_put",
    DeliveryUploaded = "delivery.uploaded",
    DeliveryPut = "delivery.put",
    DeliveryReadBack = "delivery.read_back",
    DeliveryDelivered = "delivery.delivered",
    DeliverySettled = "delivery.settled",
    DeliveryEnded = "delivery.ended",
    CollectCondemned = "collect.condemned",
    CollectDeleting = "collect.deleting",
    CollectDeleted = "collect.deleted",
    BackupBegun = "backup.begun",
    BackupCopied = "backup.copied",
    RestoreCopied = "restore.copied",
    RestoreRaised = "restore.raised",
    RestoreReady = "restore.ready",
    RestoreMoved = "restore.moved",
    RestorePlaced = "restore.placed",
}

/// Ends the process if it is to end here.
#[cfg(debug_assertions)]
pub fn reach(point: Point) {
    use std::collections::VecDeque;
    use std::sync::{Mutex, OnceLock, PoisonError};

    static WAY: OnceLock<Mutex<VecDeque<Point>>> = OnceLock::new();
    let way = WAY.get_or_init(|| Mutex::new(way()));
    let mut way = way.lock().unwrap_or_else(PoisonError::into_inner);
    if way.front() != Some(&point) {
        return;
    }
    way.pop_front();
    if way.is_empty() {
        say(&format!("killed at {}", point.name()));
        // No destructor runs, nothing is flushed.
        std::process::abort();
    }
}

#[cfg(not(debug_assertions))]
pub const fn reach(_: Point) {}

#[cfg(debug_assertions)]
fn way() -> std::collections::VecDeque<Point> {
    let wanted = std::env::var(KILL_AT).unwrap_or_default();
    let names = wanted.split(',').filter(|name| !name.is_empty());
    let point = |name: &str| {
        let point = Point::ALL.iter().find(|point| point.name() == name);
        point.copied().unwrap_or_else(|| {
            say(&format!("{KILL_AT}: there is no failpoint `{name}`"));
            std::process::exit(2)
        })
    };
    names.map(point).collect()
}

#[cfg(debug_assertions)]
fn say(line: &str) {
    use std::io::Write as _;

    // Whether somebody reads it or not.
    _ = writeln!(std::io::stderr(), "{line}");
}
