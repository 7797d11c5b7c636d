//! The reading scenarios: advertisements, ref lists, clones and fetches.
//!
//! Owns their requests, their preparation and the check of each answer. Called by `scenario`.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::client::Client;
use crate::options::Options;
use crate::pack::ObjectId;
use crate::pack::commits;
use crate::pack::verify::PackCheck;
use crate::scenario::{Done, Known, ScenarioName, UPLOAD_REQUEST};
use crate::target::{Call, Target};
use crate::wire::fetch::{self, Extent};
use crate::wire::refs::{self, Ref, ls_refs_request};

/// What is known of a repository before a run.
#[derive(Debug)]
pub(crate) struct Start {
    /// The request that the run repeats.
    pub(crate) request: Bytes,
    /// `mixed`: the request of someone who is behind.
    pub(crate) behind: Option<Bytes>,
    /// What its branches, tags and HEAD name.
    pub(crate) wants: Vec<ObjectId>,
    /// The default branch's tip.
    pub(crate) tip: Option<ObjectId>,
}

/// GET of a path below the server's root; `{repo}` in it is the repository of connection `n`.
pub(crate) fn get_call(options: &Options, target: &Target, n: usize, path: &str) -> Result<Call, String> {
    let path = if path.contains("{repo}") {
        path.replace("{repo}", options.repo.replace("{n}", &n.to_string()).trim_matches('/'))
    } else {
        path.to_owned()
    };
    target.get(&format!("{}{path}", target.prefix), "*/*", false)
}

/// GET `info/refs` of connection `n`'s repository.
pub(crate) fn info_refs_call(options: &Options, target: &Target, n: usize, service: &str) -> Result<Call, String> {
    let path = format!("{}/info/refs?service={service}", target.repository_path(&options.repo, n)?);
    target.get(&path, "*/*", service == "git-upload-pack")
}

/// POST of an `ls-refs` command.
pub(crate) fn ls_refs_call(options: &Options, target: &Target, n: usize) -> Result<Call, String> {
    upload_call(options, target, n, &ls_refs_request())
}

/// POST of any v2 command.
pub(crate) fn upload_call(options: &Options, target: &Target, n: usize, body: &[u8]) -> Result<Call, String> {
    let path = format!("{}/git-upload-pack", target.repository_path(&options.repo, n)?);
    target.post(&path, UPLOAD_REQUEST, true, body)
}

/// Finds out what to ask for and builds the body that a run repeats.
pub(crate) async fn prepare(
    name: ScenarioName,
    options: &Arc<Options>,
    target: &Arc<Target>,
    n: usize,
) -> Result<Start, String> {
    let mut client = Client::new(Arc::clone(target));
    let refs = list_refs(&mut client, options, target, n).await?;
    let mut wants: Vec<ObjectId> = refs.iter().map(|r| r.id).collect();
    wants.sort_unstable();
    wants.dedup();
    if wants.is_empty() {
        return Err(format!("{} has no commits", target.repository_path(&options.repo, n)?));
    }
    let tip = default_tip(&refs);
    let tip_or_error = tip.ok_or("the repository has no HEAD to fetch");
    let behind = match name {
        ScenarioName::Fetch | ScenarioName::Mixed => {
            Some(behind_request(&mut client, options, target, n, tip_or_error?).await?)
        }
        _ => None,
    };
    let request = match (name, &behind) {
        (ScenarioName::Fetch, Some(behind)) => behind.clone(),
        (ScenarioName::CloneShallow, _) => fetch::request(&[tip_or_error?], &[], Extent::Shallow),
        (ScenarioName::CloneBlobless, _) => fetch::request(&wants, &[], Extent::Blobless),
        _ => fetch::request(&wants, &[], Extent::Full),
    };
    Ok(Start { request, behind, wants, tip })
}

/// The request of a client that lacks the last commits of the default branch.
async fn behind_request(
    client: &mut Client,
    options: &Options,
    target: &Target,
    n: usize,
    tip: ObjectId,
) -> Result<Bytes, String> {
    let have = match &options.have {
        Some(text) => ObjectId::from_hex(text).ok_or_else(|| format!("--have {text}: want 40 hex digits"))?,
        None => {
            let mut pack = Vec::new();
            let call = upload_call(options, target, n, &fetch::request(&[tip], &[], Extent::Full))?;
            receive_pack(client, &call, true, &mut |bytes| pack.extend_from_slice(bytes)).await?;
            ancestor(&pack, tip, options.behind)?
        }
    };
    Ok(fetch::request(&[tip], &[have], Extent::Full))
}

