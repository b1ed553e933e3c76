//! The events in a delivery: which WABAs they concern.
//!
//! What an event says is not used as a fact about access. It is only a reason to read the WABA, so a wrong or late event
//! costs calls and changes nothing.

use super::json::{Document, Node};
use crate::model::WabaId;
use std::collections::BTreeSet;

/// The object of all deliveries about WABAs.
const OBJECT: &str = "whatsapp_business_account";

/// The fields of the webhook that are used.
const ACCOUNT: &str = "account_update";
const SOLUTIONS: &str = "partner_solutions";

/// How many WABAs of one delivery are named. Meta's documents: a body has at most 1,000 updates.
const MOST_WABAS: usize = 1_000;

/// The WABAs whose access has to be looked at soon.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Due {
    /// The WABAs. They may be unknown, deleted, or not shared with the business any more.
    pub wabas: BTreeSet<WabaId>,
    /// Whether a whole round is due: the events do not say which WABAs they concern, or concern too many.
    pub everything: bool,
}

impl Due {
    /// Returns whether nothing is due.
    pub fn is_empty(&self) -> bool {
        self.wabas.is_empty() && !self.everything
    }
}

/// What a delivery holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// What the events make due.
    pub due: Due,
    /// The number of events about access.
    pub events: u64,
    /// The number of other events and of what is no event.
    pub ignored: u64,
}

/// The reason why a body is not a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body is not JSON")]
pub struct NotJson;

/// Where an event names its WABA.
enum Names {
    /// In `waba_info`. Without it, the id of the entry can be that of a business.
    WabaInfo,
    /// In `waba_info`, or else by the id of the entry.
    WabaInfoOrEntry,
    /// Not at all: a solution can concern many WABAs.
    None,
}

/// Returns where an event about access names its WABA; `None` for other events.
///
/// The field may be missing: in some of Meta's examples it is in another place.
fn names(field: Option<&str>, event: &str) -> Option<Names> {
    let (of, names) = match event {
        "PARTNER_ADDED" | "PARTNER_REMOVED" | "PARTNER_APP_INSTALLED" | "PARTNER_APP_UNINSTALLED" => {
            (ACCOUNT, Names::WabaInfo)
        }
        "ACCOUNT_DELETED" | "DISABLED_UPDATE" => (ACCOUNT, Names::WabaInfoOrEntry),
        "SOLUTION_CREATED" | "SOLUTION_UPDATED" => (SOLUTIONS, Names::None),
        _ => return None,
    };
    field.is_none_or(|field| field == of).then_some(names)
}

impl Delivery {
    /// Parses the body of a delivery. Events that are not understood are counted; they do not hide the others.
    ///
    /// An event about access of which the WABA cannot be read, and a body with more events than can be, make a whole round
    /// due, so that no event is lost.
    ///
    /// # Errors
    ///
    /// If the body is not JSON.
    pub fn parse(body: &[u8]) -> Result<Self, NotJson> {
        let Document { root, is_cut } = Document::parse(body).map_err(|_| NotJson)?;
        let mut delivery = Self::default();
        delivery.due.everything = is_cut;
        if root.get("object").is_some() && root.text("object") != Some(OBJECT) {
            return Ok(Self { ignored: 1, ..Self::default() });
        }
        for entry in root.list("entry") {
            let changes = entry.list("changes");
            for change in changes {
                delivery.add(entry, change);
            }
            delivery.ignored += u64::from(changes.is_empty());
        }
        delivery.ignored += u64::from(root.list("entry").is_empty());
        Ok(delivery)
    }

