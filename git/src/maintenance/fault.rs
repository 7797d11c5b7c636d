//! The places at which a crash is interesting. Owns nothing: outside of this crate's tests reaching one does nothing.

/// What a test does at each step.
#[cfg(test)]
type Watch = Box<dyn FnMut(&'static str)>;

#[cfg(test)]
thread_local! {
    static WATCH: std::cell::RefCell<Option<Watch>> = const { std::cell::RefCell::new(None) };
}

/// Tells the test that watches this thread that a step is done.
#[cfg(test)]
pub(crate) fn reach(step: &'static str) {
    WATCH.with_borrow_mut(|watch| {
        if let Some(watch) = watch {
            watch(step);
        }
    });
}

/// Calls `watch` at every step that this thread reaches while `work` runs.
#[cfg(test)]
pub(crate) fn watching<T>(watch: impl FnMut(&'static str) + 'static, work: impl FnOnce() -> T) -> T {
    WATCH.set(Some(Box::new(watch)));
    let done = work();
    WATCH.set(None);
    done
}

/// Nothing, outside of tests.
#[cfg(not(test))]
#[inline]
pub(crate) fn reach(_step: &'static str) {}
