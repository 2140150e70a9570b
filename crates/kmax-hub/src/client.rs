//! Requests to the Hub: what it tells of a file, and what its answers mean.

use crate::error::{Error, Result};
use crate::etag::ETag;
use crate::patience::Patience;
use crate::repo::{HubRepo, RepoFile};
use crate::settings::Settings;
use crate::transport::{Answer, MOST_REDIRECTS, Transport, encode, same_origin};
use serde::Deserialize;
use std::time::Duration;

/// Longest list of a repository's files that is read.
const LONGEST_LIST: u64 = 1 << 24;

/// What the Hub tells of a file before it is fetched.
#[derive(Debug, Clone)]
pub(crate) struct Metadata {
    pub commit: String,
    pub etag: ETag,
    pub size: Option<u64>,
}

pub(crate) struct Client {
    transport: Transport,
    endpoint: String,
    has_token: bool,
    pause: Duration,
}

impl Client {
    pub fn new(settings: &Settings) -> Self {
        let Settings { endpoint, token, pause, .. } = settings;
        let transport = Transport::new(endpoint, token.as_deref());
        Self { transport, endpoint: endpoint.clone(), has_token: token.is_some(), pause: *pause }
    }

    pub fn patience(&self) -> Patience {
        Patience::new(self.pause)
    }

    /// Address of a file at a revision.
    pub fn address(&self, repo: &HubRepo, revision: &str, file: &str) -> String {
        let file: Vec<_> = file.split('/').map(encode).collect();
        format!("{}/{}/resolve/{}/{}", self.endpoint, repo.id(), encode(revision), file.join("/"))
    }

    /// Commit, ETag and size of a file. They stand in the endpoint's own answers, the redirects among them.
    pub fn metadata(&self, repo: &HubRepo, revision: &str, file: &str) -> Result<Metadata> {
        let first = self.address(repo, revision, file);
        let (mut commit, mut etag, mut size) = (None, None, None);
        let mut url = first.clone();
        for _ in 0..=MOST_REDIRECTS {
            let answer = self.transport.ask("HEAD", &url, 0, None)?;
            if !same_origin(&url, &self.endpoint) {
                break;
            }
            let redirect = answer.redirection()?;
            if redirect.is_none() {
                self.check(repo, revision, file, &answer)?;
            }
            let text = |name: &str| answer.header(name);
            let plain = |name| redirect.is_none().then(|| text(name)).flatten();
            commit = text("x-repo-commit").map(str::to_string).or(commit);
            etag = text("x-linked-etag").or(plain("etag")).map(str::to_string).or(etag);
            size = text("x-linked-size").or(plain("content-length")).map(str::to_string).or(size);
            match redirect {
                Some(next) if commit.is_none() || etag.is_none() => url = next,
                _ => break,
            }
        }
        let lacks = |what: &str| {
            Error::protocol(
                &first,
                format!("the answer has no {what}: is this the address of a Hugging Face Hub?"),
            )
        };
        let commit =
            commit.filter(|commit| is_commit(commit)).ok_or_else(|| lacks("X-Repo-Commit with a commit"))?;
        let etag =
            etag.as_deref().and_then(ETag::parse).ok_or_else(|| lacks("ETag that could name a file"))?;
        let size =
            size.map(|size| size.parse().map_err(|_| lacks("X-Linked-Size with a number"))).transpose()?;
        Ok(Metadata { commit, etag, size })
    }

    /// Begins to fetch a file at its byte `from`.
    pub fn fetch(&self, repo: &HubRepo, revision: &str, file: &str, from: u64) -> Result<Answer> {
        let answer = self.transport.follow(&self.address(repo, revision, file), from, None, |url| url)?;
        self.check(repo, revision, file, &answer).map(|()| answer)
    }

    /// The files of a repository at a revision.
    pub fn files(&self, repo: &HubRepo) -> Result<Vec<RepoFile>> {
        #[derive(Deserialize)]
        struct List {
            siblings: Vec<Sibling>,
        }
        #[derive(Deserialize)]
        struct Sibling {
            rfilename: String,
            size: Option<u64>,
        }
        let url = format!(
            "{}/api/models/{}/revision/{}?blobs=true",
            self.endpoint,
            repo.id(),
            encode(repo.revision())
        );
        let answer = self.transport.follow(&url, 0, None, |url| url)?;
        self.check(repo, repo.revision(), "list of files", &answer)?;
        let list: List = serde_json::from_slice(&answer.read(LONGEST_LIST)?)
            .map_err(|e| Error::protocol(&url, format!("is no list of files: {e}")))?;
        Ok(list.siblings.into_iter().map(|file| RepoFile { name: file.rfilename, size: file.size }).collect())
    }

    /// The error that an answer's status means.
    fn check(&self, repo: &HubRepo, revision: &str, file: &str, answer: &Answer) -> Result<()> {
        let (url, name) = (answer.url.clone(), repo.to_string());
        let denied = |reason: String| Err(Error::Denied { repo: name.clone(), reason });
        let missing = |what: String| Err(Error::NotFound { repo: format!("hf://{}", repo.id()), what });
        match (answer.status, answer.header("x-error-code")) {
            (200..=299, _) => Ok(()),
            (401, _) if self.has_token => denied(
                "there is no such repository, or the token in HF_TOKEN is wrong or may not read it (401)".into(),
            ),
            (401, _) => denied(
                "there is no such repository, or it is private or gated (401): set HF_TOKEN to a token that may read it"
                    .into(),
            ),
            (403, _) => denied(format!(
                "access is denied (403): accept the conditions at {}/{} and set HF_TOKEN to a token that may read it",
                self.endpoint,
                repo.id()
            )),
            (404, Some("RepoNotFound")) => missing("there is no such repository (404)".into()),
            (404, Some("RevisionNotFound")) => missing(format!("has no revision `{revision}` (404)")),
            (404, Some("EntryNotFound")) => {
                Err(Error::NoFile { repo: format!("hf://{}", repo.id()), file: file.into(), revision: revision.into() })
            }
            (404, _) => missing(format!("nothing was found at {url} (404)")),
            _ => Err(failed(answer)),
        }
    }
}

/// What the statuses mean that have the same meaning everywhere.
pub(crate) fn failed(answer: &Answer) -> Error {
    let url = answer.url.clone();
    match answer.status {
        429 => Error::Busy { url, retry_after: answer.header("retry-after").and_then(seconds) },
        status @ (408 | 500..=599) => Error::Server { url, status },
        status => Error::protocol(&url, format!("status {status}, expected 200")),
    }
}

/// Forty digits of a Git commit.
pub(crate) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn seconds(text: &str) -> Option<Duration> {
    text.trim().parse().ok().map(Duration::from_secs)
}
