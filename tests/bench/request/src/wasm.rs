//! What `run.mjs` calls. Batches are counted here, so that a call from JavaScript weighs nothing.

use wasm_bindgen::prelude::wasm_bindgen;

use crate::steps::{NAMES, Steps};

#[wasm_bindgen]
pub struct Bench(Steps);

#[wasm_bindgen]
impl Bench {
    #[wasm_bindgen(constructor)]
    pub fn new(page: Vec<u8>) -> Self {
        Self(Steps::new(page).expect("a page that fills all its modules"))
    }

    /// Of a request, a content, an answer.
    pub fn bytes(&self) -> Vec<u32> {
        let steps = &self.0;
        [
            steps.request_bytes(),
            steps.content_bytes(),
            steps.answer_bytes(),
        ]
        .map(|bytes| bytes as u32)
        .to_vec()
    }

    pub fn run(&mut self, step: usize, times: u32) {
        self.0.run(step, times);
    }
}

#[wasm_bindgen]
pub fn names() -> Vec<String> {
    NAMES.map(str::to_owned).to_vec()
}
