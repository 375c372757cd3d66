//! The Durable Object of one unit or device, which counts what it was granted. What may be granted is the core's decision;
//! here it is taken where nobody comes between.

use skyful_edge::{StoreError, caps};
use worker::js_sys::Date;
use worker::wasm_bindgen::JsValue;
use worker::{
    DurableObject, Env, Request, Response, ScheduledTime, SqlStorageValue, State, console_error,
    durable_object,
};

use crate::sql::Sql;
use crate::{blame, carry, now_ms};

/// Of a command: more than the largest page asks for.
const COMMAND_BYTES: usize = 8 << 20;

#[durable_object(alarm)]
pub struct Counter {
    state: State,
    sql: Sql,
}

impl DurableObject for Counter {
    fn new(state: State, _: Env) -> Self {
        Self {
            sql: Sql(state.storage().sql()),
            state,
        }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        blame::known(self.answer(request)).await
    }

    /// Deletes the object with its book, once that counts nothing any more.
    async fn alarm(&self) -> worker::Result<Response> {
        blame::known(self.end()).await?;
        Response::empty()
    }
}

impl Counter {
    async fn answer(&self, request: Request) -> worker::Result<Response> {
        let Some(command) = carry::body(&request, COMMAND_BYTES).await else {
            return Response::error("the command broke off", 400);
        };
        // Nothing waits from the reading to the writing. The platform holds the answer back until what was written is
        // durable.
        match self.run(&command) {
            Ok((reply, end_ms)) => {
                if let Err(error) = self.wake_at(end_ms).await {
                    console_error!("skyful: no alarm was set: {error}");
                }
                Response::from_bytes(reply)
            }
            Err(error) => Response::error(error.to_string(), 503),
        }
    }

    /// The reply, and when to look at a book that is new.
    fn run(&self, command: &[u8]) -> Result<(Vec<u8>, Option<i64>), StoreError> {
        let stored = self.stored()?;
        let applied = caps::apply(stored.as_deref(), command)?;
        let mut end_ms = None;
        if let Some(book) = applied.stored {
            if stored.is_none() {
                end_ms = caps::end_ms(&book);
                self.sql.run(
                    "CREATE TABLE IF NOT EXISTS book (id INTEGER PRIMARY KEY CHECK (id = 1), bytes BLOB)",
                    vec![],
                )?;
            }
            self.sql.run(
                "INSERT OR REPLACE INTO book (id, bytes) VALUES (1, ?)",
                vec![book.into()],
            )?;
        }
        Ok((applied.reply, end_ms))
    }

    /// An object that only was asked has no table, so that names which somebody made up leave nothing behind.
    fn stored(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let made = "SELECT 1 FROM sqlite_master WHERE name = 'book'";
        if self.sql.rows(made, vec![])?.is_empty() {
            return Ok(None);
        }
        let rows = self.sql.rows("SELECT bytes FROM book", vec![])?;
        Ok(rows.into_iter().flatten().find_map(|value| match value {
            SqlStorageValue::Blob(bytes) => Some(bytes),
            _ => None,
        }))
    }

    async fn end(&self) -> worker::Result<()> {
        let stored = self.stored();
        let stored = stored.map_err(|error| worker::Error::RustError(error.to_string()))?;
        match stored.as_deref().and_then(caps::end_ms) {
            Some(end_ms) if end_ms <= now_ms() => self.state.storage().delete_all().await,
            later => self.wake_at(later).await,
        }
    }

    async fn wake_at(&self, at_ms: Option<i64>) -> worker::Result<()> {
        let Some(at_ms) = at_ms else {
            return Ok(());
        };
        let date = Date::new(&JsValue::from_f64(at_ms as f64));
        self.state
            .storage()
            .set_alarm(ScheduledTime::new(date))
            .await
    }
}
