//! The conversation with a remote: its refs, then the objects that are missing here.
//!
//! Owns requests and answers of git's smart HTTP, and the way of a pack into memory or into the quarantine as it arrives. Refuses to judge what arrives.

use std::io::Error as IoError;

use atomicqms_git::fetch::{self, Advertisement, Listing, Opening, PackAnswer, RemoteRefs, Server};
use atomicqms_git::{Error as GitError, Incoming, ObjectId, PackSource};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use url::Url;

use crate::error::{Error, Kind, Result};
use crate::model::mirror::Credentials;
use crate::outbound::{Answer, Fault, FaultKind, Outbound, Request};

/// Packs up to this size stay in memory; larger ones are written to the quarantine as they arrive. Units: bytes.
const SPOOL_ABOVE_BYTES: usize = 1 << 20;
/// Bytes gathered before a write to the file.
const SPOOL_WRITE_BYTES: usize = 256 << 10;
/// Most bytes that a ref takes in a list.
const BYTES_PER_REF: u64 = 1200;
/// What a list may take besides its refs. Units: bytes.
const LIST_BYTES: u64 = 1 << 20;
/// The end of the address of the first request.
const INFO_REFS: &str = "/info/refs";

/// A remote that is asked.
pub(super) struct Remote<'a> {
    outbound: &'a Outbound,
    /// Where requests go; another one after a redirection.
    url: Url,
    authorization: Option<HeaderValue>,
    max_refs: u64,
}

impl<'a> Remote<'a> {
    /// Asks nothing yet.
    pub(super) fn new(
        outbound: &'a Outbound,
        url: Url,
        credentials: Option<&Credentials>,
        max_refs: u64,
    ) -> Result<Self> {
        let basic = |Credentials { user, password }: &Credentials| {
            HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
        };
        let authorization = credentials.map(basic).transpose().map_err(Error::internal)?;
        Ok(Self { outbound, url, authorization, max_refs })
    }

    /// What the remote is and which refs it has.
    ///
    /// Errors: `Invalid` with words that tell nothing of what was answered; the log gets more.
    pub(super) async fn look(&mut self) -> Result<(Server, RemoteRefs)> {
        let mut url = self.url.clone();
        url.set_path(&format!("{}{INFO_REFS}", self.url.path().trim_end_matches('/')));
        url.set_query(Some("service=git-upload-pack"));
        let mut answer = self.ask(Method::GET, url.clone(), Bytes::new(), self.max_list_bytes()).await?;
        self.follow(&url, &answer)?;
        check_type(&answer, "application/x-git-upload-pack-advertisement")?;
        let mut advertisement = Advertisement::new(self.max_refs);
        while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
            advertisement.push(&chunk).map_err(bad_answer)?;
        }
        match advertisement.finish().map_err(bad_answer)? {
            Opening::V0(server, refs) => Ok((server, refs)),
            Opening::V2(server) => {
                let mut answer = self.post(fetch::ls_refs(&server), self.max_list_bytes()).await?;
                let mut listing = Listing::new(self.max_refs);
                while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
                    listing.push(&chunk).map_err(bad_answer)?;
                }
                Ok((server, listing.finish().map_err(bad_answer)?))
            }
        }
    }

    /// Fetches a pack with what `wants` reach and `haves` do not.
    ///
    /// Errors: as [`Remote::look`]; `TooLarge`, and `Unavailable` when it cannot be stored.
    pub(super) async fn fetch(
        &self,
        server: &Server,
        wants: &[ObjectId],
        haves: &[ObjectId],
        incoming: &Incoming,
    ) -> Result<PackSource> {
        let limit = incoming.limits().max_pack_bytes;
        // Bands and progress take their part.
        let mut answer = self
            .post(fetch::fetch(server, wants, haves), limit.saturating_add(limit / 8).saturating_add(LIST_BYTES))
            .await?;
        let (mut reader, mut spool) = (PackAnswer::new(server), Spool::new(incoming));
        while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
            reader.push(&chunk, &mut spool.waiting).map_err(bad_answer)?;
            spool.settle().await?;
        }
        reader.finish().map_err(bad_answer)?;
        spool.finish().await
    }

    fn max_list_bytes(&self) -> u64 {
        self.max_refs.saturating_mul(BYTES_PER_REF).saturating_add(LIST_BYTES)
    }

    async fn post(&self, body: Vec<u8>, max_bytes: u64) -> Result<Answer> {
        let mut url = self.url.clone();
        url.set_path(&format!("{}/git-upload-pack", self.url.path().trim_end_matches('/')));
        let answer = self.ask(Method::POST, url, body.into(), max_bytes).await?;
        check_type(&answer, "application/x-git-upload-pack-result")?;
        Ok(answer)
    }

    async fn ask(&self, method: Method, url: Url, body: Bytes, max_bytes: u64) -> Result<Answer> {
        let mut headers = vec![("git-protocol", HeaderValue::from_static("version=2"))];
        if method == Method::POST {
            headers.push((CONTENT_TYPE.as_str(), HeaderValue::from_static("application/x-git-upload-pack-request")));
            headers.push((ACCEPT.as_str(), HeaderValue::from_static("application/x-git-upload-pack-result")));
        }
        let request = Request { method, url, headers, authorization: self.authorization.clone(), body, max_bytes };
        let answer = self.outbound.send(request).await.map_err(unreachable)?;
        let refuse = |text: &'static str| Err(refused(text, format!("{} of {}", answer.status, answer.url)));
        match answer.status {
            StatusCode::OK => Ok(answer),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                refuse("Authentication failed: the remote wants other credentials")
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                refuse("the remote has no such repository, or wants credentials")
            }
            _ => refuse("the remote refused the request"),
        }
    }

    /// Goes on where the first request ended up, as git does; who is not whom the credentials were given for is not shown them.
    fn follow(&mut self, asked: &Url, answer: &Answer) -> Result<()> {
        if answer.url == *asked {
            return Ok(());
        }
        let base = answer.url.path().strip_suffix(INFO_REFS);
        let base = base.filter(|_| answer.url.query() == asked.query());
        let base =
            base.ok_or_else(|| refused("the remote redirects to what is no repository", answer.url.to_string()))?;
        if answer.url.origin() != self.url.origin() {
            self.authorization = None;
        }
        let mut url = answer.url.clone();
        url.set_path(base);
        url.set_query(None);
        self.url = url;
        Ok(())
    }
}

