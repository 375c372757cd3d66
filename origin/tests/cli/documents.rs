//! Checking documents.

use crate::support::Desk;

const BAD: &str = "\
skyful: 1
workspace: shop
locales: {default: en, supported: [en]}
attributes:
  age: {type: integer}
module_types:
  note: {schema: {type: object, properties: {text: {type: string, x-localizable: true}}}}
modules:
  hello:
    type: note
    default: {content: {text: {en: Hello}}}
    plans:
      - key: seniors
        audience: {attr: age, op: gtee, value: 60}
        content: {text: {en: Good morning}}
pages:
  home:
    slots: [{key: top}]
    default: {modules: {top: [helo]}}
";

#[test]
fn a_sound_document_is_said_to_be_sound() {
    let desk = Desk::with_sample();
    let result = desk.run(&["check", "wallet.yaml"]).ends_with_code(0);
    assert_eq!(result.out, "wallet.yaml: 6 pages, 38 modules, 79 plans\n");
    assert_eq!(result.err, "");
}

#[test]
fn every_problem_is_shown_in_its_line_with_what_would_be_right() {
    let desk = Desk::new();
    desk.write("shop.yaml", BAD);
    let result = desk.run(&["check", "shop.yaml"]).ends_with_code(1);
    assert_eq!(result.out, "");
    insta::assert_snapshot!(result.err);
}

#[test]
fn programs_read_problems_as_json() {
    let desk = Desk::new();
    desk.write("shop.yaml", BAD);
    let result = desk
        .run(&["check", "shop.yaml", "--json"])
        .ends_with_code(1);
    let json = result.json();
    assert_eq!(json["errors"], 2);
    assert_eq!(json["warnings"], 1);
    assert_eq!(json["problems"][1]["line"], 14);
    assert_eq!(result.err, "");
}

#[test]
fn colour_is_for_terminals() {
    let desk = Desk::new();
    desk.write("shop.yaml", BAD);
    let output = desk
        .command(&["check", "shop.yaml"])
        .env("CLICOLOR_FORCE", "1")
        .output()
        .expect("it runs");
    assert!(output.stderr.contains(&0x1b));
    assert!(!desk.run(&["check", "shop.yaml"]).err.contains('\x1b'));
}

#[test]
fn a_missing_file_is_wrong_usage() {
    let desk = Desk::new();
    let result = desk.run(&["check", "nowhere.yaml"]).ends_with_code(2);
    assert!(result.err.starts_with("error: cannot read nowhere.yaml: "));
    desk.run(&["check"]).ends_with_code(2);
    desk.run(&["chekc", "wallet.yaml"]).ends_with_code(2);
    desk.run(&["--help"]).ends_with_code(0);
}

#[test]
fn the_schema_is_the_one_that_check_follows() {
    let result = Desk::new().run(&["schema"]).ends_with_code(0);
    assert!(result.json()["$schema"].is_string());
}

#[test]
fn shells_can_complete() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let result = Desk::new().run(&["completions", shell]).ends_with_code(0);
        assert!(result.out.contains("skyful"));
    }
}
