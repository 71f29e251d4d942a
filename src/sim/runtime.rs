//! openraft's runtime in the simulated world.
//!
//! The channels are those of openraft's tokio binding: they need no tokio to run, only somebody who wakes.

use super::world::{self, Timer};
use futures::{FutureExt, channel::oneshot};
use openraft::{AsyncRuntime, OptionalSend};
use openraft_rt::deterministic_rng::DeterministicRng;
use openraft_rt_tokio::{TokioMpsc, TokioMutex, TokioOneshot, TokioRuntime, TokioWatch};
use std::{
    fmt,
    ops::{Add, AddAssign, Sub, SubAssign},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Simulated;

/// A moment of the simulated clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(Duration);

impl Add<Duration> for Moment {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}

impl AddAssign<Duration> for Moment {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Moment {
    type Output = Self;
    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration))
    }
}

impl SubAssign<Duration> for Moment {
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}

impl Sub for Moment {
    type Output = Duration;
    fn sub(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl openraft::Instant for Moment {
    fn now() -> Self {
        Self(world::now())
    }
}

/// The time is over, or the task is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Over;

impl fmt::Display for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is over")
    }
}

/// The end of a task, awaited.
pub(super) struct Joined<T>(oneshot::Receiver<T>);

impl<T> Future for Joined<T> {
    type Output = Result<T, Over>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_unpin(cx).map_err(|_| Over)
    }
}

/// A future with a time limit.
pub(super) struct Limited<F> {
    future: Pin<Box<F>>,
    timer: Timer,
}

impl<F: Future> Future for Limited<F> {
    type Output = Result<F::Output, Over>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(value) = self.future.as_mut().poll(cx) {
            return Poll::Ready(Ok(value));
        }
        self.timer.poll_unpin(cx).map(|()| Err(Over))
    }
}

impl AsyncRuntime for Simulated {
    type JoinError = Over;
    type JoinHandle<T: OptionalSend + 'static> = Joined<T>;
    type Sleep = Timer;
    type Instant = Moment;
    type TimeoutError = Over;
    type Timeout<R, T: Future<Output = R> + OptionalSend> = Limited<T>;
    type ThreadLocalRng = <DeterministicRng<TokioRuntime> as AsyncRuntime>::ThreadLocalRng;
    type Mpsc = TokioMpsc;
    type Watch = TokioWatch;
    type Oneshot = TokioOneshot;
    type Mutex<T: OptionalSend + 'static> = TokioMutex<T>;

    fn spawn<T>(future: T) -> Joined<T::Output>
    where
        T: Future + OptionalSend + 'static,
        T::Output: OptionalSend + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        world::spawn(async move {
            // Nobody has to wait for it.
            let _ = sender.send(future.await);
        });
        Joined(receiver)
    }

    fn sleep(duration: Duration) -> Timer {
        Timer::after(duration)
    }

    fn sleep_until(deadline: Moment) -> Timer {
        Timer::at(deadline.0)
    }

    fn timeout<R, F: Future<Output = R> + OptionalSend>(
        duration: Duration,
        future: F,
    ) -> Limited<F> {
        Limited {
            future: Box::pin(future),
            timer: Timer::after(duration),
        }
    }

    fn timeout_at<R, F: Future<Output = R> + OptionalSend>(
        deadline: Moment,
        future: F,
    ) -> Limited<F> {
        Limited {
            future: Box::pin(future),
            timer: Timer::at(deadline.0),
        }
    }

    fn is_panic(_: &Over) -> bool {
        false
    }

    fn thread_rng() -> Self::ThreadLocalRng {
        // openraft's own generator, seeded from ours: its type is the one that it asks for.
        type Seeded = DeterministicRng<TokioRuntime>;
        let seed = world::random(super::random::Random::next);
        let drawn = Seeded::scope(seed, async { <Seeded as AsyncRuntime>::thread_rng() });
        match drawn.now_or_never() {
            Some(random) => random,
            None => unreachable!("nothing is waited for"),
        }
    }

    fn new(_threads: usize) -> Self {
        Self
    }

    fn block_on<F, T>(&mut self, _future: F) -> T
    where
        F: Future<Output = T>,
    {
        unreachable!("the simulated world runs by `world::run`")
    }
}
