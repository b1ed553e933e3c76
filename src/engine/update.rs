//! Brings manifests up to date with the live state, and proves what their plan is then.

use super::import::{PRUNE, first_error};
use super::manifests::report;
use super::memory::Memory;
use super::{CheckedManifests, EngineError, Events, Session, set_files};
use crate::import::{self, Additions, EXCEPTIONS_HEADER, Known, NewWaba, Pending};
use crate::manifest::insert::{self, Insertion, Place, Section};
use crate::manifest::{Manifest, WabaDeclaration};
use crate::model::{
    AssignmentKey, At, Change, Earlier, Edge, Estate, Labels, Name, Observed, Phase, Plan, Position,
    SourceId, Sources, TaskSet, Unresolved, UserId, WabaId, day_of,
};
use crate::resolve::{self, Circumstances, Resolved};
use crate::{manifest, plan};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The paths of the files that are made where no list of the manifests can be continued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFiles {
    /// The file for exceptions if there are none yet; `None` if a file has this name.
    pub exceptions: Option<String>,
    /// The file for everything else. No file has this name.
    pub other: String,
}

/// A file with additions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdatedFile {
    /// The path, as the manifests were given.
    pub path: String,
    /// The text before; `None` for a new file.
    pub before: Option<String>,
    /// The text with the additions.
    pub after: String,
    /// The number of lines that are added.
    pub lines: usize,
}

/// Manifests with additions.
#[derive(Debug)]
pub struct Updated {
    /// The files that change, in the order in which they are best written: declarations first.
    pub files: Vec<UpdatedFile>,
    /// What was added.
    pub additions: Additions,
    /// The changes that their plan makes, whatever `prune` is.
    pub pending: Vec<Pending>,
    /// The WABAs whose access is not known, with their names and the reason.
    pub unreadable: BTreeMap<WabaId, (Name, String)>,
    /// The declared system users that are not found; a diagnostic names each.
    pub unresolved: Vec<Unresolved>,
    /// The WABAs that no manifest declares and no rule discovers, on which a system user holds something.
    pub out_of_scope: BTreeMap<WabaId, Name>,
    /// The manifests with the additions, to which positions refer.
    pub sources: Sources,
}

impl Session {
    /// Reads everything of the business of manifests, and adds to these what is live and they do not give.
    ///
    /// # Errors
    ///
    /// If a list cannot be read, or as [`update_sources`].
    pub async fn update(
        &self,
        checked: CheckedManifests,
        new_files: &NewFiles,
        events: Events<'_>,
    ) -> Result<Updated, EngineError> {
        let CheckedManifests { manifest, sources, request, warnings, .. } = checked;
        let business = manifest.business.value;
        // Its positions may refer to files that are not among the sources.
        let mut remembered = sources.clone();
        let state = request.state.as_ref();
        let memory = Memory::load(state, business, &manifest.set, &mut remembered).await?;
        memory.check_files(&manifest, &set_files::given(&sources), &sources)?;
        let present = manifest.wabas.values().filter(|waba| waba.gone.is_none());
        let declared: Vec<WabaId> = present.map(|waba| waba.id.value).collect();
        let estate = self.estate_with(business, &declared, events).await?;
        // Who was declared earlier is of no interest: whoever still holds something is declared again.
        let earlier = Earlier { other_sets: memory.earlier.other_sets, ..Earlier::default() };
        let (_, found) =
            resolve::resolve(&manifest, &estate.directory, circumstances(&estate, request.now(), &earlier));
        report(&[warnings, found].concat(), &sources, events)?;
        update_sources(&sources, &estate, request.now(), &earlier, new_files)
    }
}

