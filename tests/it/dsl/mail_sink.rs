//! A mail server for tests: takes mails over SMTP and keeps them, or behaves as badly as it is told.
//!
//! Owns enough of the protocol (EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA) for a client to be at ease. Threads and blocking sockets, so that tests of every
//! kind can use it: those of the library include this file.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use tokio_rustls::rustls::{self, ServerConnection, StreamOwned};

/// How one session goes; sessions take moods in turn, and without one all is taken.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mood {
    /// Answers this command so (`.` is the end of the data), instead of taking it.
    Say(&'static str, &'static str),
    /// Never answers this command. A mail whose end is not answered is kept all the same.
    Hang(&'static str),
}

/// A mail as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    pub(crate) from: String,
    pub(crate) to: String,
    /// Headers and text, as sent.
    pub(crate) data: String,
    /// Who signed in, with password, as `user:password`.
    pub(crate) signed_in: String,
    /// Whether the way was protected.
    pub(crate) is_protected: bool,
}

/// The server; ends with the process.
pub(crate) struct Sink {
    pub(crate) port: u16,
    state: Arc<State>,
    dir: tempfile::TempDir,
}

struct State {
    security: String,
    tls: Arc<rustls::ServerConfig>,
    moods: Mutex<VecDeque<Mood>>,
    taken: Mutex<Vec<Taken>>,
}

impl Taken {
    /// A header's value, unfolded; empty when there is none.
    pub(crate) fn header(&self, name: &str) -> String {
        let head = self.data.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ");
        let wanted = format!("{}:", name.to_ascii_lowercase());
        let found = head.split("\r\n").find(|line| line.to_ascii_lowercase().starts_with(&wanted));
        found.map_or_else(String::new, |line| line[wanted.len()..].trim().to_owned())
    }

    /// The text, decoded.
    pub(crate) fn text(&self) -> String {
        let body = self.data.split_once("\r\n\r\n").unwrap_or_default().1;
        match self.header("content-transfer-encoding").as_str() {
            "7bit" | "8bit" | "" => body.to_owned(),
            "base64" => {
                let whole: String = body.split_whitespace().collect();
                String::from_utf8(base64::engine::general_purpose::STANDARD.decode(whole).unwrap()).unwrap()
            }
            "quoted-printable" => from_quoted_printable(body),
            other => panic!("encoded as {other}"),
        }
    }

    /// The link in the text: its path with the code.
    pub(crate) fn link(&self) -> String {
        let text = self.text();
        let link = text.lines().find(|line| line.starts_with("http")).unwrap_or_else(|| panic!("no link: {text}"));
        let path = link.split_once("://").and_then(|(_, rest)| rest.find('/').map(|slash| &rest[slash..]));
        path.unwrap_or_else(|| panic!("{link}")).trim().to_owned()
    }
}

fn from_quoted_printable(body: &str) -> String {
    let joined = body.replace("=\r\n", "");
    let mut bytes = Vec::new();
    let mut rest = joined.as_bytes();
    while let [first, after @ ..] = rest {
        if *first == b'=' {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&after[..2]).unwrap(), 16).unwrap());
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).unwrap()
}

impl Sink {
    /// Listens on a port, or on a free one for 0; `security` is `none`, `starttls` or `tls`.
    pub(crate) fn start(port: u16, security: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("ca.pem"), made.cert.pem()).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let state = Arc::new(State {
            security: security.to_owned(),
            tls: Arc::new(tls),
            moods: Mutex::default(),
            taken: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // A client that leaves ends its session with an error, which is nobody's fault.
                std::thread::spawn(move || drop(state.serve(stream)));
            }
        });
        Self { port, state, dir }
    }

    /// The certificate to trust.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// Says how the next sessions go, one each.
    pub(crate) fn feel(&self, moods: &[Mood]) {
        self.state.moods.lock().unwrap().extend(moods);
    }

    /// Whether sessions have begun in all those moods.
    pub(crate) fn is_calm(&self) -> bool {
        self.state.moods.lock().unwrap().is_empty()
    }

    /// What was taken so far.
    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.state.taken.lock().unwrap().clone()
    }
}

