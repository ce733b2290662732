//! stdio (MCP, "Transports"): one JSON message a line, in on standard input, out on standard
//! output, which carries nothing else.
//!
//! A line that is no message is answered (-32700, -32600) and the server lives on. The end of
//! input, or the shutdown, ends the server after everything it was asked is answered.

mod lines;

use std::io;

use bytes::Bytes;
use futures::{
    AsyncRead, AsyncWrite, AsyncWriteExt,
    channel::oneshot,
    future::{Either, select},
};
use tokio::sync::mpsc;

use self::lines::{Line, Lines};
use crate::{
    conversation::{Conversation, NotTaken, Open, Opening, Rejection},
    fast_path::FastTools,
    runtime::Runtime,
    shutdown::Shutdown,
};

/// The longest line that is taken, in bytes.
pub const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;
/// Answers that are written at once, when so many are ready.
const WRITE_BATCH: usize = 64;
/// Answers that are given to the writer at once, in bytes.
const BATCH_BYTES: usize = 64 * 1024;

/// Serves a conversation of `opening`, whose messages are framed as lines, on `streams`, which are standard input and output outside of tests, until input
/// ends or `shutdown` begins.
///
/// # Errors
/// When the streams cannot be read or written. A reader of the output that goes away ends the
/// server without an error.
pub async fn serve_stdio<R, S, I, O>(
    runtime: R,
    opening: &Opening<S>,
    (stdin, stdout): (I, O),
    max_line_bytes: usize,
    shutdown: Shutdown,
) -> io::Result<()>
where
    R: Runtime,
    S: FastTools,
    I: AsyncRead + Unpin,
    O: AsyncWrite + Unpin + Send + 'static,
{
    let (conversation, open, outgoing) = opening.start();
    let (wrote, mut written) = oneshot::channel();
    runtime.execute(Box::pin(async move {
        let outcome = match write(stdout, outgoing).await {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                tracing::debug!("standard output was closed by its reader");
                Ok(())
            }
            outcome => outcome,
        };
        // The receiver is gone only when the server is.
        let _ = wrote.send(outcome);
    }));
    let mut input = Lines::new(stdin, max_line_bytes);
    let outcome = {
        let read = std::pin::pin!(read(&mut input, &conversation));
        let begun = std::pin::pin!(shutdown.begun());
        match select(select(read, begun), &mut written).await {
            Either::Left((Either::Left((outcome, _)), _)) => outcome,
            Either::Left((Either::Right(_), _)) => Ok(()),
            // Nobody reads any more: no answer is owed, whatever input may still bring.
            Either::Right((written, _)) => return written.unwrap_or(Ok(())),
        }
    };
    let ended = end(conversation, open, written);
    if shutdown.is_begun() {
        shutdown.drain(&runtime, async { drop(ended.await) }).await;
        return outcome;
    }
    // Without a signal there is no hurry: the peer waits for what it asked, but a signal may come.
    let ended = std::pin::pin!(ended);
    match select(ended, std::pin::pin!(shutdown.begun())).await {
        Either::Left((written, _)) => outcome.and(written),
        Either::Right(((), ended)) => {
            shutdown.drain(&runtime, async { drop(ended.await) }).await;
            outcome
        }
    }
}

/// Waits for the last answer, then for it to be written.
async fn end(
    conversation: Conversation,
    open: Open,
    written: oneshot::Receiver<io::Result<()>>,
) -> io::Result<()> {
    let answered = std::pin::pin!(conversation.answered());
    // The writer ends first only when nobody reads any more: then no answer is owed.
    let written = match select(answered, written).await {
        Either::Left(((), written)) => written,
        Either::Right((outcome, _)) => return outcome.unwrap_or(Ok(())),
    };
    drop(open);
    written.await.unwrap_or(Ok(()))
}

/// Takes line after line. What one read brought is answered in one piece, as far as it can be at once.
async fn read<I: AsyncRead + Unpin>(
    input: &mut Lines<I>,
    conversation: &Conversation,
) -> io::Result<()> {
    let mut batch = Vec::new();
    loop {
        while let Some(line) = input.next() {
            let taken = match line {
                Line::Whole(line) if line.trim_ascii().is_empty() => continue,
                Line::Whole(line) => take(conversation, line, &mut batch).await,
                Line::TooLong { limit_bytes } => Err(Rejection::too_large(limit_bytes).into()),
            };
            let taken = match answered(conversation, taken, &mut batch) {
                Ok(()) if batch.len() >= BATCH_BYTES => send(conversation, &mut batch).await,
                taken => taken,
            };
            if taken.is_err() {
                return Ok(());
            }
        }
        if send(conversation, &mut batch).await.is_err() || !input.fill().await? {
            return Ok(());
        }
    }
}

/// Takes one line: a message, or a batch of them where the client may send one.
async fn take(
    conversation: &Conversation,
    line: &[u8],
    batch: &mut Vec<u8>,
) -> Result<(), NotTaken> {
    if let Some(messages) = conversation.batch(line)? {
        for message in messages {
            let taken = match message {
                Ok(message) => take_one(conversation, message, batch).await,
                Err(refusal) => Err(refusal.into()),
            };
            answered(conversation, taken, batch)?;
        }
        return Ok(());
    }
    take_one(conversation, line, batch).await
}

/// Answers what was refused along with the rest.
fn answered(
    conversation: &Conversation,
    taken: Result<(), NotTaken>,
    batch: &mut Vec<u8>,
) -> Result<(), NotTaken> {
    match taken {
        Err(NotTaken::Refused(refusal)) => {
            conversation.refuse(refusal, batch);
            Ok(())
        }
        taken => taken,
    }
}

async fn take_one(
    conversation: &Conversation,
    message: &[u8],
    batch: &mut Vec<u8>,
) -> Result<(), NotTaken> {
    if conversation.turn(message, batch)? {
        return Ok(());
    }
    // rmcp's queue may be full, and its client waiting for what is here.
    send(conversation, batch).await?;
    conversation.accept(message).await
}

/// Puts what has been answered in the outgoing queue.
async fn send(conversation: &Conversation, batch: &mut Vec<u8>) -> Result<(), NotTaken> {
    if batch.is_empty() {
        return Ok(());
    }
    let next = Vec::with_capacity(batch.len().min(BATCH_BYTES));
    conversation
        .send(std::mem::replace(batch, next).into())
        .await
}

/// Writes what comes out of `outgoing`, as much at once as is there.
async fn write(
    mut stdout: impl AsyncWrite + Unpin,
    mut outgoing: mpsc::Receiver<Bytes>,
) -> io::Result<()> {
    let mut ready = Vec::with_capacity(WRITE_BATCH);
    let mut batch = Vec::new();
    while outgoing.recv_many(&mut ready, WRITE_BATCH).await > 0 {
        if let [single] = ready.as_slice() {
            stdout.write_all(single).await?;
        } else {
            batch.clear();
            for line in &ready {
                batch.extend_from_slice(line);
            }
            stdout.write_all(&batch).await?;
        }
        ready.clear();
        stdout.flush().await?;
    }
    Ok(())
}