    fn add(&mut self, entry: &Node, change: &Node) {
        let value = change.get("value").unwrap_or(&Node::Other);
        let field = [change, entry, value].into_iter().find_map(|node| node.text("field"));
        let Some(names) = value.text("event").and_then(|event| names(field, event)) else {
            self.ignored += 1;
            return;
        };
        self.events += 1;
        let of_info = value.get("waba_info").and_then(|info| info.text("waba_id"));
        let waba = match names {
            Names::WabaInfo => of_info,
            Names::WabaInfoOrEntry => of_info.or_else(|| entry.text("id")),
            Names::None => None,
        };
        match waba.and_then(|id| id.parse().ok()) {
            Some(waba) if self.due.wabas.len() < MOST_WABAS => _ = self.due.wabas.insert(waba),
            Some(_) | None => self.due.everything = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    /// Returns what a body makes due, in one line.
    fn due(body: &str) -> String {
        let delivery = Delivery::parse(body.as_bytes()).unwrap();
        let mut text = format!("{} of {}:", delivery.events, delivery.events + delivery.ignored);
        for waba in &delivery.due.wabas {
            write!(text, " {waba}").unwrap();
        }
        text + if delivery.due.everything { " everything" } else { "" }
    }

    fn delivery(changes: &str) -> String {
        let entry = format!("{{\"id\":\"2949482758682047\",\"time\":1744823932,\"changes\":[{changes}]}}");
        format!("{{\"object\":\"whatsapp_business_account\",\"entry\":[{entry}]}}")
    }

    fn change(field: &str, value: &str) -> String {
        format!("{{\"field\":\"{field}\",\"value\":{value}}}")
    }

    fn of(field: &str, value: &str) -> String {
        due(&delivery(&change(field, value)))
    }

    fn info(event: &str) -> String {
        format!(
            "{{\"event\":\"{event}\",\"waba_info\":{{\"waba_id\":\"500\",\"owner_business_id\":\"20\"}}}}"
        )
    }

    #[test]
    fn events_about_access_make_their_waba_due() {
        for event in [
            "PARTNER_ADDED",
            "PARTNER_REMOVED",
            "PARTNER_APP_INSTALLED",
            "PARTNER_APP_UNINSTALLED",
            "ACCOUNT_DELETED",
            "DISABLED_UPDATE",
        ] {
            assert_eq!(of("account_update", &info(event)), "1 of 1: 500", "{event}");
        }
        for event in ["ACCOUNT_DELETED", "DISABLED_UPDATE"] {
            let value = format!("{{\"event\":\"{event}\"}}");
            assert_eq!(of("account_update", &value), "1 of 1: 2949482758682047", "{event}");
        }
        for event in ["SOLUTION_CREATED", "SOLUTION_UPDATED"] {
            let value =
                format!("{{\"event\":\"{event}\",\"solution_id\":\"7\",\"solution_status\":\"ACTIVE\"}}");
            assert_eq!(of("partner_solutions", &value), "1 of 1: everything", "{event}");
        }
    }

    #[test]
    fn an_event_without_a_waba_that_can_be_read_makes_a_whole_round_due() {
        for value in [
            r#"{"event":"PARTNER_ADDED"}"#,
            r#"{"event":"PARTNER_ADDED","waba_info":null}"#,
            r#"{"event":"PARTNER_ADDED","waba_info":{"waba_id":""}}"#,
            r#"{"event":"PARTNER_ADDED","waba_info":{"waba_id":"0500"}}"#,
            r#"{"event":"PARTNER_ADDED","waba_info":{"waba_id":["500"]}}"#,
            r#"{"event":"PARTNER_ADDED","waba_info":{"waba_id":-500}}"#,
            r#"{"event":"PARTNER_ADDED","waba_info":{"waba_id":"18446744073709551616"}}"#,
            r#"{"event":"PARTNER_ADDED","waba_info":{"waba_id":"../500"}}"#,
        ] {
            assert_eq!(of("account_update", value), "1 of 1: everything", "{value}");
        }
        let numeric = r#"{"event":"PARTNER_ADDED","waba_info":{"waba_id":500}}"#;
        assert_eq!(of("account_update", numeric), "1 of 1: 500");
    }

    #[test]
    fn other_events_are_counted() {
        for (field, value) in [
            ("account_update", r#"{"event":"ACCOUNT_VIOLATION","waba_info":{"waba_id":"500"}}"#),
            ("account_update", r#"{"event":"partner_added","waba_info":{"waba_id":"500"}}"#),
            ("account_update", r#"{"event":["PARTNER_ADDED"]}"#),
            ("account_update", "{}"),
            ("account_update", "7"),
            ("messages", r#"{"event":"PARTNER_ADDED","waba_info":{"waba_id":"500"}}"#),
            ("account_update", r#"{"event":"SOLUTION_CREATED"}"#),
            ("messages", r#"{"messages":[{"id":"wamid.1","text":{"body":"PARTNER_ADDED"}}]}"#),
        ] {
            assert_eq!(of(field, value), "0 of 1:", "{field} {value}");
        }
        for body in [
            "{}",
            "[]",
            "null",
            "\"x\"",
            r#"{"entry":{}}"#,
            r#"{"entry":[7]}"#,
            r#"{"entry":[{"changes":{}}]}"#,
            r#"{"entry":[]}"#,
        ] {
            assert_eq!(due(body), "0 of 1:", "{body}");
        }
        let other =
            delivery(&change("account_update", &info("PARTNER_ADDED"))).replace("whatsapp", "instagram");
        assert_eq!(due(&other), "0 of 1:");
    }

    /// As in Meta's own examples.
    #[test]
    fn the_field_can_be_in_another_place() {
        let value = info("PARTNER_APP_INSTALLED");
        let beside = format!(
            "{{\"entry\":[{{\"id\":\"29\",\"changes\":[{{\"value\":{value}}}],\"field\":\"account_update\",\"object\":\"whatsapp_business_account\"}}]}}"
        );
        assert_eq!(due(&beside), "1 of 1: 500");
        let within =
            value.replacen('{', "{\"field\":\"account_update\",\"object\":\"whatsapp_business_account\",", 1);
        assert_eq!(due(&format!("{{\"entry\":[{{\"changes\":[{{\"value\":{within}}}]}}]}}")), "1 of 1: 500");
        assert_eq!(due(&format!("{{\"entry\":[{{\"changes\":[{{\"value\":{value}}}]}}]}}")), "1 of 1: 500");
    }

    #[test]
    fn one_bad_event_does_not_hide_the_others() {
        let changes = [
            String::from("null"),
            change("account_update", "\"x\""),
            change("account_update", &info("PARTNER_ADDED")),
            change("account_update", &info("PARTNER_ADDED").replace("500", "501")),
            change("messages", r#"{"messages":[1,"\ud800",{"\u0000":-1e999}]}"#),
            change("account_update", &info("PARTNER_APP_INSTALLED")),
        ];
        assert_eq!(due(&delivery(&changes.join(","))), "3 of 6: 500 501");
    }

    #[test]
    fn what_exceeds_the_bounds_makes_a_whole_round_due() {
        let waba =
            |id: usize| change("account_update", &info("PARTNER_ADDED").replace("500", &id.to_string()));
        let many = |count| (1..=count).map(waba).collect::<Vec<_>>().join(",");
        let parsed = Delivery::parse(delivery(&many(MOST_WABAS)).as_bytes()).unwrap();
        assert_eq!((parsed.due.wabas.len(), parsed.due.everything), (MOST_WABAS, false));
        for count in [MOST_WABAS + 1, 10 * MOST_WABAS] {
            let parsed = Delivery::parse(delivery(&many(count)).as_bytes()).unwrap();
            assert_eq!((parsed.due.wabas.len(), parsed.due.everything), (MOST_WABAS, true));
        }
        let long = "PARTNER_ADDED".repeat(100);
        assert_eq!(of("account_update", &info(&long)), "0 of 1:");
        let twice = r#"{"event":"PARTNER_ADDED","waba_info":{"waba_id":"1"},"waba_info":{"waba_id":"2"}}"#;
        assert_eq!(of("account_update", twice), "1 of 1: 1 everything");
    }

    #[test]
    fn a_deep_nest_is_skipped_and_what_is_no_json_refused() {
        for (open, close) in [("[", "]"), ("{\"entry\":", "}"), ("{\"x\":", "}")] {
            let depth = 100_000;
            let deep = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            assert!(Delivery::parse(deep.as_bytes()).unwrap().due.wabas.is_empty());
            let value = format!("{{\"event\":\"DISABLED_UPDATE\",\"x\":{deep}}}");
            assert_eq!(of("account_update", &value), "1 of 1: 2949482758682047");
        }
        for body in
            [&b""[..], b"{", b"{}{}", b"\xff", b"{\"entry\":[", b"object=whatsapp", b"{\"entry\":[]}x"]
        {
            assert_eq!(Delivery::parse(body), Err(NotJson));
        }
    }
}
