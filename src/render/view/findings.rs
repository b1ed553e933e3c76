//! Findings: what the reader should see besides the changes.

use super::entries::{together, wabas};
use super::{NamedObject, View, folded, highlights, undo};
use crate::access_test::explain;
use crate::guard::{Guard, Violation, Waived};
use crate::model::{
    Change, Deferred, EndingGrant, LeftWaba, Notice, OutOfScope, Plan, PolicyLine, Position, Selection,
    SnapshotMark, TestReport, TestResult, Unresolved, Verdict, WabaId, WhyGone, age, day_or_instant,
};
use crate::render::sentence::Sentence;
use crate::render::wording;
use crate::text::count;
use jiff::Timestamp;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// The kinds of findings, most serious first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::render) enum FindingKind {
    /// Live access is that of a snapshot.
    Snapshot,
    /// The run that the plan takes back.
    Undo,
    /// A setting that limits the plan and is not the default, or was changed.
    Policy,
    /// A violation that no waiver covers.
    Refused,
    /// An access test that fails live, or could not be decided.
    Test,
    /// A WABA that could not be read.
    Unreadable,
    /// A declared user that was not found.
    Unresolved,
    /// What a suspended user holds out of scope.
    OutOfScope,
    /// What the manifests ask for again after an undo.
    AskedAgain,
    /// A violation that a waiver covers.
    Waived,
    /// What an undo leaves alone.
    LeftAlone,
    /// A difference that is left, because only what has expired is taken away.
    Deferred,
    /// Tasks that only `prune: none` keeps.
    Kept,
    /// A WABA that left the scope.
    Left,
    /// Something unusual about a WABA or a user.
    Notice,
    /// `--waba` or `--user` narrowed the run.
    Partial,
    /// A grant that ends soon.
    Ending,
    /// A user who loses access or gains control.
    Highlight,
}

impl FindingKind {
    /// Returns the heading above findings of this kind.
    pub(in crate::render) fn title(self) -> &'static str {
        match self {
            Self::Snapshot => "Snapshot",
            Self::Undo => "Undo",
            Self::AskedAgain => "Asked for again by the manifests",
            Self::LeftAlone => "Left alone, and not taken back",
            Self::Policy => "Policy that is not the default, or changed",
            Self::Refused => "Refused by the guards",
            Self::Test => "Access tests that do not pass",
            Self::Unresolved => "Not found, and not planned",
            Self::Deferred => "Left to a full apply",
            Self::Kept => "Kept by prune: none",
            Self::OutOfScope => "Suspended, and holds access out of scope",
            Self::Left => "Left the scope",
            Self::Unreadable => "Could not be read, and not planned",
            Self::Waived => "Waived",
            Self::Notice => "Notes",
            Self::Partial => "Partial",
            Self::Ending => "Grants that end soon",
            Self::Highlight => "Highlights",
        }
    }

    /// Returns the name of this kind as programs read it.
    pub(in crate::render) fn code(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Undo => "undo",
            Self::AskedAgain => "asked-again",
            Self::LeftAlone => "left-alone",
            Self::Policy => "policy",
            Self::Refused => "refused",
            Self::Test => "access-test",
            Self::Unresolved => "unresolved",
            Self::Deferred => "deferred",
            Self::Kept => "kept",
            Self::OutOfScope => "out-of-scope",
            Self::Left => "left-scope",
            Self::Unreadable => "unreadable",
            Self::Waived => "waived",
            Self::Notice => "notice",
            Self::Partial => "partial",
            Self::Ending => "expiring-grant",
            Self::Highlight => "highlights",
        }
    }
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::render) struct Finding {
    pub(in crate::render) kind: FindingKind,
    /// The code of the guard, if it is a violation.
    pub(in crate::render) guard: Option<&'static str>,
    pub(in crate::render) text: Sentence,
    /// What the user can do, or which waiver covers it.
    pub(in crate::render) advice: Option<Sentence>,
    /// The line of a manifest that it is about.
    pub(in crate::render) at: Option<Position>,
    /// Whether somebody loses access.
    pub(in crate::render) is_loss: bool,
}

impl Finding {
    pub(super) fn new(kind: FindingKind, text: Sentence) -> Self {
        Self { kind, guard: None, text, advice: None, at: None, is_loss: false }
    }

