//! The coverage-guided driver: feeds the target named by `ATOMICQMS_FUZZ_TARGET` with what libFuzzer comes up with, and holds each input
//! to the memory that the target allows. Time is held by libFuzzer itself (`-timeout`). Called by `scripts/fuzz`.

#![no_main]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    sync::OnceLock,
};

use atomicqms_git::fuzz::{TARGETS, Target};

/// Counts what the thread holds, and the most it held.
struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    // A thread that ends has no counters any more, and no input to be held to a bound.
    let _ = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        PEAK.with(|peak| peak.set(peak.get().max(held.get())));
    });
}

// SAFETY: everything is passed on to the allocator of the system as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as the caller promised.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size as isize - layout.size() as isize);
        // SAFETY: as the caller promised.
        unsafe { System.realloc(place, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn target() -> &'static Target {
    static TARGET: OnceLock<&Target> = OnceLock::new();
    TARGET.get_or_init(|| {
        let name = std::env::var("ATOMICQMS_FUZZ_TARGET").unwrap_or_default();
        let found = TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            panic!("ATOMICQMS_FUZZ_TARGET names none of {}", names.join(" "))
        });
        // What is made once is no input's fault.
        (found.run)(b"");
        found
    })
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let target = target();
    let before = HELD.get();
    PEAK.set(before);
    (target.run)(data);
    let took = PEAK.get() - before;
    assert!(took <= target.most_bytes as isize, "{}: {took} bytes of memory for {} of input", target.name, data.len());
});
