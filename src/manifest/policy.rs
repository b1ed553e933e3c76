//! The settings of a manifest that limit what a plan may change, or what counts as drift.

mod entries;

use super::{DiscoverFrom, DiscoverRule, Guards, Manifest};
use crate::model::{Holders, PolicyLine, Prune, Task, Undeclared, Waiver};
use std::collections::{BTreeMap, BTreeSet};

/// Returns the guards and the rule for undeclared access where they are not the defaults, and every setting that differs
/// from a previous manifest, by their path.
pub fn policy_lines(manifest: &Manifest, previous: Option<&Manifest>) -> Vec<PolicyLine> {
    let (mut now, mut before) = (settings(manifest), previous.map(settings));
    if let (Some(before), Some(previous)) = (&mut before, previous) {
        let [times, times_before] = entries::times(manifest, previous);
        now.extend(times);
        before.extend(times_before);
        let left = entries::no_longer_declared(manifest, previous);
        before.extend(left.map(|waba| (format!("wabas.{}", waba.as_str()), String::from("declared"))));
    }
    let defaults = guards(&Guards::default());
    let defaults: BTreeMap<String, String> =
        defaults.into_iter().chain(words(Prune::Declared, Undeclared::Drift)).collect();
    let keys: BTreeSet<&String> = now.keys().chain(before.iter().flat_map(BTreeMap::keys)).collect();
    let line = |key: &String| PolicyLine {
        key: key.clone(),
        value: now.get(key).cloned(),
        default: defaults.get(key).cloned(),
        previous: before
            .as_ref()
            .map(|before| before.get(key).cloned())
            .filter(|old| old.as_ref() != now.get(key)),
    };
    let is_limit = |key: &str| key.starts_with("guards.") || key == "undeclared";
    let is_shown =
        |line: &PolicyLine| line.previous.is_some() || (is_limit(&line.key) && line.value != line.default);
    keys.into_iter().map(line).filter(is_shown).collect()
}

fn settings(manifest: &Manifest) -> BTreeMap<String, String> {
    let mut settings: BTreeMap<String, String> =
        guards(&manifest.guards).into_iter().chain(words(manifest.prune, manifest.undeclared)).collect();
    let protected = manifest.guards.protected_users.iter().map(crate::model::Name::as_str);
    add_list(&mut settings, "guards.protected_users", protected);
    add_list(&mut settings, "ignored_users", manifest.ignored_users.iter().map(|user| user.value.as_str()));
    for (task, implied) in &manifest.implied {
        add_list(&mut settings, &format!("implied.{task}"), implied.names());
    }
    for (name, user) in &manifest.system_users {
        if user.by_role {
            settings.insert(format!("system_users.{}.by_role", name.as_str()), String::from("true"));
        }
        if let Some(reason) = &user.suspended {
            settings.insert(
                format!("system_users.{}.suspended", name.as_str()),
                reason.value.as_str().to_owned(),
            );
        }
    }
    for (name, waba) in &manifest.wabas {
        if let Some(own) = waba.prune {
            settings.insert(format!("wabas.{}.prune", name.as_str()), prune(own).to_owned());
        }
        let accepted = waba.accept.keys().map(|warning| warning.code());
        add_list(&mut settings, &format!("wabas.{}.accept", name.as_str()), accepted);
        if waba.gone.is_some() {
            settings.insert(format!("wabas.{}.gone", name.as_str()), String::from("true"));
        }
    }
    for (index, rule) in manifest.discover.iter().enumerate() {
        settings.insert(format!("discover[{index}]"), discovers(rule));
        let accepted = rule.accept.keys().map(|warning| warning.code());
        add_list(&mut settings, &format!("discover[{index}].accept"), accepted);
        if let Some(own) = rule.prune {
            settings.insert(format!("discover[{index}].prune"), prune(own.value).to_owned());
        }
    }
    add_list(&mut settings, "extra_tasks", manifest.extra_tasks.iter().map(String::as_str));
    settings.extend(entries::exceptions(manifest));
    for test in &manifest.tests {
        settings.insert(format!("tests.{}", test.name.as_str()), test.to_string());
    }
    for waiver in &manifest.waivers {
        let target = waiver.target.as_ref().map(|target| format!("={target}")).unwrap_or_default();
        settings.insert(format!("waivers.{}{target}", waiver.guard), terms(waiver));
    }
    settings
}

/// Describes which WABAs a rule discovers.
fn discovers(rule: &DiscoverRule) -> String {
    let from = match rule.from {
        DiscoverFrom::Owned => "owned",
        DiscoverFrom::Client => "client",
    };
    rule.name.as_ref().map_or_else(|| from.to_owned(), |name| format!("{from}: {}", name.as_str()))
}

