//! Pages as visitors would get them, from a draft or from what is or was released, by the code that edges run.

use std::sync::Arc;

use skyful::context::{BadRequest, Context};
use skyful::ids::IdKey;
use skyful::resolve::fatigue::Tallies;
use skyful::resolve::write::{Release, Track};
use skyful::resolve::{Input, answer};
use skyful::snapshot::{Chunk, Digest, IdShard, Listing};

use super::access::{Action, Actor};
use super::drafts::compiled::Draft;
use super::{App, Error};
use crate::store::StoreError;
use crate::store::sqlite::{live as rows, workspaces};

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Draft,
    /// By digest.
    Snapshot(String),
    /// What an environment shows.
    Environment(String),
}

/// A snapshot with its objects, wherever they are.
enum Opened {
    Draft(Arc<Draft>),
    Stored {
        workspace: String,
        listing: Box<Listing>,
    },
}

impl App {
    /// The body of an answer to a request as edges take it (`POST /v1/resolve`), where `now` and `caps` count as well.
    pub async fn preview(
        &self,
        actor: &Actor,
        workspace: &str,
        source: &Source,
        request: &[u8],
    ) -> Result<Vec<u8>, Error> {
        may_see(actor, workspace, source)?;
        let context = Context::from_json(request).map_err(unread)?;
        let page = context.page.as_deref();
        let page = page.ok_or_else(|| Error::invalid("no page is named").at("/page"))?;
        let opened = self.opened(workspace, source).await?;
        let listing = opened.listing()?;
        let locale = listing.locales.negotiate(context.locale.as_deref());
        let missing = || Error::NotFound(format!("no page `{page}` in this {}", source.noun()));
        let digest = listing.chunk(page, locale).ok_or_else(missing)?;
        let bytes = self.object_of(&opened, &digest).await?;
        let (workspace, page) = (listing.workspace.clone(), page.to_owned());
        let opening = move || Chunk::open(bytes, digest, &workspace, &page);
        let chunk = self.heavy.run(opening).await?.map_err(broken)?;
        let unit = context.unit.as_deref().filter(|_| chunk.uses_ids());
        let shard = unit
            .and_then(|unit| listing.id_shard(IdKey::of_workspace(&listing.workspace).hash(unit)));
        let shard = match shard {
            None => None,
            Some((number, digest)) => {
                let bytes = self.object_of(&opened, &digest).await?;
                let shard = IdShard::open(bytes, digest, &listing.workspace, number);
                Some(shard.map_err(broken)?)
            }
        };
        let release = Release {
            sequence: 0,
            snapshot: listing.digest(),
            track: Track::Stable,
        };
        let now_ms = context.now_ms.unwrap_or_else(|| self.now_ms());
        let tag = listing.locales.tag(locale).to_owned();
        let request = request.to_vec();
        let work = move || {
            // Once more, since what was read borrows from the request.
            let context = Context::from_json(&request).map_err(unread)?;
            let input = Input {
                context: &context,
                locale,
                now_ms,
                tallies: Tallies::read(&chunk, |name| context.tally(name)),
                ids: shard.as_ref(),
                defaults_only: false,
            };
            Ok(answer(&chunk, input, &tag, &release, None).body)
        };
        self.heavy.run(work).await?
    }

    /// The listing of a draft, for whoever resolves by themselves: its digest and its bytes.
    pub async fn listing(
        &self,
        actor: &Actor,
        workspace: &str,
        source: &Source,
    ) -> Result<(Digest, Vec<u8>), Error> {
        may_see(actor, workspace, source)?;
        let opened = self.opened(workspace, source).await?;
        let listing = opened.listing()?;
        Ok((listing.digest(), listing.to_object()))
    }

    /// An object that the listing names.
    pub async fn snapshot_object(
        &self,
        actor: &Actor,
        workspace: &str,
        source: &Source,
        digest: &Digest,
    ) -> Result<Vec<u8>, Error> {
        may_see(actor, workspace, source)?;
        let opened = self.opened(workspace, source).await?;
        self.object_of(&opened, digest).await
    }

    async fn opened(&self, workspace: &str, source: &Source) -> Result<Opened, Error> {
        let digest = match source {
            Source::Draft => {
                let draft = self.draft(workspace).await?;
                return match draft.snapshot {
                    Some(_) => Ok(Opened::Draft(draft)),
                    None => Err(Error::Faulty(draft.problems.clone())),
                };
            }
            // As every answer shows it, or as it is kept.
            Source::Snapshot(digest) => digest.strip_prefix("b3-").unwrap_or(digest).to_owned(),
            Source::Environment(env) => {
                let mut tx = self.store.read().await?;
                let known = workspaces::environment(&mut tx, workspace, env).await?;
                known.ok_or_else(|| Error::NotFound(format!("no environment `{env}`")))?;
                let stable = rows::stable(&mut tx, workspace, env).await?;
                stable.ok_or_else(|| Error::NotFound(format!("nothing is released in `{env}`")))?
            }
        };
        let mut tx = self.store.read().await?;
        let missing = || Error::NotFound(format!("no snapshot b3-{digest}"));
        let bytes = rows::listing(&mut tx, workspace, &digest)
            .await?
            .ok_or_else(missing)?;
        let named = Digest::from_hex(&digest);
        let named = named.ok_or_else(missing)?;
        let listing = Listing::from_object(&bytes, named).map_err(broken)?;
        Ok(Opened::Stored {
            workspace: workspace.to_owned(),
            listing: Box::new(listing),
        })
    }

    async fn object_of(&self, opened: &Opened, digest: &Digest) -> Result<Vec<u8>, Error> {
        let missing = || Error::NotFound(format!("no object {digest}"));
        match opened {
            Opened::Draft(draft) => {
                let objects = draft.snapshot.as_ref().map(|snapshot| &snapshot.objects);
                let bytes = objects.and_then(|objects| objects.get(digest));
                bytes.cloned().ok_or_else(missing)
            }
            Opened::Stored { workspace, .. } => {
                let mut tx = self.store.read().await?;
                let bytes = rows::object(&mut tx, workspace, &digest.hex()).await?;
                bytes.ok_or_else(missing)
            }
        }
    }
}

impl Source {
    fn noun(&self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Snapshot(_) => "snapshot",
            Self::Environment(_) => "environment",
        }
    }
}

impl Opened {
    fn listing(&self) -> Result<&Listing, Error> {
        match self {
            Self::Draft(draft) => {
                let snapshot = draft.snapshot.as_ref();
                let listing = snapshot.map(|snapshot| &snapshot.listing);
                listing.ok_or_else(|| Error::Faulty(draft.problems.clone()))
            }
            Self::Stored { listing, .. } => Ok(listing),
        }
    }
}

fn unread(wrong: BadRequest) -> Error {
    Error::invalid(wrong.message).at(wrong.place)
}

/// What we wrote ourselves and can't read.
fn broken(error: impl std::fmt::Debug) -> Error {
    StoreError(format!("a stored snapshot cannot be opened: {error:?}")).into()
}

/// What an environment shows is for those who have a role there.
fn may_see(actor: &Actor, workspace: &str, source: &Source) -> Result<(), Error> {
    let env = match source {
        Source::Environment(env) => Some(env.as_str()),
        Source::Draft | Source::Snapshot(_) => None,
    };
    actor.need(Action::Read, workspace, env)
}
