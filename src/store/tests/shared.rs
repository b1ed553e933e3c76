//! A store of objects before the first lease: the self-test and the marker.

use crate::chain::Body;
use crate::clock::Clock;
use crate::model::BusinessId;
use crate::store::lock::Attempt;
use crate::store::objects::Objects;
use crate::store::remote::{Remote, Taking};
use crate::store::{JournalError, MemoryFaults, MemoryObjects};
use std::sync::Arc;
use std::time::Duration;

/// A store in memory, and the state in it.
struct Shared {
    clock: Clock,
    objects: Arc<MemoryObjects>,
    remote: Remote,
}

impl Shared {
    fn new(faults: MemoryFaults) -> Self {
        Self::with(Clock::real(), faults)
    }

    fn with(clock: Clock, faults: MemoryFaults) -> Self {
        let objects = Arc::new(MemoryObjects::new(clock.clone(), faults));
        let remote = Remote::new(Objects::memory(Arc::clone(&objects)), None);
        Self { clock, objects, remote }
    }

    /// Takes the lease of a business. Returns whether it was free.
    async fn take(&self) -> Result<bool, JournalError> {
        let business: BusinessId = "10".parse().unwrap();
        let attempt = self.remote.take(business, Taking::default(), &self.clock).await?;
        Ok(matches!(attempt, Attempt::Taken(_)))
    }

    async fn put(&self, name: &str, text: &str) {
        self.objects.put(name, &Body::from(text.as_bytes())).await.unwrap();
    }
}

#[tokio::test]
async fn a_store_that_keeps_the_condition_is_tested_once() {
    let shared = Shared::new(MemoryFaults::default());
    assert!(shared.take().await.unwrap());
    let marker = shared.objects.get("wabacl.json").await.unwrap().unwrap();
    let expected = r#"{"format":"wabacl-state","v":1,"store":"memory:///"}"#;
    assert_eq!(String::from_utf8_lossy(&marker), expected);
    let tested = shared.objects.list("self-test", None).await.unwrap();
    assert_eq!(tested.len(), 3);
    assert!(!shared.take().await.unwrap(), "the first run holds it");
    assert_eq!(shared.objects.list("self-test", None).await.unwrap(), tested);
}

#[tokio::test]
async fn a_store_that_ignores_the_condition_is_refused_before_anything_else_is_written() {
    let shared = Shared::new(MemoryFaults { ignores_condition: true, ..MemoryFaults::default() });
    let error = shared.take().await.unwrap_err();
    assert!(matches!(error, JournalError::NotConditional { won: 16, puts: 16, .. }), "{error}");
    assert_eq!(shared.objects.folders(), ["self-test"]);
    assert_eq!(shared.objects.get("wabacl.json").await.unwrap(), None);
}

#[tokio::test]
async fn a_marker_for_another_store_is_not_believed() {
    let shared = Shared::new(MemoryFaults { ignores_condition: true, ..MemoryFaults::default() });
    shared.put("wabacl.json", r#"{"format":"wabacl-state","v":1,"store":"s3://other/state"}"#).await;
    let error = shared.take().await.unwrap_err();
    assert!(matches!(error, JournalError::NotConditional { .. }), "{error}");
}

#[tokio::test]
async fn a_layout_of_another_version_is_refused() {
    for marker in [r#"{"format":"wabacl-state","v":2,"store":"memory:///"}"#, "{}", "nonsense"] {
        let shared = Shared::new(MemoryFaults::default());
        shared.put("wabacl.json", marker).await;
        let error = shared.take().await.unwrap_err();
        assert!(matches!(error, JournalError::OtherLayout { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_no_store_without_conditions() {
    let shared = Shared::new(MemoryFaults::default());
    shared.objects.set_down(true);
    let error = shared.take().await.unwrap_err();
    assert!(matches!(error, JournalError::Store { doing: "reading", .. }), "{error}");
}

#[test]
fn a_store_that_fails_at_times_is_no_store_without_conditions() {
    let mut taken = 0;
    for seed in 0..100 {
        let clock = Clock::simulated("2026-11-23T10:00:00Z".parse().unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let latency = Duration::from_millis(200);
        let faults =
            MemoryFaults { failed: 5, answer_lost: 5, late: 5, latency, seed, ..MemoryFaults::default() };
        let shared = Shared::with(clock.clone(), faults);
        match runtime.block_on(clock.run(shared.take())) {
            Ok(is_taken) => {
                assert!(is_taken, "seed {seed}: nobody else is there");
                taken += 1;
            }
            Err(JournalError::Store { .. }) => {}
            Err(error) => panic!("seed {seed}: {error}"),
        }
    }
    assert!(taken > 20, "{taken} of 100");
}
