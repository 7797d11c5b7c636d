//! The reading scenarios: advertisements, ref lists, clones and fetches.
//!
//! Owns their requests, their preparation and the check of each answer. Called by `scenario`.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::client::{Call, Client};
use crate::options::Options;
use crate::pack::ObjectId;
use crate::pack::commits;
use crate::pack::verify::PackCheck;
use crate::scenario::{Done, ScenarioName, UPLOAD_REQUEST};
use crate::target::Target;
use crate::wire::refs::{self, Ref};
use crate::wire::{fetch, refs::ls_refs_request};

/// GET `info/refs` of connection `n`'s repository.
pub(crate) fn info_refs_call(
    options: &Options,
    target: &Target,
    n: usize,
    service: &'static str,
) -> Result<Call, String> {
    let path = format!("{}/info/refs?service={service}", target.repository_path(&options.repo, n)?);
    Ok(Call { body: None, path, media: "*/*", protocol_v2: service == "git-upload-pack" })
}

/// POST of an `ls-refs` command.
pub(crate) fn ls_refs_call(options: &Options, target: &Target, n: usize) -> Result<Call, String> {
    upload_call(options, target, n, ls_refs_request())
}

/// POST of any v2 command.
pub(crate) fn upload_call(options: &Options, target: &Target, n: usize, body: Bytes) -> Result<Call, String> {
    let path = format!("{}/git-upload-pack", target.repository_path(&options.repo, n)?);
    Ok(Call { body: Some(body), path, media: UPLOAD_REQUEST, protocol_v2: true })
}

/// Finds out what to ask for and builds the body that a run repeats.
pub(crate) async fn prepare(
    name: ScenarioName,
    options: &Arc<Options>,
    target: &Arc<Target>,
    n: usize,
) -> Result<Bytes, String> {
    let mut client = Client::new(Arc::clone(target));
    let refs = list_refs(&mut client, options, target, n).await?;
    let mut wants: Vec<ObjectId> = refs.iter().map(|r| r.id).collect();
    wants.sort_unstable();
    wants.dedup();
    if wants.is_empty() {
        return Err(format!("{} has no commits", target.repository_path(&options.repo, n)?));
    }
    if name == ScenarioName::Clone {
        return Ok(fetch::request(&wants, &[]));
    }
    let tip = default_tip(&refs).ok_or("the repository has no HEAD to fetch")?;
    let have = match &options.have {
        Some(text) => ObjectId::from_hex(text).ok_or_else(|| format!("--have {text}: want 40 hex digits"))?,
        None => {
            let mut pack = Vec::new();
            let call = upload_call(options, target, n, fetch::request(&[tip], &[]))?;
            receive_pack(&mut client, &call, true, &mut |bytes| pack.extend_from_slice(bytes)).await?;
            ancestor(&pack, tip, options.behind)?
        }
    };
    Ok(fetch::request(&[tip], &[have]))
}

/// Reads the branches, tags and HEAD of connection `n`'s repository.
pub(crate) async fn list_refs(
    client: &mut Client,
    options: &Options,
    target: &Target,
    n: usize,
) -> Result<Vec<Ref>, String> {
    let call = ls_refs_call(options, target, n)?;
    let (body, _) = client.send(&call).await?.collect().await?;
    refs::parse_ls_refs(&body)
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

/// One `info/refs` request.
pub(crate) async fn info_refs(client: &mut Client, call: &Call, service: &str) -> Result<Done, String> {
    let start = Instant::now();
    let (body, first_byte_at) = client.send(call).await?.collect().await?;
    refs::check_info_refs(&body, service)?;
    Ok(Done { bytes_in: body.len() as u64, bytes_out: 0, items: 1, first_byte: first_byte_at - start })
}

/// One `ls-refs` command.
pub(crate) async fn ls_refs(client: &mut Client, call: &Call) -> Result<Done, String> {
    let start = Instant::now();
    let (body, first_byte_at) = client.send(call).await?.collect().await?;
    let refs = refs::parse_ls_refs(&body)?;
    let bytes_out = call.body.as_ref().map_or(0, |b| b.len() as u64);
    let items = refs.len() as u64;
    Ok(Done { bytes_in: body.len() as u64, bytes_out, items, first_byte: first_byte_at - start })
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
        reader.feed(&bytes, &mut |pack| {
            keep(pack);
            check.feed(pack)
        })?;
    }
    reader.finish()?;
    let facts = check.finish()?;
    let bytes_out = call.body.as_ref().map_or(0, |b| b.len() as u64);
    let first_byte = answer.first_byte_at.unwrap_or(answer.head_at) - start;
    Ok(Done { bytes_in: answer.bytes, bytes_out, items: u64::from(facts.objects), first_byte })
}
