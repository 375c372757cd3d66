//! Pages of templates, in files.

use crate::support::Desk;

const MADE: &[&str] = &[
    "page",
    "wallet.yaml",
    "--template",
    "campaign",
    "--page",
    "spring",
    "--set",
    "title=Spring",
    "--set",
    "tone=jade",
];

#[test]
fn what_is_printed_goes_into_the_document() {
    let desk = Desk::with_sample();
    desk.write(
        "fields.yaml",
        "news: {zh-CN: 新闻, en: News}\ntone: night\n",
    );
    let args = [MADE, &["--fields", "fields.yaml"]].concat();
    let made = desk.run(&args).ends_with_code(0);
    assert_eq!(made.err, "");
    insta::assert_snapshot!(made.out);
    let json = desk
        .run(&[&args[..], &["--json"]].concat())
        .ends_with_code(0)
        .json();
    assert_eq!(
        json["modules"]["spring_banner"]["default"]["content"]["tone"],
        "jade"
    );

    let (modules, pages) = made.out.split_once("pages:\n").expect("both");
    let modules = modules.strip_prefix("modules:\n").expect("modules first");
    desk.edit(
        "wallet.yaml",
        "\nmodules:\n",
        &format!("\nmodules:\n{modules}"),
    );
    desk.edit("wallet.yaml", "\npages:\n", &format!("\npages:\n{pages}"));
    let checked = desk.run(&["check", "wallet.yaml"]).ends_with_code(0);
    assert_eq!(checked.out, "wallet.yaml: 7 pages, 40 modules, 79 plans\n");
    assert_eq!(checked.err, "");

    let again = desk.run(&args).ends_with_code(1);
    assert!(
        again
            .err
            .contains("pages/spring, modules/spring_banner, modules/spring_news"),
        "{}",
        again.err
    );
}

#[test]
fn what_is_wrong_is_told_by_field() {
    let desk = Desk::with_sample();
    let told = desk.run(MADE).ends_with_code(1);
    assert_eq!(told.out, "");
    assert!(
        told.err.contains("the field `news` is missing"),
        "{}",
        told.err
    );
    let wrong = desk
        .run(&[MADE, &["--set", "news:=7", "--json"]].concat())
        .ends_with_code(1);
    assert_eq!(wrong.json()["problems"][0]["path"], "/fields/news");
    desk.run(&[MADE, &["--set", "news"]].concat())
        .ends_with_code(2);
    desk.run(&[MADE, &["--set", "news:=x"]].concat())
        .ends_with_code(2);
    let args = [
        "page",
        "wallet.yaml",
        "--template",
        "none",
        "--page",
        "spring",
    ];
    let none = desk.run(&args).ends_with_code(2);
    assert!(none.err.contains("no template `none`"), "{}", none.err);
}
