//! Ctrl-C: the run ends, what was measured until then is reported, and what was left on the server is removed.
//!
//! Owns the word that it is over, which every loop asks for. A second signal ends the process at once. Called by `main`, asked by `load` and `compare`.

use std::sync::LazyLock;

use tokio::sync::watch;

static STOP: LazyLock<watch::Sender<bool>> = LazyLock::new(|| watch::Sender::new(false));

/// Exit code of a run that was ended by hand: 128 and the number of the signal, as shells have it.
pub(crate) const EXIT: u8 = 130;

/// Listens from now on.
pub(crate) fn listen() {
    tokio::spawn(async {
        // Without a handler the signal ends the process, as it would have without us.
        if tokio::signal::ctrl_c().await.is_err() {
            return;
        }
        crate::progress::note("interrupted: ending what is under way; once more ends it at once");
        STOP.send_replace(true);
        if tokio::signal::ctrl_c().await.is_ok() {
            #[expect(clippy::disallowed_methods, reason = "somebody has asked twice; nothing is left to be lost")]
            std::process::exit(i32::from(EXIT));
        }
    });
}

/// Whether somebody wants the end.
pub(crate) fn is_wanted() -> bool {
    *STOP.borrow()
}

/// Waits until somebody wants the end.
pub(crate) async fn wanted() {
    let mut stop = STOP.subscribe();
    // The sender lives as long as the process.
    let _ = stop.wait_for(|is_wanted| *is_wanted).await;
}
