//! Progress of what takes long: a bar on a terminal, lines elsewhere.

use std::io::Write;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Terminal;

/// Progress of a known number of steps.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    lines: bool,
    total: u64,
    done: u64,
}

/// Above this many steps, lines are printed for every hundredth part only: a
/// log of CI should be readable.
const LINES_IN_FULL: u64 = 100;

impl Progress {
    /// Starts to show progress; `quiet` shows none.
    pub(crate) fn start(terminal: Terminal, total: usize, quiet: bool) -> Self {
        let total = u64::try_from(total).unwrap_or(u64::MAX);
        let bar = (!quiet && total > 0 && terminal.draws_progress()).then(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self {
            lines: bar.is_none() && !quiet,
            bar,
            total,
            done: 0,
        }
    }

    /// A step has ended well.
    pub(crate) fn step_done(&mut self, line: &str) {
        self.done += 1;
        if let Some(bar) = &self.bar {
            bar.set_position(self.done);
            bar.set_message(line.to_owned());
        } else if self.lines && self.is_worth_a_line() {
            self.line(line);
        }
    }

    /// A step has not ended well: always shown.
    pub(crate) fn step_failed(&mut self, line: &str) {
        self.done += 1;
        match &self.bar {
            Some(bar) => bar.suspend(|| self.line(line)),
            None => self.line(line),
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }

    fn is_worth_a_line(&self) -> bool {
        self.total <= LINES_IN_FULL
            || self.done == self.total
            || self.done.is_multiple_of(self.total / LINES_IN_FULL)
    }

    fn line(&self, line: &str) {
        // Nothing is left to tell when standard error itself is gone.
        let _ = writeln!(
            std::io::stderr().lock(),
            "[{}/{}] {line}",
            self.done,
            self.total
        );
    }
}
