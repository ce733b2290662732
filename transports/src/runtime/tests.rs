//! The contract of all adapters, tested for each that is built.

use std::{
    fs,
    future::poll_fn,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    panic::catch_unwind,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    task::Poll,
    thread::{self, ThreadId},
    time::{Duration, Instant},
};

use futures::channel::oneshot;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;

use super::*;
use crate::{
    http::{Body, HttpOptions, HttpService, bind, serve_http, text},
    shutdown::Shutdown,
};

/// Longer than anything takes that a test waits for.
const PATIENCE: Duration = Duration::from_secs(20);

macro_rules! adapters {
    ($($feature:literal $name:ident $runtime:ident;)+) => { $(
        #[cfg(feature = $feature)]
        mod $name {
            adapters!(@cases $runtime:
                accepted_connections_have_nodelay_as_asked_and_an_address
                a_connection_in_the_backlog_can_be_adopted
                a_client_that_waits_when_the_shutdown_begins_is_answered
                tasks_run_on_workers_and_blocking_work_does_not
                a_tokio_context_is_everywhere
                many_ready_tasks_have_as_many_turns
                a_sleep_takes_its_time
                a_panic_of_main_is_resumed
                a_panic_of_a_task_affects_no_other_task
                a_panic_of_blocking_work_is_resumed_in_its_caller
                each_shard_finds_the_value_that_was_made_on_it
            );
        }
    )+ };
    (@cases $runtime:ident: $($case:ident)+) => { $(
        #[test]
        fn $case() {
            super::$case::<super::$runtime>();
        }
    )+ };
}

adapters! {
    "tokio-runtime" tokio Tokio;
    "percore-runtime" percore PerCore;
    "async-std-runtime" async_std AsyncStd;
    "smol-runtime" smol Smol;
}

/// A connection that tells whether `TCP_NODELAY` is set on it.
trait Nodelay {
    fn nodelay(&self) -> bool;
}

#[cfg(feature = "tokio-runtime")]
impl Nodelay for hyper_util::rt::TokioIo<::tokio::net::TcpStream> {
    fn nodelay(&self) -> bool {
        self.inner().nodelay().unwrap()
    }
}

#[cfg(feature = "async-std-runtime")]
impl Nodelay for smol_hyper::rt::FuturesIo<::async_std::net::TcpStream> {
    fn nodelay(&self) -> bool {
        self.get_ref().nodelay().unwrap()
    }
}

#[cfg(feature = "smol-runtime")]
impl Nodelay for smol_hyper::rt::FuturesIo<::smol::Async<TcpStream>> {
    fn nodelay(&self) -> bool {
        self.get_ref().get_ref().nodelay().unwrap()
    }
}

/// Binds a listener to a free port of this machine.
fn listener() -> (std::net::TcpListener, SocketAddr) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn accepted_connections_have_nodelay_as_asked_and_an_address<R: Runtime<Io: Nodelay>>() {
    R::block_on(1, |runtime| async move {
        let (listener, address) = listener();
        let listener = runtime.listen(listener).unwrap();
        for nodelay in [true, false] {
            let client = TcpStream::connect(address).unwrap();
            let (accepted, address) = runtime.accept(&listener, nodelay).await.unwrap();
            assert_eq!(accepted.nodelay(), nodelay);
            assert_eq!(address, client.local_addr().unwrap());
        }
    })
    .unwrap();
}

fn a_connection_in_the_backlog_can_be_adopted<R: Runtime<Io: Nodelay>>() {
    R::block_on(1, |runtime| async move {
        let (listener, address) = listener();
        for nodelay in [true, false] {
            let _client = TcpStream::connect(address).unwrap();
            let (stream, _) = listener.accept().unwrap();
            let adopted = runtime.adopt(stream, nodelay).unwrap();
            assert_eq!(adopted.nodelay(), nodelay);
        }
    })
    .unwrap();
}

/// Answers every request with a text.
#[derive(Clone)]
struct Hello;

