//! Finds the sets of manifests in a repository: each file that names a business begins one.

use super::EXAMPLE_BUSINESS;
use crate::manifest;
use crate::model::{BusinessId, Sources};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Manifests that are planned and applied together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Set {
    /// The name that distinguishes it from the others in the repository.
    pub(super) config: String,
    /// The folders and files, relative to the repository.
    pub(super) paths: Vec<String>,
    /// The business.
    pub(super) business: String,
}

/// What a repository contains.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// The sets.
    pub(super) sets: Vec<Set>,
    /// The manifests that name no business and could belong to more than one set.
    pub(super) shared: Vec<String>,
}

/// A YAML file of the repository.
struct File {
    path: PathBuf,
    is_manifest: bool,
    business: Option<BusinessId>,
}

/// Finds the sets among the YAML files of a repository. `top` is the path that the sources' paths begin with.
/// `business` is that of manifests that name none.
pub(super) fn find(sources: &Sources, top: &Path, business: Option<BusinessId>) -> Found {
    let files = files(sources, top);
    let named: Vec<&File> = files.iter().filter(|file| file.business.is_some()).collect();
    let mut places: Vec<PathBuf> = named.iter().map(|file| place(file, &named)).collect();
    let (mut shared, mut nameless) = (Vec::new(), Vec::new());
    for file in files.iter().filter(|file| file.is_manifest && file.business.is_none()) {
        match owner(file, &named, &places) {
            Owner::None => nameless.push(file),
            Owner::One(index, folder) => places[index] = folder,
            Owner::Many => shared.push(slashed(&file.path)),
        }
    }
    if let Some(first) = nameless.first() {
        places
            .push(nameless.iter().fold(folder(first), |common, file| common_parent(&common, &folder(file))));
    }
    let businesses = named.iter().map(|file| file.business).chain(std::iter::once(business));
    let places: Vec<(PathBuf, String)> = places
        .into_iter()
        .zip(businesses.map(|id| id.map_or_else(|| EXAMPLE_BUSINESS.into(), |id| id.to_string())))
        .collect();
    Found { sets: sets(&places, &files), shared }
}

fn files(sources: &Sources, top: &Path) -> Vec<File> {
    let manifests: BTreeMap<_, _> =
        manifest::recognize(sources).into_iter().map(|file| (file.source, file.business)).collect();
    let file = |(id, source): (_, &crate::model::Source)| {
        let path = Path::new(&source.path);
        let path = path.strip_prefix(top).unwrap_or(path).to_owned();
        let business = manifests.get(&id);
        File { path, is_manifest: business.is_some(), business: business.copied().flatten() }
    };
    sources.iter().map(file).collect()
}

/// Returns where the set of a file that names a business is: its folder, or the file alone if another such file is below
/// the folder.
fn place(file: &File, named: &[&File]) -> PathBuf {
    let folder = folder(file);
    match named.iter().filter(|other| other.path.starts_with(&folder)).count() {
        1 => folder,
        _ => file.path.clone(),
    }
}

/// The set to which a manifest without a business belongs.
enum Owner {
    /// No manifest names a business.
    None,
    /// The set with this index, which must begin at this folder.
    One(usize, PathBuf),
    /// There are several in the nearest folder that has one.
    Many,
}

fn owner(file: &File, named: &[&File], places: &[PathBuf]) -> Owner {
    if let Some(index) = places.iter().position(|place| file.path.starts_with(place)) {
        return Owner::One(index, places[index].clone());
    }
    for folder in file.path.ancestors().skip(1) {
        let inside: Vec<usize> =
            (0..named.len()).filter(|index| named[*index].path.starts_with(folder)).collect();
        match inside.as_slice() {
            [] => {}
            [index] => return Owner::One(*index, folder.to_owned()),
            _ => return Owner::Many,
        }
    }
    Owner::None
}

fn sets(places: &[(PathBuf, String)], files: &[File]) -> Vec<Set> {
    let mut names = BTreeSet::new();
    let set = |(place, business): &(PathBuf, String)| {
        let config =
            if places.len() == 1 { String::from("default") } else { name(place, places, &mut names) };
        Set { config, paths: paths(place, files), business: business.clone() }
    };
    places.iter().map(set).collect()
}

/// Returns the paths to pass for a set: its folder, or its files if the folder has other YAML files.
fn paths(place: &Path, files: &[File]) -> Vec<String> {
    let inside = || files.iter().filter(|file| file.path.starts_with(place));
    if inside().all(|file| file.is_manifest) {
        return vec![if place.as_os_str().is_empty() { String::from(".") } else { slashed(place) }];
    }
    inside().filter(|file| file.is_manifest).map(|file| slashed(&file.path)).collect()
}

