//! How many large texts are rendered at once.
//!
//! Owns the places. A text made for it takes the parser some 500 times its own length in memory, so the length alone bounds little; small texts need no place
//! here. Called by `api/markup.rs`.

use std::time::Duration;

use atomicqms_actors::ask::Deadline;
use atomicqms_actors::gate::{Gate, Pass};
use atomicqms_actors::{Share, Shares};

use crate::access::Client;
use crate::error::Result;

/// Texts up to this length are rendered without a place. Units: bytes.
const FREE_BYTES: usize = 64 * 1024;
/// Renderings that may wait for each that may work.
const WAITING_PER_PLACE: usize = 16;
/// How long one waits before it is answered that the server is busy.
const WAIT: Duration = Duration::from_secs(30);

/// The places.
pub struct Renderings {
    gate: Gate,
    clients: Shares<Client>,
}

/// A place, kept while a text is rendered.
pub struct Place(#[expect(dead_code, reason = "held, never read")] Option<(Share<Client>, Pass)>);

impl Renderings {
    /// So many at once, one for each client.
    pub fn new(at_once: usize) -> Self {
        let gate = Gate::new("rendering", at_once, at_once.saturating_mul(WAITING_PER_PLACE));
        Self { gate, clients: Shares::new("rendering of one client", 1) }
    }

    /// Waits for a place for a text of this length. Units: bytes.
    ///
    /// Errors: `Overloaded`.
    pub async fn enter(&self, client: Client, length: usize) -> Result<Place> {
        if length <= FREE_BYTES {
            return Ok(Place(None));
        }
        let by = Deadline::after(WAIT);
        let share = self.clients.enter(client, by).await?;
        Ok(Place(Some((share, self.gate.enter(by).await?))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_large_text_of_a_client_at_a_time_and_small_ones_always() {
        let client = |last| Client::Network(std::net::IpAddr::from([192, 0, 2, last]));
        let places = std::sync::Arc::new(Renderings::new(2));
        let held = places.enter(client(1), 1 << 20).await.unwrap();
        let other = places.enter(client(2), 1 << 20).await.unwrap();
        places.enter(client(1), FREE_BYTES).await.unwrap();
        let mut second = Box::pin(places.enter(client(1), 1 << 20));
        let waits = std::future::poll_fn(|cx| std::task::Poll::Ready(second.as_mut().poll(cx).is_pending())).await;
        assert!(waits);
        drop(held);
        second.await.unwrap();
        drop(other);
    }
}
