//! What can be wrong with a manifest once its names are looked up, offline and in the business.

use super::{Diagnostic, Severity};
use crate::model::{AdminRole, Edge, Name, Position, Shared, SystemUser, Task, TaskSet, UserId, WabaId};
use jiff::civil::Date;

fn error(code: &'static str, at: Position, message: String, help: String) -> Diagnostic {
    Diagnostic { severity: Severity::Error, code, message, at: Some(at), help: Some(help) }
}

fn warning(code: &'static str, at: Position, message: String, help: String) -> Diagnostic {
    Diagnostic { severity: Severity::Warning, code, message, at: Some(at), help: Some(help) }
}

/// Names the first of some WABAs, and counts the others.
fn first_and_more(wabas: &[&Name]) -> String {
    match wabas {
        [] => String::from("no WABA"),
        [one] => format!("`{one}`"),
        [one, more @ ..] => format!("`{one}` and {} more", more.len()),
    }
}

fn shared_word(shared: Shared) -> &'static str {
    match shared {
        Shared::Owned => "owned",
        Shared::Admin => "admin",
        Shared::Standard => "standard",
        Shared::SolutionWithMessaging => "solution_with_messaging",
        Shared::SolutionWithoutMessaging => "solution_without_messaging",
    }
}

/// A selection of a grant that matches no WABA.
pub(crate) fn selects_nothing(at: Position, what: &str) -> Diagnostic {
    warning(
        "selects-nothing",
        at,
        format!("{what} matches no WABA"),
        String::from(
            "globs see the names of declared WABAs and the live names of discovered ones, and mind case",
        ),
    )
}

/// A grant whose last day has passed.
pub(crate) fn expired_grant(at: Position, until: Date, day: Date) -> Diagnostic {
    warning(
        "expired-grant",
        at,
        format!("this grant ended on {until} and gives nothing on {day}"),
        String::from("delete the grant, or give it a later `until`"),
    )
}

/// An `until` on WABAs where nothing is taken away.
pub(crate) fn until_without_prune(at: Position, wabas: &[&Name]) -> Diagnostic {
    warning(
        "until-without-prune",
        at,
        format!(
            "nothing is taken away on {} (`prune: none`), so this `until` will not end the access",
            first_and_more(wabas)
        ),
        String::from("use `prune: declared` there, or take the access away by hand when the day has come"),
    )
}

/// `MANAGE` where Meta's guide says that it does not work.
pub(crate) fn manage_not_possible(
    at: Position,
    shared: Shared,
    wabas: &[&Name],
    granular: &TaskSet,
) -> Diagnostic {
    let help = if shared == Shared::Standard {
        String::from(
            "a WABA that is shared with Standard permissions takes DEVELOP; have it shared with Admin permissions to use MANAGE",
        )
    } else {
        format!("choose granular tasks instead: {granular}")
    };
    error(
        "manage-not-possible",
        at,
        format!(
            "MANAGE does not work on {}, which has `shared: {}`",
            first_and_more(wabas),
            shared_word(shared)
        ),
        help,
    )
}

/// A task outside the granular list on `solution_without_messaging`.
pub(crate) fn task_not_granular(
    at: Position,
    tasks: &TaskSet,
    wabas: &[&Name],
    granular: &TaskSet,
) -> Diagnostic {
    error(
        "task-not-granular",
        at,
        format!(
            "{tasks} cannot be assigned on {}, which has `shared: solution_without_messaging`",
            first_and_more(wabas)
        ),
        format!("tasks that can be assigned there: {granular}"),
    )
}

/// Anything but `DEVELOP` on `standard`.
pub(crate) fn task_on_standard(at: Position, tasks: &TaskSet, wabas: &[&Name]) -> Diagnostic {
    warning(
        "task-on-standard",
        at,
        format!("{tasks} may be refused on {}, which has `shared: standard`", first_and_more(wabas)),
        format!(
            "Meta's guide names only {} for WABAs that are shared with Standard permissions",
            Task::Develop
        ),
    )
}

/// A line of credit that nobody can share.
pub(crate) fn credit_without_billing(at: Position, waba: &Name) -> Diagnostic {
    error(
        "credit-without-billing",
        at,
        format!("nobody holds MANAGE_BILLING on `{waba}`, which sharing a line of credit needs there"),
        String::from("grant MANAGE_BILLING to a user on it, or remove `line_of_credit`"),
    )
}

