//! Key-value values and variables, as Spin gives them to a component: in memory, counting reads, and
//! failing when told to. Outlives the instances.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;

/// What every read meets from now on.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    #[default]
    None,
    /// No answer.
    Down,
    /// The store says that there is nothing.
    Missing,
    /// The first half of the value.
    Torn,
    /// What stands under another key.
    Swapped,
    /// No answer, because there were too many questions.
    Throttled,
}

#[derive(Clone, Default)]
pub struct Values(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    stored: BTreeMap<String, Vec<u8>>,
    reads: Vec<String>,
    fault: Fault,
}

impl Values {
    /// The error is what a host would say in words.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
        let mut inner = self.inner();
        inner.reads.push(key.to_owned());
        let value = inner.stored.get(key).cloned();
        match inner.fault {
            Fault::None => Ok(value),
            Fault::Down => Err("connection to the store at 10.0.0.1 refused".into()),
            Fault::Throttled => Err("too many requests".into()),
            Fault::Missing => Ok(None),
            Fault::Torn => Ok(value.map(|mut value| {
                value.truncate(value.len() / 2);
                value
            })),
            Fault::Swapped => {
                let mut others = inner.stored.iter().filter(|(other, _)| *other != key);
                let next = others.clone().find(|(other, _)| other.as_str() > key);
                Ok(next.or_else(|| others.next()).map(|(_, v)| v.clone()))
            }
        }
    }

    pub fn set(&self, key: String, value: Vec<u8>) {
        self.inner().stored.insert(key, value);
    }

    pub fn delete(&self, key: &str) {
        self.inner().stored.remove(key);
    }

    pub fn keys(&self) -> Vec<String> {
        self.inner().stored.keys().cloned().collect()
    }

    /// The keys read since this was last asked.
    pub fn take_reads(&self) -> Vec<String> {
        std::mem::take(&mut self.inner().reads)
    }

    pub fn fail(&self, fault: Fault) {
        self.inner().fault = fault;
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
