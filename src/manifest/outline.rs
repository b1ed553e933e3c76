//! Finds the files of a tree that are manifests, without checking them.

use super::raw::Document;
use super::yaml;
use crate::diagnostic::Collector;
use crate::model::{BusinessId, SourceId, Sources};

/// A file that is part of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ManifestFile {
    /// The file.
    pub source: SourceId,
    /// The business, if this file names it.
    pub business: Option<BusinessId>,
}

/// Returns the files that are part of a manifest: those with a document of version 1 that has another key of manifests.
/// Errors in it do not count.
pub fn recognize(sources: &Sources) -> Vec<ManifestFile> {
    let file = |(source, text): (SourceId, &crate::model::Source)| {
        let documents = yaml::parse(source, &text.text, &mut Collector::default());
        let mut documents =
            documents.iter().map(|document| &document.value).filter(|one| is_manifest(one)).peekable();
        documents.peek()?;
        let business = documents.find_map(|document| document.business.as_ref()?.text.parse().ok());
        Some(ManifestFile { source, business })
    };
    sources.iter().filter_map(file).collect()
}

fn is_manifest(document: &Document) -> bool {
    document.version.as_ref().is_some_and(|version| version.text == "1") && document.present() > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_a_manifest_has_a_version_and_another_key_of_manifests() {
        let mut sources = Sources::default();
        for text in [
            "version: 1\nbusiness: 100\n",
            "version: 1\nroles: { a: [MANAGE] }\n---\nversion: 1\nbusiness: 200\n",
            "version: 1\ngrants: []\ngants: []\n",
            "version: 1\n",
            "version: '3'\nservices: { web: {} }\n",
            "version: 1\nhosts: all\n",
            "version: 2\nroles: {}\n",
            "wabas: []\n",
            "- 1\n",
            "a: {{ template }}\n",
            "",
        ] {
            sources.add("file", text);
        }
        let found: Vec<_> = recognize(&sources)
            .iter()
            .map(|file| (file.source.0, file.business.map(BusinessId::number)))
            .collect();
        assert_eq!(found, [(0, Some(100)), (1, Some(200)), (2, None)]);
    }
}
