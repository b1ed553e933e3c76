//! The inventory: which users, WABAs and files the manifests of a set declared when they were last applied.
//!
//! Each set of a business has a file of its own, `inventory.SET.json`, which is replaced as a whole.

use super::JournalError;
use crate::documents::values::AsText;
use crate::files;
use crate::model::{BusinessId, EarlierWaba, Name, UserId, WabaId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The version of the format.
const VERSION: u32 = 1;

/// The largest file that is read, in bytes. A guess: a million users and WABAs take less.
const LARGEST: u64 = 256 * 1024 * 1024;

/// Which users, WABAs and files the manifests of a set declared when they were last applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// The name of the set.
    pub set: Name,
    /// The system users.
    pub users: BTreeMap<UserId, InventoryUser>,
    /// The WABAs in scope.
    pub wabas: BTreeMap<WabaId, EarlierWaba>,
    /// The files of the manifests, relative to their repository.
    pub files: BTreeSet<String>,
}

/// A system user of an inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryUser {
    /// Its name in the manifests.
    pub name: Name,
    /// The file that declared it.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
}

/// The file of an inventory.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct InventoryDocument<'a> {
    version: u32,
    business: AsText<BusinessId>,
    set: Cow<'a, str>,
    at: AsText<Timestamp>,
    users: Vec<UserOfSet<'a>>,
    wabas: Vec<WabaOfSet<'a>>,
    files: Vec<Cow<'a, str>>,
}

/// A system user in the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserOfSet<'a> {
    id: AsText<UserId>,
    name: Cow<'a, str>,
    file: Cow<'a, str>,
    line: u32,
}

/// A WABA in the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WabaOfSet<'a> {
    id: AsText<WabaId>,
    name: Cow<'a, str>,
    /// Absent in inventories of WABAs without labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
}

impl Inventory {
    /// Makes an inventory of a set that was never applied.
    pub fn new(set: Name) -> Self {
        Self { set, users: BTreeMap::new(), wabas: BTreeMap::new(), files: BTreeSet::new() }
    }

    /// Writes the inventory into the folder of a business. The file is replaced atomically.
    ///
    /// # Errors
    ///
    /// If the file cannot be written. The old file is then left as it was.
    pub(super) fn save(
        &self,
        state_dir: &Path,
        business: BusinessId,
        at: Timestamp,
    ) -> Result<(), JournalError> {
        let path = super::state::folder(state_dir, business).join(file_name(&self.set));
        let document = self.to_bytes(business, at);
        files::replace(&path, files::OWNER_ONLY, |to| to.write_all(&document))
            .map_err(|source| JournalError::Write { path, source: Arc::new(source) })
    }

    /// Returns the inventory as a document.
    pub(super) fn to_bytes(&self, business: BusinessId, at: Timestamp) -> Vec<u8> {
        let document = InventoryDocument {
            version: VERSION,
            business: AsText(business),
            set: self.set.as_str().into(),
            at: AsText(at),
            users: self.users.iter().map(|(id, user)| UserOfSet::of(*id, user)).collect(),
            wabas: self.wabas.iter().map(|(id, waba)| WabaOfSet::of(*id, waba)).collect(),
            files: self.files.iter().map(|file| file.as_str().into()).collect(),
        };
        serde_json::to_vec(&document).expect("an inventory can be written as JSON")
    }

