//! A store of objects: S3, Google Cloud Storage, Azure Blob Storage, a folder, or memory.
//!
//! This module knows neither the protocol nor what is in an object. Credentials come from the environment only.

use super::error::JournalError;
use super::memory::MemoryObjects;
use crate::chain::Body;
use crate::text::{self, escape};
use futures_util::TryStreamExt;
use jiff::Timestamp;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, Error, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
    RetryConfig, StaticCredentialProvider,
};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The largest object that is read, in bytes: a part of a journal has at most 2 MiB, an inventory at most 256 MiB.
const LARGEST: u64 = 256 * 1024 * 1024;

/// The times of one request to a store. Guesses: a put of a megabyte takes less than a second, and the protocol tries for
/// 15 s. The defaults of `object_store` (30 s, 10 retries, 180 s) are longer than a lease.
const REQUEST: Duration = Duration::from_secs(5);
const RETRIES: usize = 2;
const RETRY_TIMEOUT: Duration = Duration::from_secs(10);

/// The environment variable with a token for Google Cloud, as `gcloud auth print-access-token` prints it.
const GOOGLE_TOKEN: &str = "GOOGLE_OAUTH_ACCESS_TOKEN";

/// The kinds of URLs that name a store.
pub const SCHEMES: [&str; 4] = ["s3", "gs", "az", "objects"];

/// A store of objects below a prefix. Clones are the same store.
#[derive(Clone)]
pub struct Objects {
    backend: Backend,
    /// The URL, for messages.
    location: String,
}

#[derive(Clone)]
enum Backend {
    Memory(Arc<MemoryObjects>),
    Store(Arc<dyn ObjectStore>, Path),
}

/// An object directly below a folder.
#[derive(Debug, PartialEq)]
pub(super) struct ListEntry {
    pub(super) name: String,
    /// Changes when the object is overwritten.
    pub(super) version: Body,
    /// When it was put, by the clock of the store. `None` if that is no time.
    pub(super) put: Option<Timestamp>,
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Objects").field(&self.location).finish()
    }
}

