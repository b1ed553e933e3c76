//! Drift for readers who did not make the change, and as metrics.

use super::Place;
use super::json::fits;
use serde_json::Value;
use std::collections::BTreeMap;

/// A quickstart that was applied.
fn applied() -> Place {
    let place = Place::new();
    place.emulated("plan --out plan.json").ends(0);
    place.emulated("apply --auto-approve").ends(0);
    place.emulated("drift").ends(0).says("No drift. Live access matches the manifests.");
    place
}

impl Place {
    /// Changes live access without the program: reporting loses a task on `acme-us`, which the program wrote.
    pub(super) fn by_hand(&self) {
        let state = self.read("live.state.yaml");
        let (before, on_acme_us) = state.split_once("id: 102290129340402").unwrap();
        let (between, rows) = on_acme_us.split_once("user: 1972385232742158").unwrap();
        let rows = rows.replacen("VIEW_COST, ", "", 1);
        let state = format!("{before}id: 102290129340402{between}user: 1972385232742158{rows}");
        self.write("live.state.yaml", &state);
    }

    fn more_for_deploy_bot(&self) {
        let (from, to) = ("[template-editor, VIEW_COST]", "[template-editor, VIEW_COST, VIEW_INSIGHTS]");
        self.edit("access/access.yaml", from, to);
    }

