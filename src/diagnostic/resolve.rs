//! Diagnostics about a whole manifest: its selections, Meta's rules, and the names looked up in the business.

use super::text::did_you_mean;
use super::{Diagnostic, error, escape, warning};
use crate::model::{
    AdminRole, Edge, Name, Position, Shared, SystemUser, Task, TaskSet, TimeLimit, UserId, WabaId,
    WaiverTerms, day_of,
};
use crate::text::{code_points, count};
use jiff::Timestamp;

/// Returns the name of the first WABA and the number of the others.
fn first_and_more(wabas: &[&Name]) -> String {
    match wabas {
        [] => String::from("no WABA"),
        [one] => format!("`{one}`"),
        [one, more @ ..] => format!("`{one}` and {} more", more.len()),
    }
}

/// The globs of the grants take too many steps to match.
pub(crate) fn glob_limit(at: Position) -> Diagnostic {
    let message = "the globs of the grants up to here take too many steps to match";
    error("glob-limit", at, message, "use fewer globs, globs with fewer wildcards, or labels")
}

/// A selection of a grant that matches no WABA.
pub(crate) fn selects_nothing(at: Position, selection: &str) -> Diagnostic {
    let help = "globs match the names of declared WABAs and the live names of discovered ones, and are case-sensitive";
    warning("selects-nothing", at, format!("{selection} matches no WABA"), help)
}

/// A selection of a grant that matches no WABA, but did when the manifests were last applied.
pub(crate) fn selects_no_more(at: Position, selection: &str, before: &Name, id: WabaId) -> Diagnostic {
    error(
        "selects-no-more",
        at,
        format!(
            "{selection} matches no WABA, but fitted `{before}` ({id}) when the manifests were last applied"
        ),
        "this WABA is still in scope, so access would be lost: it may have been renamed or lost a label; correct the selection, or delete it",
    )
}

/// Describes the known texts that an unknown one may have been meant to be.
fn known(word: &str, candidates: &[&str], what: &str) -> String {
    /// The most texts that are listed. A guess: one line.
    const LISTED: usize = 10;
    did_you_mean(word, candidates.iter().copied()).unwrap_or_else(|| {
        let listed: Vec<String> =
            candidates.iter().take(LISTED).map(|one| format!("`{}`", escape(one))).collect();
        let more = if candidates.len() > LISTED { ", …" } else { "" };
        if listed.is_empty() {
            format!("give a WABA or a discover rule this {what}, or correct the selector")
        } else {
            format!("known {what}s: {}{more}", listed.join(", "))
        }
    })
}

/// A label key in a selector that no WABA and no discover rule has.
pub(crate) fn unknown_label_key(at: Position, key: &str, candidates: &[&str]) -> Diagnostic {
    let message = format!("no WABA and no discover rule has the label `{}`", escape(key));
    error("unknown-label-key", at, message, known(key, candidates, "label"))
}

/// A label value in a selector that no WABA and no discover rule has.
pub(crate) fn unknown_label_value(at: Position, key: &str, value: &str, candidates: &[&str]) -> Diagnostic {
    let message = format!("no WABA and no discover rule has the label `{}: {}`", escape(key), escape(value));
    error("unknown-label-value", at, message, known(value, candidates, "value"))
}

/// A label in a selector whose last WABA left the scope.
pub(crate) fn label_left(at: Position, key: &str, value: Option<&str>, last: &Name) -> Diagnostic {
    let value = value.map_or_else(String::new, |value| format!(": {}", escape(value)));
    let message = format!("no WABA has the label `{}{value}` any more: `{last}` left the scope", escape(key));
    warning("label-left", at, message, "remove the label from the selector")
}

/// A manifest without grants: declared users would hold nothing.
pub(crate) fn no_grants(at: Position) -> Diagnostic {
    let help = "check that all files of the manifest were given";
    warning("no-grants", at, "the manifest has no grants, so declared users hold nothing", help)
}

