//! Typed settings: what they are, where they come from, and what is allowed.
//!
//! Owns the list of settings (one declaration gives the field, its default, its limits and its documentation) and
//! the order of sources: default, then `conf/atomicqms.toml` in the data directory, then the environment, then flags.
//! Refuses to act on any of it: the server, the HTTP shell and the engine read plain fields. Loaded once by
//! [`crate::cli`]; tests build one with [`Config::for_tests`].

mod check;
pub mod docs;
pub mod load;
pub mod network;
pub mod setting;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use load::{Error, Sources, load};
pub use network::Network;
pub use setting::{Kind, Listen, Secret, Setting, Source};

/// Every setting of one server, checked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Config {
    /// Directory that holds everything this server owns. Not a setting of the file, which lives inside it:
    /// `--data-dir` or `ATOMICQMS_DATA_DIR`, default `./data`.
    #[serde(skip)]
    pub data_dir: PathBuf,
    /// Password of the first administrator (`ATOMICQMS_ADMIN_PASSWORD`); only read when no user exists yet.
    #[serde(skip)]
    pub admin_password: Option<Secret>,
    /// Where each setting came from, in the order of [`Config::settings`].
    #[serde(skip)]
    pub provenance: Vec<(&'static Setting, String, Source)>,
    /// Listening, limits and time-outs.
    pub server: Server,
    /// Log lines.
    pub log: Log,
    /// Git transport and engine limits.
    pub git: Git,
    /// Tidying of repositories.
    pub maintenance: Maintenance,
    /// Searching the files of repositories.
    pub search: Search,
    /// Database pools.
    pub database: Database,
    /// Passwords and tokens.
    pub security: Security,
    /// The SSH server.
    pub ssh: Ssh,
    /// Attached files.
    pub attachments: Attachments,
    /// Pictures of accounts and repositories.
    pub avatars: Avatars,
    /// Outgoing mail.
    pub mail: Mail,
    /// Repositories of other servers.
    pub mirrors: Mirrors,
    /// Requests that leave the server.
    pub outbound: Outbound,
    /// The metrics endpoint.
    pub metrics: Metrics,
}

