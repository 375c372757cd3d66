//! The Durable Object of one environment, through which whoever publishes goes. Two publishers can't come
//! between each other here: reading what is stored, ruling on what follows and storing it happen without an
//! await. KV then gets the values from here, in this order ([`spread`]).
//!
//! What may follow what is the core's decision, made by an edge that lives in here.

mod spread;
mod values;

use std::cell::Cell;
use std::time::Duration;

use skyful::limits;
use skyful::manifest::Keys;
use skyful_edge::{Edge, Rule, Ruling, SnapshotStore, StoreError};
use worker::{DurableObject, Env, Method, Request, Response, State, console_error, durable_object};

use crate::kv::Kv;
use crate::{blame, carry, now_ms, settings};
use values::Values;

#[durable_object(alarm)]
pub struct Publisher {
    state: State,
    /// Or what is wrong with the deployment.
    desk: Result<Desk, String>,
    /// When the writing to KV that goes on now began.
    flight: Cell<Option<i64>>,
}

/// What publishing takes.
struct Desk {
    edge: Edge,
    kv: Kv,
    values: Values,
    /// Of the manifest and of the settled envelope. Nothing else is replaced.
    keys: [String; 2],
}

impl DurableObject for Publisher {
    fn new(state: State, env: Env) -> Self {
        let desk = Desk::new(&state, &env).inspect_err(|why| console_error!("skyful: {why}"));
        Self {
            state,
            desk,
            flight: Cell::new(None),
        }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        blame::known(self.answer(request)).await
    }

    async fn alarm(&self) -> worker::Result<Response> {
        blame::known(async {
            if let Ok(desk) = &self.desk {
                self.spread(desk).await;
            }
        })
        .await;
        Response::empty()
    }
}

impl Publisher {
    async fn answer(&self, request: Request) -> worker::Result<Response> {
        let desk = match &self.desk {
            Ok(desk) => desk,
            Err(why) => return Response::error(why, 503),
        };
        let path = request.path();
        let Some(key) = desk
            .keys
            .iter()
            .find(|key| path.strip_prefix('/') == Some(key))
        else {
            return Response::error("not a value that is replaced", 404);
        };
        match request.method() {
            Method::Get => match desk.get(key).await {
                Ok(Some(value)) => Response::from_bytes(value),
                Ok(None) => Response::error("nothing is stored", 404),
                Err(error) => Response::error(error.to_string(), 503),
            },
            Method::Put => {
                let Some(value) = carry::body(&request, limits::MANIFEST_BYTES).await else {
                    return Response::error("the value broke off", 400);
                };
                self.supersede(desk, key, &value).await
            }
            _ => Response::error("GET or PUT", 405),
        }
    }

    async fn supersede(&self, desk: &Desk, key: &str, value: &[u8]) -> worker::Result<Response> {
        match desk.edge.supersede(desk, key, value).await {
            Ok((_, ruling)) => {
                if ruling == Ruling::Write {
                    self.spread(desk).await;
                }
                Response::ok(ruling.to_string())
            }
            Err(refusal) => Response::error(refusal.to_string(), 422),
        }
    }

    async fn wake_in(&self, wait_ms: i64) {
        let wait = Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0));
        if let Err(error) = self.state.storage().set_alarm(wait).await {
            console_error!("skyful: no alarm was set: {error}");
        }
    }
}

impl Desk {
    fn new(state: &State, env: &Env) -> Result<Self, String> {
        let edge = settings::edge(env).map_err(|wrong| wrong.to_string())?;
        let keys = Keys::new(&edge.config().workspace, &edge.config().env);
        Ok(Self {
            kv: Kv::new(env).map_err(|wrong| wrong.to_string())?,
            values: Values::open(state.storage().sql()).map_err(|error| error.to_string())?,
            keys: [keys.manifest(), keys.settled()],
            edge,
        })
    }
}

impl SnapshotStore for Desk {
    /// KV only before anything was published through this object, for example by a bulk upload.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        match self.values.get(key)? {
            Some(value) => Ok(Some(value)),
            None => {
                let published = self.kv.get(key).await?;
                // Somebody may have published while KV answered.
                Ok(self.values.get(key)?.or(published))
            }
        }
    }

    async fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.values.set(key, value, now_ms())
    }

    async fn replace(&self, key: &str, value: &[u8], rule: Rule<'_>) -> Result<Ruling, StoreError> {
        let stored = self.get(key).await?;
        // From the last await on nobody comes between.
        let ruling = rule(stored.as_deref());
        if ruling == Ruling::Write {
            self.values.set(key, value, now_ms())?;
        }
        Ok(ruling)
    }
}
