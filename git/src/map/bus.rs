//! What happens when a page of a mapped file cannot be read: somebody cut the file off, or the disk fails. The kernel then sends SIGBUS, which by
//! default ends the process, and with it every other repository.
//!
//! Owns the signal's handler and the list of our own mappings. The page becomes one of zeros and the mapping is marked: checksums see the zeros,
//! and whoever asks [`super::FileBytes::has_lost_pages`] sees the mark. Whatever else raises the signal goes to the handler that was there before.
//!
//! Why this is sound: the signal is synchronous, so the thread it stops is the one that read; nobody reads mapped bytes while the list is locked, so that
//! thread does not hold the lock and whoever does lets go of it soon. The handler allocates nothing and calls nothing but `mmap` and `sigaction`. A page of
//! zeros in the place of one that could not be read breaks no reference: the mapping keeps its length and is still never written to.

#![expect(unsafe_code, reason = "a signal handler and the page it maps; the argument is in the module documentation")]

use std::{
    collections::BTreeMap,
    ptr,
    sync::{
        Mutex, MutexGuard, Once, OnceLock, PoisonError, TryLockError,
        atomic::{AtomicBool, AtomicUsize, Ordering, fence},
    },
};

/// One of our mappings: where it ends, and its mark.
struct Known {
    end: usize,
    has_lost_pages: *const AtomicBool,
}

// SAFETY: the pointer leads to a flag that lives until the mapping is taken off the list.
unsafe impl Send for Known {}

/// By where they start.
static KNOWN: Mutex<BTreeMap<usize, Known>> = Mutex::new(BTreeMap::new());
static PREVIOUS: OnceLock<libc::sigaction> = OnceLock::new();
static PAGE_BYTES: AtomicUsize = AtomicUsize::new(0);

/// A place on the list, taken off when dropped. Drop it before the mapping goes.
pub(super) struct Guarded {
    start: usize,
    has_lost_pages: Box<AtomicBool>,
}

impl Guarded {
    /// Puts a mapping on the list.
    pub(super) fn new(map: &[u8]) -> Self {
        install();
        let (start, has_lost_pages) = (map.as_ptr().addr(), Box::new(AtomicBool::new(false)));
        let known = Known { end: start.saturating_add(map.len()), has_lost_pages: &raw const *has_lost_pages };
        lock().insert(start, known);
        Self { start, has_lost_pages }
    }

    /// Whether a page could not be read and is zeros since. What was read before the question was whole if the answer is no.
    pub(super) fn has_lost_pages(&self) -> bool {
        fence(Ordering::Acquire);
        self.has_lost_pages.load(Ordering::Relaxed)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        lock().remove(&self.start);
    }
}

fn lock() -> MutexGuard<'static, BTreeMap<usize, Known>> {
    // A map of numbers is never half changed.
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: plain calls of the C library with structures of the right types; the handler is sound as the module documentation says.
        unsafe {
            let page = usize::try_from(libc::sysconf(libc::_SC_PAGESIZE)).unwrap_or(4096);
            PAGE_BYTES.store(page, Ordering::Relaxed);
            let mut previous: libc::sigaction = std::mem::zeroed();
            if libc::sigaction(libc::SIGBUS, ptr::null(), &raw mut previous) != 0 {
                return;
            }
            let _ = PREVIOUS.set(previous);
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_bus_error as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigemptyset(&raw mut action.sa_mask);
            // Without a handler a page that cannot be read ends the process, as it would have before.
            let _ = libc::sigaction(libc::SIGBUS, &raw const action, ptr::null_mut());
        }
    });
}

extern "C" fn on_bus_error(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel hands over a valid structure, and the calls are those that a signal handler may make.
    unsafe {
        let errno = *libc::__errno_location();
        if !give_zeros((*info).si_addr().addr()) {
            // Not ours: the access is repeated under the handler that was there before.
            match PREVIOUS.get() {
                Some(previous) => drop(libc::sigaction(libc::SIGBUS, previous, ptr::null_mut())),
                None => drop(libc::signal(libc::SIGBUS, libc::SIG_DFL)),
            }
        }
        *libc::__errno_location() = errno;
    }
}

/// Puts a page of zeros where one cannot be read; false if the address is in none of our mappings, or there is no memory.
fn give_zeros(address: usize) -> bool {
    let known = loop {
        match KNOWN.try_lock() {
            Ok(known) => break known,
            Err(TryLockError::Poisoned(poisoned)) => break poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => std::hint::spin_loop(),
        }
    };
    let Some((_, found)) = known.range(..=address).next_back().filter(|(_, found)| address < found.end) else {
        return false;
    };
    let page = PAGE_BYTES.load(Ordering::Relaxed).max(1);
    let start = ptr::with_exposed_provenance_mut(address - address % page);
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
    // SAFETY: the page belongs to a mapping of ours that nobody can unmap while the list is locked; the flag lives as long as it is listed.
    unsafe {
        // First the mark, then the zeros: whoever reads zeros and looks at the mark afterwards finds it.
        (*found.has_lost_pages).store(true, Ordering::SeqCst);
        libc::mmap(start, page, libc::PROT_READ, flags, -1, 0) != libc::MAP_FAILED
    }
}