/// Adds to manifests what is live and they do not give.
///
/// Everything in their texts stays. The plan of the result is what [`Updated::pending`] says, with each value of `prune`.
///
/// # Errors
///
/// [`EngineError::Manifests`] if the manifests have an error, [`EngineError::NotExact`] if the plan would be another one.
pub fn update_sources(
    sources: &Sources,
    estate: &Estate,
    now: Timestamp,
    earlier: &Earlier,
    new_files: &NewFiles,
) -> Result<Updated, EngineError> {
    let manifest = manifest::parse(sources).0.ok_or(EngineError::Manifests(1))?;
    let circumstances = circumstances(estate, now, earlier);
    let resolved = resolve::resolve(&manifest, &estate.directory, circumstances);
    let before = resolved.0.ok_or(EngineError::Manifests(1))?;
    let note = format!("imported {}", day_of(now));
    let additions = additions(&manifest, &before, estate, circumstances, &note)?;
    let (texts, after, sources) = if additions.is_empty() {
        (Vec::new(), manifest, sources.clone())
    } else {
        written(sources, &manifest, &additions, new_files)?
    };
    let (resolved, found) = resolve::resolve(&after, &estate.directory, circumstances);
    let resolved = resolved.ok_or_else(|| EngineError::NotExact(first_error(&found)))?;
    let new: BTreeSet<WabaId> = additions.wabas.iter().map(|waba| waba.id).collect();
    let asked = changes(&before, &estate.observed).0;
    let asked: BTreeMap<AssignmentKey, TaskSet> =
        asked.iter().map(|change| (change.key, change.gained())).collect();
    let (changes, unresolved) = changes(&resolved, &estate.observed);
    let pending: Vec<Pending> =
        changes.into_iter().map(|change| pending(change, &resolved, &additions)).collect();
    for pending in &pending {
        check_pending(pending, &asked, &new)?;
    }
    Ok(Updated {
        files: texts,
        out_of_scope: out_of_scope(estate, &resolved),
        unreadable: unreadable(estate, &resolved),
        additions,
        pending,
        unresolved,
        sources,
    })
}

fn circumstances<'a>(estate: &Estate, now: Timestamp, earlier: &'a Earlier) -> Circumstances<'a> {
    let acting_user = estate.acting_user.as_ref().map(|(user, _)| *user);
    Circumstances { now, acting_user, earlier, admin_rows: &[] }
}

/// Returns what has to be added to manifests.
fn additions(
    manifest: &Manifest,
    before: &Resolved,
    estate: &Estate,
    circumstances: Circumstances<'_>,
    note: &str,
) -> Result<Additions, EngineError> {
    let users: BTreeSet<Name> = manifest.system_users.keys().cloned().collect();
    let known = |resolved: &'_ Resolved| -> BTreeMap<Name, WabaId> { resolved.policy.names.wabas.clone() };
    let names = known(before);
    let facts = Known {
        desired: &before.desired,
        wabas: &names,
        users: &users,
        roles: &manifest.roles,
        extra_tasks: &manifest.extra_tasks,
        prune: manifest.prune,
    };
    let gives = |id: WabaId, name: &Name, labels: &Labels| {
        gives(manifest, before, circumstances.now, id, name, labels)
    };
    // Rules are the user's word for which WABAs are in scope.
    let wabas = import::new_wabas(estate, &facts, manifest.discover.is_empty(), &gives);
    if wabas.is_empty() {
        return Ok(import::additions(estate, &facts, wabas, note));
    }
    let mut with_wabas = manifest.clone();
    for waba in &wabas {
        with_wabas.wabas.insert(waba.name.clone(), declaration(waba));
    }
    let (resolved, found) = resolve::resolve(&with_wabas, &estate.directory, circumstances);
    let resolved = resolved.ok_or_else(|| EngineError::NotExact(first_error(&found)))?;
    let names = known(&resolved);
    let facts = Known { desired: &resolved.desired, wabas: &names, ..facts };
    Ok(import::additions(estate, &facts, wabas, note))
}

