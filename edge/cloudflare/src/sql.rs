//! A Durable Object's database. Every call is synchronous, and calls without an await between them are stored together or
//! not at all.

use skyful_edge::StoreError;
use worker::{SqlStorage, SqlStorageValue, console_error};

pub struct Sql(pub SqlStorage);

impl Sql {
    pub fn run(&self, statement: &str, values: Vec<SqlStorageValue>) -> Result<(), StoreError> {
        self.0.exec(statement, values).map_err(failed)?;
        Ok(())
    }

    pub fn rows(
        &self,
        query: &str,
        values: Vec<SqlStorageValue>,
    ) -> Result<Vec<Vec<SqlStorageValue>>, StoreError> {
        let cursor = self.0.exec(query, values).map_err(failed)?;
        cursor.raw().collect::<worker::Result<_>>().map_err(failed)
    }
}

fn failed(error: worker::Error) -> StoreError {
    console_error!("skyful: an object's storage: {error}");
    StoreError("the object cannot use its storage".into())
}
