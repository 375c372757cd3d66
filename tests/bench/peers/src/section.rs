//! The report's section "Beside the peers", from what was measured. `tests/bench/report.rs` has this file as well.

use std::fmt::Write;

use crate::goals;
use crate::results::{Figures, Results, Row, Workload};

pub const TITLE: &str = "## Beside the peers";
pub const SPARSE: [usize; 5] = [10, 100, 1_000, 10_000, 100_000];
pub const PAGE: [usize; 5] = [10, 50, 100, 200, 500];
const LATE: [usize; 3] = [1_000, 10_000, 100_000];
pub const PAGE_MODULES: usize = 20;

pub const OURS: &str = "Skyful";
pub const WHOLE: &str = "Skyful, whole request";
pub const SCAN: &str = "our linear scan";

const INTRODUCTION: &str = "
Written by `scripts/bench peers`; figures in [peers/results.json](peers/results.json), the program in
[peers](peers/src/main.rs). All engines get the same plans and the same 1,000 users in one run; every answer is compared
with the linear scan's before anything is timed, and a difference ends the run. Medians on one thread, warm, contexts
made ahead; where one evaluation is slow it is timed for fewer users (10 at least). Trust ratios, not absolutes.

- *Sparse N*: one list of N plans; the first that holds wins. *Page*: 20 such lists (modules) decided for one answer.
- *Selective*: each plan asks for one city or tag (of 5,000) or country (of 200), written first, and for two to four of
  platform, least version, age range, language and percentage; *unselective*: for the latter only.
- *Uniform*: all values alike often; *Zipf*: the n-th value 1/n times as often as the first, in rules and users.
- *Late*: every plan but the last asks for a percentage that no user has; the last takes half of the users.
- The percentage is a ready integer attribute for all, which favours the peers: they need not hash.
";

const WHY: &str = "
### Why goals are missed

- The goals were set with a prototype, on another machine, where a-tree needed 43 µs for a page and the best engine 21.5 ms
  for 100,000 plans. The ratios are of peers that are faster here, and of all that an answer needs, not of matching numbers.
- *Matching*: of one page about a third goes into finding the class of each value (names and words by hash, numbers and
  versions by search); *classes found ahead* leaves that out. The rest is little a module, and hardly more for more plans.
- *Cold*: opening copies the chunk, hashes it, and checks every row of it, since what was signed may still be wrong. Nearly a
  third of its bytes are rules, which only an explanation and what the index left over read.
- *Wasm*: the same code takes about twice its native time.
";

pub fn text(results: &Results) -> String {
    let mut text = format!("{TITLE}\n{INTRODUCTION}");
    if results.full {
        text += "\nRun with `--full`: no budget skipped anything.\n";
    }
    if let Some(most) = results.most_plans {
        let most = grouped(most);
        _ = write!(
            text,
            "\nThis run left out whatever has more than {most} plans.\n"
        );
    }
    let [start, end] = &results.load;
    _ = write!(
        text,
        "\nLoad over a minute: {start} at the start, {end} at the end; this program is 1 of it.\n"
    );
    text += "\n![Cost of one evaluation against the number of plans](cost.svg)\n";
    text += "\n### Goals\n\n";
    text += &goals::text(results);
    text += WHY;
    for (rules, title) in [("selective", "Selective"), ("unselective", "Unselective")] {
        for skew in ["uniform", "zipf"] {
            let of = |modules, plans, winner| Workload {
                modules,
                plans,
                rules,
                skew,
                winner,
            };
            let drawn = SPARSE.map(|plans| (grouped(plans), of(1, plans, "drawn")));
            let late = LATE.map(|plans| (format!("late {}", grouped(plans)), of(1, plans, "late")));
            let measured = |(_, workload): &Column<'_>| results.find(workload, SCAN).is_some();
            let sparse = [&drawn[..], &late[..]].concat();
            let sparse: Vec<_> = sparse.into_iter().filter(measured).collect();
            _ = write!(text, "\n### {title} rules, {skew} values: sparse\n\n");
            text += &evaluations(results, &sparse);
            let mut page = PAGE
                .map(|plans| (format!("20 × {plans}"), of(PAGE_MODULES, plans, "drawn")))
                .to_vec();
            page.push(("late 20 × 50".into(), of(PAGE_MODULES, 50, "late")));
            page.retain(measured);
            _ = write!(text, "\n### {title} rules, {skew} values: page\n\n");
            text += &evaluations(results, &page);
        }
    }
    text += "\n### Cold: from serialized rules to the first answer\n\n";
    text += &cold(results);
    text += "\n### Our engine in Wasm\n\n";
    text += &wasm(results);
    text += "\n### What the figures include\n\n";
    for engine in &results.engines {
        _ = writeln!(text, "- **{}**: {}.", engine.name, engine.notes);
    }
    text
}

/// A column's heading and workload.
type Column<'a> = (String, Workload<'a>);

