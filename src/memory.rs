//! Memory that a thread has freed and that should not wait for the thread's next work.
//!
//! Owns when to ask; the allocator is the program's choice (`main.rs`), which says how. Without one nothing happens.

use std::sync::OnceLock;

static GIVE_BACK: OnceLock<fn()> = OnceLock::new();

/// Says how; the first call counts.
pub fn install(how: fn()) {
    // A second allocator in one program is nobody's wish.
    let _ = GIVE_BACK.set(how);
}

/// Gives freed memory of this thread back to the system. Costs some milliseconds: for the end of large work.
pub fn give_back() {
    if let Some(how) = GIVE_BACK.get() {
        how();
    }
}
