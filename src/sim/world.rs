//! One thread, one clock: tasks, timers and what happened, under a seed.
//!
//! *Invariants.* Nothing here reads a real clock or a real source of randomness. Which of the tasks that could run runs
//! next is drawn from the seed, and time goes on only when none could. A task belongs to whoever spawned it; when its
//! owner dies, it is dropped where it stands, as a process's threads are.

use super::random::Random;
use futures::channel::oneshot;
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, hash_map::DefaultHasher},
    hash::{Hash as _, Hasher as _},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

/// Steps that one run may take at the most: beyond it tasks keep each other awake without end.
const STEPS_MAX: u64 = 20_000_000;
/// Where time begins; not at zero, so that a moment before can be named.
pub(super) const BEGINNING: Duration = Duration::from_hours(1);
/// Lines of the trace that are kept for a report.
const TRACE_LINES_MAX: usize = 20_000;

/// Who a task belongs to: a life of a node, or the simulation itself. Never used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Owner {
    /// The node; 0: the simulation.
    pub(super) node: u64,
    /// Which of its lives.
    pub(super) life: u64,
}

/// The simulation itself.
pub(super) const SIMULATION: Owner = Owner { node: 0, life: 0 };

type TaskId = u64;
type Future = Pin<Box<dyn std::future::Future<Output = ()>>>;

struct Task {
    owner: Owner,
    /// What the task is for, for those who ask in it.
    tag: u64,
    /// `None` while it runs.
    future: Option<Future>,
    waker: Arc<TaskWaker>,
}

struct TaskWaker {
    id: TaskId,
    queued: AtomicBool,
    queue: Arc<Mutex<Vec<TaskId>>>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.push(self.id);
        }
    }
}

/// Everything that a run has.
struct World {
    now: Duration,
    random: Random,
    tasks: BTreeMap<TaskId, Task>,
    next_task: TaskId,
    woken: Arc<Mutex<Vec<TaskId>>>,
    ready: Vec<TaskId>,
    /// Tasks of nodes that stand still.
    parked: Vec<TaskId>,
    frozen: BTreeSet<u64>,
    timers: BTreeMap<(Duration, u64), Waker>,
    next_timer: u64,
    current: (Owner, u64),
    /// Owners to be ended after the step that is under way.
    doomed: Vec<(Owner, String)>,
    steps: u64,
    trace: DefaultHasher,
    lines: Option<Vec<String>>,
    events: u64,
}

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// Why a run could not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stuck {
    /// No task can run, and no timer is set.
    NothingToDo,
    /// More steps than a run may have.
    Endless,
}

/// Nothing runs outside of a run: a defect of the simulator itself.
fn with<T>(work: impl FnOnce(&mut World) -> T) -> T {
    WORLD.with(|world| match world.borrow_mut().as_mut() {
        Some(world) => work(world),
        None => unreachable!("the simulated world was asked outside of a run"),
    })
}

/// The same where the world may be gone: in destructors.
fn with_if_there(work: impl FnOnce(&mut World)) {
    WORLD.with(|world| {
        if let Ok(mut world) = world.try_borrow_mut()
            && let Some(world) = world.as_mut()
        {
            work(world);
        }
    });
}

/// The digest of a run's trace, how many events it has, and its last lines if they were kept.
pub(super) struct Trace {
    pub(super) digest: u64,
    pub(super) events: u64,
    pub(super) lines: Vec<String>,
}

/// Runs `main` and everything that it spawns; ends with it.
pub(super) fn run<T: 'static>(
    seed: u64,
    keep_lines: bool,
    main: impl Future2<T>,
) -> (Result<T, Stuck>, Trace, Duration) {
    WORLD.with(|world| *world.borrow_mut() = Some(World::new(seed, keep_lines)));
    let (sender, mut receiver) = oneshot::channel();
    spawn_for(SIMULATION, 0, async move {
        let _ = sender.send(main.await);
    });
    let result = loop {
        if let Ok(Some(value)) = receiver.try_recv() {
            break Ok(value);
        }
        if let Err(stuck) = step() {
            break Err(stuck);
        }
    };
    let tasks = with(|world| std::mem::take(&mut world.tasks));
    drop(tasks);
    let world = WORLD.with(|world| world.borrow_mut().take());
    let (trace, now) = world.map_or_else(
        || unreachable!("the world was there a line ago"),
        |world| {
            let trace = Trace {
                digest: world.trace.finish(),
                events: world.events,
                lines: world.lines.clone().unwrap_or_default(),
            };
            (trace, world.now)
        },
    );
    (result, trace, now)
}

