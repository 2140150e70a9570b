//! The clients of the stores, and the runtime that they need.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::TryStreamExt;
use kmax_base::read::check_memory;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::path::Path;
use object_store::{
    ClientConfigKey, Error as StoreError, GetResult, ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload,
    RetryConfig,
};
use tokio::runtime::{Builder, Runtime};

use crate::error::{Error, Result};
use crate::object::{Depth, Object, Stamp};
use crate::url::{Scheme, Url};

/// How long a request is tried again.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest time for one request with its answer: of the largest photo on a slow line.
const LONGEST: &str = "10 minutes";

/// Threads that wait for answers. Those who ask wait on their own.
const THREADS: usize = 2;

type Client = Arc<dyn ObjectStore>;

fn runtime() -> std::result::Result<&'static Runtime, &'static str> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        // The only one that is built in; another one that the process chose is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Builder::new_multi_thread().worker_threads(THREADS).enable_all().build().ok()
    });
    runtime.as_ref().ok_or("no threads could be started")
}

/// The clients of buckets: one each for the whole process, for it keeps connections and credentials.
static KNOWN: Mutex<Option<HashMap<(Scheme, String), Client>>> = Mutex::new(None);

fn client(url: &Url) -> Result<Client> {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    if let Some(client) = known.get(&(url.scheme, url.bucket.clone())) {
        return Ok(client.clone());
    }
    let fail = |error: StoreError| Error::Url { url: url.to_string(), reason: error.to_string() };
    let retry = RetryConfig { retry_timeout: PATIENCE, ..Default::default() };
    let (bucket, timeout) = (url.bucket.as_str(), ClientConfigKey::Timeout);
    let client: Client = match url.scheme {
        Scheme::S3 => {
            let builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(retry);
            Arc::new(builder.with_config(AmazonS3ConfigKey::Client(timeout), LONGEST).build().map_err(fail)?)
        }
        Scheme::Gs => {
            let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket).with_retry(retry);
            Arc::new(builder.with_config(GoogleConfigKey::Client(timeout), LONGEST).build().map_err(fail)?)
        }
        Scheme::Az => {
            let builder = MicrosoftAzureBuilder::from_env().with_container_name(bucket).with_retry(retry);
            Arc::new(builder.with_config(AzureConfigKey::Client(timeout), LONGEST).build().map_err(fail)?)
        }
    };
    known.insert((url.scheme, url.bucket.clone()), client.clone());
    Ok(client)
}

/// The runtime, the client of a URL's bucket, and the key in it.
fn open(url: &Url) -> Result<(&'static Runtime, Client, Path)> {
    let fail = |reason: String| Error::Url { url: url.to_string(), reason };
    let runtime = runtime().map_err(|reason| fail(reason.into()))?;
    let key = Path::parse(&url.key).map_err(|error| fail(error.to_string()))?;
    Ok((runtime, client(url)?, key))
}

/// What the store said, and whether it would say so of any object.
fn told(error: &StoreError) -> (String, bool) {
    let of_the_store = !matches!(
        error,
        StoreError::NotFound { .. }
            | StoreError::PermissionDenied { .. }
            | StoreError::InvalidPath { .. }
            | StoreError::Precondition { .. }
            | StoreError::AlreadyExists { .. }
    );
    (error.to_string(), of_the_store)
}

fn reading(url: &Url) -> impl Fn(StoreError) -> Error + '_ {
    move |error| {
        let (reason, of_the_store) = told(&error);
        let url = url.to_string();
        match error {
            StoreError::NotFound { .. } => Error::NotFound { url, reason },
            _ => Error::Read { url, reason, of_the_store },
        }
    }
}

fn writing(url: &Url) -> impl Fn(StoreError) -> Error + '_ {
    move |error| {
        let (reason, of_the_store) = told(&error);
        // A bucket that is not there, or not to be written to, takes no object.
        let of_the_store = of_the_store
            || matches!(error, StoreError::NotFound { .. } | StoreError::PermissionDenied { .. });
        Error::Write { url: url.to_string(), reason, of_the_store }
    }
}

fn stamp_of(meta: &ObjectMeta) -> Stamp {
    match meta.e_tag.as_ref().or(meta.version.as_ref()) {
        Some(tag) => format!("etag:{}", tag.trim_matches('"')),
        None => format!("modified:{}:{}", meta.last_modified.to_rfc3339(), meta.size),
    }
}

