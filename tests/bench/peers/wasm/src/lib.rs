//! Skyful's resolve as a Wasm module. The host writes chunk and requests into its memory and times the calls; there is no
//! clock in here.
//!
//! The input: the chunk's digest (32 bytes), then frames of a little-endian length (4 bytes) and as many bytes: the chunk
//! first, then requests. Workspace, page, locale and time are those of `src/ours.rs`.

use std::cell::RefCell;
use std::hint::black_box;

use skyful::context::Context;
use skyful::resolve::fatigue::Tallies;
use skyful::resolve::write::{Release, Track};
use skyful::resolve::{Input, Silent, answer, resolve};
use skyful::snapshot::{Chunk, Digest, Kind};

const WORKSPACE: &str = "bench";
const PAGE: &str = "home";
const LOCALE: &str = "en";
const NOW_MS: i64 = 1_795_000_000_000;

#[derive(Default)]
struct State {
    /// What the host wrote; leaked, so that contexts may borrow from it.
    input: &'static mut [u8],
    edge: Option<Edge>,
    /// The answers to all requests, one after the other.
    bodies: Vec<u8>,
}

struct Edge {
    chunk: Chunk,
    digest: Digest,
    raw: &'static [u8],
    requests: Vec<&'static [u8]>,
    contexts: Vec<Context<'static>>,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

fn with<T>(work: impl FnOnce(&Edge) -> T) -> T {
    STATE.with_borrow(|state| work(state.edge.as_ref().expect("`open` was called")))
}

/// Where the host may write so many bytes of input.
#[unsafe(no_mangle)]
extern "C" fn room(length: usize) -> usize {
    STATE.with_borrow_mut(|state| {
        state.input = vec![0; length].leak();
        state.input.as_ptr().addr()
    })
}

/// Reads the input; the number of requests.
#[unsafe(no_mangle)]
extern "C" fn open() -> usize {
    STATE.with_borrow_mut(|state| {
        let input = std::mem::take(&mut state.input);
        let (digest, mut rest) = (*input).split_first_chunk().expect("a digest");
        let mut frames = Vec::new();
        while let Some((length, more)) = rest.split_first_chunk() {
            let (frame, more) = more.split_at(u32::from_le_bytes(*length) as usize);
            frames.push(frame);
            rest = more;
        }
        let raw = frames.remove(0);
        let chunk = chunk(raw, Digest(*digest));
        let read = |request: &&'static [u8]| Context::from_json(request).expect("a request");
        let contexts: Vec<Context<'_>> = frames.iter().map(read).collect();
        let edge = Edge {
            contexts,
            chunk,
            digest: Digest(*digest),
            raw,
            requests: frames,
        };
        let requests = edge.requests.len();
        state.bodies = (0..requests).flat_map(|number| edge.body(number)).collect();
        state.edge = Some(edge);
        requests
    })
}

fn chunk(bytes: &[u8], digest: Digest) -> Chunk {
    Chunk::open(bytes.to_vec(), digest, WORKSPACE, PAGE).expect("a valid chunk")
}

impl Edge {
    fn input<'a>(&self, chunk: &Chunk, context: &'a Context<'a>) -> Input<'a> {
        Input {
            context,
            locale: 0,
            now_ms: NOW_MS,
            tallies: Tallies::read(chunk, |name| context.tally(name)),
            ids: None,
            defaults_only: false,
        }
    }

    fn body(&self, number: usize) -> Vec<u8> {
        self.body_of(&self.chunk, number)
    }

    fn body_of(&self, chunk: &Chunk, number: usize) -> Vec<u8> {
        let context = Context::from_json(self.requests[number]).expect("a request");
        let release = Release {
            sequence: 1,
            snapshot: self.digest,
            track: Track::Stable,
        };
        answer(chunk, self.input(chunk, &context), LOCALE, &release, None).body
    }
}

/// Decides the page for every visitor, so many times.
#[unsafe(no_mangle)]
extern "C" fn decide(rounds: usize) {
    with(|edge| {
        for _ in 0..rounds {
            for context in &edge.contexts {
                let input = edge.input(&edge.chunk, context);
                black_box(resolve(&edge.chunk, input, &mut Silent));
            }
        }
    });
}

/// Answers every request, bytes to bytes, so many times.
#[unsafe(no_mangle)]
extern "C" fn whole(rounds: usize) {
    with(|edge| {
        for _ in 0..rounds {
            for number in 0..edge.requests.len() {
                black_box(edge.body(number));
            }
        }
    });
}

/// Opens the chunk from its bytes and answers one request, so many times.
#[unsafe(no_mangle)]
extern "C" fn cold(rounds: usize) {
    with(|edge| {
        for _ in 0..rounds {
            black_box(edge.body_of(&chunk(edge.raw, edge.digest), 0));
        }
    });
}

/// Of which the hash.
#[unsafe(no_mangle)]
extern "C" fn hash(rounds: usize) {
    with(|edge| {
        for _ in 0..rounds {
            black_box(Kind::Page.digest(black_box(edge.raw)));
        }
    });
}

/// Where all bodies lie, and how long they are.
#[unsafe(no_mangle)]
extern "C" fn bodies() -> usize {
    STATE.with_borrow(|state| state.bodies.as_ptr().addr())
}

#[unsafe(no_mangle)]
extern "C" fn bodies_length() -> usize {
    STATE.with_borrow(|state| state.bodies.len())
}