/// Returns what grants and exceptions give on a WABA with a name and labels.
fn gives(
    manifest: &Manifest,
    resolved: &Resolved,
    now: Timestamp,
    id: WabaId,
    name: &Name,
    labels: &Labels,
) -> BTreeMap<UserId, TaskSet> {
    let mut given: BTreeMap<UserId, TaskSet> = BTreeMap::new();
    let is_active = |entry: &&manifest::Grant| {
        entry.phase(now) == Phase::InForce && entry.selection.matches(id, name, labels)
    };
    let users = |entry: &manifest::Grant| -> Vec<UserId> {
        let ids = &resolved.policy.names.users;
        entry.users.iter().filter_map(|user| ids.get(&user.value).copied()).collect()
    };
    for grant in manifest.grants.iter().filter(is_active) {
        for user in users(grant) {
            given.entry(user).or_default().extend(&grant.tasks);
        }
    }
    for exception in manifest.exceptions.iter().filter(is_active) {
        for user in users(exception) {
            given.insert(user, exception.tasks.clone());
        }
    }
    given
}

fn declaration(waba: &NewWaba) -> WabaDeclaration {
    let at = Position::default();
    WabaDeclaration {
        at,
        id: At { value: waba.id, at },
        shared: At { value: waba.shared, at },
        line_of_credit: None,
        labels: waba.labels.clone(),
        prune: None,
        gone: None,
        accept: waba
            .accepts_tasks
            .then_some((manifest::Acceptable::TaskOnStandard, at))
            .into_iter()
            .collect(),
    }
}

/// Returns the changed files, and the manifests with the additions.
fn written(
    sources: &Sources,
    manifest: &Manifest,
    additions: &Additions,
    new_files: &NewFiles,
) -> Result<(Vec<UpdatedFile>, Manifest, Sources), EngineError> {
    let parts = Parts::new(sources, manifest, additions);
    let is_right = |in_place: &BTreeSet<Section>| {
        let (insertions, files) = parts.split(in_place, new_files);
        insert::only_adds(sources, &insertions, &files)
            .map(|(after, manifest)| (insertions, files, after, manifest))
    };
    let all: BTreeSet<Section> = parts.in_place.keys().copied().collect();
    // If a list cannot be continued as it is written, its additions go into a file of their own.
    let result = is_right(&all).or_else(|| {
        let good = |section: &&Section| is_right(&BTreeSet::from([**section])).is_some();
        let good: BTreeSet<Section> = all.iter().filter(good).copied().collect();
        is_right(&good).or_else(|| is_right(&BTreeSet::new()))
    });
    let why = || String::from("the additions would change what the files mean");
    let (insertions, new, after, manifest) = result.ok_or_else(|| EngineError::NotExact(why()))?;
    let mut files: BTreeMap<SourceId, usize> = BTreeMap::new();
    for insertion in &insertions {
        *files.entry(insertion.source).or_default() += insertion.lines.len();
    }
    let changed = files.into_iter().filter_map(|(source, lines)| {
        let (before, after) = (sources.get(source)?, after.get(source)?);
        Some(UpdatedFile {
            path: before.path.clone(),
            before: Some(before.text.clone()),
            after: after.text.clone(),
            lines,
        })
    });
    let new = new.into_iter().map(|(path, text)| {
        let lines = text.lines().count();
        UpdatedFile { path, before: None, after: text, lines }
    });
    // Users and WABAs are declared before anything refers to them.
    let rank = |file: &UpdatedFile| match &file.before {
        Some(_) if parts.declaring.contains(&file.path) => 0,
        None => 1,
        Some(_) => 2,
    };
    let mut files: Vec<UpdatedFile> = changed.chain(new).collect();
    files.sort_by_key(rank);
    Ok((files, manifest, after))
}

/// The additions to each section, and where they can stand.
struct Parts {
    /// The entries of each section, indented by two spaces.
    entries: BTreeMap<Section, Vec<String>>,
    /// The insertions that continue a list or a table.
    in_place: BTreeMap<Section, Insertion>,
    extra_tasks: Vec<String>,
    /// Whether there are exceptions already.
    has_exceptions: bool,
    /// The files that get users or WABAs.
    declaring: BTreeSet<String>,
}

