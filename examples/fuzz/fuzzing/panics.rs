//! Panics of tasks: the runtime catches them, so they have to be noticed where they happen.

use std::cell::RefCell;
use std::panic;
use std::sync::Once;

thread_local! {
    /// The last panic of this thread.
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs work, and panics if anything panicked in this thread meanwhile.
pub(crate) fn rethrown<T>(work: impl FnOnce() -> T) -> T {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let earlier = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            LAST.set(Some(info.to_string()));
            earlier(info);
        }));
    });
    LAST.take();
    let done = work();
    if let Some(message) = LAST.take() {
        panic!("in a task: {message}");
    }
    done
}