    /// Returns the text after the code of the guard.
    pub(in crate::render) fn sentence(&self) -> Sentence {
        let lead = self.guard.map(|code| format!("{code}:")).unwrap_or_default();
        Sentence::default().strong(lead).then(self.text.clone())
    }
}

impl View<'_> {
    /// Returns the findings by kind, most serious first; no kind without any. Long lists are folded unless `verbose`.
    pub(in crate::render) fn findings(self, verbose: bool) -> Vec<Vec<Finding>> {
        let plan = self.plan();
        let partial = plan.selection.is_narrowed();
        let partial =
            partial.then(|| Finding::new(FindingKind::Partial, partial_text(&plan.selection, verbose)));
        let undo = plan.undo.as_deref();
        let left_alone = undo.map(|undo| undo::left_alone(plan, undo, self.sources(), verbose));
        let asked_again = undo.map(|undo| undo::asked_again(plan, undo, self.sources(), verbose));
        let unreadable = together(plan.unreadable.iter().collect(), |(_, why)| why.as_str());
        let unreadable = unreadable.into_iter().map(|same| {
            let objects = same.iter().map(|(waba, _)| NamedObject::waba(plan, **waba));
            let text = wabas(objects, same.len(), ":", verbose).foreign(same[0].1);
            Finding::new(FindingKind::Unreadable, text)
        });
        let ending = self.drift.and_then(|drift| drift.expiring.as_deref()).unwrap_or_default();
        let unresolved = plan.unresolved.iter().map(unresolved);
        let kept = plan.kept.iter().map(|kept| {
            let (user, waba) =
                (NamedObject::user(plan, kept.key.user), NamedObject::waba(plan, kept.key.waba));
            let text =
                Sentence::default().user(&user).own("on").name(&waba.name).own("keeps").tasks(&kept.tasks);
            Finding::new(FindingKind::Kept, text)
        });
        let notices = plan.notices.iter().map(|notice| self.notice(notice));
        let notices = self.other_time().into_iter().chain(notices).chain(self.noted_tests());
        let snapshot = self.proposal.live_source.snapshot().map(|mark| snapshot(mark, self.proposal.made));
        let kinds = [
            Vec::from_iter(snapshot),
            undo.map(undo::run).into_iter().collect(),
            limited(self.proposal.policy_lines.iter().map(policy), FindingKind::Policy, verbose),
            self.refused(verbose),
            limited(self.tests(), FindingKind::Test, verbose),
            limited(unreadable, FindingKind::Unreadable, verbose),
            limited(unresolved, FindingKind::Unresolved, verbose),
            limited(
                plan.out_of_scope.iter().map(|found| out_of_scope(plan, found)),
                FindingKind::OutOfScope,
                verbose,
            ),
            limited(asked_again.into_iter().flatten(), FindingKind::AskedAgain, verbose),
            self.waived(verbose),
            limited(left_alone.into_iter().flatten(), FindingKind::LeftAlone, verbose),
            limited(plan.deferred.iter().map(|left| deferred(plan, left)), FindingKind::Deferred, verbose),
            limited(kept, FindingKind::Kept, verbose),
            limited(plan.left.iter().map(left), FindingKind::Left, verbose),
            limited(notices, FindingKind::Notice, verbose),
            Vec::from_iter(partial),
            limited(ending.iter().map(|grant| self.ending(grant)), FindingKind::Ending, verbose),
            highlights::findings(plan, self.drift, verbose),
        ];
        kinds.into_iter().filter(|found| !found.is_empty()).collect()
    }

    /// Returns the violations that no waiver covers. A long list of one guard is folded unless `verbose`.
    fn refused(&self, verbose: bool) -> Vec<Finding> {
        let violations = self.violations;
        if violations.is_empty() {
            return Vec::new();
        }
        let by_waba = self.changes_by_waba();
        let finding = |found: &Violation| Finding {
            advice: Some(self.waiver(found)),
            ..violation(FindingKind::Refused, found, &by_waba)
        };
        let of_guard = |same: &[Violation]| of_guard(same[0].guard, same.iter().map(finding), verbose);
        violations.chunk_by(|one, next| one.guard == next.guard).flat_map(of_guard).collect()
    }

    /// Returns the violations that a waiver covers, each with the waiver. A long list of one guard is folded unless `verbose`.
    fn waived(&self, verbose: bool) -> Vec<Finding> {
        if self.waived.is_empty() {
            return Vec::new();
        }
        let by_waba = self.changes_by_waba();
        let finding = |found: &Waived| Finding {
            advice: Some(wording::waiver(&found.waiver, self.sources())),
            ..violation(FindingKind::Waived, &found.violation, &by_waba)
        };
        let guard = |waived: &Waived| waived.violation.guard;
        let of_guard = |same: &[Waived]| of_guard(guard(&same[0]), same.iter().map(finding), verbose);
        self.waived.chunk_by(|one, next| guard(one) == guard(next)).flat_map(of_guard).collect()
    }

    fn changes_by_waba(&self) -> BTreeMap<WabaId, &[Change]> {
        self.plan().by_waba().map(|changes| (changes[0].key.waba, changes)).collect()
    }

    /// Returns how to waive a violation, as narrowly as possible.
    fn waiver(&self, found: &Violation) -> Sentence {
        let (plan, code) = (self.plan(), found.guard.code());
        let advice = Sentence::default().own("to waive it for one run:").literal(&format!("--waive {code}"));
        let waba = found.waba.map(|waba| NamedObject::waba(plan, waba).name);
        match waba.or_else(|| found.user.map(|user| NamedObject::user(plan, user).name)) {
            Some(name) => {
                advice.own("or").literal(&format!("--waive {}", in_shell(&format!("{code}={name}"))))
            }
            None => advice,
        }
    }

    /// Returns the access tests that do not pass live, if drift is shown.
    fn tests(&self) -> impl Iterator<Item = Finding> {
        let tests = self.proposal.tests.as_ref().filter(|_| self.is_drift());
        let report = tests.map(|tests| &tests.live);
        let of_report = move |report: &TestReport| -> Vec<Finding> {
            let bad = report.results.iter().filter(|result| result.verdict <= Verdict::Undecided);
            bad.map(|result| self.test(FindingKind::Test, result, report)).collect()
        };
        report.into_iter().flat_map(of_report)
    }

    /// Returns the access tests that a plan leaves failing, or that could not be decided.
    fn noted_tests(&self) -> impl Iterator<Item = Finding> {
        let tests = self.proposal.tests.as_ref().filter(|_| !self.is_drift());
        let report = tests.map(|tests| &tests.after);
        let of_report = move |report: &TestReport| -> Vec<Finding> {
            let is_noted =
                |result: &&TestResult| matches!(result.verdict, Verdict::Notice | Verdict::Undecided);
            let noted = report.results.iter().filter(is_noted);
            noted.map(|result| self.test(FindingKind::Notice, result, report)).collect()
        };
        report.into_iter().flat_map(of_report)
    }

    fn test(&self, kind: FindingKind, result: &TestResult, report: &TestReport) -> Finding {
        let at = result.test.at;
        let lead = match result.verdict {
            Verdict::Notice => "fails already, and this plan does not make it worse:",
            Verdict::Undecided => "is undecided:",
            Verdict::Fail | Verdict::Skipped | Verdict::Pass => "fails:",
        };
        let text = Sentence::default().own("the test").name(result.test.name.as_str()).own("at");
        let text = text.place(self.sources().path(at.source), at.line).own(lead);
        let text = text.foreign(&explain(result, report, self.sources()).join("; "));
        Finding { at: Some(at), ..Finding::new(kind, text) }
    }

    fn notice(&self, notice: &Notice) -> Finding {
        let plan = self.plan();
        let text = match notice {
            Notice::Unconfirmed(waba) => Sentence::default()
                .object(&NamedObject::waba(plan, *waba), ":")
                .own("its list came back empty and nothing could confirm that; it is planned as empty"),
            Notice::AssignsToAdmin(user) => Sentence::default()
                .user(&NamedObject::user(plan, *user))
                .own("is an admin of the business: the API might not list it even after the write"),
            Notice::KeepsUndeclared => Sentence::default()
                .own("a declared user was not found, and could be one of those that no manifest declares: nobody undeclared or released loses access"),
            Notice::OtherId { user, before } => Sentence::default()
                .object(&NamedObject::user(plan, *user), "")
                .own(format!("is found by its name; when the manifests were last applied, that was the system user {before}")),
            Notice::PreviousUnusable(why) => Sentence::default()
                .own("the manifests of --previous cannot be used, so nobody is released:")
                .foreign(why),
        };
        Finding::new(FindingKind::Notice, text)
    }

    /// Returns a notice if the plan is for another time than the one at which it was made.
    fn other_time(&self) -> Option<Finding> {
        let (now, made) = (self.plan().now, self.proposal.made);
        let time = day_or_instant(now);
        let text = match now.cmp(&made) {
            Ordering::Equal => return None,
            Ordering::Greater => {
                format!("this is for {time}, which is still to come, so it cannot be applied")
            }
            Ordering::Less => format!("this is for {time}, and not for the time at which it was made"),
        };
        Some(Finding::new(FindingKind::Notice, Sentence::default().own(text)))
    }

    fn ending(&self, grant: &EndingGrant) -> Finding {
        let text = wording::grant("", &grant.source, self.sources());
        let (users, wabas) = (count(grant.users, "user", "users"), count(grant.wabas, "WABA", "WABAs"));
        let text = text.own(format!("for {users} on {wabas}"));
        Finding { at: Some(grant.source.at), ..Finding::new(FindingKind::Ending, text) }
    }
}