/// An id that is not among the business's system users.
pub(crate) fn unknown_user_id(
    at: Position,
    name: &Name,
    id: UserId,
    same_name: Option<UserId>,
) -> Diagnostic {
    let known = same_name.map_or_else(String::new, |found| {
        format!("; the business has a system user of this name with the id {found}")
    });
    error(
        "unknown-user-id",
        at,
        format!("`{name}`: no system user of this business has the id {id}{known}"),
        String::from(
            "ids are app-scoped: the number that Business Settings shows can differ from the one that the API uses with this app's token; leave `id` out to find the user by its name",
        ),
    )
}

/// A name that no system user has.
pub(crate) fn unknown_user_name(at: Position, name: &Name, near: &[String]) -> Diagnostic {
    let help = if near.is_empty() {
        String::from("names match to the code point; give the `id` that the API uses, or the exact `name`")
    } else {
        format!("did you mean {}? names match to the code point", near.join(" or "))
    };
    error("unknown-user-name", at, format!("no system user of this business is called `{name}`"), help)
}

/// A name that several system users have.
pub(crate) fn ambiguous_user_name(at: Position, name: &Name, ids: &[UserId]) -> Diagnostic {
    let ids: Vec<String> = ids.iter().map(UserId::to_string).collect();
    error(
        "ambiguous-user-name",
        at,
        format!("{} system users of this business are called `{name}`", ids.len()),
        format!("give the `id` of the one you mean: {}", ids.join(" or ")),
    )
}

/// Two declared names that turn out to be one system user.
pub(crate) fn same_live_user(at: Position, name: &Name, other: &Name, id: UserId) -> Diagnostic {
    error(
        "same-live-user",
        at,
        format!("`{name}` and `{other}` are the same system user, {id}"),
        String::from("declare each system user once"),
    )
}

/// An id whose live name is not the given one.
pub(crate) fn user_name_differs(at: Position, given: &Name, live: &Name) -> Diagnostic {
    warning(
        "user-name-differs",
        at,
        format!("the system user with this id is called `{live}`, not `{given}`"),
        String::from("check that the id is the right one, and correct or remove `name`"),
    )
}

/// `by_role` on a user whose role gives nothing.
pub(crate) fn by_role_without_role(at: Position, name: &Name, user: &SystemUser) -> Option<Diagnostic> {
    (user.role == AdminRole::Employee).then(|| {
        error(
            "by-role-without-role",
            at,
            format!("`{name}` has `by_role: true`, but it is no admin of the business"),
            String::from("remove `by_role`: what a regular system user holds is what is assigned to it"),
        )
    })
}

/// A `shared` value that the API contradicts.
pub(crate) fn shared_contradicted(
    at: Position,
    waba: &Name,
    id: WabaId,
    said: Shared,
    edge: Edge,
) -> Diagnostic {
    let (found, help) = if edge == Edge::Owned {
        ("the business owns it", "remove `shared`, or write `shared: owned`")
    } else {
        (
            "it is shared with the business",
            "say how it is shared: `shared: admin`, `standard`, `solution_with_messaging` or `solution_without_messaging`",
        )
    };
    error(
        "shared-contradicted",
        at,
        format!("`{waba}` ({id}) has `shared: {}`, but {found}", shared_word(said)),
        String::from(help),
    )
}

/// A `shared` value that the WABA's solution contradicts.
pub(crate) fn solution_contradicted(at: Position, waba: &Name, messaging: bool) -> Diagnostic {
    let (said, is) = if messaging {
        ("solution_without_messaging", "solution_with_messaging")
    } else {
        ("solution_with_messaging", "solution_without_messaging")
    };
    let holds = if messaging { "holds" } else { "does not hold" };
    error(
        "solution-contradicted",
        at,
        format!("`{waba}` has `shared: {said}`, but this token's app {holds} MESSAGING on its solution"),
        format!("write `shared: {is}`"),
    )
}

/// A rule that discovers from one list what can only be on the other.
pub(crate) fn discover_contradicts_itself(at: Position, said: Shared) -> Diagnostic {
    error(
        "discover-contradicts-itself",
        at,
        format!("no WABA on this rule's list can have `shared: {}`", shared_word(said)),
        String::from("`from: owned` goes with `shared: owned`, `from: client` with the others"),
    )
}

/// Two rules that discover one WABA and disagree.
pub(crate) fn discover_disagrees(at: Position, waba: &Name, what: &str) -> Diagnostic {
    error(
        "discover-disagrees",
        at,
        format!("this rule and one before it both discover `{waba}`, and disagree on {what}"),
        String::from("narrow one of the rules by `name`, or let both say the same"),
    )
}