impl Objects {
    /// Opens the store that a URL names: `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix` (the account is
    /// in the environment), or `objects:///folder` for the layout of a store in a folder. Sends nothing.
    ///
    /// # Errors
    ///
    /// Why the store cannot be opened: the URL, or the settings in the environment.
    pub fn open(scheme: &str, host: &str, path: &str) -> Result<Self, String> {
        let shown = |error: Error| text::shorten(&error.to_string(), text::MAX_QUOTE).into_owned();
        let bucket = |kind: &str| match host {
            "" => Err(format!("it names no {kind}")),
            host => Ok(host.to_owned()),
        };
        let prefix = Path::from_url_path(path).map_err(|error| error.to_string())?;
        let location = format!("{scheme}://{host}{path}");
        let store: Arc<dyn ObjectStore> = match scheme {
            "s3" => {
                let builder = AmazonS3Builder::from_env().with_bucket_name(bucket("bucket")?);
                let plain = is_true("AWS_ALLOW_HTTP");
                Arc::new(
                    builder.with_client_options(client(plain)).with_retry(retry()).build().map_err(shown)?,
                )
            }
            "gs" => {
                let mut builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket("bucket")?);
                if let Some(bearer) = std::env::var(GOOGLE_TOKEN).ok().filter(|token| !token.is_empty()) {
                    let credentials = StaticCredentialProvider::new(GcpCredential { bearer });
                    builder = builder.with_credentials(Arc::new(credentials));
                }
                Arc::new(
                    builder.with_client_options(client(false)).with_retry(retry()).build().map_err(shown)?,
                )
            }
            "az" => {
                let builder = MicrosoftAzureBuilder::from_env().with_container_name(bucket("container")?);
                let plain = is_true("AZURE_STORAGE_USE_EMULATOR") || is_true("AZURE_ALLOW_HTTP");
                Arc::new(
                    builder.with_client_options(client(plain)).with_retry(retry()).build().map_err(shown)?,
                )
            }
            "objects" if host.is_empty() => Arc::new(LocalFileSystem::new().with_fsync(true)),
            _ => return Err(String::from("it names no store")),
        };
        Ok(Self { backend: Backend::Store(store, prefix), location })
    }

    /// Returns a store in memory.
    pub fn memory(objects: Arc<MemoryObjects>) -> Self {
        Self { backend: Backend::Memory(objects), location: String::from("memory:///") }
    }

    /// Returns the same store under another URL.
    #[cfg(test)]
    pub(super) fn at(self, url: &str) -> Self {
        Self { location: url.to_owned(), ..self }
    }

    /// Returns the URL as it is.
    pub(super) fn url(&self) -> &str {
        &self.location
    }

    /// Returns the URL, escaped.
    pub(super) fn location(&self) -> String {
        escape(&self.location).into_owned()
    }

    /// Puts an object if there is none of this name. Returns whether it was put.
    pub(super) async fn create(&self, name: &str, body: &Body) -> Result<bool, JournalError> {
        match &self.backend {
            Backend::Memory(objects) => {
                objects.create(name, body).await.map_err(|why| self.failed("writing", why))
            }
            Backend::Store(store, prefix) => {
                let options = PutOptions::from(PutMode::Create);
                match store.put_opts(&at(prefix, name), body.to_vec().into(), options).await {
                    Ok(_) => Ok(true),
                    Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(false),
                    Err(error) => Err(self.failed("writing", error)),
                }
            }
        }
    }

    /// Puts an object, and replaces one of the same name.
    pub(super) async fn put(&self, name: &str, body: &Body) -> Result<(), JournalError> {
        match &self.backend {
            Backend::Memory(objects) => {
                objects.put(name, body).await.map_err(|why| self.failed("writing", why))
            }
            Backend::Store(store, prefix) => {
                let put = store.put(&at(prefix, name), body.to_vec().into()).await;
                put.map(drop).map_err(|error| self.failed("writing", error))
            }
        }
    }

    /// Returns an object, if there is one of this name.
    pub(super) async fn get(&self, name: &str) -> Result<Option<Body>, JournalError> {
        match &self.backend {
            Backend::Memory(objects) => objects.get(name).await.map_err(|why| self.failed("reading", why)),
            Backend::Store(store, prefix) => {
                let found = match store.get(&at(prefix, name)).await {
                    Ok(found) => found,
                    Err(Error::NotFound { .. }) => return Ok(None),
                    Err(error) => return Err(self.failed("reading", error)),
                };
                if found.meta.size > LARGEST {
                    return Err(self.failed("reading", format!("{name} is larger than {LARGEST} bytes")));
                }
                let bytes = found.bytes().await.map_err(|error| self.failed("reading", error))?;
                Ok(Some(Body::from(&*bytes)))
            }
        }
    }

    /// Returns the names of the objects directly below a folder, in order; only those after a name, if one is given.
    pub(super) async fn list(&self, folder: &str, after: Option<&str>) -> Result<Vec<String>, JournalError> {
        Ok(self.entries(folder, after).await?.into_iter().map(|entry| entry.name).collect())
    }

    /// Returns the names of the objects directly below a folder, each with bytes that change when it is overwritten.
    pub(super) async fn list_versions(&self, folder: &str) -> Result<Vec<(String, Body)>, JournalError> {
        let entries = self.entries(folder, None).await?;
        Ok(entries.into_iter().map(|entry| (entry.name, entry.version)).collect())
    }

    /// Returns the names of the objects directly below a folder, each with the time at which it was put, by the clock of the store.
    pub(super) async fn list_dated(&self, folder: &str) -> Result<Vec<(String, Timestamp)>, JournalError> {
        let entries = self.entries(folder, None).await?;
        Ok(entries.into_iter().filter_map(|entry| Some((entry.name, entry.put?))).collect())
    }

    async fn entries(&self, folder: &str, after: Option<&str>) -> Result<Vec<ListEntry>, JournalError> {
        let (store, prefix) = match &self.backend {
            Backend::Memory(objects) => {
                return objects.list(folder, after).await.map_err(|why| self.failed("listing", why));
            }
            Backend::Store(store, prefix) => (store, prefix),
        };
        let folder = at(prefix, folder);
        let found = match after {
            Some(after) => store.list_with_offset(Some(&folder), &folder.clone().join(after)),
            None => store.list(Some(&folder)),
        };
        let metas: Vec<_> = found.try_collect().await.map_err(|error| self.failed("listing", error))?;
        let entry = |meta: &ObjectMeta| {
            let mut rest = meta.location.prefix_match(&folder)?;
            let name = rest.next()?.as_ref().to_owned();
            let tag = meta.e_tag.as_deref().unwrap_or_default();
            let version = format!("{tag} {} {}", meta.last_modified.timestamp_micros(), meta.size);
            let put = Timestamp::from_second(meta.last_modified.timestamp()).ok();
            rest.next().is_none().then(|| ListEntry { name, version: version.into_bytes().into(), put })
        };
        let mut entries: Vec<ListEntry> = metas.iter().filter_map(entry).collect();
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// Returns the names of all objects below a folder, from there on, each with the time at which it was put, by the clock of the
    /// store.
    pub(super) async fn list_below(&self, folder: &str) -> Result<Vec<(String, Timestamp)>, JournalError> {
        match &self.backend {
            Backend::Memory(objects) => {
                objects.list_below(folder).await.map_err(|why| self.failed("listing", why))
            }
            Backend::Store(store, prefix) => {
                let folder = at(prefix, folder);
                let found: Result<Vec<_>, _> = store.list(Some(&folder)).try_collect().await;
                let metas = found.map_err(|error| self.failed("listing", error))?;
                let dated = metas.iter().filter_map(|meta| {
                    let parts = meta.location.prefix_match(&folder)?;
                    let parts: Vec<String> = parts.map(|part| part.as_ref().to_owned()).collect();
                    let put = Timestamp::from_second(meta.last_modified.timestamp()).ok()?;
                    Some((parts.join("/"), put))
                });
                Ok(dated.collect())
            }
        }
    }

    /// Removes an object, if there is one of this name.
    pub(super) async fn delete(&self, name: &str) -> Result<(), JournalError> {
        match &self.backend {
            Backend::Memory(objects) => {
                objects.delete(name).await.map_err(|why| self.failed("removing", why))
            }
            Backend::Store(store, prefix) => match store.delete(&at(prefix, name)).await {
                Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(self.failed("removing", error)),
            },
        }
    }

    /// Returns the names of the folders at the top.
    pub(super) async fn folders(&self) -> Result<Vec<String>, JournalError> {
        match &self.backend {
            Backend::Memory(objects) => Ok(objects.folders()),
            Backend::Store(store, prefix) => {
                let listed = store.list_with_delimiter(Some(prefix)).await;
                let listed = listed.map_err(|error| self.failed("listing", error))?;
                let name = |path: &Path| path.filename().map(str::to_owned);
                Ok(listed.common_prefixes.iter().filter_map(name).collect())
            }
        }
    }

    fn failed(&self, doing: &'static str, why: impl fmt::Display) -> JournalError {
        // Errors of the crate repeat their sources, and may quote what a server answers.
        let why = text::shorten(&escape(&why.to_string()), text::MAX_QUOTE).into_owned();
        JournalError::Store { location: self.location(), doing, why }
    }
}

fn at(prefix: &Path, name: &str) -> Path {
    name.split('/').filter(|part| !part.is_empty()).fold(prefix.clone(), Path::join)
}

fn is_true(variable: &str) -> bool {
    std::env::var(variable).is_ok_and(|value| matches!(&*value.to_ascii_lowercase(), "1" | "true" | "yes"))
}

fn client(allow_http: bool) -> ClientOptions {
    ClientOptions::new().with_timeout(REQUEST).with_connect_timeout(REQUEST).with_allow_http(allow_http)
}

fn retry() -> RetryConfig {
    RetryConfig { backoff: BackoffConfig::default(), max_retries: RETRIES, retry_timeout: RETRY_TIMEOUT }
}
