//! Cost of one evaluation against the number of plans, as an SVG: logarithmic both ways, a panel for uniform and one for
//! skewed values.

use std::fmt::Write;

use crate::ours;
use crate::results::{Results, Workload};
use crate::section::{OURS, SCAN, SPARSE, WHOLE, grouped, time};

const WIDTH: f64 = 1_180.0;
const HEIGHT: f64 = 560.0;
const PANEL: f64 = 400.0;
const TOP: f64 = 70.0;
const BOTTOM: f64 = 490.0;
const LEFTS: [f64; 2] = [80.0, 540.0];
const LEGEND: f64 = 975.0;
/// Powers of ten of nanoseconds.
const COSTS: (i32, i32) = (1, 9);

const COLOURS: [&str; 8] = [
    "#e69f00", "#56b4e9", "#009e73", "#cc79a7", "#8c6d31", "#7f7f7f", "#6a3d9a", "#b15928",
];

fn across(left: f64, plans: usize) -> f64 {
    left + ((plans as f64).log10() - 1.0) / 4.0 * PANEL
}

fn down(ns: f64) -> f64 {
    let (low, high) = (f64::from(COSTS.0), f64::from(COSTS.1));
    let share = (ns.log10() - low) / (high - low);
    BOTTOM - share.clamp(0.0, 1.0) * (BOTTOM - TOP)
}

pub fn svg(results: &Results) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#222\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n\
         <text x=\"{}\" y=\"26\" font-size=\"17\">One evaluation against the number of plans (selective rules, first match wins)</text>\n",
        LEFTS[0]
    );
    let styles = styles(results);
    for (left, skew) in LEFTS.into_iter().zip(["uniform", "zipf"]) {
        axes(&mut svg, left, skew);
        for (name, colour, width, dashes) in &styles {
            line(
                &mut svg,
                &points(results, name, skew, left),
                colour,
                *width,
                dashes,
            );
        }
    }
    for (index, (name, colour, width, dashes)) in styles.iter().enumerate() {
        let y = TOP + 12.0 + index as f64 * 22.0;
        _ = writeln!(
            svg,
            "<path d=\"M{LEGEND} {y}h30\" stroke=\"{colour}\" stroke-width=\"{width}\"{dashes}/>\
             <text x=\"{}\" y=\"{}\">{name}</text>",
            LEGEND + 38.0,
            y + 4.0
        );
    }
    svg + "</svg>\n"
}

/// Name, colour, width and dashes of each engine's line.
fn styles(results: &Results) -> Vec<(&str, &'static str, f64, &'static str)> {
    let mut colours = COLOURS.into_iter().cycle();
    let shown = |name: &str| ![WHOLE, ours::CLASSES.name].contains(&name);
    let engines = results.engines.iter().filter(|engine| shown(&engine.name));
    let style = engines.map(|engine| match &*engine.name {
        OURS => (OURS, "#d00000", 3.5, ""),
        SCAN => (SCAN, "#d00000", 2.0, " stroke-dasharray=\"6 4\""),
        name => (name, colours.next().unwrap_or("#000"), 1.8, ""),
    });
    style.collect()
}

fn points(results: &Results, engine: &str, skew: &str, left: f64) -> Vec<(f64, f64)> {
    let of = |plans| {
        let workload = Workload {
            modules: 1,
            plans,
            rules: "selective",
            skew,
            winner: "drawn",
        };
        let figures = results.figures(&workload, engine)?;
        Some((across(left, plans), down(figures.evaluation_ns)))
    };
    SPARSE.into_iter().filter_map(of).collect()
}

fn line(svg: &mut String, points: &[(f64, f64)], colour: &str, width: f64, dashes: &str) {
    let path: Vec<String> = points
        .iter()
        .map(|(x, y)| format!("{x:.1},{y:.1}"))
        .collect();
    _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"{dashes}/>",
        path.join(" ")
    );
    for (x, y) in points {
        _ = writeln!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{width}\" fill=\"{colour}\"/>"
        );
    }
}

fn axes(svg: &mut String, left: f64, skew: &str) {
    let right = left + PANEL;
    let middle = left + PANEL / 2.0;
    for power in COSTS.0..=COSTS.1 {
        let ns = 10_f64.powi(power);
        let (y, label) = (down(ns), time(ns).replace(".00", "").replace(".0", ""));
        _ = writeln!(
            svg,
            "<path d=\"M{left} {y:.1}H{right}\" stroke=\"#ddd\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            left - 8.0,
            y + 4.0
        );
    }
    for plans in SPARSE {
        let x = across(left, plans);
        _ = writeln!(
            svg,
            "<path d=\"M{x:.1} {TOP}V{BOTTOM}\" stroke=\"#ddd\"/>\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            BOTTOM + 18.0,
            grouped(plans)
        );
    }
    _ = writeln!(
        svg,
        "<rect x=\"{left}\" y=\"{TOP}\" width=\"{PANEL}\" height=\"{}\" fill=\"none\" stroke=\"#888\"/>\
         <text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" font-size=\"14\">{skew} values</text>\
         <text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">plans</text>",
        BOTTOM - TOP,
        TOP - 10.0,
        BOTTOM + 40.0
    );
}