/// Describes the terms of a waiver.
fn terms(waiver: &Waiver) -> String {
    let Some(terms) = &waiver.terms else { return String::new() };
    let limit = terms.limit.map(|limit| format!("up to {limit}, ")).unwrap_or_default();
    format!("{limit}until {}: {}", terms.until, terms.reason.as_str())
}

fn guards(guards: &Guards) -> Vec<(String, String)> {
    let mut settings = vec![
        (String::from("guards.max_removals_percent"), guards.max_removals_percent.to_string()),
        (String::from("guards.max_removals"), guards.max_removals.to_string()),
        (String::from("guards.holders"), holders(guards.holders).to_owned()),
    ];
    let min = |(task, least): (&Task, &u64)| (format!("guards.min_holders.{task}"), least.to_string());
    settings.extend(guards.min_holders.iter().map(min));
    settings
}

fn words(prune_word: Prune, undeclared: Undeclared) -> [(String, String); 2] {
    let undeclared = match undeclared {
        Undeclared::Drift => "drift",
        Undeclared::Allow => "allow",
    };
    [
        (String::from("prune"), prune(prune_word).to_owned()),
        (String::from("undeclared"), undeclared.to_owned()),
    ]
}

fn prune(prune: Prune) -> &'static str {
    match prune {
        Prune::None => "none",
        Prune::Declared => "declared",
        Prune::All => "all",
    }
}

fn holders(holders: Holders) -> &'static str {
    match holders {
        Holders::Business => "business",
        Holders::Anyone => "anyone",
    }
}