/// The number of findings of one kind that are listed before the others are only counted. A guess: half a screen.
const LISTED: usize = 10;

/// Returns findings, and unless `verbose`, only the first of them and the number of the others.
fn limited(findings: impl Iterator<Item = Finding>, kind: FindingKind, verbose: bool) -> Vec<Finding> {
    let mut findings: Vec<Finding> = findings.collect();
    let shown = folded(findings.len(), LISTED, verbose);
    let more = findings.len() - shown;
    findings.truncate(shown);
    if more > 0 {
        findings.push(Finding::new(kind, Sentence::default().own(format!("and {more} more"))));
    }
    findings
}

/// The values of a selection that are listed before the others are only counted. A guess: a line or two.
const SELECTED: usize = 5;

/// Returns a violation as a finding.
fn violation(kind: FindingKind, found: &Violation, by_waba: &BTreeMap<WabaId, &[Change]>) -> Finding {
    Finding {
        guard: Some(found.guard.code()),
        at: found.waba.and_then(|waba| line_of(by_waba.get(&waba)?, found)),
        ..Finding::new(kind, Sentence::default().foreign(&found.message))
    }
}

/// Returns the findings of one guard, folded unless `verbose`.
fn of_guard(guard: Guard, findings: impl Iterator<Item = Finding>, verbose: bool) -> Vec<Finding> {
    let mut findings = findings.peekable();
    let kind = findings.peek().map_or(FindingKind::Refused, |finding| finding.kind);
    let mut listed = limited(findings, kind, verbose);
    for finding in &mut listed {
        finding.guard = Some(guard.code());
    }
    listed
}

