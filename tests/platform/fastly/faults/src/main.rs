//! Stands in front of the edge on Viceroy and lets tests damage its stores, which live in Viceroy's memory and can't
//! be reached from outside. What visitors and publishers ask is answered by the very library of the program that
//! is deployed; requests for the host `harness.invalid` are commands.

#[cfg(target_os = "wasi")]
mod harness;

#[cfg(target_os = "wasi")]
fn main() {
    harness::main();
}

#[cfg(not(target_os = "wasi"))]
fn main() {}