impl Parts {
    fn new(sources: &Sources, manifest: &Manifest, additions: &Additions) -> Self {
        let wabas = additions.wabas.iter().map(NewWaba::line).collect();
        let entries = BTreeMap::from([
            (Section::SystemUsers, additions.users.clone()),
            (Section::Wabas, wabas),
            (Section::Grants, additions.grants.clone()),
            (Section::Exceptions, additions.exceptions.clone()),
        ]);
        let entries: BTreeMap<Section, Vec<String>> =
            entries.into_iter().filter(|(_, entries)| !entries.is_empty()).collect();
        let places = insert::places(sources);
        let mut in_place = BTreeMap::new();
        for (section, entries) in &entries {
            // The longest one is the one that people know.
            let longest = |places: &Vec<Place>| {
                let best = places.iter().rev().max_by_key(|place| place.entries);
                best.copied()
            };
            if let Some(place) = places.get(section).and_then(longest) {
                let lines = entries.iter().flat_map(|entry| indented(entry, place.indent)).collect();
                in_place.insert(*section, Insertion { source: place.source, line: place.line, lines });
            }
        }
        if let Some(rows) = table_rows(sources, manifest, &additions.wabas) {
            in_place.insert(Section::Wabas, rows);
        }
        let declaring =
            [Section::SystemUsers, Section::Wabas].iter().filter_map(|section| in_place.get(section));
        let declaring = declaring.map(|insertion| sources.path(insertion.source).to_owned()).collect();
        Self {
            entries,
            in_place,
            extra_tasks: additions.extra_tasks.clone(),
            has_exceptions: !manifest.exceptions.is_empty(),
            declaring,
        }
    }

    /// Returns the insertions of some sections, and the new files with the others.
    fn split(
        &self,
        in_place: &BTreeSet<Section>,
        new_files: &NewFiles,
    ) -> (Vec<Insertion>, Vec<(String, String)>) {
        let chosen = self.in_place.iter().filter(|(section, _)| in_place.contains(section));
        let insertions = chosen.map(|(_, insertion)| insertion.clone()).collect();
        let mut rest: BTreeMap<Section, &Vec<String>> = BTreeMap::new();
        for (section, entries) in &self.entries {
            if !(in_place.contains(section) && self.in_place.contains_key(section)) {
                rest.insert(*section, entries);
            }
        }
        let mut files = Vec::new();
        if let (Some(path), false, Some(exceptions)) =
            (&new_files.exceptions, self.has_exceptions, rest.get(&Section::Exceptions))
        {
            let text = format!("{EXCEPTIONS_HEADER}version: 1\nexceptions:\n{}", exceptions.concat());
            files.push((path.clone(), text));
            rest.remove(&Section::Exceptions);
        }
        let mut text = String::new();
        if !self.extra_tasks.is_empty() {
            // Writing into a string cannot fail.
            let _ = writeln!(text, "extra_tasks: [{}]", self.extra_tasks.join(", "));
        }
        for (section, entries) in rest {
            let _ = write!(text, "\n{}:\n{}", section.key(), entries.concat());
        }
        if !text.is_empty() {
            let header =
                "# Added by `wabacl import --update`. Move the entries to where they belong.\nversion: 1\n";
            files.push((new_files.other.clone(), format!("{header}{text}")));
        }
        (insertions, files)
    }
}

/// Returns the lines of an entry with another indentation.
fn indented(entry: &str, indent: usize) -> Vec<String> {
    let line = |line: &str| format!("{}{}", " ".repeat(indent), line.strip_prefix("  ").unwrap_or(line));
    entry.lines().map(line).collect()
}

/// Returns rows for the table that declares the most WABAs, if it declares more than the manifests do outside of tables, and has
/// all columns.
fn table_rows(sources: &Sources, manifest: &Manifest, wabas: &[NewWaba]) -> Option<Insertion> {
    let texts: BTreeSet<SourceId> = sources.manifests().map(|(id, _)| id).collect();
    let mut declared: BTreeMap<SourceId, usize> = BTreeMap::new();
    for waba in manifest.wabas.values() {
        *declared.entry(waba.at.source).or_default() += 1;
    }
    let (table, _) =
        declared.into_iter().max_by_key(|(source, count)| (*count, std::cmp::Reverse(*source)))?;
    let text = &sources.get(table).filter(|_| !texts.contains(&table) && !wabas.is_empty())?.text;
    let columns = insert::columns(text)?;
    let rows: Option<Vec<String>> = wabas.iter().map(|waba| waba.row(&columns)).collect();
    let rows = rows?.into_iter().map(|row| row.trim_end_matches('\n').to_owned()).collect();
    let filled = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let line = filled.map(|(number, _)| number + 1).last()?;
    Some(Insertion { source: table, line, lines: rows })
}

