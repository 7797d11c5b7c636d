//! HTTP/1.1 answers as bytes: the head, and the body however it is framed and encoded.
//!
//! Owns reading only, on plain buffers; sockets are in `client`. Strict: what two readers could understand in two ways
//! is an error. Source: RFC 9112.

pub(crate) mod body;
pub(crate) mod encoding;
pub(crate) mod head;
