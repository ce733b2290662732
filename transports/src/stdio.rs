//! stdio (MCP, "Transports"): one JSON message per line, in on standard input, out on standard
//! output, which carries nothing else.
//!
//! A line that is no message is answered (-32700, -32600) and the server goes on. The end of input,
//! or the shutdown, ends the server after it has answered every request that it has read.

pub(crate) mod lines;

use std::{io, pin::pin, time::Instant};

use bytes::Bytes;
use futures::{
    AsyncRead, AsyncWrite, AsyncWriteExt,
    channel::oneshot,
    future::{Either, select},
};

use self::lines::{Line, Lines};
use crate::{
    admission::{Admission, SMALL_BYTES},
    conversation::{
        Conversation, ConversationFactory, KeepOpen, MessageError, Outgoing, Rejection,
    },
    fast_path::{FastTools, Receipt},
    metrics::Metrics,
    runtime::Runtime,
    shutdown::Shutdown,
    supervise::Caller,
};

/// Messages that the writer takes from the queue at once.
const WRITE_MESSAGES: usize = 64;
/// Bytes of answers that are handed to the writer at once.
const BATCH_BYTES: usize = 64 * 1024;
/// stdio has one client, without an address or headers.
const PARENT: Caller<'static> = Caller {
    session: None,
    client: None,
    subject: None,
    headers: None,
};

/// Serves one conversation of `factory`, whose messages are framed as lines, on standard input and
/// output (other streams in tests), until input ends or `shutdown` begins.
///
/// # Errors
/// When the streams cannot be read or written. A reader that closes the output ends the server
/// without an error.
pub async fn serve_stdio<R, S, I, O>(
    runtime: R,
    factory: &ConversationFactory<S>,
    (stdin, stdout): (I, O),
    shutdown: Shutdown,
) -> io::Result<()>
where
    R: Runtime,
    S: FastTools,
    I: AsyncRead + Unpin,
    O: AsyncWrite + Unpin + Send + 'static,
{
    let (conversation, open, outgoing) = factory.start();
    let (writer_ended, mut written) = oneshot::channel();
    let metrics = factory.metrics();
    let counted = metrics.clone();
    runtime.execute(Box::pin(async move {
        let outcome = match write(stdout, outgoing, metrics).await {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                tracing::debug!("standard output was closed by its reader");
                Ok(())
            }
            outcome => outcome,
        };
        // The receiver is gone when the server is.
        let _ = writer_ended.send(outcome);
    }));
    let admission = factory.admission();
    let mut input = Lines::new(stdin, factory.limits().max_message_bytes);
    // Answers that are not in the queue yet. It outlives the reading: their calls have run.
    let mut batch = Vec::new();
    let outcome = {
        let read = pin!(read(
            &mut input,
            &conversation,
            &mut batch,
            (counted, admission)
        ));
        let begun = pin!(shutdown.begun());
        match select(select(read, begun), &mut written).await {
            Either::Left((Either::Left((outcome, _)), _)) => outcome,
            Either::Left((Either::Right(_), _)) => Ok(()),
            // The reader of the output has gone, so no answer can be delivered.
            Either::Right((written, _)) => return written.unwrap_or(Ok(())),
        }
    };
    let ended = end(conversation, open, batch, written);
    if shutdown.is_begun() {
        shutdown.drain(&runtime, async { drop(ended.await) }).await;
        return outcome;
    }
    // The client waits for its answers; a signal may still come and limit the time.
    match select(pin!(ended), pin!(shutdown.begun())).await {
        Either::Left((written, _)) => outcome.and(written),
        Either::Right(((), ended)) => {
            shutdown.drain(&runtime, async { drop(ended.await) }).await;
            outcome
        }
    }
}

/// Queues the answers in `batch`, waits for the last answer, then for the end of the writer.
async fn end(
    conversation: Conversation,
    open: KeepOpen,
    mut batch: Vec<u8>,
    written: oneshot::Receiver<io::Result<()>>,
) -> io::Result<()> {
    let answered = pin!(async {
        // It fails only when the writer has ended.
        let _ = conversation.send(&mut batch).await;
        conversation.answered().await;
    });
    // The writer ends first only when the output is closed: then no answer can be delivered.
    let written = match select(answered, written).await {
        Either::Left(((), written)) => written,
        Either::Right((outcome, _)) => return outcome.unwrap_or(Ok(())),
    };
    drop(open);
    written.await.unwrap_or(Ok(()))
}