/// Declares one section: the struct that code reads and the table that loading, printing and docs read.
macro_rules! section {
    (
        $(#[doc = $section_doc:literal])*
        $type:ident = $section:literal {
            $( $(#[doc = $doc:literal])+ $field:ident: $field_type:ty = $default:literal, $unit:literal, $kind:expr; )+
        }
    ) => {
        $(#[doc = $section_doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $type {
            $( $(#[doc = $doc])+ #[doc = ""] #[doc = concat!("Unit: ", $unit, ". Default: `", $default, "`.")]
               pub $field: $field_type, )+
        }

        impl $type {
            const SETTINGS: &'static [Setting] = &[ $(
                Setting {
                    key: concat!($section, ".", stringify!($field)),
                    default: $default,
                    unit: $unit,
                    kind: $kind,
                    doc: concat!($($doc),+),
                },
            )+ ];
        }
    };
}

section! {
    /// `[server]`: listening, limits and time-outs.
    Server = "server" {
        /// Address and port the HTTP server listens on; port 0 takes a free one.
        http_addr: SocketAddr = "127.0.0.1:3001", "address:port", Kind::Address;
        /// Address and port of the SSH server, or `off`.
        ssh_addr: Listen = "127.0.0.1:2222", "address:port or off", Kind::AddressOrOff;
        /// URL under which browsers and git reach this server; empty means `http://` and the listening address.
        root_url: String = "", "URL", Kind::Url;
        /// How long a stopping server waits for running requests and pushes.
        shutdown_grace_seconds: u64 = "30", "seconds", Kind::Integer { min: 0, max: 3600 };
        /// Most HTTP connections at once; more are answered 503 and closed.
        max_connections: usize = "4096", "connections", Kind::Integer { min: 1, max: 1_000_000 };
        /// A client must send its whole request head in this time, counted from its first byte; a connection that sends nothing has `idle_timeout_seconds`.
        header_timeout_seconds: u64 = "15", "seconds", Kind::Integer { min: 1, max: 3600 };
        /// A connection without a request is closed after this time.
        idle_timeout_seconds: u64 = "90", "seconds", Kind::Integer { min: 1, max: 86_400 };
        /// A client that neither sends its body nor reads its answer for this time is dropped.
        stall_timeout_seconds: u64 = "60", "seconds", Kind::Integer { min: 1, max: 3600 };
        /// The same for a client that does not read a clone, while others wait for the place it holds.
        crowded_stall_timeout_seconds: u64 = "5", "seconds", Kind::Integer { min: 1, max: 3600 };
        /// Largest request head (request line and headers); larger ones are answered 431.
        max_header_bytes: usize = "32768", "bytes", Kind::Integer { min: 8192, max: 1_048_576 };
        /// Most connections from one address (IPv6: one /64 network), trusted proxies excepted; more are answered 503 and closed.
        max_connections_per_address: usize = "2048", "connections", Kind::Integer { min: 1, max: 1_000_000 };
        /// A request body that is held in memory (JSON, a fetch request) must arrive whole in this time.
        body_timeout_seconds: u64 = "120", "seconds", Kind::Integer { min: 1, max: 3600 };
        /// Memory that such bodies may take all together, 64 KiB of each not counted; one client may have a quarter of it. Requests that
        /// need more are answered 503.
        max_body_memory_bytes: usize = "268435456", "bytes", Kind::Integer { min: 1_048_576, max: 1_099_511_627_776 };
        /// Largest JSON request body; larger ones are answered 413.
        max_json_bytes: usize = "2097152", "bytes", Kind::Integer { min: 1024, max: 1_073_741_824 };
        /// Largest content of files that one request of the API may write, all files together, after base64; more is answered 413.
        max_content_bytes: usize = "33554432", "bytes", Kind::Integer { min: 1024, max: 536_870_912 };
        /// Texts of more than 64 KiB that may be rendered at once, one for each client; others wait. One takes up to 500 MB of memory when it is made for it.
        max_concurrent_renderings: usize = "2", "texts", Kind::Integer { min: 1, max: 1000 };
        /// Networks of reverse proxies whose `X-Forwarded-For`, `X-Real-IP` and `X-Request-Id` are believed.
        trusted_proxies: Vec<Network> = "", "list of addresses or networks", Kind::Networks;
    }
}

section! {
    /// `[log]`: log lines, always on standard error.
    Log = "log" {
        /// Least level that is written, or a filter such as `info,atomicqms=debug`.
        level: String = "info", "filter", Kind::LogFilter;
        /// `auto` writes text on a terminal and JSON otherwise.
        format: LogFormat = "auto", "word", Kind::Choice(&["auto", "text", "json"]);
    }
}

section! {
    /// `[git]`: limits of the git transport and engine.
    Git = "git" {
        /// Largest pack of one push, compressed, as sent.
        max_push_bytes: u64 = "2147483648", "bytes", Kind::Integer { min: 1024, max: 1_099_511_627_776 };
        /// Largest single object, unpacked.
        max_object_bytes: u64 = "268435456", "bytes", Kind::Integer { min: 1024, max: 17_179_869_184 };
        /// Most objects in one push.
        max_objects: u64 = "5000000", "objects", Kind::Integer { min: 1, max: 4_000_000_000 };
        /// Largest sum of all objects of one push, unpacked.
        max_unpacked_bytes: u64 = "17179869184", "bytes", Kind::Integer { min: 1024, max: 17_592_186_044_416 };
        /// Beyond its first 2 GiB that sum may be so many times the pack as sent: small packs must not cost hours.
        max_expansion: u64 = "1000", "times", Kind::Integer { min: 1, max: 1_000_000_000 };
        /// Memory that all pushes together may use for large objects while they are indexed; a push that needs more waits, and one that
        /// needs more than all of it runs alone. One push needs up to three times its largest object.
        max_indexing_memory_bytes: u64 = "1073741824", "bytes", Kind::Integer { min: 16_777_216, max: 1_099_511_627_776 };
        /// Most refs one push may change.
        max_refs_per_push: usize = "10000", "refs", Kind::Integer { min: 1, max: 10_000_000 };
        /// Largest request body of a clone or fetch, after decompression.
        max_request_bytes: usize = "16777216", "bytes", Kind::Integer { min: 4096, max: 1_073_741_824 };
        /// Clones and fetches that may generate packs at once; others queue.
        max_concurrent_uploads: usize = "16", "operations", Kind::Integer { min: 1, max: 10_000 };
        /// Of these, how many for one client; its others queue.
        max_concurrent_uploads_per_client: usize = "4", "operations", Kind::Integer { min: 1, max: 10_000 };
        /// Clones and fetches that may be open at once, those waiting for a slow client included; others queue.
        max_open_uploads: usize = "256", "operations", Kind::Integer { min: 1, max: 100_000 };
        /// Of these, how many one account, or one address without an account, may have open; its others queue.
        max_open_uploads_per_client: usize = "64", "operations", Kind::Integer { min: 1, max: 100_000 };
        /// Memory for answers to clones and fetches that are small, kept for who asks the same again; 0 keeps none.
        answer_cache_memory_bytes: u64 = "33554432", "bytes", Kind::Integer { min: 0, max: 1_099_511_627_776 };
        /// Space on disk (`cache/` in the data directory) for large ones, kept from the second request on: one half for those that are kept, one for those in the making; one takes at most a quarter. 0 keeps none.
        answer_cache_disk_bytes: u64 = "2147483648", "bytes", Kind::Integer { min: 0, max: 1_125_899_906_842_624 };
        /// Pushes that may be indexed at once; others queue.
        max_concurrent_receives: usize = "16", "operations", Kind::Integer { min: 1, max: 10_000 };
        /// Of these, how many for one client; its others queue.
        max_concurrent_receives_per_client: usize = "4", "operations", Kind::Integer { min: 1, max: 10_000 };
        /// Pushes that may be open at once, from their first byte to their report; others queue.
        max_open_receives: usize = "256", "operations", Kind::Integer { min: 1, max: 100_000 };
        /// Of these, how many for one client; its others queue.
        max_open_receives_per_client: usize = "64", "operations", Kind::Integer { min: 1, max: 100_000 };
        /// Lists of refs, branches and tags, files and parts of the history that may be read and sent at once over the API; others queue.
        max_concurrent_listings: usize = "32", "requests", Kind::Integer { min: 1, max: 10_000 };
        /// Of these, how many for one client; its others queue.
        max_concurrent_listings_per_client: usize = "8", "requests", Kind::Integer { min: 1, max: 10_000 };
        /// How long a git operation queues before it is answered 503.
        queue_timeout_seconds: u64 = "30", "seconds", Kind::Integer { min: 1, max: 3600 };
        /// Longest run of one git operation.
        operation_timeout_seconds: u64 = "3600", "seconds", Kind::Integer { min: 1, max: 86_400 };
        /// Most repositories kept open at once; the longest idle one is closed first.
        max_open_repositories: usize = "1024", "repositories", Kind::Integer { min: 1, max: 1_000_000 };
        /// Largest single file (blob) in a push, unpacked.
        max_blob_bytes: u64 = "268435456", "bytes", Kind::Integer { min: 1024, max: 17_179_869_184 };
        /// Largest commit or tag object: message, headers and signature.
        max_commit_bytes: u64 = "1048576", "bytes", Kind::Integer { min: 1024, max: 268_435_456 };
        /// Largest tree object, that is, list of one directory.
        max_tree_bytes: u64 = "16777216", "bytes", Kind::Integer { min: 1024, max: 1_073_741_824 };
        /// Tell clients of protocol 2 that they may want refs by name (`ref-in-want`). Off as in git itself: a `git clone` that uses it fails when
        /// somebody pushes between its two requests.
        advertise_ref_in_want: bool = "false", "true or false", Kind::Flag;
        /// Largest repository, all its objects on disk; a push that would pass it is refused. 0 means no limit.
        max_repository_bytes: u64 = "0", "bytes", Kind::Integer { min: 0, max: 1_125_899_906_842_624 };
        /// A pack of one push up to this size, complete, is stored in the database with the refs that need it, and becomes a file afterwards: many such
        /// pushes share one flush of the disk. 0: every pack is a file before its push is answered.
        max_inline_pack_bytes: u64 = "65536", "bytes", Kind::Integer { min: 0, max: 4_194_304 };
        /// So long after a push its pack and its refs are written to the directory of the repository, where stock git and backups find them.
        settle_ms: u64 = "5000", "milliseconds", Kind::Integer { min: 1, max: 600_000 };
        /// Packs of one repository that may wait for that; with more they are written at once.
        max_waiting_packs: usize = "512", "packs", Kind::Integer { min: 1, max: 100_000 };
        /// Memory for packs that wait, of all repositories; when it is used up, packs are files before their pushes are answered.
        max_waiting_bytes: u64 = "67108864", "bytes", Kind::Integer { min: 0, max: 1_099_511_627_776 };
        /// Rules of `git fsck` that a push may break, as git's `receive.fsck.<msg-id>=ignore`: for importing old histories. Rules that guard
        /// clients (`hasDotgit`, `gitmodulesUrl` and the like) and rules without which an object cannot be read stay in force. `unportableName` is a rule
        /// of our own: names of files that some system cannot store.
        fsck_ignore: Vec<String> = "", "list of rule names", Kind::FsckRules;
        /// A push to a repository that does not exist makes it: private, and only in the pusher's own namespace.
        push_to_create: bool = "false", "true or false", Kind::Flag;
        /// Branch that `HEAD` of a new repository names.
        default_branch: String = "main", "branch name", Kind::Branch;
        /// An open repository that nobody used for this time is closed.
        idle_close_seconds: u64 = "600", "seconds", Kind::Integer { min: 1, max: 86_400 };
    }
}

section! {
    /// `[maintenance]`: tidying of repositories, by jobs in the background.
    Maintenance = "maintenance" {
        /// Join packs, search deltas and remove expired objects in the background.
        enabled: bool = "true", "true or false", Kind::Flag;
        /// Jobs that run at once; each uses about one processor.
        jobs_at_once: usize = "1", "jobs", Kind::Integer { min: 1, max: 16 };
        /// How often due jobs are looked for; a push that makes one necessary starts it at once.
        poll_seconds: u64 = "30", "seconds", Kind::Integer { min: 1, max: 86_400 };
        /// Runs of a failing job before it is given up; the repository stays as it is and is tried again after the next push.
        max_attempts: u32 = "8", "runs", Kind::Integer { min: 1, max: 1000 };
        /// Packs of one repository that make a push ask for consolidation.
        pack_threshold: usize = "32", "packs", Kind::Integer { min: 2, max: 100_000 };
        /// Packs of one repository that are joined when it got no push for `quiet_seconds`.
        quiet_pack_threshold: usize = "8", "packs", Kind::Integer { min: 2, max: 100_000 };
        /// After consolidation each pack has at least so many times the objects of the next smaller one.
        geometric_factor: u64 = "2", "times", Kind::Integer { min: 2, max: 1000 };
        /// Replaced packs stay on disk for this time, for readers with stock git.
        removal_delay_seconds: u64 = "60", "seconds", Kind::Integer { min: 0, max: 86_400 };
        /// Objects that no ref reaches, or reached lately, are kept for this time.
        unreachable_days: u32 = "14", "days", Kind::Integer { min: 1, max: 36_500 };
        /// Search deltas for objects that were pushed whole.
        delta_search: bool = "true", "true or false", Kind::Flag;
        /// Deltas are searched, and the commit-graph and the bundle of a repository are renewed, when it got no push for this time.
        quiet_seconds: u64 = "600", "seconds", Kind::Integer { min: 0, max: 604_800 };
        /// Memory of one search for deltas.
        delta_memory_bytes: u64 = "134217728", "bytes", Kind::Integer { min: 1_048_576, max: 1_099_511_627_776 };
        /// Make bundles, which clones with `transfer.bundleURI` download before they fetch the rest; each takes as much disk space as its repository.
        bundles: bool = "true", "true or false", Kind::Flag;
        /// Repositories smaller than this get no bundle.
        bundle_min_bytes: u64 = "16777216", "bytes", Kind::Integer { min: 0, max: 1_099_511_627_776 };
    }
}

section! {
    /// `[search]`: searching the files of repositories. The index is derived data: it may be deleted while no server runs, and is made anew.
    Search = "search" {
        /// Whether the files of default branches can be searched. The languages of repositories are counted in any case.
        enabled: bool = "true", "true or false", Kind::Flag;
        /// Largest file that is searched.
        max_file_bytes: u64 = "1048576", "bytes", Kind::Integer { min: 1024, max: 67_108_864 };
        /// Most files of one repository that are indexed; an answer about a repository with more says that it is incomplete.
        max_files_per_repository: i64 = "100000", "files", Kind::Integer { min: 1, max: 1_000_000 };
        /// Most trigrams of one repository's files that are indexed, each counted once a file: what a repository may take of the index, about two bytes each; the same
        /// holds.
        max_words_per_repository: i64 = "250000000", "trigrams", Kind::Integer { min: 1000, max: 100_000_000_000 };
        /// Longest time of one search; what was found until then is answered, as incomplete.
        timeout_ms: u64 = "2000", "milliseconds", Kind::Integer { min: 10, max: 60_000 };
        /// Most files that one search looks into; the same holds.
        max_candidates: usize = "5000", "files", Kind::Integer { min: 10, max: 1_000_000 };
        /// Searches that may run at once, half of them for one client; others wait.
        max_concurrent: usize = "4", "searches", Kind::Integer { min: 1, max: 1000 };
    }
}

section! {
    /// `[database]`: the SQLite writer and reader pool.
    Database = "database" {
        /// Read-only connections.
        readers: usize = "8", "connections", Kind::Integer { min: 1, max: 1024 };
        /// Write jobs that may wait; more are answered 503.
        writer_queue: usize = "1024", "jobs", Kind::Integer { min: 1, max: 1_000_000 };
        /// Most write jobs that share one commit.
        writer_max_batch: usize = "128", "jobs", Kind::Integer { min: 1, max: 100_000 };
        /// Pages of 4 KiB in the write-ahead log that make a checkpoint due, which is made beside the commits; the log may get some times as long.
        checkpoint_pages: u32 = "4000", "pages", Kind::Integer { min: 100, max: 1_000_000 };
        /// Longest wait of a commit for changes of others to share its flush, once the last commit carried at least four; 0: never.
        commit_delay_us: u64 = "300", "microseconds", Kind::Integer { min: 0, max: 100_000 };
        /// How long the writer waits for another process (an `admin` command) that is writing.
        busy_timeout_ms: u64 = "10000", "milliseconds", Kind::Integer { min: 0, max: 600_000 };
    }
}

section! {
    /// `[security]`: passwords and tokens.
    Security = "security" {
        /// Memory of one argon2id password hash.
        argon2_memory_kib: u32 = "19456", "KiB", Kind::Integer { min: 8192, max: 4_194_304 };
        /// Passes of one argon2id password hash.
        argon2_iterations: u32 = "2", "passes", Kind::Integer { min: 1, max: 1000 };
        /// Shortest password that is accepted.
        min_password_length: usize = "8", "characters", Kind::Integer { min: 1, max: 256 };
        /// Longest lifetime of a new API token; 0 means tokens may live for ever.
        max_token_lifetime_days: u32 = "0", "days", Kind::Integer { min: 0, max: 36_500 };
        /// Password hashes computed at once; 0 means one for each processor.
        password_hashes_at_once: usize = "0", "hashes", Kind::Integer { min: 0, max: 1024 };
        /// Callers that may wait for a password hash; more are answered 503.
        password_hashes_waiting: usize = "256", "callers", Kind::Integer { min: 1, max: 100_000 };
        /// How long a verified password is remembered without hashing it again; 0 means never.
        credential_cache_seconds: u64 = "60", "seconds", Kind::Integer { min: 0, max: 3600 };
        /// Tokens, and levels in repositories, that are remembered until any right changes.
        rights_cache_entries: u64 = "20000", "entries", Kind::Integer { min: 0, max: 10_000_000 };
        /// Accept tokens in `?token=` and `?access_token=`, as Gitea does.
        allow_query_tokens: bool = "true", "true or false", Kind::Flag;
        /// Every account may make organizations; otherwise only administrators.
        everybody_creates_organizations: bool = "true", "true or false", Kind::Flag;
        /// Failed sign-ins for one account from one address before further ones are delayed; ten times as many for any accounts delay every
        /// password from that address, so set `server.trusted_proxies` behind a proxy. Tokens are never delayed.
        max_failed_sign_ins: u32 = "10", "attempts", Kind::Integer { min: 1, max: 100_000 };
        /// After how long without a failure the count is forgotten; also the longest delay.
        failed_sign_in_window_seconds: u64 = "900", "seconds", Kind::Integer { min: 1, max: 86_400 };
        /// `open`: strangers may make an account at `/user/sign_up`, once they have opened the link in a mail. `invited`: only who was invited to a team may,
        /// by the link of the invitation; by a site administrator, or with `everybody_creates_organizations` off by any owner of an organization. Both need
        /// `[mail]`.
        registration: Registration = "off", "word", Kind::Choice(&["off", "invited", "open"]);
        /// Domains of the addresses with which accounts may be made so, such as `example.org`, or `*.example.org` for what is below it; empty allows
        /// all.
        registration_domains: Vec<String> = "", "list of domains", Kind::Domains;
        /// How long the link in a mail is good that confirms an address or a new account; what was not confirmed by then is removed.
        confirmation_hours: u32 = "24", "hours", Kind::Integer { min: 1, max: 720 };
        /// New accounts that may wait for their confirmation; beyond it a newcomer takes the place of the oldest of the network (IPv4: /24, IPv6: /48) of which
        /// most wait.
        max_pending_registrations: u64 = "1000", "accounts", Kind::Integer { min: 1, max: 1_000_000 };
        /// New accounts that one address (IPv6: one /64 network) may ask for in an hour; more are answered 429. Set `server.trusted_proxies` behind a
        /// proxy.
        max_registrations_per_address: u32 = "10", "accounts an hour", Kind::Integer { min: 1, max: 100_000 };
        /// How long an invitation to a team stands; what was not answered by then is removed.
        invitation_days: u32 = "7", "days", Kind::Integer { min: 1, max: 365 };
        /// Open invitations of one team; more are answered 422.
        max_invitations_per_team: u64 = "100", "invitations", Kind::Integer { min: 1, max: 100_000 };
        /// Invitations that one account may make in a day; more are answered 429. Each counts as a mail of `mail.max_per_account`, too.
        max_invitations_per_account: u32 = "50", "invitations a day", Kind::Integer { min: 1, max: 100_000 };
    }
}

section! {
    /// `[ssh]`: the SSH server; where it listens is `server.ssh_addr`.
    Ssh = "ssh" {
        /// User name in clone addresses, and the only one that may sign in; empty accepts any. Who somebody is says the key.
        user: String = "git", "user name", Kind::Name;
        /// Host name in clone addresses; empty means the host of `server.root_url`.
        host: String = "", "host name", Kind::Name;
        /// Port in clone addresses, where a proxy or port forwarding changes it; 0 means the listening one.
        port: u16 = "0", "port", Kind::Integer { min: 0, max: 65_535 };
        /// Most SSH connections at once; more are closed.
        max_connections: usize = "1024", "connections", Kind::Integer { min: 1, max: 1_000_000 };
        /// Most SSH connections of one address (IPv6: one /64 network) at once; more are closed.
        max_connections_per_address: usize = "256", "connections", Kind::Integer { min: 1, max: 1_000_000 };
        /// Most connections that have not signed in yet; one more takes the place of the oldest of the address that has most.
        max_handshakes: usize = "256", "connections", Kind::Integer { min: 1, max: 1_000_000 };
        /// Most connections of one address that have not signed in yet; one more takes the place of its oldest.
        max_handshakes_per_address: usize = "64", "connections", Kind::Integer { min: 1, max: 1_000_000 };
        /// A client must have signed in after this time.
        handshake_timeout_seconds: u64 = "20", "seconds", Kind::Integer { min: 1, max: 3600 };
        /// Keys a client may offer or sign with before the connection is closed.
        max_auth_attempts: usize = "20", "attempts", Kind::Integer { min: 1, max: 1000 };
        /// A connection without a running command, and a command whose client sends nothing it waits for, end after this time.
        idle_timeout_seconds: u64 = "300", "seconds", Kind::Integer { min: 1, max: 86_400 };
        /// After how much silence a client is asked whether it is still there; one that leaves three such questions without
        /// answer is dropped. 0: never asked.
        keepalive_seconds: u64 = "60", "seconds", Kind::Integer { min: 0, max: 86_400 };
        /// Commands that may run at once on one connection.
        max_sessions_per_connection: usize = "10", "sessions", Kind::Integer { min: 1, max: 1000 };
        /// Bytes a client may send ahead in one command; the client's own window bounds the other direction.
        window_bytes: u32 = "4194304", "bytes", Kind::Integer { min: 65_536, max: 67_108_864 };
        /// Largest piece of data in one SSH packet from a client.
        max_packet_bytes: u32 = "65535", "bytes", Kind::Integer { min: 32_768, max: 65_535 };
        /// Smallest RSA key that may be added or sign in.
        min_rsa_bits: u32 = "2048", "bits", Kind::Integer { min: 1024, max: 16_384 };
    }
}

section! {
    /// `[attachments]`: files attached to releases and issues.
    Attachments = "attachments" {
        /// Whether files can be attached at all.
        enabled: bool = "true", "true or false", Kind::Flag;
        /// Largest attached file; a larger one is answered 413.
        max_bytes: u64 = "2147483648", "bytes", Kind::Integer { min: 1024, max: 1_099_511_627_776 };
        /// Files that a client may attach to one text at once; told to clients by the API.
        max_files: u64 = "5", "files", Kind::Integer { min: 1, max: 100 };
        /// What may be attached to issues and comments: endings such as `.png`, media types such as `image/*`, or `*/*`; empty allows everything.
        /// Media types are what the first bytes of a file look like, not what an uploader says.
        allowed_types: Vec<String> = ".csv,.docx,.fodg,.fodp,.fods,.fodt,.gif,.gz,.jpeg,.jpg,.json,.log,.md,.mov,.mp4,.odf,.odg,.odp,.ods,.odt,.patch,.pdf,.png,.pptx,.tgz,.txt,.webm,.webp,.xlsx,.zip", "list of endings or media types", Kind::FileTypes;
        /// What may be attached to releases, in the same way.
        release_allowed_types: Vec<String> = "", "list of endings or media types", Kind::FileTypes;
    }
}

section! {
    /// `[avatars]`: pictures of accounts, organizations and repositories.
    Avatars = "avatars" {
        /// Largest picture as it is sent, after base64; a larger one is answered 413.
        max_bytes: usize = "1048576", "bytes", Kind::Integer { min: 1024, max: 67_108_864 };
        /// Most pixels of a picture, which bounds the memory that reading it takes: up to 16 bytes for each.
        max_pixels: u64 = "16777216", "pixels", Kind::Integer { min: 1024, max: 268_435_456 };
        /// Pictures that may be read at once, one for each client; others wait.
        max_concurrent: usize = "2", "pictures", Kind::Integer { min: 1, max: 1000 };
    }
}

section! {
    /// `[mail]`: outgoing mail, over SMTP.
    Mail = "mail" {
        /// The mail server that takes mails; empty: no mail is sent.
        smtp_host: String = "", "host name", Kind::Name;
        /// Its port; 0 means the usual one: 587 with `starttls`, 465 with `tls`, 25 with `none`.
        smtp_port: u16 = "0", "port", Kind::Integer { min: 0, max: 65_535 };
        /// How the way to it is protected: `starttls` and `tls` check its certificate; `none` protects nothing.
        smtp_security: SmtpSecurity = "starttls", "word", Kind::Choice(&["none", "starttls", "tls"]);
        /// A file of certificates (PEM) of authorities to trust beside those of the system, for a mail server of your own.
        smtp_ca_file: String = "", "path", Kind::Text;
        /// User name at the mail server; empty: none is shown.
        smtp_user: String = "", "user name", Kind::Text;
        /// Its password.
        smtp_password: Secret = "", "secret text", Kind::Secret;
        /// From whom mails are: an address, or a name with an address such as `AtomicQMS <qms@example.org>`.
        from: String = "", "address", Kind::Mailbox;
        /// Longest time for handing over one mail.
        timeout_seconds: u64 = "30", "seconds", Kind::Integer { min: 1, max: 600 };
        /// Mails that are handed over at once.
        mails_at_once: usize = "2", "mails", Kind::Integer { min: 1, max: 64 };
        /// Wait before a mail is tried again; doubles with each attempt, up to six hours.
        retry_seconds: u64 = "30", "seconds", Kind::Integer { min: 1, max: 3600 };
        /// Attempts to hand over a mail before it is given up. What the mail server refuses for good is given up at
        /// once.
        max_attempts: u32 = "12", "attempts", Kind::Integer { min: 1, max: 1000 };
        /// Mails that may wait; what would send more is answered 503.
        max_waiting: u64 = "10000", "mails", Kind::Integer { min: 1, max: 10_000_000 };
        /// Largest text of a mail.
        max_text_bytes: usize = "262144", "bytes", Kind::Integer { min: 16_384, max: 16_777_216 };
        /// Mails to one address, whatever stands in it behind a `+`, that people may cause by what they ask for (a confirmation, a new account) in an hour.
        max_per_recipient: u32 = "5", "mails an hour", Kind::Integer { min: 1, max: 100_000 };
        /// The same of one account, to any addresses.
        max_per_account: u32 = "20", "mails an hour", Kind::Integer { min: 1, max: 100_000 };
    }
}

section! {
    /// `[mirrors]`: repositories that follow one of another server, or are taken over from one.
    Mirrors = "mirrors" {
        /// Whether there are mirrors and imports; without, those that are there stay as they are.
        enabled: bool = "true", "true or false", Kind::Flag;
        /// Only administrators make them; otherwise whoever may make a repository.
        admins_only: bool = "false", "true or false", Kind::Flag;
        /// Shortest time between two looks at a remote that may be asked for.
        min_interval_seconds: u32 = "600", "seconds", Kind::Integer { min: 1, max: 31_536_000 };
        /// Time between two looks of a mirror whose maker says nothing of it.
        default_interval_seconds: u32 = "28800", "seconds", Kind::Integer { min: 1, max: 31_536_000 };
        /// Wait before a mirror that failed is tried again; doubles with each failure, up to a day or the mirror's own interval.
        retry_seconds: u32 = "300", "seconds", Kind::Integer { min: 1, max: 86_400 };
        /// Shortest time between the beginnings of two looks of one mirror that somebody asks for; who asks sooner waits for the rest of it.
        min_asked_seconds: u32 = "60", "seconds", Kind::Integer { min: 0, max: 86_400 };
        /// Mirrors that are synchronized at once, and as many imports beside them; others wait. Unless it is 1, one owner's mirrors and one account's imports
        /// never have all of these places, and owners take turns.
        max_concurrent: usize = "2", "mirrors", Kind::Integer { min: 1, max: 64 };
        /// Longest time to fetch from a remote. What it may send at most is `git.max_push_bytes`.
        timeout_seconds: u64 = "3600", "seconds", Kind::Integer { min: 1, max: 86_400 };
        /// Most refs that a remote may list, those included that do not come over.
        max_refs: u64 = "100000", "refs", Kind::Integer { min: 1, max: 10_000_000 };
    }
}

section! {
    /// `[outbound]`: requests that this server makes of others because somebody asked for it. Proxies of the environment are not used.
    Outbound = "outbound" {
        /// Networks that may be reached although no server on the internet has their addresses: private ones, loopback, link-local and the like are
        /// refused otherwise, whatever name leads there.
        allowed_networks: Vec<Network> = "", "list of networks", Kind::Networks;
        /// Allow requests without TLS.
        allow_http: bool = "false", "true or false", Kind::Flag;
        /// A file of certificates (PEM) of authorities to trust beside those of the system, for servers of your own.
        ca_file: String = "", "path", Kind::Text;
        /// Longest time until a connection stands, TLS included.
        connect_timeout_seconds: u64 = "10", "seconds", Kind::Integer { min: 1, max: 600 };
        /// Longest time in which the other server says nothing.
        idle_timeout_seconds: u64 = "60", "seconds", Kind::Integer { min: 1, max: 3600 };
        /// Least bytes a second, over `low_speed_seconds` of waiting for an answer's body; a slower one is given up. 0: any.
        low_speed_bytes: u64 = "1000", "bytes a second", Kind::Integer { min: 0, max: 1_000_000_000 };
        /// Time over which that is measured.
        low_speed_seconds: u64 = "300", "seconds", Kind::Integer { min: 1, max: 86_400 };
        /// Redirections that are followed; each is checked like the first request, and none leads from https to http.
        max_redirects: usize = "3", "redirections", Kind::Integer { min: 0, max: 20 };
    }
}

section! {
    /// `[metrics]`: the `/metrics` endpoint.
    Metrics = "metrics" {
        /// Bearer token that `/metrics` asks for; empty means no token is needed.
        token: Secret = "", "secret text", Kind::Secret;
    }
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// One line of text per event.
    Text,
    /// One JSON object per event.
    Json,
}

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// Only administrators make accounts.
    Off,
    /// Administrators, and who was invited to a team for themselves.
    Invited,
    /// Whoever has an address.
    Open,
}

/// How the way to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpSecurity {
    /// Not at all.
    None,
    /// TLS after a greeting in the clear; without TLS nothing is sent.
    Starttls,
    /// TLS from the first byte.
    Tls,
}