fn evaluations(results: &Results, columns: &[Column<'_>]) -> String {
    let mut reasons = Reasons::default();
    let mut text = heading("engine", columns);
    for engine in &results.engines {
        let name = &engine.name;
        let cells = columns.iter().map(|(_, workload)| {
            let row = results.find(workload, name);
            reasons.cell(row, |figures| time(figures.evaluation_ns))
        });
        let cells: Vec<String> = cells.collect();
        _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
    }
    let mut ratios = |title: &str, against: &dyn Fn(&Workload<'_>) -> Option<f64>| {
        let cells = columns.iter().map(|(_, workload)| {
            let ours = results.figures(workload, OURS);
            match (against(workload), ours) {
                (Some(theirs), Some(ours)) => {
                    format!("**{}**", ratio(theirs / ours.evaluation_ns))
                }
                _ => "–".into(),
            }
        });
        let cells: Vec<String> = cells.collect();
        _ = writeln!(text, "| *{title}* | {} |", cells.join(" | "));
    };
    ratios("best peer / Skyful", &|workload| {
        let best = results.best_peer(workload, false, |figures| figures.evaluation_ns);
        best.map(|(_, ns)| ns)
    });
    ratios("our linear scan / Skyful", &|workload| {
        let scan = results.figures(workload, SCAN);
        scan.map(|figures| figures.evaluation_ns)
    });
    text + &reasons.text()
}

fn cold(results: &Results) -> String {
    let of = |modules, plans| Workload {
        modules,
        plans,
        rules: "selective",
        skew: "uniform",
        winner: "drawn",
    };
    let columns = [
        ("page 20 × 50".to_owned(), of(PAGE_MODULES, 50)),
        ("page 20 × 500".to_owned(), of(PAGE_MODULES, 500)),
        ("sparse 10,000".to_owned(), of(1, 10_000)),
        ("sparse 100,000".to_owned(), of(1, 100_000)),
    ];
    let mut reasons = Reasons::default();
    let mut text = heading("engine", &columns);
    text = text.replacen(" |\n", " | one context |\n", 1);
    text = text.replacen("|---|\n", "|---|---|\n", 1);
    for engine in results.engines.iter().filter(|engine| engine.name != SCAN) {
        let name = &engine.name;
        let cells = columns.iter().map(|(_, workload)| {
            reasons.cell(results.find(workload, name), |figures| {
                let (load, cold) = (time(figures.load_ns), time(figures.cold_ns));
                format!("{load} → **{cold}** ({} kB)", figures.bytes / 1_000)
            })
        });
        let cells: Vec<String> = cells.collect();
        let context = results.figures(&columns[0].1, name);
        let context = context.map_or("–".into(), |figures| time(figures.context_ns));
        _ = writeln!(text, "| {name} | {} | {context} |", cells.join(" | "));
    }
    text += "\nLoading → **loading, one context and the first answer** (serialized rules). Ours are loaded from what an edge \
             gets, a compiled chunk; peers from their own format, which they compile when they load it. *One context* is \
             what an evaluation does not include; for the whole request it is none.\n";
    text + &reasons.text()
}

fn wasm(results: &Results) -> String {
    if results.wasm.is_empty() {
        return "Not measured in this run.\n".into();
    }
    let mut text = String::from(
        "A page of 20 × 50, selective rules; the answers are the native ones to the byte. Compiled for speed, with SIMD.\n\n\
         | runtime | values | match | whole request | cold, from the chunk's bytes | of which hash |\n|---|---|---|---|---|---|\n",
    );
    for skew in ["uniform", "zipf"] {
        let workload = goals::page(skew);
        let native = |engine| results.figures(&workload, engine);
        if let (Some(matching), Some(whole)) = (native(OURS), native(WHOLE)) {
            let times = [matching.evaluation_ns, whole.evaluation_ns, whole.cold_ns];
            let [matching, whole, cold] = times.map(time);
            _ = writeln!(
                text,
                "| native | {skew} | {matching} | {whole} | {cold} | |"
            );
        }
        for row in results.wasm.iter().filter(|row| row.skew == skew) {
            let times = [row.match_ns, row.whole_ns, row.cold_ns, row.hash_ns].map(time);
            _ = writeln!(text, "| {} | {skew} | {} |", row.runtime, times.join(" | "));
        }
    }
    text
}

/// Why cells are empty, as numbered notes below a table.
#[derive(Default)]
struct Reasons(Vec<String>);

impl Reasons {
    fn cell(&mut self, row: Option<&Row>, show: impl Fn(Figures) -> String) -> String {
        let Some(row) = row else {
            return "–".into();
        };
        if let Some(figures) = row.figures {
            return show(figures);
        }
        let why = row.skipped.clone().unwrap_or_default();
        let known = self.0.iter().position(|reason| *reason == why);
        let number = known.unwrap_or_else(|| {
            self.0.push(why);
            self.0.len() - 1
        });
        format!("– ({})", number + 1)
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (index, reason) in self.0.iter().enumerate() {
            _ = write!(text, "\n({}) {reason}.\n", index + 1);
        }
        text
    }
}

fn heading(first: &str, columns: &[Column<'_>]) -> String {
    let names: Vec<&str> = columns.iter().map(|(name, _)| &**name).collect();
    let lines = "---|".repeat(columns.len());
    format!("| {first} | {} |\n|---|{lines}\n", names.join(" | "))
}

/// Three digits and a unit.
pub fn time(ns: f64) -> String {
    let (value, unit) = match ns {
        ..1e3 => (ns, "ns"),
        ..1e6 => (ns / 1e3, "µs"),
        ..1e9 => (ns / 1e6, "ms"),
        _ => (ns / 1e9, "s"),
    };
    format!("{} {unit}", three_digits(value))
}

pub fn ratio(value: f64) -> String {
    if value >= 100.0 {
        return format!("{}×", grouped(value.round() as usize));
    }
    format!("{}×", three_digits(value))
}

fn three_digits(value: f64) -> String {
    let digits = usize::from(value < 100.0) + usize::from(value < 10.0);
    format!("{value:.digits$}")
}

pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