/// Returns the changes of the plan under any value of `prune`, each with everything that it adds and removes, and the declared users
/// that were not found.
fn changes(resolved: &Resolved, observed: &Observed) -> (Vec<Change>, Vec<Unresolved>) {
    let mut changes: BTreeMap<AssignmentKey, Change> = BTreeMap::new();
    let mut unresolved = Vec::new();
    let mut desired = resolved.desired.clone();
    // `all` comes last: what it does contains what the others do.
    for (_, prune) in PRUNE {
        for waba in desired.scope.wabas.values_mut() {
            waba.prune = prune;
        }
        let Plan { changes: found, unresolved: missing, .. } = plan::plan(&desired, observed);
        for change in found {
            changes.insert(change.key, change);
        }
        unresolved = missing;
    }
    (changes.into_values().collect(), unresolved)
}

fn pending(change: Change, resolved: &Resolved, additions: &Additions) -> Pending {
    let key = change.key;
    let waba = resolved.desired.scope.wabas.get(&key.waba).map(|waba| waba.name.clone());
    Pending {
        key,
        waba: waba.unwrap_or_default(),
        user: resolved.desired.user_name(key.user).cloned().unwrap_or_default(),
        missing: change.gained(),
        surplus: change.lost(),
        not_added: additions.not_added.get(&key).copied(),
        because: change.because,
    }
}

/// Checks that a change has a reason: it asks for what the manifests asked for before, or takes away what could not be added.
fn check_pending(
    pending: &Pending,
    before: &BTreeMap<AssignmentKey, TaskSet>,
    new: &BTreeSet<WabaId>,
) -> Result<(), EngineError> {
    let Pending { key, missing, surplus, not_added, .. } = pending;
    let asked = before.get(key).is_some_and(|asked| missing.is_subset(asked));
    let is_asked = missing.is_empty() || asked || new.contains(&key.waba);
    if is_asked && (surplus.is_empty() || not_added.is_some()) {
        return Ok(());
    }
    let AssignmentKey { waba, user } = key;
    Err(EngineError::NotExact(format!(
        "their plan would give [{missing}] to user {user} on WABA {waba}, and take away [{surplus}]"
    )))
}

/// Returns the WABAs in scope whose access is not known.
fn unreadable(estate: &Estate, resolved: &Resolved) -> BTreeMap<WabaId, (Name, String)> {
    let scope = &resolved.desired.scope.wabas;
    let unread = estate
        .observed
        .unreadable
        .iter()
        .filter_map(|(id, why)| Some((id, scope.get(id)?.name.clone(), why)));
    let left_out = estate.left_out.iter().map(|(id, why)| (id, Name::default(), why));
    unread.chain(left_out).map(|(id, name, why)| (*id, (name, why.why.clone()))).collect()
}

/// Returns the listed WABAs out of scope on which a system user holds something.
fn out_of_scope(estate: &Estate, resolved: &Resolved) -> BTreeMap<WabaId, Name> {
    let gone: BTreeSet<WabaId> = resolved.policy.names.wabas.values().copied().collect();
    let is_out = |id: &WabaId| !resolved.desired.scope.wabas.contains_key(id) && !gone.contains(id);
    let listed = estate.directory.wabas.iter().filter(|(_, waba)| waba.edge != Edge::Direct);
    let held = |id: WabaId| estate.observed.state.on(id).next().is_some();
    listed.filter(|(id, _)| is_out(id) && held(**id)).map(|(id, waba)| (*id, waba.name.clone())).collect()
}

#[cfg(test)]
mod tests;