impl Config {
    /// Lists every setting, in the order of the documentation.
    pub fn settings() -> impl Iterator<Item = &'static Setting> {
        [
            Server::SETTINGS,
            Log::SETTINGS,
            Git::SETTINGS,
            Maintenance::SETTINGS,
            Search::SETTINGS,
            Database::SETTINGS,
            Security::SETTINGS,
            Ssh::SETTINGS,
            Attachments::SETTINGS,
            Avatars::SETTINGS,
            Mail::SETTINGS,
            Mirrors::SETTINGS,
            Outbound::SETTINGS,
            Metrics::SETTINGS,
        ]
        .into_iter()
        .flatten()
    }

    /// Builds the defaults over a directory, listening on a free port; for tests and tools only.
    pub fn for_tests(data_dir: &Path) -> Self {
        let sources = Sources {
            data_dir: Some(data_dir.to_owned()),
            environment: Vec::new(),
            flags: vec![
                ("server.http_addr", "127.0.0.1:0".to_owned()),
                ("server.ssh_addr", "off".to_owned()),
                ("security.argon2_memory_kib", "8192".to_owned()),
                ("security.argon2_iterations", "1".to_owned()),
            ],
        };
        load(sources).expect("defaults are valid and the test directory holds no settings file")
    }

    /// Names the settings file of a data directory.
    pub fn file_path(data_dir: &Path) -> PathBuf {
        data_dir.join("conf").join("atomicqms.toml")
    }

    /// Names the SQLite database.
    pub fn database_path(&self) -> PathBuf {
        self.data_dir.join("atomicqms.db")
    }

    /// Names the directory of bare repositories.
    pub fn repositories_dir(&self) -> PathBuf {
        self.data_dir.join("git").join("repositories")
    }

    /// Names the directory of attached files.
    pub fn attachments_dir(&self) -> PathBuf {
        self.data_dir.join("attachments")
    }

    /// Names the directory of the index of code.
    pub fn search_dir(&self) -> PathBuf {
        self.data_dir.join("search")
    }

    /// Names the directory of generated secrets.
    pub fn keys_dir(&self) -> PathBuf {
        self.data_dir.join("conf").join("keys")
    }

    /// Names the directory of files that may be lost at any time.
    pub fn cache_dir(&self) -> PathBuf {
        self.data_dir.join("cache")
    }

    /// Names the directory of files that describe the running server (lock, address).
    pub fn run_dir(&self) -> PathBuf {
        self.data_dir.join("run")
    }
}

#[cfg(test)]
mod tests;