/// Describes the snapshot that live access is taken from.
fn snapshot(mark: &SnapshotMark, made: Timestamp) -> Finding {
    let age = age(made.duration_since(mark.taken));
    let mut text = format!("as of the snapshot of {}, {age} old", mark.taken);
    if mark.changed {
        text.push_str(", and changed by an emulator since");
    }
    let text = Sentence::default().own(text + "; it cannot be applied to the API");
    let left_out = mark.left_out.len();
    let missing = (left_out > 0).then(|| format!("({} not in it)", count(left_out, "WABA is", "WABAs are")));
    Finding::new(FindingKind::Snapshot, text.own(missing.unwrap_or_default()))
}

/// Describes what the run is narrowed to.
fn partial_text(selection: &Selection, verbose: bool) -> Sentence {
    let wabas = selection.wabas.iter().map(|glob| ("--waba", glob.as_str()));
    let given: Vec<_> = wabas.chain(selection.users.iter().map(|name| ("--user", name.as_str()))).collect();
    let shown = folded(given.len(), SELECTED, verbose);
    let mut text = Sentence::default().own("narrowed by");
    if selection.only_expired {
        text = text.literal("--only expired");
    }
    for (option, value) in &given[..shown] {
        text = text.own(*option).fixed(&in_shell(value));
    }
    if shown < given.len() {
        text = text.own(format!("and {} more", given.len() - shown));
    }
    text.own("(the rest of the scope was not judged)")
}

