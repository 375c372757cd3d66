use clap::Parser;

use super::*;
use crate::document::Document;

const DOCUMENT: &str = r#"
skyful: 1
workspace: shop
locales: {default: en, supported: [en]}
cap_groups: {promo: {limit: 3, per: 1d}}
module_types: {card: {schema: {type: object}}}
modules:
  hero:
    type: card
    default: {content: {}}
    plans:
      - {key: seen, content: {}, caps: [{limit: 2, per: 2h}, {group: promo}, {stop_after: click}]}
      - {key: served, content: {}, caps: [{limit: 1, per: {calendar: day, timezone: UTC}, count: served}]}
      - {key: clicked, content: {}, caps: [{limit: 5, per: lifetime, count: click}, {cooldown: 90s}]}
      - {key: often, content: {}, caps: [{limit: 33, per: 1d}, {limit: 0, per: 1d, count: served}]}
pages:
  home: {slots: [{key: s}], default: {modules: {s: [hero]}}}
"#;

#[derive(Parser)]
struct Args {
    #[arg(long)]
    target: Target,
    #[command(flatten)]
    assumed: Assumed,
}

/// What the command says with these arguments.
fn said(arguments: &str) -> (String, Vec<Bounded>) {
    let arguments = std::iter::once("check").chain(arguments.split(' '));
    let Args { target, assumed } = Args::parse_from(arguments);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("workspace.yaml");
    std::fs::write(&file, DOCUMENT).unwrap();
    let mut document = Document::read(&file).unwrap();
    let (workspace, _) = document.compile(&mut |_, _| ()).unwrap();
    let bounded = bounds(workspace, target, &assumed);
    (table(&bounded, target, &assumed), bounded)
}

#[test]
fn each_cap_says_how_far_it_can_be_overshot() {
    insta::assert_snapshot!("cloudflare", said("--target cloudflare").0);
    insta::assert_snapshot!("fastly", said("--target fastly").0);
}

#[test]
fn what_visitors_may_do_at_worst_is_counted_in() {
    let all =
        "--target cloudflare --devices 2 --lost 1 --in-flight 3 --within-lag 4 --unreported 7";
    let (table, bounded) = said(all);
    insta::assert_snapshot!("assumed", table);
    let of = |cap: &str| {
        let found = bounded.iter().find(|one| one.cap == cap).unwrap();
        let most = |bound: &Bound| bound.at_most;
        found.bounds.iter().map(most).collect::<Vec<_>>()
    };
    // Exact, ledger, approximate.
    let seen = [
        Some(2 + 7),
        Some((2 + 1) * (2 + 3 - 1) + 7),
        Some(2 * 4 + 7),
    ];
    assert_eq!(of("module/hero/seen#0"), seen);
    let served = [Some(1), Some((2 + 1) * (1 + 3 - 1)), Some(4)];
    assert_eq!(of("module/hero/served#0"), served);
    assert_eq!(
        of("module/hero/seen#2"),
        [None; 3],
        "a click bounds nothing before it arrives"
    );
    assert_eq!(of("module/hero/clicked#0"), [None; 3]);
    assert_eq!(of("module/hero/often#1"), [Some(0); 3]);
}