impl HttpService for Hello {
    async fn respond(&self, _: Request<Incoming>, _: SocketAddr) -> Response<Body> {
        text(StatusCode::OK, "hello")
    }
}

/// Waits until the kernel has delivered the bytes of a client, which on a busy machine is after the
/// write: until all of them are acknowledged.
fn arrives(client: &TcpStream) {
    let local = format!(":{:04X}", client.local_addr().unwrap().port());
    let is_sending = || {
        let table = fs::read_to_string("/proc/net/tcp").unwrap();
        let rows = table.lines().map(|row| row.split_whitespace().collect());
        let mut own = rows.filter(|row: &Vec<&str>| row[1].ends_with(&local));
        own.any(|row| !row[4].starts_with("00000000:"))
    };
    while is_sending() {
        thread::yield_now();
    }
}

fn a_client_that_waits_when_the_shutdown_begins_is_answered<R: Runtime>() {
    R::block_on(2, |runtime| async move {
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        let listeners = bind(any_port, runtime.shards().len()).unwrap();
        let address = listeners.local_addr().unwrap();
        let waiting = [(); 8].map(|()| {
            let mut client = TcpStream::connect(address).unwrap();
            client
                .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
                .unwrap();
            arrives(&client);
            client
        });
        let shutdown = Shutdown::new(PATIENCE);
        shutdown.begin();
        let options = HttpOptions::default();
        serve_http(runtime, listeners, Hello, options, shutdown)
            .await
            .unwrap();
        for mut client in waiting {
            let mut answer = String::new();
            client.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
    })
    .unwrap();
}

/// Returns the name and the id of the current thread.
fn here() -> (Option<String>, ThreadId) {
    let here = thread::current();
    (here.name().map(Into::into), here.id())
}

/// Runs `observe` in a task of `runtime`.
async fn in_a_task<R: Runtime, T: Send + 'static>(
    runtime: &R,
    observe: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (sender, receiver) = oneshot::channel();
    runtime.execute(Box::pin(async move {
        let _ = sender.send(observe());
    }));
    receiver.await.unwrap()
}

fn tasks_run_on_workers_and_blocking_work_does_not<R: Runtime>() {
    let outside = here();
    R::block_on(1, |runtime| async move {
        for (name, id) in [here(), in_a_task(&runtime, here).await] {
            assert_eq!(name.as_deref(), Some(WORKER));
            assert_ne!(id, outside.1);
        }
        // The one worker is free while the blocking work waits for it.
        let (sender, receiver) = mpsc::channel();
        let waiting = runtime.unblock(move || receiver.recv_timeout(PATIENCE));
        in_a_task(&runtime, move || sender.send(()).unwrap()).await;
        waiting.await.unwrap();
    })
    .unwrap();
}

fn a_tokio_context_is_everywhere<R: Runtime>() {
    R::block_on(1, |runtime| async move {
        let has = || ::tokio::runtime::Handle::try_current().is_ok();
        assert!(has());
        assert!(in_a_task(&runtime, has).await);
        assert!(runtime.unblock(has).await);
        // The context has timers and sockets, and runs spawned tasks.
        let spawned = ::tokio::spawn(async {
            ::tokio::time::sleep(Duration::from_millis(1)).await;
            ::tokio::net::TcpListener::bind("127.0.0.1:0").await.is_ok()
        });
        assert!(spawned.await.unwrap());
    })
    .unwrap();
}

fn a_sleep_takes_its_time<R: Runtime>() {
    const NAP: Duration = Duration::from_millis(50);
    let slept = R::block_on(1, |runtime| async move {
        let start = Instant::now();
        runtime.sleep(NAP).await;
        start.elapsed()
    });
    let slept = slept.unwrap();
    assert!(slept >= NAP && slept < PATIENCE, "{slept:?}");
}

fn a_panic_of_main_is_resumed<R: Runtime>() {
    let panicked = catch_unwind(|| R::block_on(1, |_| async { panic!("main") }));
    assert_eq!(panicked.unwrap_err().downcast_ref::<&str>(), Some(&"main"));
}