/// Returns a new name for a set: the last part of its path, or all parts if another set's path ends with the same.
fn name(place: &Path, places: &[(PathBuf, String)], taken: &mut BTreeSet<String>) -> String {
    let last =
        |place: &Path| place.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let is_unique = places.iter().filter(|(other, _)| last(other) == last(place)).count() == 1;
    let text = if is_unique { last(place) } else { slashed(&place.with_extension("")) };
    let allowed = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
    let text: String = text.chars().map(allowed).take(50).collect();
    let text = text.trim_matches(['-', '.', '_']);
    let base = if text.is_empty() { "set" } else { text };
    let name = (1..).map(|n| if n == 1 { String::from(base) } else { format!("{base}-{n}") });
    name.into_iter().find(|name| taken.insert(name.clone())).unwrap_or_default()
}

fn folder(file: &File) -> PathBuf {
    file.path.parent().unwrap_or(Path::new("")).to_owned()
}

fn common_parent(one: &Path, other: &Path) -> PathBuf {
    one.components().zip(other.components()).take_while(|(a, b)| a == b).map(|(part, _)| part).collect()
}

/// Formats a path with `/` as the separator, on every platform.
fn slashed(path: &Path) -> String {
    path.display().to_string().replace(std::path::MAIN_SEPARATOR, "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMED: &str = "version: 1\nbusiness: 100\n";
    const OTHER: &str = "version: 1\nbusiness: 200\n";
    const GRANTS: &str = "version: 1\ngrants: []\n";
    const COMPOSE: &str = "services: {}\n";

    /// Finds the sets of these files, and prints each in one line.
    fn check(files: &[(&str, &str)], expected: &[&str]) {
        let mut sources = Sources::default();
        for (path, text) in files {
            sources.add(format!("top/{path}"), *text);
        }
        let found = find(&sources, Path::new("top"), None);
        let mut lines: Vec<String> = found
            .sets
            .iter()
            .map(|set| format!("{}: {} for {}", set.config, set.paths.join(" "), set.business))
            .collect();
        lines.extend(found.shared.iter().map(|path| format!("shared: {path}")));
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_folder_with_one_business_is_one_set() {
        check(&[("access/a.yaml", NAMED), ("access/b/c.yaml", GRANTS)], &["default: access for 100"]);
        check(&[("a.yaml", NAMED)], &["default: . for 100"]);
        check(&[], &[]);
    }

    #[test]
    fn a_set_begins_where_all_its_files_are() {
        let files = [("access/common/a.yaml", NAMED), ("access/teams/b.yaml", GRANTS)];
        check(&files, &["default: access for 100"]);
    }

    #[test]
    fn manifests_that_name_no_business_are_one_set() {
        let files = [("access/x/a.yaml", GRANTS), ("access/y/b.yaml", GRANTS)];
        check(&files, &["default: access for 9876543210987654"]);
    }

    #[test]
    fn each_business_is_a_set() {
        let files =
            [("access/emea/a.yaml", NAMED), ("access/apac/a.yaml", OTHER), ("access/apac/b.yaml", GRANTS)];
        check(&files, &["emea: access/emea for 100", "apac: access/apac for 200"]);
        check(&[("a.yaml", NAMED), ("b.yaml", OTHER)], &["a: a.yaml for 100", "b: b.yaml for 200"]);
    }

    #[test]
    fn sets_whose_paths_end_alike_have_names_of_their_own() {
        let files = [("one/access/a.yaml", NAMED), ("two/access/a.yaml", NAMED)];
        check(&files, &["one-access: one/access for 100", "two-access: two/access for 100"]);
        let files = [("a b/x.yaml", NAMED), ("a-b/x.yaml", NAMED)];
        check(&files, &["a-b: a b for 100", "a-b-2: a-b for 100"]);
    }

    #[test]
    fn a_manifest_that_could_belong_to_two_sets_is_named() {
        let files = [("access/common.yaml", GRANTS), ("access/x/a.yaml", NAMED), ("access/y/a.yaml", OTHER)];
        check(&files, &["x: access/x for 100", "y: access/y for 200", "shared: access/common.yaml"]);
    }

    #[test]
    fn files_beside_other_yaml_are_passed_one_by_one() {
        let files = [("a.yaml", NAMED), ("b.yaml", GRANTS), ("compose.yaml", COMPOSE)];
        check(&files, &["default: a.yaml b.yaml for 100"]);
        check(&[("access/a.yaml", NAMED), ("compose.yaml", COMPOSE)], &["default: access for 100"]);
    }
}