/// Adds a list, unless it is empty.
fn add_list<'a>(settings: &mut BTreeMap<String, String>, key: &str, items: impl Iterator<Item = &'a str>) {
    let list = items.collect::<Vec<_>>().join(", ");
    if !list.is_empty() {
        settings.insert(key.to_owned(), list);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::parse;
    use crate::model::Sources;

    fn manifest(text: &str) -> Manifest {
        let mut sources = Sources::default();
        sources.add("access.yaml", format!("version: 1\nbusiness: 1\n{text}"));
        parse(&sources).0.unwrap()
    }

    fn lines(now: &str, previous: Option<&str>) -> Vec<String> {
        let shown = |value: Option<String>| value.unwrap_or_else(|| String::from("-"));
        let line = |line: PolicyLine| {
            let previous = line.previous.map_or_else(String::new, |old| format!(" was {}", shown(old)));
            format!("{}: {} ({}){previous}", line.key, shown(line.value), shown(line.default))
        };
        let previous = previous.map(manifest);
        policy_lines(&manifest(now), previous.as_ref()).into_iter().map(line).collect()
    }

    #[test]
    fn waivers_that_were_added_removed_or_changed_are_listed() {
        let limit = "waivers: [{ guard: max-removals, limit: 120, until: 2026-12-15, reason: OPS-4711 }]\n";
        let target = "waivers: [{ guard: admin-row, target: boss, until: 2026-12-15, reason: OPS-1 }]\n";
        assert_eq!(lines(limit, Some(limit)), Vec::<String>::new(), "nothing changed");
        assert_eq!(lines(limit, None), Vec::<String>::new(), "a waiver is shown where it is used");
        let expected = [
            "waivers.admin-row=boss: until 2026-12-15: OPS-1 (-) was -",
            "waivers.max-removals: - (-) was up to 120, until 2026-12-15: OPS-4711",
        ];
        assert_eq!(lines(target, Some(limit)), expected);
        let later = limit.replace("120", "200");
        let expected = [
            "waivers.max-removals: up to 200, until 2026-12-15: OPS-4711 (-) was up to 120, until 2026-12-15: OPS-4711",
        ];
        assert_eq!(lines(&later, Some(limit)), expected);
    }

    /// Two users and two WABAs, and more.
    fn declared(more: &str) -> String {
        let users = "system_users: { ops: { id: 11 }, bot: { id: 12 } }\n";
        format!(
            "{users}wabas: {{ one: {{ id: 500, labels: {{ tier: gold }} }}, two: {{ id: 501 }} }}\n{more}"
        )
    }

    fn changed(now: &str, previous: &str) -> Vec<String> {
        lines(&declared(now), Some(&declared(previous)))
    }

    #[test]
    fn exceptions_that_were_added_removed_or_changed_are_listed() {
        let one =
            "exceptions: [{ users: [bot], wabas: [one], tasks: [], reason: OPS-77, until: 2027-01-31 }]\n";
        assert_eq!(changed(one, one), Vec::<String>::new());
        assert_eq!(lines(&declared(one), None), Vec::<String>::new(), "its effect is in the changes");
        assert_eq!(changed(one, ""), ["exceptions.bot on one: nothing until 2027-01-31: OPS-77 (-) was -"]);
        let wider = one.replace("[]", "[MANAGE, DEVELOP]").replace("until: 2027-01-31", "until: 2028-01-31");
        assert_eq!(
            changed(&wider, one),
            [
                "exceptions.bot on one: DEVELOP MANAGE until 2028-01-31: OPS-77 (-) was nothing until 2027-01-31: OPS-77"
            ]
        );
        let by_label =
            "exceptions: [{ users: [bot, ops], labels: { tier: gold }, tasks: [DEVELOP], reason: x }]\n";
        assert_eq!(
            changed(by_label, one),
            [
                "exceptions.bot on one: - (-) was nothing until 2027-01-31: OPS-77",
                "exceptions.bot, ops on { tier: gold }: DEVELOP: x (-) was -",
            ]
        );
    }

    #[test]
    fn a_grant_that_begins_or_ends_at_another_time_is_listed() {
        let of =
            |grant: &str| format!("grants: [{{ users: [bot], tasks: [DEVELOP], wabas: [one]{grant} }}]\n");
        let (short, long) = (of(", until: 2026-12-31"), of(", until: 2027-12-31"));
        assert_eq!(changed(&short, &short), Vec::<String>::new());
        let key = "grants.bot on one: DEVELOP.until";
        assert_eq!(changed(&long, &short), [format!("{key}: 2027-12-31 (-) was 2026-12-31")]);
        assert_eq!(changed(&of(""), &short), [format!("{key}: - (-) was 2026-12-31")]);
        let labels = |until: &str| {
            let selection = "labels: { tier: gold }, except: { wabas: [two] }";
            format!("grants: [{{ users: [bot], tasks: [DEVELOP], {selection}, until: {until} }}]\n")
        };
        assert_eq!(
            changed(&labels("2027-12-31"), &labels("2026-12-31")),
            ["grants.bot on { tier: gold } except two: DEVELOP.until: 2027-12-31 (-) was 2026-12-31"]
        );
        let named = |until: &str, tasks: &str| {
            format!(
                "grants: [{{ name: work, users: [bot], tasks: [{tasks}], wabas: [one], until: {until} }}]\n"
            )
        };
        assert_eq!(
            changed(&named("2027-12-31", "MANAGE"), &named("2026-12-31", "DEVELOP")),
            ["grants.work.until: 2027-12-31 (-) was 2026-12-31"]
        );
        assert_eq!(changed(&named("2027-12-31", "DEVELOP"), &short), Vec::<String>::new(), "another grant");
        let twice = |until: &str| {
            let grant =
                format!("{{ name: work, users: [bot], tasks: [DEVELOP], wabas: [one], until: {until} }}");
            format!("grants: [{grant}, {}]\n", grant.replace("one", "two"))
        };
        assert_eq!(
            changed(&twice("2027-12-31"), &twice("2026-12-31")),
            Vec::<String>::new(),
            "which one is which"
        );
    }

    #[test]
    fn what_widens_or_narrows_the_scope_is_listed() {
        let previous = declared("discover: [{ from: client, name: 'Acme *' }]\nextra_tasks: [NEW_TASK]\n");
        let now = "system_users: { ops: { id: 11, by_role: true }, bot: { id: 12 } }\n\
                   wabas: { renamed: { id: 500 } }\ndiscover: [{ from: client }]\n";
        assert_eq!(
            lines(now, Some(&previous)),
            [
                "discover[0]: client (-) was client: Acme *",
                "extra_tasks: - (-) was NEW_TASK",
                "system_users.ops.by_role: true (-) was -",
                "wabas.two: - (-) was declared",
            ]
        );
    }

    #[test]
    fn only_what_differs_from_the_defaults_or_from_before_is_listed() {
        assert_eq!(lines("", None), Vec::<String>::new());
        let weak = "guards: { max_removals: 1000000, min_holders: { MANAGE: 0, VIEW_COST: 2 } }\nundeclared: allow\n";
        let expected = [
            "guards.max_removals: 1000000 (50)",
            "guards.min_holders.MANAGE: 0 (1)",
            "guards.min_holders.VIEW_COST: 2 (-)",
            "undeclared: allow (drift)",
        ];
        assert_eq!(lines(weak, None), expected);
        assert_eq!(lines(weak, Some(weak)), expected, "nothing changed");
        let expected = [
            "guards.max_removals: 50 (50) was 1000000",
            "guards.min_holders.MANAGE: 1 (1) was 0",
            "guards.min_holders.VIEW_COST: - (-) was 2",
            "ignored_users: bot, 7 (-) was -",
            "prune: all (declared) was declared",
            "undeclared: drift (drift) was allow",
        ];
        assert_eq!(lines("ignored_users: [bot, 7]\nprune: all\n", Some(weak)), expected);
    }
}
