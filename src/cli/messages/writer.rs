//! Standard output, written by a thread of its own: a reader that is slow, or a pager,
//! must not keep us from telling the server that we are alive, or from ending.

use std::io::{self, Write};

use tokio::sync::{mpsc, oneshot};

/// How writing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// Written and flushed.
    All,
    /// Nobody reads any more (`| head`).
    NobodyReads,
}

type Page = (Vec<u8>, oneshot::Sender<io::Result<Written>>);

/// Writes pages, one after the other.
pub(super) struct Writer(mpsc::UnboundedSender<Page>);

impl Writer {
    pub(super) fn start() -> Self {
        // Who writes waits for each page, so there is one at a time.
        let (sender, mut pages) = mpsc::unbounded_channel::<Page>();
        // Not one of the runtime's threads: those are waited for at the end.
        std::thread::spawn(move || {
            while let Some((page, done)) = pages.blocking_recv() {
                // Nobody may wait any more.
                let _ = done.send(write(&page));
            }
        });
        Self(sender)
    }

    /// Comes back when all of it is written and flushed.
    pub(super) async fn write(&self, page: Vec<u8>) -> io::Result<Written> {
        let gone = || io::Error::other("the thread that writes has ended");
        let (done, written) = oneshot::channel();
        self.0.send((page, done)).map_err(|_| gone())?;
        written.await.map_err(|_| gone())?
    }
}

fn write(page: &[u8]) -> io::Result<Written> {
    let mut output = io::stdout().lock();
    match output.write_all(page).and_then(|()| output.flush()) {
        Ok(()) => Ok(Written::All),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Written::NobodyReads),
        Err(error) => Err(error),
    }
}
