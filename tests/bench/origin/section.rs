//! The report's section about the origin.

use std::fmt::Write;

use crate::Results;
use crate::place::TITLE;
use crate::publishing::{MODULES, PAGES, PLANS};
use crate::saving::EDITORS;

pub fn text(results: &Results) -> String {
    let mut text = format!(
        "{TITLE}\n\nWritten by `scripts/bench origin`; figures in [origin/results.json](origin/results.json), the program in\n\
         [origin](origin/main.rs). Real processes over HTTP on one machine, clients and edge among them; the database is a file\n\
         with `synchronous=FULL`. {} cores ({}); load over a minute: {} at the start, {} at the end.\n\n",
        results.cores, results.processor, results.load[0], results.load[1]
    );
    let publishing = &results.publishing;
    _ = writeln!(
        text,
        "From the click (`POST …/releases`, empty) until `GET /v1/pages/page0` of an edge that is pushed to shows what is new: a\n\
         workspace of {} plans on {PAGES} pages with {MODULES} modules each, {} kB as a document. The goal is 2 s.\n\n\
         | what changed | answered, median | visible, median | visible, longest | of |\n|---|---|---|---|---|",
        PAGES * MODULES * PLANS,
        publishing.document_bytes / 1_000
    );
    for row in &publishing.rows {
        _ = writeln!(
            text,
            "| {} | {:.0} ms | **{:.0} ms** | {:.0} ms | {} |",
            row.what, row.answered_ms, row.visible_ms, row.longest_ms, row.times
        );
    }
    let saving = &results.saving;
    _ = writeln!(
        text,
        "\n{EDITORS} editors on a connection each, who save an object of their own ({} bytes, `If-Match`) as soon as the save\n\
         before was answered, {} times in all. The goal is 500 saves a second.\n\n\
         | saves a second | of the first tenth | of the last tenth | p50 | p99 | transactions | database |\n\
         |---|---|---|---|---|---|---|\n\
         | **{:.0}** | {:.0} | {:.0} | {:.1} ms | {:.1} ms | {} | {} MB |\n\n\
         | to look at | before these saves | after them |\n|---|---|---|",
        saving.body_bytes,
        saving.saves,
        saving.per_second,
        saving.first_per_second,
        saving.last_per_second,
        saving.p50_ms,
        saving.p99_ms,
        saving.transactions,
        saving.database_bytes / 1_000_000
    );
    for row in &saving.lookups {
        _ = writeln!(
            text,
            "| {} | {:.2} ms | {:.2} ms |",
            row.what, row.before_ms, row.after_ms
        );
    }
    text
}
