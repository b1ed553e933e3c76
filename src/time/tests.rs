use super::Time;
use std::cell::RefCell;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn in_a_simulation_sleepers_wake_in_the_order_of_their_moments() {
    let time = Time::simulated("2026-11-23T00:00:00Z".parse().unwrap());
    let woken = RefCell::new(Vec::new());
    let sleeper = |hours: u32| {
        let (time, woken) = (&time, &woken);
        async move {
            time.sleep(HOUR * hours).await;
            woken.borrow_mut().push((hours, time.now().to_string()));
        }
    };
    time.run(async { tokio::join!(sleeper(3), sleeper(1), sleeper(2)) }).await;
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
async fn a_simulation_stands_still_while_anything_is_worked_on() {
    let time = Time::simulated("2026-11-23T00:00:00Z".parse().unwrap());
    let (done, told) = tokio::sync::oneshot::channel::<()>();
    time.run(async {
        let work = time.working(async {
            std::thread::spawn(move || done.send(())).join().unwrap().unwrap();
            told.await.unwrap();
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            assert_eq!(time.elapsed(), Duration::ZERO);
        });
        tokio::join!(work, time.sleep(HOUR));
    })
    .await;
    assert_eq!(time.elapsed(), HOUR);
}

#[tokio::test]
async fn work_that_a_server_holds_back_lets_the_clock_go_on() {
    let time = Time::simulated("2026-11-23T00:00:00Z".parse().unwrap());
    time.run(async {
        let answered = time.working(time.hold(HOUR));
        assert_eq!(time.within(HOUR / 2, answered).await, None, "the caller gave up first");
        assert_eq!(time.elapsed(), HOUR / 2);
        assert_eq!(time.within(HOUR * 2, time.working(time.hold(HOUR))).await, Some(()));
    })
    .await;
    assert_eq!(time.elapsed(), HOUR / 2 + HOUR);
}

#[tokio::test]
async fn a_faster_clock_tells_that_more_time_has_passed() {
    let time = Time::scaled(1e9);
    time.sleep(HOUR).await;
    assert!(time.elapsed() >= HOUR);
}