/// Describes a setting that limits the plan.
fn policy(line: &PolicyLine) -> Finding {
    let value = |value: Option<&String>| value.map_or_else(|| String::from("not set"), Clone::clone);
    let lead = Sentence::default().fixed(&line.key);
    let text = match &line.previous {
        Some(previous) => lead
            .strong("changes from")
            .fixed(&value(previous.as_ref()))
            .own("to")
            .fixed(&value(line.value.as_ref())),
        None => lead.own("is").fixed(&value(line.value.as_ref())),
    };
    let default = line.default.as_ref().map(|default| format!("(default: {default})"));
    Finding::new(FindingKind::Policy, text.own(default.unwrap_or_default()))
}

/// Describes a declared user that was not found.
fn unresolved(unresolved: &Unresolved) -> Finding {
    let id = unresolved.id.map_or_else(String::new, |id| format!("({id})"));
    let text = Sentence::default().name(unresolved.name.as_str()).own(id).own("is not planned:");
    let number = count(unresolved.assignments, "assignment", "assignments");
    let text = text.foreign(&unresolved.why).own(format!("({number})"));
    Finding { at: Some(unresolved.at), ..Finding::new(FindingKind::Unresolved, text) }
}

/// Describes a WABA that left the scope.
fn left(left: &LeftWaba) -> Finding {
    let waba = NamedObject::new(left.name.as_str(), left.waba.to_string());
    let mut text = Sentence::default().object(&waba, ":").own("nothing is removed there;");
    text = text.own(if left.held.is_empty() {
        "no system user of the business is seen there"
    } else {
        "still held:"
    });
    for (index, (user, name, tasks)) in left.held.iter().enumerate() {
        let user = NamedObject::new(name.as_str(), user.to_string());
        text = text.own(if index > 0 { "and" } else { "" }).name(&user.name).tasks(tasks);
    }
    Finding::new(FindingKind::Left, text)
}

/// Describes a difference that is left.
fn deferred(plan: &Plan, left: &Deferred) -> Finding {
    let (user, waba) = (NamedObject::user(plan, left.key.user), NamedObject::waba(plan, left.key.waba));
    let (lacks, surplus) = (left.after.difference(&left.before), left.before.difference(&left.after));
    let mut text = Sentence::default().user(&user).own("on").name(&waba.name);
    if !lacks.is_empty() {
        text = text.own("lacks").tasks(&lacks);
    }
    if !surplus.is_empty() {
        text = text.own(if lacks.is_empty() { "holds" } else { "and holds" }).tasks(&surplus);
        text = text.own("beyond the manifests");
    }
    Finding::new(FindingKind::Deferred, text)
}

/// Describes what a suspended user holds out of scope.
fn out_of_scope(plan: &Plan, found: &OutOfScope) -> Finding {
    let mut text = Sentence::default().object(&NamedObject::user(plan, found.user), ":");
    if let Some(error) = &found.error {
        text = text.own("what it holds out of scope could not be read:").foreign(error);
    }
    for (index, (waba, name, tasks)) in found.held.iter().enumerate() {
        let waba = NamedObject::new(name.as_str(), waba.to_string());
        text = text.own(if index > 0 { "and" } else { "" }).tasks(tasks).own("on").object(&waba, "");
    }
    let advice =
        "nothing is removed there: add these WABAs to the manifests, or remove the user in Business Settings";
    let advice = (!found.held.is_empty()).then(|| Sentence::default().own(advice));
    Finding { advice, ..Finding::new(FindingKind::OutOfScope, text) }
}

/// Quotes a word for a shell if it has to be.
fn in_shell(word: &str) -> String {
    if word.chars().all(|c| c.is_alphanumeric() || "-_.=".contains(c)) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Returns the line behind the change that violates a guard: preferably of a loss, because guards limit losses.
fn line_of(on_waba: &[Change], found: &Violation) -> Option<Position> {
    let is_about = |change: &&Change| found.user.is_none_or(|user| user == change.key.user);
    let mut changes = on_waba.iter().filter(is_about);
    let change = changes.clone().find(|change| change.because.gone.is_some()).or_else(|| changes.next())?;
    let gone = change.because.gone.as_ref().and_then(|(_, lines)| lines.first());
    match gone {
        Some(WhyGone::Expired(source) | WhyGone::NotYet(source) | WhyGone::Excepted(source)) => {
            Some(source.at)
        }
        Some(WhyGone::Suspended(reason)) => Some(reason.at),
        Some(WhyGone::Declared(at) | WhyGone::Released(at) | WhyGone::Undeclared(at)) => Some(*at),
        None => change.because.grants.first().map(|source| source.at),
    }
}
