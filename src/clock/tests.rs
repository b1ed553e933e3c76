use super::Clock;
use std::cell::RefCell;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn simulated_timers_fire_in_the_order_of_their_deadlines() {
    let clock = Clock::simulated("2026-11-23T00:00:00Z".parse().unwrap());
    let woken = RefCell::new(Vec::new());
    let sleeper = |hours: u32| {
        let (clock, woken) = (&clock, &woken);
        async move {
            clock.sleep(HOUR * hours).await;
            woken.borrow_mut().push((hours, clock.now().to_string()));
        }
    };
    clock.run(async { tokio::join!(sleeper(3), sleeper(1), sleeper(2)) }).await;
    assert_eq!(
        woken.into_inner(),
        [
            (1, String::from("2026-11-23T01:00:00Z")),
            (2, String::from("2026-11-23T02:00:00Z")),
            (3, String::from("2026-11-23T03:00:00Z"))
        ]
    );
}

#[tokio::test]
async fn a_simulated_clock_stands_still_while_work_is_in_flight() {
    let clock = Clock::simulated("2026-11-23T00:00:00Z".parse().unwrap());
    let (done, received) = tokio::sync::oneshot::channel::<()>();
    clock
        .run(async {
            let work = clock.working(async {
                std::thread::spawn(move || done.send(())).join().unwrap().unwrap();
                received.await.unwrap();
                for _ in 0..100 {
                    tokio::task::yield_now().await;
                }
                assert_eq!(clock.elapsed(), Duration::ZERO);
            });
            tokio::join!(work, clock.sleep(HOUR));
        })
        .await;
    assert_eq!(clock.elapsed(), HOUR);
}

#[tokio::test]
async fn a_simulated_clock_moves_while_a_server_delays_a_response() {
    let clock = Clock::simulated("2026-11-23T00:00:00Z".parse().unwrap());
    clock
        .run(async {
            let answered = clock.working(clock.hold(HOUR));
            assert_eq!(clock.within(HOUR / 2, answered).await, None, "the caller gave up first");
            assert_eq!(clock.elapsed(), HOUR / 2);
            assert_eq!(clock.within(HOUR * 2, clock.working(clock.hold(HOUR))).await, Some(()));
        })
        .await;
    assert_eq!(clock.elapsed(), HOUR / 2 + HOUR);
}

#[tokio::test]
async fn a_faster_clock_shows_more_elapsed_time() {
    let clock = Clock::scaled(1e9);
    clock.sleep(HOUR).await;
    assert!(clock.elapsed() >= HOUR);
}
