//! What a run prints and keeps of hostile manifests has bounds, whatever their size.

use super::{Place, Ran};
use serde_json::Value;

fn validated(text: &str, format: &str) -> Ran {
    let place = Place::new();
    place.write("big.yaml", text);
    let ran = place.run(&format!("validate big.yaml --format {format}")).ends(1);
    assert!(ran.stdout.len() < 1_000_000, "{format} has {} bytes", ran.stdout.len());
    ran
}

#[test]
fn a_file_of_too_many_documents_is_one_error() {
    let ran = validated(&"--- {}\n".repeat(1_000_000), "text");
    ran.says("error[yaml-limit]: the file exceeds a limit: there are more than 10,000 documents")
        .says("1 error,");
}

#[test]
fn errors_beyond_the_limit_are_counted() {
    let documents = "--- { version: 2 }\n".repeat(5_000);
    let keys: String = (0..5_000).map(|number| format!("key{number}: 1\n")).collect::<Vec<_>>().concat();
    for (text, total) in [(documents, 5_001), (format!("version: 1\nbusiness: 1\n{keys}"), 5_000)] {
        let text_ran = validated(&text, "text");
        assert_eq!(text_ran.stdout.matches("error[").count(), 1_001);
        text_ran.says("error[more-diagnostics]: and 4,00").says(&format!("{total} errors, 0 warnings"));
        let document: Value = serde_json::from_str(&validated(&text, "json").stdout).unwrap();
        assert_eq!(document["summary"]["errors"], total);
        assert_eq!(document["diagnostics"].as_array().unwrap().len(), 1_001);
        validated(&text, "sarif");
        validated(&text, "github");
    }
}

#[test]
fn a_long_scalar_is_quoted_in_part() {
    let long = "x".repeat(2_000_000);
    for text in
        [format!("version: 1\nbusiness: {long}\n"), format!("version: 1\n{long}: 1\n"), format!("[{long}]\n")]
    {
        for format in ["text", "json"] {
            let ran = validated(&text, format);
            assert!(ran.stdout.len() < 5_000, "{} bytes", ran.stdout.len());
        }
    }
}