    /// Returns the side that changed, by user and WABA.
    #[track_caller]
    fn moved(&self, options: &str) -> BTreeMap<String, String> {
        let document = fits("plan", &self.emulated(&format!("drift --format json {options}")).ends(2).stdout);
        let changes = document["changes"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let key = |change: &Value| {
            format!("{} on {}", text(&change["user"]["name"]), text(&change["waba"]["name"]))
        };
        changes.map(|change| (key(change), text(&change["drift"]["moved"]))).collect()
    }
}

#[test]
fn the_text_shows_the_last_write_and_the_side_that_changed() {
    let place = applied();
    place.by_hand();
    let ran = place.emulated("drift").ends(2);
    ran.says("): lost outside the manifests: VIEW_COST; holds as declared: VIEW_INSIGHTS; by grants[5] ")
        .says("by grants[5] \"reporting everywhere\" at access/access.yaml:52")
        .says("last written 20")
        .says("UTC as CI Admin by ")
        .says("drift: live access changed")
        .says("Drift: 0 missing, 1 different, 0 too many, 17 as declared.")
        .says("Of them: 1 where live access changed.");
}

#[test]
fn without_a_journal_no_cause_is_shown() {
    let ran = Place::new().emulated("drift").ends(2);
    ran.says("+ summer-campaign on acme-eu = Acme Europe (102290129340398): holds beyond the manifests: MANAGE_TEMPLATES MESSAGING; ")
        .says("expired: grants[4]")
        .never_says("last written")
        .never_says("which side");
}

#[test]
fn the_journal_distinguishes_drift_from_work_in_progress() {
    let place = applied();
    place.by_hand();
    place.more_for_deploy_bot();
    let moved = place.moved("");
    assert_eq!(moved["reporting on acme-us"], "live");
    assert_eq!(moved["deploy-bot on acme-us"], "manifests");
    assert_eq!(moved["deploy-bot on acme-eu"], "unknown", "nothing was ever written there");
}

#[test]
fn a_saved_plan_distinguishes_drift_from_work_in_progress_without_a_journal() {
    let place = applied();
    place.by_hand();
    place.more_for_deploy_bot();
    std::fs::remove_dir_all(place.folder.path().join("live.state")).unwrap();
    let moved = place.moved("--since plan.json");
    assert_eq!(moved["reporting on acme-us"], "live");
    assert_eq!(moved["deploy-bot on acme-us"], "manifests");
    assert_eq!(moved["deploy-bot on acme-eu"], "manifests");
    assert_eq!(moved.len(), 4);
}

#[test]
fn a_plan_that_was_never_applied_is_undone() {
    let place = Place::new();
    place.emulated("plan --out plan.json").ends(0);
    let moved = place.moved("--since plan.json");
    assert!(moved.values().all(|moved| moved == "undone"), "{moved:?}");
}

#[test]
fn a_digest_is_that_of_the_manifests_or_of_a_run() {
    let place = applied();
    let digest = |place: &Place| {
        let plan = place.emulated("plan --format json").ends(0).stdout;
        serde_json::from_str::<Value>(&plan).unwrap()["manifest_digest"].as_str().unwrap().to_owned()
    };
    let before = digest(&place);
    place.by_hand();
    assert_eq!(place.moved(&format!("--since {before}"))["reporting on acme-us"], "live");
    place.more_for_deploy_bot();
    let moved = place.moved(&format!("--since {before}"));
    assert_eq!(moved["reporting on acme-us"], "live");
    assert_eq!(moved["deploy-bot on acme-us"], "manifests");
    assert_eq!(moved["deploy-bot on acme-eu"], "unknown");
    let stranger = format!("sha256:{}", "a".repeat(64));
    place
        .emulated(&format!("drift --since {stranger}"))
        .ends(2)
        .says("only the journal explains which side changed");
    place.emulated("drift --since sha256:abc").ends(64).says("64 hexadecimal digits");
    place.emulated("drift --since nowhere.json").ends(1).says("nowhere.json");
}

#[test]
fn undeclared_access_is_drift_unless_it_is_ignored_or_allowed() {
    let place = applied();
    let ignored = "ignored_users: [legacy-import] ";
    place.edit("access/users.yaml", ignored, "");
    for format in ["text", "markdown", "html", "github", "json"] {
        let ran = place.emulated(&format!("drift --format {format}")).ends(2);
        ran.says("legacy-import").never_says("No drift").never_says("no drift").never_says("matches");
    }
    place.emulated("drift").says("Drift: 0 missing, 0 different, 0 too many, 18 as declared; 2 undeclared.");
    place.emulated("plan --detailed-exitcode").ends(0).says("No changes; 2 undeclared.");
    let document = fits("plan", &place.emulated("drift --format json").stdout);
    assert_eq!(document["summary"]["undeclared"], 2);
    place.edit("access/users.yaml", "roles:", "undeclared: allow\nroles:");
    place.emulated("drift").ends(0).says("undeclared is allow (default: drift)");
    place.edit("access/users.yaml", "undeclared: allow", "ignored_users: [\"1972385232742199\"]");
    place.emulated("drift").ends(0).says("No drift.");
    place.edit("access/users.yaml", "[\"1972385232742199\"]", "[nobody]");
    place.emulated("drift").ends(2).says("ignores-nobody");
}

#[test]
fn expiring_lists_the_grants_that_end_soon() {
    let place = applied();
    place.edit("access/access.yaml", "2099-12-31", "2026-12-01");
    place.emulated("drift").ends(0).never_says("soon");
    place.emulated("drift --expiring 7d").ends(0).never_says("soon");
    let ran = place.emulated("drift --expiring 8d").ends(0);
    ran.says("1 grant ends soon:").says("at access/access.yaml:38 until 2026-12-01 (OPS-1234) for 1 user on");
    let json = fits("plan", &place.emulated("drift --format json --expiring 8d").ends(0).stdout);
    assert_eq!(json["expiring"][0]["grant"]["until"], "2026-12-01");
    assert_eq!(json["expiring"][0]["users"], 1);
    let metrics = place.emulated("drift --format prometheus --expiring 8d").ends(0);
    metrics.says("wabacl_drift_expiring_grants{business=\"9876543210987654\"} 1\n");
    place.emulated("drift --format markdown --expiring 8d").ends(0).says("**Grants that end soon:**");
}

#[test]
fn metrics_are_replaced_as_a_whole_and_kept_by_a_failed_run() {
    let place = applied();
    place.by_hand();
    let done = place.emulated("drift --format prometheus --out drift.prom").ends(2);
    assert_eq!(done.stdout, "");
    let metrics = place.read("drift.prom");
    assert!(metrics.contains("wabacl_drift_changes{business=\"9876543210987654\",action=\"change\"} 1\n"));
    assert!(metrics.contains("wabacl_drift_last_success_timestamp_seconds{business=\"9876543210987654\"} "));
    place.write("access/broken.yaml", "version: 1\nnonsense: 1\n");
    place.emulated("drift --format prometheus --out drift.prom").ends(1);
    assert_eq!(place.read("drift.prom"), metrics);
    let names = std::fs::read_dir(place.folder.path()).unwrap();
    let left = names.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains(".tmp"));
    assert_eq!(left.count(), 0, "nothing is left beside it");
    place.emulated("drift --format prometheus --waba acme-*").ends(64).says("cannot be used with --waba");
}

#[test]
fn every_format_shows_drift() {
    let place = applied();
    place.by_hand();
    for (format, says) in [
        ("text", "Drift: "),
        ("json", "\"moved\":\"live\""),
        ("diff", "+"),
        ("html", "<!doctype html>"),
        ("markdown", "drift: live access changed"),
        ("github", "::"),
        ("prometheus", "# TYPE wabacl_drift_changes gauge"),
    ] {
        let ran = place.emulated(&format!("drift --format {format}")).ends(2);
        assert!(ran.stdout.contains(says), "{format}: {ran}");
        place.emulated(&format!("drift --format {format} --out drift.out")).ends(2);
        assert!(place.read("drift.out").contains(says), "{format}");
    }
}