/// A future without the bounds that only threads need.
pub(super) trait Future2<T>: std::future::Future<Output = T> + 'static {}
impl<T, F: std::future::Future<Output = T> + 'static> Future2<T> for F {}

impl World {
    fn new(seed: u64, keep_lines: bool) -> Self {
        Self {
            now: BEGINNING,
            random: Random::new(seed, 1),
            tasks: BTreeMap::new(),
            next_task: 0,
            woken: Arc::default(),
            ready: Vec::new(),
            parked: Vec::new(),
            frozen: BTreeSet::new(),
            timers: BTreeMap::new(),
            next_timer: 0,
            current: (SIMULATION, 0),
            doomed: Vec::new(),
            steps: 0,
            trace: DefaultHasher::new(),
            lines: keep_lines.then(Vec::new),
            events: 0,
        }
    }

    /// A task that can run, if there is one.
    fn next_ready(&mut self) -> Option<TaskId> {
        loop {
            let mut woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
            // tokio's watch wakes those who wait in an order of its own chance.
            woken.sort_unstable();
            self.ready.append(&mut woken);
            drop(woken);
            if self.ready.is_empty() {
                return None;
            }
            let index = usize::try_from(self.random.below(self.ready.len() as u64));
            let id = self.ready.swap_remove(index.unwrap_or_default());
            let Some(task) = self.tasks.get(&id) else {
                continue;
            };
            if self.frozen.contains(&task.owner.node) {
                self.parked.push(id);
            } else {
                return Some(id);
            }
        }
    }

    /// Goes on to the next timer.
    fn advance(&mut self) -> Result<Waker, Stuck> {
        let ((at, _), waker) = self.timers.pop_first().ok_or(Stuck::NothingToDo)?;
        self.now = self.now.max(at);
        Ok(waker)
    }
}

/// Lets one task run, or time go on.
fn step() -> Result<(), Stuck> {
    let next = with(|world| {
        world.steps += 1;
        if world.steps > STEPS_MAX {
            return Err(Stuck::Endless);
        }
        Ok(world.next_ready())
    })?;
    let Some(id) = next else {
        let waker = with(World::advance)?;
        waker.wake();
        return Ok(());
    };
    poll(id);
    end_doomed();
    Ok(())
}

fn poll(id: TaskId) {
    let taken = with(|world| {
        let task = world.tasks.get_mut(&id)?;
        task.waker.queued.store(false, Ordering::Relaxed);
        let future = task.future.take()?;
        world.current = (task.owner, task.tag);
        Some((future, Arc::clone(&task.waker), task.owner))
    });
    let Some((mut future, waker, owner)) = taken else {
        return;
    };
    let waker = Waker::from(waker);
    let mut context = Context::from_waker(&waker);
    let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut context)));
    let is_pending = match polled {
        Ok(polled) => polled.is_pending(),
        Err(panic) => {
            let text = panic_text(panic.as_ref());
            doom(owner, format!("panic: {text}"));
            false
        }
    };
    if is_pending {
        with(|world| {
            if let Some(task) = world.tasks.get_mut(&id) {
                task.future = Some(future);
            }
        });
    } else {
        // Dropped before the owner is forgotten: destructors may spawn.
        drop(future);
        let task = with(|world| world.tasks.remove(&id));
        drop(task);
    }
    with(|world| world.current = (SIMULATION, 0));
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}

/// Ends what was doomed during the last step.
fn end_doomed() {
    loop {
        let doomed = with(|world| (!world.doomed.is_empty()).then(|| world.doomed.remove(0)));
        let Some((owner, reason)) = doomed else {
            return;
        };
        kill(owner);
        DEATHS.with(|deaths| deaths.borrow_mut().push((owner, reason)));
    }
}

thread_local! {
    /// Who died of itself, and why, until somebody asks.
    static DEATHS: RefCell<Vec<(Owner, String)>> = const { RefCell::new(Vec::new()) };
}

/// Who died of itself since the last question, and why.
pub(super) fn take_deaths() -> Vec<(Owner, String)> {
    DEATHS.with(|deaths| std::mem::take(&mut *deaths.borrow_mut()))
}