/// Reads line after line. The answers to the lines of one read leave in one piece, if they are
/// ready at once. Where calls are counted, all lines of one read have been received at one time:
/// the clock is read once for all of them.
async fn read<I: AsyncRead + Unpin>(
    input: &mut Lines<I>,
    conversation: &Conversation,
    batch: &mut Vec<u8>,
    (metrics, admission): (Option<Metrics>, Option<&Admission>),
) -> io::Result<()> {
    let mut received = None;
    loop {
        let mut bytes = 0;
        while let Some(line) = input.next() {
            let outcome = match line {
                Line::Whole(line) if line.trim_ascii().is_empty() => continue,
                Line::Whole(line) => {
                    bytes += line.len();
                    take_line(conversation, line, (received, admission), batch).await
                }
                Line::TooLong { limit_bytes } => Err(Rejection::too_large(limit_bytes).into()),
            };
            let outcome = match answer_rejection(conversation, outcome, batch) {
                Ok(()) if batch.len() >= BATCH_BYTES => flush(conversation, batch).await,
                outcome => outcome,
            };
            if outcome.is_err() {
                return Ok(());
            }
        }
        if let Some(metrics) = &metrics {
            metrics.count_received(bytes);
        }
        if flush(conversation, batch).await.is_err() || !input.fill().await? {
            return Ok(());
        }
        received = metrics.as_ref().map(|_| Instant::now());
    }
}

/// Queues the answers in `batch`, and makes room for as many.
async fn flush(conversation: &Conversation, batch: &mut Vec<u8>) -> Result<(), MessageError> {
    let capacity = batch.len().min(BATCH_BYTES);
    conversation.send(batch).await?;
    batch.reserve(capacity);
    Ok(())
}

/// Takes one line: a message, or a batch of messages where the revision has batches. A large one
/// waits for memory, and the reader with it.
async fn take_line(
    conversation: &Conversation,
    line: &[u8],
    (received, admission): (Option<Instant>, Option<&Admission>),
    batch: &mut Vec<u8>,
) -> Result<(), MessageError> {
    let mut reserved = None;
    if line.len() > SMALL_BYTES {
        // The client may wait for the answers in the batch.
        conversation.send(batch).await?;
        let reservation = Admission::reserve(admission, line.len()).await;
        reserved = reservation.map_err(|reason| Rejection::not_admitted(line, reason))?;
    }
    let receipt = Receipt {
        at: received,
        reserved: reserved.as_ref(),
    };
    if let Some(messages) = conversation.batch(line)? {
        for message in messages {
            let outcome = match message {
                Ok(message) => take_message(conversation, message, receipt, batch).await,
                Err(rejection) => Err(rejection.into()),
            };
            answer_rejection(conversation, outcome, batch)?;
        }
        return Ok(());
    }
    take_message(conversation, line, receipt, batch).await
}

/// Appends the answer to a rejected message to the others.
fn answer_rejection(
    conversation: &Conversation,
    outcome: Result<(), MessageError>,
    batch: &mut Vec<u8>,
) -> Result<(), MessageError> {
    match outcome {
        Err(MessageError::Rejected(rejection)) => {
            conversation.reject(rejection, batch);
            Ok(())
        }
        outcome => outcome,
    }
}

async fn take_message(
    conversation: &Conversation,
    message: &[u8],
    receipt: Receipt<'_>,
    batch: &mut Vec<u8>,
) -> Result<(), MessageError> {
    let dispatched = conversation.dispatch_received(message, &PARENT, receipt, batch)?;
    let Some(for_sdk) = dispatched else {
        return Ok(());
    };
    // rmcp's queue may be full, while the client waits for the answers in the batch.
    conversation.send(batch).await?;
    conversation.forward(message, &PARENT, for_sdk).await
}

/// Writes the messages of `outgoing`, as many at once as are ready.
async fn write(
    mut stdout: impl AsyncWrite + Unpin,
    mut outgoing: Outgoing,
    metrics: Option<Metrics>,
) -> io::Result<()> {
    let mut ready = Vec::with_capacity(WRITE_MESSAGES);
    let mut batch = Vec::new();
    while outgoing.recv_many(&mut ready, WRITE_MESSAGES).await > 0 {
        if let Some(metrics) = &metrics {
            metrics.count_sent(ready.iter().map(Bytes::len).sum());
        }
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
