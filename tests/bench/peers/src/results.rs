//! What was measured, as `results.json` has it. `tests/bench/report.rs` reads this file as well.

use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub struct Results {
    pub engines: Vec<EngineNotes>,
    pub rows: Vec<Row>,
    pub wasm: Vec<WasmRow>,
    /// Whether budgets were lifted.
    pub full: bool,
    /// Workloads with more plans were left out on demand.
    pub most_plans: Option<usize>,
    /// What else the machine did: its load over a minute, at the start and at the end.
    pub load: [String; 2],
}

#[derive(Serialize, Deserialize)]
pub struct EngineNotes {
    pub name: String,
    pub native: bool,
    /// Not ours.
    pub peer: bool,
    pub notes: String,
}

/// One engine on one workload.
#[derive(Clone, Serialize, Deserialize)]
pub struct Row {
    pub engine: String,
    /// `sparse`: one list. `page`: twenty modules.
    pub shape: String,
    pub modules: usize,
    /// In each list.
    pub plans: usize,
    /// `selective` or `unselective`.
    pub rules: String,
    /// `uniform` or `zipf`.
    pub skew: String,
    /// `drawn` or `late`.
    pub winner: String,
    /// Why there are no figures.
    pub skipped: Option<String>,
    pub figures: Option<Figures>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Figures {
    /// One evaluation of all lists, warm.
    pub evaluation_ns: f64,
    pub users_timed: usize,
    /// Compared with the reference.
    pub users_checked: usize,
    /// Making one context ahead of an evaluation.
    pub context_ns: f64,
    /// Serialized rules → ready.
    pub load_ns: f64,
    /// Serialized rules → first answer.
    pub cold_ns: f64,
    /// Of the serialized rules.
    pub bytes: usize,
}

/// Our own engine in a Wasm runtime, on a page of 20 × 50.
#[derive(Serialize, Deserialize)]
pub struct WasmRow {
    pub runtime: String,
    pub skew: String,
    pub match_ns: f64,
    pub whole_ns: f64,
    /// Chunk bytes in memory → first answer.
    pub cold_ns: f64,
    /// Of which the hash; the signature is the manifest's.
    pub hash_ns: f64,
}

impl Results {
    pub fn find(&self, wanted: &Workload<'_>, engine: &str) -> Option<&Row> {
        self.rows
            .iter()
            .find(|row| row.engine == engine && row.workload() == *wanted)
    }

    pub fn figures(&self, wanted: &Workload<'_>, engine: &str) -> Option<Figures> {
        self.find(wanted, engine)?.figures
    }

    /// The least of a figure among peers, and whose it is.
    pub fn best_peer(
        &self,
        wanted: &Workload<'_>,
        native_only: bool,
        figure: impl Fn(Figures) -> f64,
    ) -> Option<(&str, f64)> {
        let peers = self.engines.iter().filter(|engine| engine.peer);
        peers
            .filter(|engine| engine.native || !native_only)
            .filter_map(|engine| {
                let figures = self.figures(wanted, &engine.name)?;
                Some((&*engine.name, figure(figures)))
            })
            .min_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// What names a workload.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Workload<'a> {
    pub modules: usize,
    pub plans: usize,
    pub rules: &'a str,
    pub skew: &'a str,
    pub winner: &'a str,
}

impl Row {
    pub fn workload(&self) -> Workload<'_> {
        Workload {
            modules: self.modules,
            plans: self.plans,
            rules: &self.rules,
            skew: &self.skew,
            winner: &self.winner,
        }
    }
}