/// A discover rule that matches no WABA.
pub(crate) fn discovers_nothing(at: Position) -> Diagnostic {
    let help = "`name` is compared with the whole live name, case-sensitive; a WABA may have been renamed";
    warning("discovers-nothing", at, "this rule discovers no WABA", help)
}

/// A WABA with `gone: true` that is on the business's lists.
pub(crate) fn gone_but_listed(at: Position, waba: &Name) -> Diagnostic {
    let message = format!("`{waba}` has `gone: true`, but it is on the business's lists");
    warning("gone-but-listed", at, message, "remove `gone` to manage the WABA again")
}

/// An ignored user that the business does not have.
pub(crate) fn ignores_nobody(at: Position, user: &Name) -> Diagnostic {
    let message = format!("no system user of this business has the name or id `{user}`");
    warning("ignores-nobody", at, message, "correct or remove it: names must match exactly")
}

/// A grant that has ended.
pub(crate) fn expired_grant(at: Position, until: TimeLimit, now: Timestamp) -> Diagnostic {
    let message = match until {
        TimeLimit::Day(day) => {
            format!("this grant ended on {day} and grants no access on {}", day_of(now))
        }
        TimeLimit::Moment(end) => format!("this grant ended at {end} and grants no access at {now}"),
    };
    warning("expired-grant", at, message, "delete the grant, or set a later `until`")
}

/// An exception that has ended.
pub(crate) fn expired_exception(at: Position, until: TimeLimit) -> Diagnostic {
    let message = format!("this exception ended with `until: {until}`; the grants count again");
    warning("expired-exception", at, message, "delete the exception, or set a later `until`")
}

/// A test that failed.
pub(crate) fn failed_test(at: Position, name: &Name, why: &str) -> Diagnostic {
    let help = "correct the grants, or the test; `wabacl test` shows all results";
    error("failed-test", at, format!("the test `{name}` failed: {why}"), help)
}

/// A test that could not be decided.
pub(crate) fn undecided_test(at: Position, name: &Name, why: &str) -> Diagnostic {
    let help = "run it again when everything it needs can be read";
    warning("undecided-test", at, format!("the test `{name}` is undecided: {why}"), help)
}

/// A waiver that has ended.
pub(crate) fn ended_waiver(at: Position, until: TimeLimit) -> Diagnostic {
    let message = format!("this waiver ended with `until: {until}`, and waives nothing");
    warning("ended-waiver", at, message, "delete the waiver")
}

/// A waiver that ends later than a waiver may.
pub(crate) fn long_waiver(at: Position, until: TimeLimit, now: Timestamp) -> Diagnostic {
    let last = day_of(now.saturating_add(WaiverTerms::MOST).unwrap_or(Timestamp::MAX));
    let message = format!("`until: {until}` is more than 90 days ahead");
    error("long-waiver", at, message, format!("set `until: {last}` or earlier"))
}

/// An exception that leaves everything as the grants give it.
pub(crate) fn exception_without_effect(at: Position) -> Diagnostic {
    let message = "this exception changes nothing: the grants give exactly these tasks";
    warning("exception-without-effect", at, message, "delete the exception, or correct it")
}

/// Two exceptions in force about the same user and WABA.
pub(crate) fn exceptions_collide(at: Position, user: &Name, waba: &Name, other: Position) -> Diagnostic {
    let message =
        format!("another exception is also about `{user}` on `{waba}`; it begins in line {}", other.line);
    error("exceptions-collide", at, message, "join the two, or narrow one of them")
}

/// An exception on WABAs with `prune: none`, and how many others are the same.
pub(crate) fn exception_without_prune(at: Position, wabas: &[&Name], others: usize) -> Diagnostic {
    let wabas = first_and_more(wabas);
    warning(
        "exception-without-prune",
        at,
        match others {
            0 => format!("this exception takes nothing away on {wabas}: `prune: none` removes nothing"),
            _ => format!(
                "this exception takes nothing away on {wabas}, nor {}: `prune: none` removes nothing",
                count(others, "other one on its WABAs", "other ones on theirs")
            ),
        },
        "set `prune: declared` there, or remove the access by hand",
    )
}

