//! The Durable Object of one unit or device, which counts what it was granted. What may be granted is the core's decision;
//! here it is taken where nobody comes between.

use skyful_edge::{StoreError, caps};
use worker::{DurableObject, Env, Request, Response, SqlStorageValue, State, durable_object};

use crate::sql::Sql;
use crate::{blame, carry};

/// Of a command: more than the largest page asks for.
const COMMAND_BYTES: usize = 8 << 20;

#[durable_object]
pub struct Counter {
    sql: Sql,
}

impl DurableObject for Counter {
    fn new(state: State, _: Env) -> Self {
        Self {
            sql: Sql(state.storage().sql()),
        }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        blame::known(self.answer(request)).await
    }
}

impl Counter {
    async fn answer(&self, request: Request) -> worker::Result<Response> {
        let Some(command) = carry::body(&request, COMMAND_BYTES).await else {
            return Response::error("the command broke off", 400);
        };
        // From here on nothing waits. The platform holds the answer back until what was written is durable.
        match self.run(&command) {
            Ok(reply) => Response::from_bytes(reply),
            Err(error) => Response::error(error.to_string(), 503),
        }
    }

    fn run(&self, command: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.sql.run(
            "CREATE TABLE IF NOT EXISTS book (id INTEGER PRIMARY KEY CHECK (id = 1), bytes BLOB)",
            vec![],
        )?;
        let rows = self.sql.rows("SELECT bytes FROM book", vec![])?;
        let stored = rows.into_iter().flatten().find_map(|value| match value {
            SqlStorageValue::Blob(bytes) => Some(bytes),
            _ => None,
        });
        let applied = caps::apply(stored.as_deref(), command)?;
        if let Some(book) = applied.stored {
            self.sql.run(
                "INSERT OR REPLACE INTO book (id, bytes) VALUES (1, ?)",
                vec![book.into()],
            )?;
        }
        Ok(applied.reply)
    }
}
