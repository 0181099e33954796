//! Progress of what has no known end: a line that counts.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Terminal;

/// Counts on a terminal, and shows nothing elsewhere.
pub(crate) struct Counter(Option<ProgressBar>);

impl Counter {
    /// Starts to show, with the number at the end if it is known.
    pub(crate) fn start(terminal: Terminal, total: Option<u64>, is_wanted: bool) -> Self {
        let bar = (is_wanted && terminal.draws_progress()).then(|| {
            let template = match total {
                Some(_) => "{bar:30} {pos}/{len} {per_sec} {wide_msg}",
                None => "{spinner} {pos} {per_sec} {wide_msg}",
            };
            let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self(bar)
    }

    /// So many are done.
    pub(crate) fn set(&self, done: u64) {
        if let Some(bar) = &self.0 {
            bar.set_position(done);
        }
    }

    /// Writes a line for a person above it.
    pub(crate) fn message(&self, terminal: Terminal, text: &str) {
        match &self.0 {
            Some(bar) => bar.suspend(|| terminal.message(text)),
            None => terminal.message(text),
        }
    }

    /// Takes the line away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