/// An `until` on WABAs with `prune: none`.
pub(crate) fn until_without_prune(at: Position, wabas: &[&Name]) -> Diagnostic {
    let wabas = first_and_more(wabas);
    warning(
        "until-without-prune",
        at,
        format!("this `until` does not end the access on {wabas}: `prune: none` removes nothing"),
        "set `prune: declared` there, or remove the access by hand after this time",
    )
}

/// `MANAGE` on a WABA where, by Meta's guide, it does not work.
pub(crate) fn manage_not_possible(
    at: Position,
    shared: Shared,
    wabas: &[&Name],
    granular: &TaskSet,
) -> Diagnostic {
    let help = if shared == Shared::Standard {
        String::from("grant DEVELOP instead, or have the WABA shared with Admin permissions")
    } else {
        format!("grant granular tasks instead: {granular}")
    };
    let (wabas, word) = (first_and_more(wabas), shared.word());
    let message = format!("MANAGE does not work on {wabas}, which has `shared: {word}`");
    error("manage-not-possible", at, message, help)
}

/// A task outside the granular list on `solution_without_messaging`.
pub(crate) fn task_not_granular(
    at: Position,
    tasks: &TaskSet,
    wabas: &[&Name],
    granular: &TaskSet,
) -> Diagnostic {
    let wabas = first_and_more(wabas);
    error(
        "task-not-granular",
        at,
        format!("{tasks} cannot be assigned on {wabas}, which has `shared: solution_without_messaging`"),
        format!("tasks that can be assigned there: {granular}"),
    )
}

/// A task other than `DEVELOP` on `standard`.
pub(crate) fn task_on_standard(at: Position, tasks: &TaskSet, wabas: &[&Name]) -> Diagnostic {
    let wabas = first_and_more(wabas);
    let only = Task::Develop;
    warning(
        "task-on-standard",
        at,
        format!("Meta may refuse {tasks} on {wabas}, which has `shared: standard`"),
        format!(
            "Meta's guide names only {only} for WABAs that are shared with Standard permissions; if Meta takes it, write `accept: [task-on-standard]` on the WABA"
        ),
    )
}

/// An accepted warning that cannot arise on its WABA.
pub(crate) fn accepts_nothing(at: Position, waba: &Name, code: &str) -> Diagnostic {
    let message = format!("`{waba}` accepts the warning {code}, which cannot arise there");
    warning("accepts-nothing", at, message, "remove it from `accept`")
}

/// A line of credit on a WABA where no grant gives `MANAGE_BILLING`.
pub(crate) fn credit_without_billing(at: Position, waba: &Name) -> Diagnostic {
    error(
        "credit-without-billing",
        at,
        format!("no grant gives MANAGE_BILLING on `{waba}`, but sharing a line of credit there requires it"),
        "grant MANAGE_BILLING there, or remove `line_of_credit`",
    )
}

/// An id that no system user of the business has.
pub(crate) fn unknown_user_id(
    at: Position,
    name: &Name,
    id: UserId,
    same_name: Option<UserId>,
) -> Diagnostic {
    let known = same_name.map_or_else(String::new, |found| {
        format!("; the business has a system user of this name with id {found}")
    });
    warning(
        "unknown-user-id",
        at,
        format!("`{name}`: no system user of this business has the id {id}{known}"),
        "ids are app-scoped: Business Settings can show another number than the API returns for this app's token; remove `id` to find the user by name",
    )
}

/// A name that no system user of the business has.
pub(crate) fn unknown_user_name(at: Position, name: &Name, similar: &[String]) -> Diagnostic {
    let points = code_points(name.as_str()).filter(|_| !similar.is_empty());
    let points = points.map(|points| format!(" ({points})")).unwrap_or_default();
    let help = if similar.is_empty() {
        String::from(
            "names must match exactly; set `name` to the exact name, or `id` to the id that the API returns",
        )
    } else {
        format!("did you mean {}? names must match exactly", similar.join(" or "))
    };
    warning(
        "unknown-user-name",
        at,
        format!("no system user of this business is named `{name}`{points}"),
        help,
    )
}

