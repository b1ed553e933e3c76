//! `wabacl test --format junit` keeps the rules by which Jenkins checks results (`junit-10.xsd` of its xUnit plugin): which
//! element stands in which, which attributes it may have and must have, and what a time looks like.

use super::{Place, access_tests};
use std::collections::{BTreeMap, BTreeSet};

/// An element with its text, which is decoded.
#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: BTreeMap<String, String>,
    children: Vec<Element>,
    text: String,
}

/// What may be in an element: its children, its attributes, those of them that are required, and whether it may have text.
type Rule = (&'static [&'static str], &'static [&'static str], &'static [&'static str], bool);

/// The rules for the elements that the program writes.
fn rule(name: &str) -> Option<Rule> {
    let message: &[&str] = &["type", "message"];
    Some(match name {
        "testsuites" => (&["testsuite"], &["name", "time", "tests", "failures", "errors"], &[], false),
        "testsuite" => (
            &["testsuite", "properties", "testcase", "system-out", "system-err"],
            &[
                "name",
                "tests",
                "failures",
                "errors",
                "group",
                "time",
                "skipped",
                "timestamp",
                "hostname",
                "id",
                "package",
                "file",
                "log",
                "url",
            ],
            &["name", "tests", "failures", "errors"],
            false,
        ),
        "testcase" => (
            &["skipped", "error", "failure", "system-out", "system-err"],
            &["name", "time", "classname", "group"],
            &["name"],
            false,
        ),
        "failure" | "error" | "skipped" => (&[], message, &[], true),
        "system-out" | "system-err" => (&[], &[], &[], true),
        _ => return None,
    })
}

/// Reads XML strictly: no comments, no CDATA, no entities but those of XML and numbers.
struct Xml<'a>(&'a str);

impl Xml<'_> {
    fn document(text: &str) -> Element {
        let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
        let mut xml = Xml(text.strip_prefix(head).expect("a declaration"));
        let root = xml.element();
        assert_eq!(xml.0.trim(), "", "one root");
        root
    }

    fn take(&mut self, text: &str) -> bool {
        let rest = self.0.strip_prefix(text);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn until(&mut self, end: &[char]) -> String {
        let length = self.0.find(end).unwrap_or_else(|| panic!("{end:?} is missing in {:?}", self.0));
        let (found, rest) = self.0.split_at(length);
        self.0 = rest;
        found.to_owned()
    }

    fn element(&mut self) -> Element {
        assert!(self.take("<"), "an element at {:?}", self.0);
        let mut element = Element { name: self.until(&[' ', '>', '/']), ..Element::default() };
        while self.take(" ") {
            let name = self.until(&['=']);
            assert!(self.take("=\""), "the value of {name}");
            let value = decoded(&self.until(&['"']));
            assert!(self.take("\"") && element.attributes.insert(name, value).is_none());
        }
        if self.take("/>") {
            return element;
        }
        assert!(self.take(">"), "the end of {element:?}");
        loop {
            element.text += &decoded(&self.until(&['<']));
            if self.take(&format!("</{}>", element.name)) {
                return element;
            }
            element.children.push(self.element());
        }
    }
}

/// Decodes the entities of a text. Every character must be one that XML 1.0 allows.
fn decoded(raw: &str) -> String {
    let mut text = String::new();
    let mut parts = raw.split('&');
    text += parts.next().unwrap();
    for part in parts {
        let (entity, rest) = part.split_once(';').unwrap_or_else(|| panic!("`&` in {raw:?}"));
        text.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            number => char::from_u32(number.strip_prefix('#').unwrap().parse().unwrap()).unwrap(),
        });
        text += rest;
    }
    let is_allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    assert!(text.chars().all(is_allowed) && !raw.contains('<') && !raw.contains('>'), "{raw:?}");
    text
}

/// Checks an element and all below it.
fn check(element: &Element) {
    let name = &element.name;
    let (children, attributes, required, has_text) = rule(name).unwrap_or_else(|| panic!("<{name}>"));
    for child in &element.children {
        assert!(children.contains(&&*child.name), "<{}> in <{name}>", child.name);
        check(child);
    }
    for attribute in element.attributes.keys() {
        assert!(attributes.contains(&&**attribute), "{attribute} of <{name}>");
    }
    for attribute in required {
        assert!(element.attributes.contains_key(*attribute), "{attribute} of <{name}>");
    }
    assert!(has_text || element.text.trim().is_empty(), "text in <{name}>");
    if let Some(time) = element.attributes.get("time") {
        assert!(time.len() <= 3 && time.bytes().all(|c| c.is_ascii_digit()), "{time}");
    }
}

/// Checks that the numbers of an element are those of its test cases.
fn check_numbers(element: &Element, cases: &[&Element]) {
    let count = |kind: &str| {
        let has = |case: &&&Element| case.children.iter().any(|child| child.name == kind);
        cases.iter().filter(has).count().to_string()
    };
    let numbers =
        [("tests", cases.len().to_string()), ("failures", count("failure")), ("errors", count("error"))];
    for (attribute, number) in numbers {
        assert_eq!(element.attributes[attribute], number, "{attribute} of {}", element.name);
    }
    if let Some(skipped) = element.attributes.get("skipped") {
        assert_eq!(*skipped, count("skipped"));
    }
}

const TESTS: &str = r#"version: 1
tests:
  - { name: passes, tasks: [MANAGE], at_least: 1 }
  - { name: "<fails> & \"quotes\" \u202E ]]> \uFFFD", users: [bot], require: [until], wabas: [one] }
  - { name: needs the API, tasks: [MESSAGING], only: [ops, bot, ci], who: everybody, wabas: [one] }
"#;

/// Runs the tests, and checks the results by the rules.
fn results(place: &Place, options: &str) -> Element {
    let ran = place.run(&format!("test access --format junit {options}"));
    let root = Xml::document(&ran.stdout);
    assert_eq!(root.name, "testsuites");
    check(&root);
    let [suite] = &*root.children else { panic!("one suite: {root:?}") };
    let cases: Vec<&Element> = suite.children.iter().collect();
    assert!(cases.len() >= 3, "{root:?}");
    check_numbers(&root, &cases);
    check_numbers(suite, &cases);
    root
}

/// Returns the names of what is in the test cases.
fn kinds(root: &Element) -> BTreeSet<&str> {
    let cases = root.children.iter().flat_map(|suite| &suite.children);
    cases.flat_map(|case| case.children.iter().map(|child| child.name.as_str())).collect()
}

#[test]
fn results_keep_the_rules_of_the_schema_of_jenkins() {
    let place = access_tests::place();
    place.write("access/more.yaml", TESTS);
    assert_eq!(kinds(&results(&place, "")), BTreeSet::from(["failure", "skipped"]));
    let live = results(&place, "--emulate live.yaml --at live");
    assert!(kinds(&live).contains("failure"), "{live:?}");
    let after = results(&place, "--emulate live.yaml --at after");
    assert!(kinds(&after).contains("system-out"), "it fails already: {after:?}");
    let named = |case: &&Element| case.attributes["name"].contains("<fails> & \"quotes\"");
    assert_eq!(live.children[0].children.iter().filter(named).count(), 1, "names read back");
    place.edit("access/access.yaml", "two: { id: 1002 }", "two: { id: 1002 }, three: { id: 1003 }");
    assert!(kinds(&results(&place, "--emulate live.yaml --at live")).contains("error"));
}

#[test]
#[should_panic(expected = "<b> in <testcase>")]
fn an_element_that_the_schema_does_not_know_is_found() {
    check(&Xml::document("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testcase name=\"a\"><b/></testcase>"));
}