pub fn list(folder: &Url, depth: Depth) -> Result<Vec<Object>> {
    let (runtime, client, prefix) = open(folder)?;
    let listed = async {
        match depth {
            Depth::Folder => client.list_with_delimiter(Some(&prefix)).await.map(|found| found.objects),
            Depth::All => client.list(Some(&prefix)).try_collect::<Vec<ObjectMeta>>().await,
        }
    };
    let listed = runtime.block_on(listed).map_err(reading(folder))?;
    let object = |meta: ObjectMeta| {
        let name = meta.location.as_ref().strip_prefix(prefix.as_ref())?.trim_start_matches('/').to_owned();
        // The key of a folder that a browser made.
        let url = if name.is_empty() { None } else { folder.join(&name).ok() }?;
        Some(Object { url, name, size: meta.size, stamp: stamp_of(&meta) })
    };
    let mut found: Vec<Object> = listed.into_iter().filter_map(object).collect();
    found.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

pub fn read(url: &Url, limit: u64) -> Result<(Vec<u8>, Stamp)> {
    let (runtime, client, key) = open(url)?;
    runtime.block_on(async {
        let found = client.get(&key).await.map_err(reading(url))?;
        let stamp = stamp_of(&found.meta);
        Ok((bytes(url, found, limit).await?, stamp))
    })
}

/// The bytes of an answer; its length is not believed.
async fn bytes(url: &Url, found: GetResult, limit: u64) -> Result<Vec<u8>> {
    let too_long = |length: u64| Error::TooLong {
        url: url.to_string(),
        reason: format!("has {length} bytes, more than the {limit} that are read"),
    };
    let length = found.meta.size;
    if length > limit {
        return Err(too_long(length));
    }
    let no_memory = |source: std::io::Error| Error::Memory { url: url.to_string(), source };
    check_memory(length).map_err(no_memory)?;
    let mut data = Vec::new();
    let capacity = usize::try_from(length).map_err(|_| too_long(length))?;
    data.try_reserve_exact(capacity)
        .map_err(|error| no_memory(std::io::Error::new(std::io::ErrorKind::OutOfMemory, error)))?;
    let mut stream = found.into_stream();
    while let Some(part) = stream.try_next().await.map_err(reading(url))? {
        if (data.len() + part.len()) as u64 > limit {
            return Err(too_long(data.len() as u64 + part.len() as u64));
        }
        data.extend_from_slice(&part);
    }
    Ok(data)
}

pub fn stamp(url: &Url) -> Result<Option<Stamp>> {
    let (runtime, client, key) = open(url)?;
    match runtime.block_on(client.head(&key)) {
        Ok(meta) => Ok(Some(stamp_of(&meta))),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(reading(url)(error)),
    }
}

pub fn write(url: &Url, data: Vec<u8>) -> Result<Stamp> {
    let (runtime, client, key) = open(url)?;
    runtime.block_on(async {
        let put = client.put(&key, PutPayload::from(data)).await.map_err(writing(url))?;
        match put.e_tag {
            Some(tag) => Ok(format!("etag:{}", tag.trim_matches('"'))),
            None => client.head(&key).await.map(|meta| stamp_of(&meta)).map_err(writing(url)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::Place;
    use object_store::memory::InMemory;

    /// A folder of a bucket in memory.
    fn folder(bucket: &str) -> Url {
        let place = Place::read(std::path::Path::new(&format!("s3://{bucket}/in")));
        let Ok(Place::Store(url)) = place else { panic!("a URL") };
        let key = (Scheme::S3, bucket.to_owned());
        KNOWN.lock().expect("not poisoned").get_or_insert_default().insert(key, Arc::new(InMemory::new()));
        url
    }

    #[test]
    fn what_is_written_is_listed_and_read() -> Result<()> {
        let folder = folder("what-is-written");
        assert!(list(&folder, Depth::All)?.is_empty());
        let at = |name: &str| folder.join(name);
        let stamps = [("b.png", "one"), ("a b%20.png", "two"), ("deep/c.png", "three")]
            .map(|(name, text)| write(&at(name)?, text.into()));
        let names = |depth| -> Result<Vec<String>> {
            Ok(list(&folder, depth)?.into_iter().map(|object| object.name).collect())
        };
        assert_eq!(names(Depth::Folder)?, ["a b%20.png", "b.png"]);
        assert_eq!(names(Depth::All)?, ["a b%20.png", "b.png", "deep/c.png"]);
        let listed = list(&folder, Depth::Folder)?;
        let [first, second, _] = stamps;
        assert_eq!((&listed[1].stamp, listed[1].size, &listed[1].url), (&first?, 3, &at("b.png")?));
        assert_eq!(read(&at("a b%20.png")?, 3)?, (b"two".to_vec(), second?));

        let before = stamp(&at("b.png")?)?;
        write(&at("b.png")?, b"four".to_vec())?;
        assert!(before.is_some() && stamp(&at("b.png")?)? != before);
        Ok(())
    }

    #[test]
    fn what_cannot_be_read_names_its_url() -> Result<()> {
        let folder = folder("what-cannot-be-read");
        let absent = folder.join("absent.png")?;
        assert_eq!(stamp(&absent)?, None);
        let error = read(&absent, 9).expect_err("absent");
        assert!(
            error.to_string().starts_with("s3://what-cannot-be-read/in/absent.png: is not there"),
            "{error}"
        );
        assert!(!error.is_of_the_store());
        let long = folder.join("long")?;
        write(&long, vec![0; 10])?;
        let error = read(&long, 9).expect_err("long");
        assert!(error.to_string().ends_with("has 10 bytes, more than the 9 that are read"), "{error}");
        Ok(())
    }
}