/// A pack on its way into memory or into a file.
struct Spool {
    place: atomicqms_git::incoming::Spool,
    waiting: Vec<u8>,
    file: Option<tokio::fs::File>,
    bytes: u64,
    limit: u64,
}

impl Spool {
    fn new(incoming: &Incoming) -> Self {
        let limit = incoming.limits().max_pack_bytes;
        Self { place: incoming.spool(), waiting: Vec::new(), file: None, bytes: 0, limit }
    }

    fn failed(&self, error: IoError) -> Error {
        GitError::io("write", self.place.path(), error).into()
    }

    /// Writes what waits if that is much.
    async fn settle(&mut self) -> Result<()> {
        if self.bytes.saturating_add(self.waiting.len() as u64) > self.limit {
            return Err(bad_answer(GitError::TooLarge { what: "size of the remote's pack", limit: self.limit }));
        }
        let most = if self.file.is_some() { SPOOL_WRITE_BYTES } else { SPOOL_ABOVE_BYTES };
        if self.waiting.len() > most { self.write().await } else { Ok(()) }
    }

    async fn write(&mut self) -> Result<()> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => {
                let place = self.place.clone();
                let made = tokio::task::spawn_blocking(move || place.create()).await.map_err(Error::internal)?;
                tokio::fs::File::from_std(made?)
            }
        };
        let written = file.write_all(&self.waiting).await;
        self.file = Some(file);
        written.map_err(|error| self.failed(error))?;
        self.bytes = self.bytes.saturating_add(self.waiting.len() as u64);
        self.waiting.clear();
        Ok(())
    }

    async fn finish(mut self) -> Result<PackSource> {
        if self.file.is_none() {
            return Ok(PackSource::Memory(self.waiting.into()));
        }
        self.write().await?;
        if let Some(mut file) = self.file.take() {
            // Writes of tokio's files end in the background; flush waits for the last one and its error.
            file.flush().await.map_err(|error| self.failed(error))?;
        }
        Ok(PackSource::Spooled)
    }
}

fn check_type(answer: &Answer, expected: &str) -> Result<()> {
    let found = answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if found.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    let found: String = found.chars().take(100).collect();
    Err(refused("there is no git repository at this address", format!("{} is {found:?}", answer.url)))
}

fn refused(public: impl Into<std::borrow::Cow<'static, str>>, detail: String) -> Error {
    Error::new(Kind::Invalid, public).with_detail(detail)
}

fn unreachable(fault: Fault) -> Error {
    let text = match fault.kind {
        FaultKind::TooLarge => "the remote sends more than this server takes".to_owned(),
        kind => kind.to_string(),
    };
    refused(text, fault.detail)
}

/// What the remote said is for the log: it may be anything.
fn bad_answer(error: GitError) -> Error {
    match error {
        GitError::TooLarge { what, limit } => refused(format!("{what} exceeds the limit of {limit}"), String::new()),
        other => refused("the remote's answer is no proper answer of git", other.to_string()),
    }
}
