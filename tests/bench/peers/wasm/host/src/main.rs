//! Times our Wasm module in wasmtime: `peers-wasmtime WASM INPUT BODIES`, figures as JSON to stdout. BODIES is what the
//! module must answer, to the byte.

use std::time::{Duration, Instant};

use serde_json::json;
use wasmtime::{Engine, Instance, Memory, Module, Store, TypedFunc};

const PATIENCE: Duration = Duration::from_secs(1);

struct Guest {
    store: Store<()>,
    instance: Instance,
    memory: Memory,
}

impl Guest {
    fn new(wasm: &[u8]) -> Self {
        let engine = Engine::default();
        let module = Module::new(&engine, wasm).expect("a module");
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).expect("it needs nothing");
        let memory = instance.get_memory(&mut store, "memory");
        Self {
            memory: memory.expect("it has memory"),
            store,
            instance,
        }
    }

    fn number(&mut self, name: &str) -> usize {
        let function: TypedFunc<(), i32> = self
            .instance
            .get_typed_func(&mut self.store, name)
            .expect("it is exported");
        function.call(&mut self.store, ()).expect("it answers") as u32 as usize
    }

    fn write(&mut self, input: &[u8]) {
        let room: TypedFunc<i32, i32> = self
            .instance
            .get_typed_func(&mut self.store, "room")
            .expect("it is exported");
        let at = room.call(&mut self.store, input.len() as i32);
        let at = at.expect("it has room") as u32 as usize;
        self.memory
            .write(&mut self.store, at, input)
            .expect("the room is in memory");
    }

    /// The median of a call with one round.
    fn time(&mut self, name: &str) -> f64 {
        let function: TypedFunc<i32, ()> = self
            .instance
            .get_typed_func(&mut self.store, name)
            .expect("it is exported");
        let begun = Instant::now();
        let mut times = Vec::new();
        while times.len() < 5 || begun.elapsed() < PATIENCE {
            let start = Instant::now();
            function.call(&mut self.store, 1).expect("it answers");
            times.push(start.elapsed().as_nanos());
        }
        times.sort_unstable();
        times[times.len() / 2] as f64
    }
}

fn main() {
    let files: Vec<Vec<u8>> = std::env::args()
        .skip(1)
        .map(|path| std::fs::read(path).expect("a file"))
        .collect();
    let [wasm, input, bodies] = &files[..] else {
        panic!("usage: peers-wasmtime WASM INPUT BODIES");
    };
    let mut guest = Guest::new(wasm);
    guest.write(input);
    let requests = guest.number("open") as f64;
    let (at, length) = (guest.number("bodies"), guest.number("bodies_length"));
    let answered = &guest.memory.data(&guest.store)[at..at + length];
    assert!(
        answered == bodies,
        "the answers differ from the native ones"
    );
    let figures = json!({
        "match_ns": guest.time("decide") / requests,
        "whole_ns": guest.time("whole") / requests,
        "cold_ns": guest.time("cold"),
        "hash_ns": guest.time("hash"),
    });
    println!("{figures}");
}
