//! The net under every handler: a panic becomes a 500 for one client and a line in the log, nothing more.
//!
//! Owns the catching. A panic is a fault of ours, so its text goes to the log only.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use crate::error::Error;

/// Runs a future to its end or to its panic.
///
/// Errors: `Internal`, with the panic's text as detail for the log.
pub async fn catch<T>(future: impl Future<Output = T>) -> Result<T, Error> {
    let mut future = pin!(future);
    std::future::poll_fn(|cx| {
        // After a panic the future is dropped and never polled again, so nobody sees a broken state.
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Err(panic) => Poll::Ready(Err(Error::broken(format!("handler panicked: {}", words(panic.as_ref()))))),
        }
    })
    .await
}

fn words(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without words")
}
