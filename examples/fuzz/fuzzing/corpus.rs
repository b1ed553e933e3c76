//! The inputs that mutations begin with: files of this repository.

use super::{INPUT_LIMIT, Target};
use std::path::Path;
use std::{fs, io};

/// The inputs of each target.
#[derive(Debug, Default)]
pub(crate) struct Corpus {
    manifests: Vec<Vec<u8>>,
    tables: Vec<Vec<u8>>,
    worlds: Vec<Vec<u8>>,
    saved_plans: Vec<Vec<u8>>,
    journals: Vec<Vec<u8>>,
    answers: Vec<Vec<u8>>,
    webhooks: Vec<Vec<u8>>,
}

impl Corpus {
    /// Reads the corpus.
    pub(crate) fn read() -> io::Result<Self> {
        let mut corpus = Self::default();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for folder in ["examples", "tests/manifests", "tests/files"] {
            corpus.add(&root.join(folder))?;
        }
        Ok(corpus)
    }

    /// Returns the inputs of a target.
    pub(crate) fn of(&self, target: Target) -> &[Vec<u8>] {
        match target {
            Target::Manifest => &self.manifests,
            Target::Table => &self.tables,
            Target::World => &self.worlds,
            Target::SavedPlan => &self.saved_plans,
            Target::Journal => &self.journals,
            Target::Api => &self.answers,
            Target::Webhook => &self.webhooks,
        }
    }

    /// Adds the files of a folder and its subfolders, in the order of their names: an input depends on it.
    fn add(&mut self, folder: &Path) -> io::Result<()> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder)? {
            paths.push(entry?.path());
        }
        paths.sort();
        for path in paths {
            if path.is_dir() {
                self.add(&path)?;
            } else if let Some(inputs) = self.inputs(&path) {
                let mut input = fs::read(&path)?;
                input.truncate(INPUT_LIMIT);
                inputs.push(input);
            }
        }
        Ok(())
    }

    fn inputs(&mut self, path: &Path) -> Option<&mut Vec<Vec<u8>>> {
        let extension = path.extension()?.to_str()?;
        if path.parent().is_some_and(|folder| folder.ends_with("webhooks")) {
            return Some(&mut self.webhooks);
        }
        match extension {
            "csv" => Some(&mut self.tables),
            "json" => Some(&mut self.saved_plans),
            "jsonl" => Some(&mut self.journals),
            "http" => Some(&mut self.answers),
            "yaml" | "yml" if path.file_stem()?.to_str()? == "live" => Some(&mut self.worlds),
            "yaml" | "yml" => Some(&mut self.manifests),
            _ => None,
        }
    }
}