/// Ends an owner after the step that is under way: its power fails, or it panicked.
pub(super) fn doom(owner: Owner, reason: String) {
    with(|world| world.doomed.push((owner, reason)));
}

/// Drops all tasks of an owner, where they stand.
pub(super) fn kill(owner: Owner) {
    let dead: Vec<Task> = with(|world| {
        let ids: Vec<TaskId> = world
            .tasks
            .iter()
            .filter(|(_, task)| task.owner == owner)
            .map(|(id, _)| *id)
            .collect();
        ids.iter().filter_map(|id| world.tasks.remove(id)).collect()
    });
    drop(dead);
}

/// Lets a node stand still, or go on.
pub(super) fn freeze(node: u64, still: bool) {
    with(|world| {
        if still {
            world.frozen.insert(node);
        } else if world.frozen.remove(&node) {
            world.ready.append(&mut world.parked);
        }
    });
}

/// Whether a node stands still.
pub(super) fn is_frozen(node: u64) -> bool {
    with(|world| world.frozen.contains(&node))
}

/// Time since the beginning (which is not at zero).
pub(super) fn now() -> Duration {
    with(|world| world.now)
}

/// The world's own random numbers: the engine's timeouts, delays on the way.
pub(super) fn random<T>(draw: impl FnOnce(&mut Random) -> T) -> T {
    with(|world| draw(&mut world.random))
}

/// Whose task runs, and its tag.
pub(super) fn current() -> (Owner, u64) {
    with(|world| world.current)
}

/// Runs `work` as if a task of `owner` did.
pub(super) fn as_owner<T>(owner: Owner, work: impl FnOnce() -> T) -> T {
    let before = with(|world| std::mem::replace(&mut world.current, (owner, 0)));
    let result = work();
    with(|world| world.current = before);
    result
}

/// Spawns a task that belongs to whoever runs.
pub(super) fn spawn(future: impl std::future::Future<Output = ()> + 'static) {
    let (owner, _) = current();
    spawn_for(owner, 0, future);
}

/// Spawns a task.
pub(super) fn spawn_for(
    owner: Owner,
    tag: u64,
    future: impl std::future::Future<Output = ()> + 'static,
) {
    let future: Future = Box::pin(future);
    with(|world| {
        let id = world.next_task;
        world.next_task += 1;
        let waker = Arc::new(TaskWaker {
            id,
            queued: AtomicBool::new(true),
            queue: Arc::clone(&world.woken),
        });
        world.ready.push(id);
        let task = Task {
            owner,
            tag,
            future: Some(future),
            waker,
        };
        world.tasks.insert(id, task);
    });
}

/// Notes what happened. The text is only made where somebody will read it; `what` is what is digested.
pub(super) fn note(kind: &str, what: &[u64], text: impl FnOnce() -> String) {
    with(|world| {
        world.events += 1;
        (world.now, kind, what).hash(&mut world.trace);
        if let Some(lines) = &mut world.lines {
            let now = world.now.saturating_sub(BEGINNING).as_secs_f64();
            let line = format!("{now:>10.6} {kind} {}", text());
            if lines.len() >= TRACE_LINES_MAX {
                lines.drain(..TRACE_LINES_MAX / 2);
            }
            lines.push(line);
        }
    });
}

/// A short digest of bytes, for the trace.
pub(super) fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

/// Resolves when it is that late.
#[derive(Debug)]
pub(super) struct Timer {
    deadline: Duration,
    key: Option<(Duration, u64)>,
}

impl Timer {
    /// At a moment of [`now`].
    pub(super) fn at(deadline: Duration) -> Self {
        Self {
            deadline,
            key: None,
        }
    }

    /// After a while.
    pub(super) fn after(duration: Duration) -> Self {
        Self::at(now().saturating_add(duration))
    }
}

impl std::future::Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        with(|world| {
            if world.now >= this.deadline {
                if let Some(key) = this.key.take() {
                    world.timers.remove(&key);
                }
                return Poll::Ready(());
            }
            let key = *this.key.get_or_insert_with(|| {
                world.next_timer += 1;
                (this.deadline, world.next_timer)
            });
            world.timers.insert(key, cx.waker().clone());
            Poll::Pending
        })
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            let mut waker = None;
            with_if_there(|world| waker = world.timers.remove(&key));
            // Outside: it may be the last one of a task.
            drop(waker);
        }
    }
}
