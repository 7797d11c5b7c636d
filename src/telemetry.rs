//! What the server tells its operators: log lines and metrics.
//!
//! Owns the format of log lines and the catalogue of metrics. Owns no request knowledge: `http/middleware` writes the
//! access line and opens the span that carries the request id. Called once by `cli/serve.rs`.

pub mod access_lines;
pub mod catalogue;
pub mod kept;
pub mod logs;
pub mod process;
pub mod recorder;
