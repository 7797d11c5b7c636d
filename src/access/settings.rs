//! Settings of passwords, tokens and sign-in limits.

/// What an administrator may tune about access; defaults suit a small server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Memory of one password hash. Units: KiB.
    pub argon2_memory_kib: u32,
    /// Passes of one password hash.
    pub argon2_iterations: u32,
    /// Password hashes computed at the same time; more wait.
    pub password_hashes_at_once: usize,
    /// Callers that may wait for a password hash before others are told to come back.
    pub password_hashes_waiting: usize,
    /// Shortest password. Units: characters.
    pub min_password_chars: usize,
    /// Longest life of a token; none: tokens may live for ever. Units: days.
    pub max_token_lifetime_days: Option<u32>,
    /// How long a verified password is remembered without hashing again. Units: seconds; zero: never.
    pub credential_cache_seconds: u64,
    /// Tokens, and levels in repositories, that are remembered.
    pub rights_cache_entries: u64,
    /// Accept `?token=` and `?access_token=` as Gitea does by default.
    pub allow_query_tokens: bool,
    /// Failed sign-ins for one account from one address before further ones are delayed.
    pub max_failed_sign_ins: u32,
    /// After how long without a failure the count is forgotten, and the longest delay. Units: seconds.
    pub failed_sign_in_window_seconds: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            argon2_memory_kib: 19 * 1024,
            argon2_iterations: 2,
            password_hashes_at_once: std::thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get),
            password_hashes_waiting: 256,
            min_password_chars: 8,
            max_token_lifetime_days: None,
            credential_cache_seconds: 60,
            rights_cache_entries: 20_000,
            allow_query_tokens: true,
            max_failed_sign_ins: 10,
            failed_sign_in_window_seconds: 900,
        }
    }
}