/// More tasks than a worker of tokio keeps in its own queue: the others must not wait for long.
fn many_ready_tasks_have_as_many_turns<R: Runtime>() {
    const TASKS: usize = 600;
    const MEAN: usize = 50;
    let turns = R::block_on(1, |runtime| async move {
        let turns: Arc<[AtomicUsize]> = (0..TASKS).map(|_| AtomicUsize::new(0)).collect();
        let (all, are_spawned) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (over, ended) = mpsc::channel();
        for task in 0..TASKS {
            let (turns, over) = (Arc::clone(&turns), over.clone());
            let (all, are_spawned) = (Arc::clone(&all), Arc::clone(&are_spawned));
            runtime.execute(Box::pin(poll_fn(move |context| {
                if are_spawned.load(Ordering::Acquire) {
                    turns[task].fetch_add(1, Ordering::Relaxed);
                    if all.fetch_add(1, Ordering::Relaxed) >= TASKS * MEAN {
                        let _ = over.send(());
                        return Poll::Ready(());
                    }
                }
                context.waker().wake_by_ref();
                Poll::Pending
            })));
        }
        are_spawned.store(true, Ordering::Release);
        runtime
            .unblock(move || ended.recv_timeout(PATIENCE))
            .await
            .unwrap();
        turns
    })
    .unwrap();
    let turns = turns.iter().map(|turns| turns.load(Ordering::Relaxed));
    let fewest = turns.min().unwrap();
    assert!(
        fewest >= MEAN / 5,
        "a task had {fewest} turns, the mean is {MEAN}"
    );
}

fn a_panic_of_a_task_affects_no_other_task<R: Runtime>() {
    let (sender, receiver) = mpsc::channel();
    R::block_on(1, |runtime| async move {
        for _ in 0..3 {
            runtime.execute(Box::pin(async { panic!("a task") }));
        }
        in_a_task(&runtime, move || sender.send(()).unwrap()).await;
    })
    .unwrap();
    receiver.recv_timeout(PATIENCE).unwrap();
}

fn a_panic_of_blocking_work_is_resumed_in_its_caller<R: Runtime>() {
    let panicked = catch_unwind(|| {
        R::block_on(1, |runtime| async move {
            runtime.unblock(|| panic!("blocking work")).await;
        })
    });
    assert_eq!(
        panicked.unwrap_err().downcast_ref::<&str>(),
        Some(&"blocking work")
    );
}

fn each_shard_finds_the_value_that_was_made_on_it<R: Runtime>() {
    R::block_on(3, |runtime| async move {
        let handle = Handle::new(runtime.clone());
        let made = PerShard::make(handle.clone(), |_, _| async {
            Ok::<_, io::Error>(here().1)
        });
        let made = made.await.unwrap();
        let shards = runtime.shards();
        for shard in &shards {
            let found = made.clone();
            let (made_on, found_on) = in_a_task(shard, move || (*found.here(), here().1)).await;
            assert!(shards.len() == 1 || made_on == found_on);
        }
        let shared = PerShard::shared(handle.clone(), 7);
        assert_eq!(*shared.here(), 7);
        let failed = PerShard::make(handle, |_, _| async {
            Err::<(), _>(io::Error::other("no"))
        });
        assert_eq!(failed.await.unwrap_err().to_string(), "no");
    })
    .unwrap();
}

#[cfg(feature = "percore-runtime")]
#[test]
fn the_tasks_of_a_core_stay_on_it() {
    PerCore::block_on(3, |runtime| async move {
        let mut cores = std::collections::HashSet::new();
        for shard in runtime.shards() {
            let anywhere = runtime.clone();
            let (sender, receiver) = oneshot::channel();
            shard.execute(Box::pin(async move {
                let (_, core) = here();
                let nested = in_a_task(&anywhere, here).await;
                let _ = sender.send((core, nested.1));
            }));
            let (core, nested) = receiver.await.unwrap();
            assert_eq!(core, nested);
            assert!(cores.insert(core), "two shards are on one thread");
        }
        assert_eq!(cores.len(), 3);
    })
    .unwrap();
}