/// A declared WABA that the API does not show.
pub(crate) fn unknown_waba_id(at: Position, name: &Name, id: WabaId) -> Diagnostic {
    warning(
        "unknown-waba-id",
        at,
        format!("the WABA `{name}` ({id}) is on neither list of the business, and cannot be read by its id"),
        "correct the id; if the WABA is away, set `gone: true` or delete it",
    )
}

/// A name that several system users of the business have.
pub(crate) fn ambiguous_user_name(at: Position, name: &Name, ids: &[UserId]) -> Diagnostic {
    let message = format!("{} system users of this business are named `{name}`", ids.len());
    let ids: Vec<String> = ids.iter().map(UserId::to_string).collect();
    warning("ambiguous-user-name", at, message, format!("set `id` to one of: {}", ids.join(", ")))
}

/// Two declarations that resolve to the same system user.
pub(crate) fn same_live_user(at: Position, name: &Name, other: &Name, id: UserId) -> Diagnostic {
    let message = format!("`{name}` and `{other}` are the same system user, {id}");
    error("same-live-user", at, message, "declare each system user once")
}

/// A declared name that differs from the live name of the user with the declared id.
pub(crate) fn user_name_differs(at: Position, given: &Name, live: &Name) -> Diagnostic {
    let message = format!("the system user with this id is named `{live}`, not `{given}`");
    warning("user-name-differs", at, message, "check the id, and correct or remove `name`")
}

/// `by_role` on a user whose role grants no access.
pub(crate) fn by_role_without_role(at: Position, name: &Name, user: &SystemUser) -> Option<Diagnostic> {
    let message = format!("`{name}` has `by_role: true`, but is not an admin of the business");
    let help = "remove `by_role`: a regular system user has only the tasks that are assigned to it";
    (user.role == AdminRole::Employee).then(|| error("by-role-without-role", at, message, help))
}

/// A `shared` value that contradicts the list on which the API returns the WABA.
pub(crate) fn shared_contradicted(
    at: Position,
    waba: &Name,
    id: WabaId,
    declared: Shared,
    edge: Edge,
) -> Diagnostic {
    let (live, help) = if edge == Edge::Owned {
        ("the business owns it", "remove `shared`, or write `shared: owned`")
    } else {
        (
            "it is shared with the business",
            "set `shared` to admin, standard, solution_with_messaging or solution_without_messaging",
        )
    };
    let declared = declared.word();
    let message = format!("`{waba}` ({id}) has `shared: {declared}`, but {live}");
    error("shared-contradicted", at, message, help)
}

/// A `shared` value that contradicts the WABA's solution.
pub(crate) fn solution_contradicted(at: Position, waba: &Name, messaging: bool) -> Diagnostic {
    let (declared, live) = if messaging {
        (Shared::SolutionWithoutMessaging, Shared::SolutionWithMessaging)
    } else {
        (Shared::SolutionWithMessaging, Shared::SolutionWithoutMessaging)
    };
    let (declared, live) = (declared.word(), live.word());
    let holds = if messaging { "holds" } else { "does not hold" };
    let message =
        format!("`{waba}` has `shared: {declared}`, but this token's app {holds} MESSAGING on its solution");
    error("solution-contradicted", at, message, format!("write `shared: {live}`"))
}

/// A rule with a `shared` value that no WABA on its list can have.
pub(crate) fn discover_contradicts_itself(at: Position, shared: Shared) -> Diagnostic {
    error(
        "discover-contradicts-itself",
        at,
        format!("a WABA on this rule's list cannot have `shared: {}`", shared.word()),
        "use `shared: owned` with `from: owned`, and the other values with `from: client`",
    )
}

/// Two rules that discover the same WABA with different values.
pub(crate) fn discover_disagrees(at: Position, waba: &Name, what: &str) -> Diagnostic {
    error(
        "discover-disagrees",
        at,
        format!("this rule and an earlier one both discover `{waba}` but disagree on {what}"),
        "narrow one of the rules with `name`, or set the same value in both",
    )
}
