//! What the runner runs: a scenario over one transport, or one check that is derived
//! from a manifest.

use futures::future::LocalBoxFuture;

use super::failure::Stop;
use super::recorder::Recorder;

/// One line of the report, before it is known how it ends.
pub(crate) struct Check<'a> {
    /// Its name; with the transport unique in a run.
    pub(crate) name: String,
    /// What it shows, in a few words.
    pub(crate) title: String,
    /// The official sample, as a path in apache/iggy.
    pub(crate) sample: Option<String>,
    /// Over what it is run, in the words of the report.
    pub(crate) transport: String,
    /// Whether nothing else may run meanwhile, since it restarts the server.
    pub(crate) is_exclusive: bool,
    /// Whether it was named: then it fails where it cannot be run.
    pub(crate) is_wanted: bool,
    /// What it does is counted here.
    pub(crate) recorder: Recorder,
    /// Does it. Dropped when its time is up, or the run is stopped.
    pub(crate) work: LocalBoxFuture<'a, Result<(), Stop>>,
    /// Run in any case afterwards: closes its connections. Streams and users are
    /// removed at the end of the run, see [`cleanup`](super::cleanup).
    pub(crate) after: LocalBoxFuture<'a, ()>,
}
