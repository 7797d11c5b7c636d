//! What a push says before its pack, the pack behind it, and the answer.

use super::{blames_the_peer, first, limits, packs, world};
use crate::{
    ObjectId, RefName,
    pktline::{self, BandMode, Packets},
    receive::{self, CommandOutcome, CommandParser, CommandReport, Parsed, PushCapabilities, ReceiveRequest},
    testpack::seal,
};

/// A request and where its pack begins; `None` while it is not complete.
type Outcome = Result<Option<(ReceiveRequest, usize)>, String>;

pub(super) fn receive(data: &[u8]) {
    let (step, data) = first(data);
    let data = &world::world().with_ids(data);
    let outcome = read(data, usize::MAX);
    assert_eq!(outcome, read(data, 1 + usize::from(step) % 70), "cut otherwise");
    let Ok(Some((request, at))) = outcome else { return };
    assert!(at <= data.len());
    match &request.certificate {
        Some(certificate) => {
            assert_eq!([certificate.signed(), certificate.signature()].concat(), certificate.text);
            assert!(!request.commands.is_empty());
        }
        None => write_and_read(&request),
    }
    answer(&request);
    let pack = data.get(at..).unwrap_or_default();
    if pack.starts_with(b"PACK") {
        packs::check(&seal(pack.to_vec()));
    }
}

fn read(data: &[u8], step: usize) -> Outcome {
    let mut parser = CommandParser::new(&limits());
    let mut fed = 0;
    for chunk in data.chunks(step) {
        match parser.push(chunk) {
            Ok(Parsed::NeedMore) => fed += chunk.len(),
            Ok(Parsed::Done { request, pack_starts_at }) => return Ok(Some((request, fed + pack_starts_at))),
            Err(error) => {
                let text = error.to_string();
                blames_the_peer::<()>(Err(error));
                return Err(text);
            }
        }
    }
    Ok(None)
}

/// A request means the same when it is written and read again.
fn write_and_read(request: &ReceiveRequest) {
    let hex = |id: &Option<ObjectId>| id.map_or_else(|| "0".repeat(40), |id| id.to_string());
    let mut lines: Vec<Vec<u8>> = request.shallow.iter().map(|id| format!("shallow {id}").into_bytes()).collect();
    for command in &request.commands {
        let mut line = format!("{} {} ", hex(&command.old), hex(&command.new)).into_bytes();
        line.extend_from_slice(&command.name);
        lines.push(line);
    }
    // Without a line there is no place for capabilities, and none but the default can have been sent.
    let Some(head) = lines.first_mut() else { return };
    head.push(0);
    head.extend_from_slice(words(&request.capabilities).as_bytes());
    let mut out = Vec::new();
    for line in lines.iter_mut().chain(&mut request.push_options.clone()) {
        line.push(b'\n');
    }
    if lines.iter().any(|line| line.len() > 60_000) {
        return;
    }
    lines.iter().for_each(|line| pktline::put_data(&mut out, line));
    pktline::put_flush(&mut out);
    if request.capabilities.push_options {
        for option in &request.push_options {
            pktline::put_data(&mut out, &[option, &b"\n"[..]].concat());
        }
        pktline::put_flush(&mut out);
    }
    let again = read(&out, usize::MAX).unwrap().unwrap();
    let mut expected = request.clone();
    expected.capabilities.agent = None;
    assert_eq!(again, (expected, out.len()));
}

fn words(capabilities: &PushCapabilities) -> String {
    let words = [
        (capabilities.report_status, "report-status"),
        (capabilities.report_status_v2, "report-status-v2"),
        (capabilities.band == BandMode::Large, "side-band-64k"),
        (capabilities.atomic, "atomic"),
        (capabilities.quiet, "quiet"),
        (capabilities.push_options, "push-options"),
    ];
    words.iter().filter(|(is_set, _)| *is_set).map(|(_, word)| format!(" {word}")).collect()
}

/// A report is well-formed whatever names it repeats.
fn answer(request: &ReceiveRequest) {
    let reports: Vec<CommandReport> = request
        .commands
        .iter()
        .map(|command| CommandReport {
            name: command.name.clone(),
            outcome: match RefName::from_bytes(&command.name) {
                Ok(name) => {
                    assert_eq!(name.as_bytes(), command.name);
                    CommandOutcome::Applied
                }
                Err(error) => CommandOutcome::Refused { reason: error.to_string() },
            },
        })
        .collect();
    let bytes = receive::report(&request.capabilities, Ok(()), &reports);
    assert!(Packets::new(&bytes).all(|packet| packet.is_ok()));
}