/// Reads the branches, tags and HEAD of connection `n`'s repository.
pub(crate) async fn list_refs(
    client: &mut Client,
    options: &Options,
    target: &Target,
    n: usize,
) -> Result<Vec<Ref>, String> {
    let call = ls_refs_call(options, target, n)?;
    refs::parse_ls_refs(client.fetch(&call).await?.body)
}

fn default_tip(refs: &[Ref]) -> Option<ObjectId> {
    let head = refs.iter().find(|r| r.name == "HEAD")?;
    debug_assert!(head.symref.as_deref().is_none_or(|name| refs.iter().any(|r| r.name == name)), "HEAD is dangling");
    Some(head.id)
}

fn ancestor(pack: &[u8], tip: ObjectId, behind: u32) -> Result<ObjectId, String> {
    let parents = commits::first_parents(pack)?;
    let mut id = tip;
    for step in 0..behind {
        id = parents
            .get(&id)
            .copied()
            .flatten()
            .ok_or_else(|| format!("the default branch has only {step} commits before its tip"))?;
    }
    Ok(id)
}

/// One GET whose answer is only counted.
pub(crate) async fn plain(client: &mut Client, call: &Call) -> Result<Done, String> {
    let start = Instant::now();
    let mut answer = client.send(call).await?;
    while answer.next().await?.is_some() {}
    let first_byte = answer.first_byte_at.unwrap_or(answer.head_at) - start;
    let done = Done { bytes_in: answer.bytes, items: 1, first_byte, ..Done::default() };
    answer.finish();
    Ok(done)
}

/// One GET of JSON.
pub(crate) async fn api(client: &mut Client, call: &Call) -> Result<Done, String> {
    let start = Instant::now();
    let answer = client.fetch(call).await?;
    let items = match serde_json::from_slice::<serde_json::Value>(answer.body) {
        Ok(serde_json::Value::Array(list)) => list.len() as u64,
        Ok(_) => 1,
        Err(e) => return Err(format!("the answer is no JSON: {e}")),
    };
    Ok(Done { bytes_in: answer.bytes, items, first_byte: answer.first_byte_at - start, ..Done::default() })
}

/// One `info/refs` request.
pub(crate) async fn info_refs(client: &mut Client, call: &Call, service: &str, known: &Known) -> Result<Done, String> {
    let start = Instant::now();
    let (items, answer) = known.ask(client, call, |body| refs::check_info_refs(body, service).map(|()| 1)).await?;
    Ok(Done { bytes_in: answer.bytes, items, first_byte: answer.first_byte_at - start, ..Done::default() })
}

/// One `ls-refs` command.
pub(crate) async fn ls_refs(client: &mut Client, call: &Call, known: &Known) -> Result<Done, String> {
    let start = Instant::now();
    let (items, answer) = known.ask(client, call, |body| Ok(refs::parse_ls_refs(body)?.len() as u64)).await?;
    let first_byte = answer.first_byte_at - start;
    Ok(Done { bytes_in: answer.bytes, bytes_out: call.body_bytes, items, first_byte, timed: None })
}

/// One `fetch` command; every byte of the pack goes through the check and to `keep`.
pub(crate) async fn receive_pack(
    client: &mut Client,
    call: &Call,
    verify: bool,
    keep: &mut (dyn FnMut(&[u8]) + Send),
) -> Result<Done, String> {
    let start = Instant::now();
    let mut answer = client.send(call).await?;
    let mut reader = fetch::Reader::default();
    let mut check = PackCheck::new(verify);
    while let Some(bytes) = answer.next().await? {
        reader.feed(bytes, &mut |pack| {
            keep(pack);
            check.feed(pack)
        })?;
    }
    reader.finish()?;
    let facts = check.finish()?;
    let first_byte = answer.first_byte_at.unwrap_or(answer.head_at) - start;
    let items = u64::from(facts.objects);
    let done = Done { bytes_in: answer.bytes, bytes_out: call.body_bytes, items, first_byte, timed: None };
    answer.finish();
    Ok(done)
}
