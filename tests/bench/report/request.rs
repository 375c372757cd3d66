//! The section on the whole request.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

/// What `request/` measured natively and in Wasm, a page each.
#[derive(Deserialize, Serialize)]
pub struct Request {
    native: Vec<Page>,
    wasm: Vec<Page>,
}

#[derive(Deserialize, Serialize)]
struct Page {
    bytes: Bytes,
    rows: Vec<Row>,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
struct Bytes {
    request: u32,
    content: u32,
    answer: u32,
}

#[derive(Deserialize, Serialize)]
struct Row {
    what: String,
    ns: f64,
    to_floor: f64,
}

pub fn text(request: &Request) -> String {
    let mut text = String::from(
        "\n## The whole request, beside its floor\n\n\
         Bytes in, bytes out, one thread: a page of 20 modules with 50 plans each, 64 visitors in turn. The floor is the least\n\
         that anybody could do for such an answer: serde_json into a struct that knows the attributes beforehand, a hash for each\n\
         text that rules could ask for, one bucket a module, and the contents copied. Wasm (for speed, `simd128`) runs in Node's V8.\n",
    );
    for (native, wasm) in request.native.iter().zip(&request.wasm) {
        let Bytes {
            request,
            content,
            answer,
        } = native.bytes;
        _ = writeln!(
            text,
            "\nA request of {request} bytes, contents of {content}, an answer of {answer}:\n\n\
             | step | native | to the floor | Wasm | to its floor |\n|---|---|---|---|---|"
        );
        for (native, wasm) in native.rows.iter().zip(&wasm.rows) {
            _ = writeln!(
                text,
                "| {} | {} ns | **{:.2}** | {} ns | **{:.2}** |",
                native.what, native.ns, native.to_floor, wasm.ns, wasm.to_floor
            );
        }
    }
    text
}
