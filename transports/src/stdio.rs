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
use rmcp::ServerHandler;
use tokio::sync::mpsc;

use self::lines::{Line, Lines};
use crate::{
    conversation::{Conversation, NotTaken, Open, Refusal},
    runtime::Runtime,
    shutdown::Shutdown,
};

/// The longest line that is taken, in bytes.
pub const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;
/// Answers that are written at once, when so many are ready.
const WRITE_BATCH: usize = 64;

/// Serves `service` on `streams`, which are standard input and output outside of tests, until input
/// ends or `shutdown` begins.
///
/// # Errors
/// When the streams cannot be read or written. A reader of the output that goes away ends the
/// server without an error.
pub async fn serve_stdio<R, S, I, O>(
    runtime: R,
    service: S,
    (stdin, stdout): (I, O),
    max_line_bytes: usize,
    shutdown: Shutdown,
) -> io::Result<()>
where
    R: Runtime,
    S: ServerHandler,
    I: AsyncRead + Unpin,
    O: AsyncWrite + Unpin + Send + 'static,
{
    let (conversation, open, outgoing) = Conversation::start(&runtime, service, line);
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

async fn read<I: AsyncRead + Unpin>(
    input: &mut Lines<I>,
    conversation: &Conversation,
) -> io::Result<()> {
    while let Some(line) = input.next().await? {
        let taken = match line {
            Line::Whole(line) if line.trim_ascii().is_empty() => continue,
            Line::Whole(line) => conversation.accept(line).await,
            Line::TooLong { limit_bytes } => Err(Refusal::too_large(limit_bytes).into()),
        };
        let answered = match taken {
            Err(NotTaken::Refused(refusal)) => conversation.answer(refusal).await,
            taken => taken,
        };
        if answered.is_err() {
            break;
        }
    }
    Ok(())
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

/// One message as a line.
fn line(json: &[u8]) -> Bytes {
    [json, b"\n"].concat().into()
}