    /// Reads the inventories of all sets of a business. A missing folder has none.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, or is not an inventory of a version that this program knows.
    pub(super) fn load_all(state_dir: &Path, business: BusinessId) -> Result<Vec<Self>, JournalError> {
        let folder = super::state::folder(state_dir, business);
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(JournalError::Folder { path: folder, source: Arc::new(error) }),
        };
        let is_inventory = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.strip_prefix("inventory.").is_some_and(|rest| rest.strip_suffix(".json").is_some())
        };
        let mut paths: Vec<PathBuf> =
            entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_inventory).collect();
        paths.sort();
        let load = |path: &PathBuf| {
            Self::load(path, business)
                .map_err(|error| JournalError::Read { path: path.clone(), source: Arc::new(error) })
        };
        paths.iter().map(load).collect()
    }

    fn load(path: &Path, business: BusinessId) -> io::Result<Self> {
        let mut text = String::new();
        files::open_bounded(path, LARGEST)?.read_to_string(&mut text)?;
        let inventory = Self::parse(text.as_bytes(), business)?;
        if path.file_name().and_then(|name| name.to_str()) != Some(&file_name(&inventory.set)) {
            return Err(io::Error::other("its name is not that of its set"));
        }
        Ok(inventory)
    }

    /// Parses a document.
    pub(super) fn parse(text: &[u8], business: BusinessId) -> io::Result<Self> {
        let document: InventoryDocument<'_> = serde_json::from_slice(text)?;
        if document.version != VERSION || document.business.0 != business {
            return Err(io::Error::other("it is of another version or business"));
        }
        let set = Name::new(document.set);
        let user = |user: UserOfSet<'_>| {
            let (name, file, line) = (Name::new(user.name), user.file.into_owned(), user.line);
            (user.id.0, InventoryUser { name, file, line })
        };
        Ok(Self {
            set,
            users: document.users.into_iter().map(user).collect(),
            wabas: document.wabas.into_iter().map(WabaOfSet::read).collect(),
            files: document.files.into_iter().map(Cow::into_owned).collect(),
        })
    }
}

fn file_name(set: &Name) -> String {
    format!("inventory.{}.json", set.as_str())
}

impl<'a> UserOfSet<'a> {
    fn of(id: UserId, user: &'a InventoryUser) -> Self {
        Self {
            id: AsText(id),
            name: user.name.as_str().into(),
            file: user.file.as_str().into(),
            line: user.line,
        }
    }
}

impl<'a> WabaOfSet<'a> {
    fn of(id: WabaId, waba: &'a EarlierWaba) -> Self {
        let label = |(key, value): (&'a String, &'a String)| (key.as_str().into(), value.as_str().into());
        Self {
            id: AsText(id),
            name: waba.name.as_str().into(),
            labels: waba.labels.iter().map(label).collect(),
        }
    }

    fn read(self) -> (WabaId, EarlierWaba) {
        let label = |(key, value): (Cow<'_, str>, Cow<'_, str>)| (key.into_owned(), value.into_owned());
        let labels = self.labels.into_iter().map(label).collect();
        (self.id.0, EarlierWaba { name: Name::new(self.name), labels })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inventory_survives_a_round_trip_and_another_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let business = "10".parse().unwrap();
        assert_eq!(Inventory::load_all(folder.path(), business).unwrap(), [], "there is no folder yet");
        files::create_private_folder(&folder.path().join("10")).unwrap();
        let user = InventoryUser { name: Name::from("a\u{1b}b"), file: "access/a.yaml".into(), line: 3 };
        let labels = BTreeMap::from([(String::from("tier"), String::from("gold"))]);
        let inventory = Inventory {
            users: BTreeMap::from([("7".parse().unwrap(), user)]),
            wabas: BTreeMap::from([
                ("500".parse().unwrap(), EarlierWaba { name: Name::from("acme"), labels }),
                ("501".parse().unwrap(), EarlierWaba { name: Name::from("bare"), labels: BTreeMap::new() }),
            ]),
            files: BTreeSet::from([String::from("access/a.yaml")]),
            ..Inventory::new(Name::from("default"))
        };
        inventory.save(folder.path(), business, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(Inventory::load_all(folder.path(), business).unwrap(), [inventory]);
        let file = folder.path().join("10/inventory.default.json");
        let newer = std::fs::read_to_string(&file).unwrap().replace("\"version\":1", "\"version\":2");
        std::fs::write(&file, newer).unwrap();
        assert!(matches!(Inventory::load_all(folder.path(), business), Err(JournalError::Read { .. })));
    }
}
