//! The interfaces of Spin that the component imports, given to it from [`Values`] and a list of variables.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasmtime::Result;
use wasmtime::component::{Accessor, FutureReader, HasSelf, Linker, Resource, StreamReader};

use crate::instance::Host;
use crate::values::Values;

mod bindings {
    wasmtime::component::bindgen!({
        world: "spin",
        path: "wit",
        imports: { default: async | trappable },
        with: { "spin:key-value/key-value.store": super::OpenStore },
    });
}
use bindings::spin::key_value::key_value as kv;
use bindings::spin::variables::variables;

/// An opened store.
pub struct OpenStore(Values);

/// What a component is given besides WASI.
#[derive(Clone)]
pub struct Given {
    /// Each granted store under its label.
    pub stores: Arc<BTreeMap<String, Values>>,
    pub variables: Arc<BTreeMap<String, String>>,
}

pub fn add_to_linker(linker: &mut Linker<Host>) -> Result<()> {
    kv::add_to_linker::<_, HasSelf<Host>>(linker, |host| host)?;
    variables::add_to_linker::<_, HasSelf<Host>>(linker, |host| host)
}

fn values<T: 'static>(
    accessor: &Accessor<T, HasSelf<Host>>,
    store: &Resource<OpenStore>,
) -> Result<Values> {
    accessor.with(|mut access| Ok(access.get().table.get(store)?.0.clone()))
}

impl kv::Host for Host {}

impl kv::HostStore for Host {
    async fn drop(&mut self, store: Resource<OpenStore>) -> Result<()> {
        self.table.delete(store)?;
        Ok(())
    }
}

impl<T: 'static + Send> kv::HostStoreWithStore<T> for HasSelf<Host> {
    async fn open(
        accessor: &Accessor<T, Self>,
        label: String,
    ) -> Result<Result<Resource<OpenStore>, kv::Error>> {
        accessor.with(|mut access| {
            let host = access.get();
            let Some(values) = host.given.stores.get(&label).cloned() else {
                return Ok(Err(kv::Error::AccessDenied));
            };
            Ok(Ok(host.table.push(OpenStore(values))?))
        })
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        store: Resource<OpenStore>,
        key: String,
    ) -> Result<Result<Option<Vec<u8>>, kv::Error>> {
        Ok(values(accessor, &store)?
            .get(&key)
            .map_err(kv::Error::Other))
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        store: Resource<OpenStore>,
        key: String,
        value: Vec<u8>,
    ) -> Result<Result<(), kv::Error>> {
        values(accessor, &store)?.set(key, value);
        Ok(Ok(()))
    }

    async fn delete(
        accessor: &Accessor<T, Self>,
        store: Resource<OpenStore>,
        key: String,
    ) -> Result<Result<(), kv::Error>> {
        values(accessor, &store)?.delete(&key);
        Ok(Ok(()))
    }

    async fn exists(
        accessor: &Accessor<T, Self>,
        store: Resource<OpenStore>,
        key: String,
    ) -> Result<Result<bool, kv::Error>> {
        let found = values(accessor, &store)?
            .get(&key)
            .map(|value| value.is_some());
        Ok(found.map_err(kv::Error::Other))
    }

    async fn get_keys(
        accessor: &Accessor<T, Self>,
        store: Resource<OpenStore>,
    ) -> Result<(StreamReader<String>, FutureReader<Result<(), kv::Error>>)> {
        let keys = values(accessor, &store)?.keys();
        accessor.with(|mut access| {
            let keys = StreamReader::new(&mut access, keys)?;
            let end = FutureReader::new(&mut access, async { wasmtime::error::Ok(Ok(())) })?;
            Ok((keys, end))
        })
    }
}

impl variables::Host for Host {}

impl<T: 'static + Send> variables::HostWithStore<T> for HasSelf<Host> {
    async fn get(
        accessor: &Accessor<T, Self>,
        name: String,
    ) -> Result<Result<String, variables::Error>> {
        let variables = accessor.with(|mut access| access.get().given.variables.clone());
        let found = variables.get(&name).cloned();
        Ok(found.ok_or(variables::Error::Undefined(name)))
    }
}
