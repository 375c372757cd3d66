//! Publishing a document into a store directory or an edge: once, or at every save. A save with errors is told and
//! changes nothing.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use skyful::compile::Compiler;
use skyful::snapshot::Digest;

use crate::deliver::Target;
use crate::deliver::api::Patience;
use crate::deliver::dir::Directory;
use crate::deliver::edge::Edge;
use crate::deliver::publish::{self, Delivered, Signer};
use crate::deliver::reach::Reach;
use crate::deliver::terms::Terms;
use crate::deliver::upload::Progress;
use crate::document::{self, Document};
use crate::failure::Failure;
use crate::watch::{self, Look};
use crate::{output, report};

pub struct Publisher {
    pub document: PathBuf,
    pub to: Destination,
    pub env: String,
    pub key: SigningKey,
    pub terms: Terms,
}

/// After a delivery that failed, while watching.
const AGAIN: Duration = Duration::from_secs(5);

/// Where edges read it.
#[derive(Clone, Debug)]
pub enum Destination {
    Directory(PathBuf),
    /// The address of an edge that writes into its own store.
    Edge(String),
}

impl std::str::FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once("://") {
            Some(("http" | "https", rest)) if !rest.is_empty() => Ok(Self::Edge(text.to_owned())),
            Some(_) => Err("an edge is named by http:// or https:// and its host".to_owned()),
            // `localhost:8787` would become a folder of that name, and look like success.
            None if host_and_port(text) => Err(format!("did you mean http://{text}?")),
            None => Ok(Self::Directory(text.into())),
        }
    }
}

impl Destination {
    /// Ready to be delivered to; a directory is locked until then.
    pub async fn open(
        &self,
        (workspace, env): (&str, &str),
        key: &SigningKey,
    ) -> Result<Arc<dyn Target>, Failure> {
        Ok(match self {
            Self::Directory(root) => Arc::new(Directory::lock(root, workspace, env)?),
            Self::Edge(url) => {
                let place = (workspace, env);
                Arc::new(
                    Edge::connect(
                        url,
                        place,
                        key.clone(),
                        Patience::PERSON,
                        &Reach::everywhere(),
                    )
                    .await?,
                )
            }
        })
    }
}

/// Targets wait for answers without a thread for each; whoever publishes has nothing else to do.
pub fn waiting<T>(delivery: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Failure::usage(format!("cannot start: {error}")))?;
    runtime.block_on(delivery)
}

fn host_and_port(text: &str) -> bool {
    text.split_once(':').is_some_and(|(host, rest)| {
        let port = rest.split('/').next().unwrap_or_default();
        !host.is_empty()
            && !host.contains('/')
            && !port.is_empty()
            && port.bytes().all(|b| b.is_ascii_digit())
    })
}

/// What became of one version of a document.
pub enum Outcome {
    Delivered {
        delivered: Delivered,
        snapshot: Digest,
    },
    /// It has errors; they stand in the document.
    Refused,
}

impl Publisher {
    /// Once. What the compiler keeps makes the next time quicker.
    pub fn publish(
        &self,
        compiler: &mut Compiler,
        progress: Progress<'_>,
    ) -> Result<(Document, Outcome), Failure> {
        let mut document = Document::read(&self.document)?;
        let outcome = match document.compile_again(compiler) {
            None => Outcome::Refused,
            Some(snapshot) => {
                let signer = Signer {
                    workspace: &snapshot.listing.workspace,
                    env: &self.env,
                    key: &self.key,
                    clock: &document::now_ms,
                };
                let Signer { workspace, env, .. } = signer;
                let terms = &self.terms;
                let delivered = waiting(async {
                    let target = self.to.open((workspace, env), &self.key).await?;
                    publish::deliver(&target, &signer, snapshot, terms, progress).await
                })?;
                Outcome::Delivered {
                    delivered,
                    snapshot: snapshot.listing.digest(),
                }
            }
        };
        Ok((document, outcome))
    }

    /// Publishes now and at every save, and tells about each, until `stop`. Whatever goes wrong, the
    /// next save gets its chance.
    pub fn watch(&self, tell: &mut dyn FnMut(&Document, &Outcome), stop: &dyn Fn() -> bool) {
        let mut files = vec![self.document.clone()];
        let mut compiler = Compiler::default();
        while !stop() {
            let mut patience = None;
            // Looked at before it is read: a save in between is seen as one more change.
            let mut seen = Look::at(&files);
            match self.publish(&mut compiler, &|_, _| ()) {
                Ok((document, outcome)) => {
                    tell(&document, &outcome);
                    if files[1..] != document.files {
                        files.truncate(1);
                        seen.forget_but_first();
                        seen.and_at(&document.files);
                        files.extend(document.files);
                    }
                }
                Err(failure) => {
                    output::failure(&failure);
                    // Most often the target is away for a moment, and this save must not be lost by that.
                    output::say(&format!("trying again in {} s", AGAIN.as_secs()));
                    patience = Some(AGAIN);
                }
            }
            watch::changed(&files, &seen, patience, stop);
        }
    }
}

/// One version, told to people.
pub fn tell(document: &Document, outcome: &Outcome) {
    report::problems(document);
    let path = document.path.display();
    match outcome {
        Outcome::Delivered {
            delivered: Delivered::New { sequence },
            ..
        } => output::say(&format!("published {path} as sequence {sequence}")),
        Outcome::Delivered {
            delivered: Delivered::Unchanged { sequence },
            ..
        } => output::say(&format!(
            "{path} changes nothing, sequence {sequence} stays"
        )),
        Outcome::Refused => output::say("not published; the edge keeps what it has"),
    }
}
