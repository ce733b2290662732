//! An upstream that answers when it is told to: calls can be held in flight for exactly as long as a
//! test needs, without a clock.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
};

use super::PATIENCE;

#[derive(Default)]
struct State {
    arrived: usize,
    /// How many askers have gone before the gate was opened.
    left: usize,
    open: bool,
    closed: bool,
}

type Shared = Arc<(Mutex<State>, Condvar)>;

/// An upstream that holds every request until it is opened.
pub(crate) struct Gate {
    address: SocketAddr,
    shared: Shared,
}

impl Gate {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Shared::default();
        let accepting = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if accepting.0.lock().unwrap().closed {
                    return;
                }
                let shared = accepting.clone();
                std::thread::spawn(move || hold(&stream, &shared));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until `count` requests in all have come.
    pub(crate) fn wait_for(&self, count: usize) {
        self.wait_until("requests came", count, |state| state.arrived);
    }

    /// Waits until `count` of those who asked have gone without waiting for the answer.
    pub(crate) fn wait_until_left_by(&self, count: usize) {
        self.wait_until("askers left", count, |state| state.left);
    }

    /// How many requests have come in all.
    pub(crate) fn arrived(&self) -> usize {
        self.shared.0.lock().unwrap().arrived
    }

    /// How many of those who asked have gone without waiting for the answer.
    pub(crate) fn left_by(&self) -> usize {
        self.shared.0.lock().unwrap().left
    }

    fn wait_until(&self, what: &str, count: usize, counted: impl Fn(&State) -> usize) {
        let (state, changed) = &*self.shared;
        let (state, timeout) = changed
            .wait_timeout_while(state.lock().unwrap(), PATIENCE, |state| {
                counted(state) < count
            })
            .unwrap();
        assert!(
            !timeout.timed_out(),
            "{} of {count} {what}",
            counted(&state)
        );
    }

    /// Answers what is held and whatever comes.
    pub(crate) fn open(&self) {
        self.shared.0.lock().unwrap().open = true;
        self.shared.1.notify_all();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        // A poisoned lock means that a thread of ours has failed; the test has failed with it.
        if let Ok(mut state) = self.shared.0.lock() {
            (state.open, state.closed) = (true, true);
        }
        self.shared.1.notify_all();
        // Wakes the accept loop; it cannot be woken when it has gone.
        let _ = TcpStream::connect(self.address);
    }
}

/// Reads a request's head, waits for the gate, answers. The asker may have gone by then.
fn hold(stream: &TcpStream, shared: &Shared) {
    let (state, changed) = &**shared;
    let head = BufReader::new(stream).lines();
    if head
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
        .count()
        == 0
    {
        return;
    }
    watch(stream.try_clone().unwrap(), shared.clone());
    let mut state = state.lock().unwrap();
    state.arrived += 1;
    changed.notify_all();
    drop(changed.wait_while(state, |state| !state.open).unwrap());
    let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 13\r\n\
                  connection: close\r\n\r\n{\"held\":true}";
    let mut stream = stream;
    let _ = stream.write_all(answer.as_bytes());
}

/// Waits for the asker to leave, in a thread of its own.
fn watch(mut stream: TcpStream, shared: Shared) {
    std::thread::spawn(move || {
        // Whatever it says now, or an error, is not what an asker says who waits.
        let _ = stream.read(&mut [0]);
        let mut state = shared.0.lock().unwrap();
        if !state.open {
            state.left += 1;
            shared.1.notify_all();
        }
    });
}
