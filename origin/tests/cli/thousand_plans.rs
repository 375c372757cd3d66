//! Ten thousand visitors of a thousand generated plans, through the real binary: every answer is the one
//! that the second reader finds by walking the document. It needs 15 ms an answer, so it checks every tenth
//! unless `SKYFUL_ALL=1`, as `make fuzz` has it.

use serde_json::Value;
use skyful_tests::generate::thousand_plans;
use skyful_tests::reader;

use super::support::Desk;

#[test]
fn ten_thousand_contexts_of_a_thousand_plans_are_answered_as_the_document_says() {
    let batch = thousand_plans(20_261_122, 10_000);
    let desk = Desk::new();
    desk.write("workspace.json", &batch.document.to_string());
    for (name, text) in &batch.files {
        desk.write(name, text);
    }
    let lines: Vec<&str> = batch
        .contexts
        .iter()
        .map(|(_, text)| text.as_str())
        .collect();
    desk.write("contexts.jsonl", &lines.join("\n"));

    desk.run(&["compile", "workspace.json", "-o", "snapshot"])
        .ends_with_code(0);
    let resolve = [
        "resolve",
        "--snapshot",
        "snapshot",
        "--contexts",
        "contexts.jsonl",
    ];
    let answers = desk.run(&resolve).ends_with_code(0).out;

    let answers: Vec<&str> = answers.lines().collect();
    assert_eq!(answers.len(), batch.contexts.len());
    let step = if std::env::var_os("SKYFUL_ALL").is_some() {
        1
    } else {
        10
    };
    for (answer, (page, context)) in answers.iter().zip(&batch.contexts).step_by(step) {
        let mut found: Value = serde_json::from_str(answer).expect("an answer");
        found.as_object_mut().expect("an object").remove("release");
        let expected = reader::answer_text(&batch.document, &batch.files, page, context);
        assert_eq!(Some(found), expected, "page {page}, context {context}");
    }
}