impl State {
    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mood = self.moods.lock().unwrap().pop_front();
        let accept = |stream| Ok::<_, std::io::Error>(StreamOwned::new(self.connection()?, stream));
        if self.security == "tls" {
            return self.talk(&mut BufReader::new(accept(stream)?), mood, true, true).map(drop);
        }
        let mut plain = BufReader::new(stream);
        if self.talk(&mut plain, mood, false, true)? {
            self.talk(&mut BufReader::new(accept(plain.into_inner())?), mood, true, false)?;
        }
        Ok(())
    }

    fn connection(&self) -> std::io::Result<ServerConnection> {
        ServerConnection::new(Arc::clone(&self.tls)).map_err(std::io::Error::other)
    }

    /// Talks until the client leaves, or wants the way to be protected: then answers true.
    fn talk<S: Read + Write>(
        &self,
        stream: &mut BufReader<S>,
        mood: Option<Mood>,
        is_protected: bool,
        greets: bool,
    ) -> std::io::Result<bool> {
        let (mut from, mut to, mut signed_in) = (String::new(), String::new(), String::new());
        if greets && !say(stream, mood, "CONNECT", "220 sink.example.org ESMTP")? {
            return Ok(false);
        }
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line)? == 0 {
                return Ok(false);
            }
            let line = line.trim_end();
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let answer = match verb.as_str() {
                "EHLO" if self.security == "starttls" && !is_protected => "250-sink\r\n250 STARTTLS",
                "EHLO" => "250-sink\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN",
                "STARTTLS" => "220 go on",
                "AUTH" => {
                    let given = line.rsplit(' ').next().unwrap_or_default();
                    let plain = base64::engine::general_purpose::STANDARD.decode(given).unwrap_or_default();
                    signed_in = String::from_utf8_lossy(&plain).trim_start_matches('\0').replace('\0', ":");
                    "235 welcome"
                }
                "MAIL" => {
                    line.clone_into(&mut from);
                    "250 ok"
                }
                "RCPT" => {
                    line.clone_into(&mut to);
                    "250 ok"
                }
                "DATA" => "354 go on",
                "QUIT" => "221 bye",
                _ => "250 ok",
            };
            if !say(stream, mood, &verb, answer)? {
                return Ok(false);
            }
            match verb.as_str() {
                "STARTTLS" => return Ok(true),
                "DATA" if !matches!(mood, Some(Mood::Say("DATA", _))) => {
                    let data = read_data(stream)?;
                    if !matches!(mood, Some(Mood::Say(".", _))) {
                        let taken = Taken {
                            from: from.clone(),
                            to: to.clone(),
                            data,
                            signed_in: signed_in.clone(),
                            is_protected,
                        };
                        self.taken.lock().unwrap().push(taken);
                    }
                    if !say(stream, mood, ".", "250 taken")? {
                        return Ok(false);
                    }
                }
                _ => {}
            }
        }
    }
}

fn read_data<S: Read>(stream: &mut BufReader<S>) -> std::io::Result<String> {
    let mut data = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == ".\r\n" {
            return Ok(data);
        }
        data.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}

/// Answers, unless the mood is to hang: then waits until the client leaves and says false.
fn say<S: Read + Write>(
    stream: &mut BufReader<S>,
    mood: Option<Mood>,
    verb: &str,
    answer: &str,
) -> std::io::Result<bool> {
    let answer = match mood {
        Some(Mood::Say(other, instead)) if other == verb => instead,
        Some(Mood::Hang(other)) if other == verb => {
            let mut rest = [0; 256];
            while stream.read(&mut rest)? > 0 {}
            return Ok(false);
        }
        _ => answer,
    };
    stream.get_mut().write_all(format!("{answer}\r\n").as_bytes())?;
    stream.get_mut().flush()?;
    Ok(true)
}
