//! openraft's runtime on tokio.
//!
//! *Invariant.* The same as openraft's own binding but for one thing: a sleep of less than [`SHORT`] only lets other
//! tasks run. tokio's clock ticks in milliseconds, and the engine sleeps for one microsecond on the way of every commit
//! to gather flushes, which would add a whole millisecond to it.

use openraft::{AsyncRuntime, OptionalSend};
use openraft_rt_tokio::TokioRuntime;
use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

/// Below this a sleep is a yield.
const SHORT: Duration = Duration::from_micros(100);

/// openraft on tokio. See the module.
#[derive(Debug)]
pub struct Tokio(TokioRuntime);

type Inner = TokioRuntime;

/// A pause.
#[derive(Debug)]
pub enum Sleep {
    /// For at least a tick of the clock.
    Timer(Pin<Box<tokio::time::Sleep>>),
    /// Until others have run.
    Yield {
        /// Whether they were given the chance.
        yielded: bool,
    },
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match &mut *self {
            Self::Timer(sleep) => sleep.as_mut().poll(cx),
            Self::Yield { yielded: true } => Poll::Ready(()),
            Self::Yield { yielded } => {
                *yielded = true;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

impl AsyncRuntime for Tokio {
    type JoinError = <Inner as AsyncRuntime>::JoinError;
    type JoinHandle<T: OptionalSend + 'static> = <Inner as AsyncRuntime>::JoinHandle<T>;
    type Sleep = Sleep;
    type Instant = <Inner as AsyncRuntime>::Instant;
    type TimeoutError = <Inner as AsyncRuntime>::TimeoutError;
    type Timeout<R, T: Future<Output = R> + OptionalSend> = <Inner as AsyncRuntime>::Timeout<R, T>;
    type ThreadLocalRng = <Inner as AsyncRuntime>::ThreadLocalRng;
    type Mpsc = <Inner as AsyncRuntime>::Mpsc;
    type Watch = <Inner as AsyncRuntime>::Watch;
    type Oneshot = <Inner as AsyncRuntime>::Oneshot;
    type Mutex<T: OptionalSend + 'static> = <Inner as AsyncRuntime>::Mutex<T>;

    fn spawn<T>(future: T) -> Self::JoinHandle<T::Output>
    where
        T: Future + OptionalSend + 'static,
        T::Output: OptionalSend + 'static,
    {
        Inner::spawn(future)
    }

    fn sleep(duration: Duration) -> Sleep {
        if duration < SHORT {
            Sleep::Yield { yielded: false }
        } else {
            Sleep::Timer(Box::pin(tokio::time::sleep(duration)))
        }
    }

    fn sleep_until(deadline: Self::Instant) -> Sleep {
        let now = <Self::Instant as openraft::Instant>::now();
        let left = openraft::Instant::saturating_duration_since(&deadline, now);
        if left < SHORT {
            Sleep::Yield { yielded: false }
        } else {
            Sleep::Timer(Box::pin(Inner::sleep_until(deadline)))
        }
    }

    fn timeout<R, F: Future<Output = R> + OptionalSend>(
        duration: Duration,
        future: F,
    ) -> Self::Timeout<R, F> {
        Inner::timeout(duration, future)
    }

    fn timeout_at<R, F: Future<Output = R> + OptionalSend>(
        deadline: Self::Instant,
        future: F,
    ) -> Self::Timeout<R, F> {
        Inner::timeout_at(deadline, future)
    }

    fn is_panic(join_error: &Self::JoinError) -> bool {
        Inner::is_panic(join_error)
    }

    fn thread_rng() -> Self::ThreadLocalRng {
        Inner::thread_rng()
    }

    fn new(threads: usize) -> Self {
        Self(Inner::new(threads))
    }

    fn block_on<F, T>(&mut self, future: F) -> T
    where
        F: Future<Output = T>,
    {
        self.0.block_on(future)
    }
}
