//! Cuts a run at one of its points.

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

const CHANGES: [&str; 6] = [
    "after create_user",
    "after create_token",
    "after delete_token",
    "after begin",
    "after deliver",
    "after finish",
];

/// Which points count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Points {
    /// Those of the whole run.
    All,
    /// Those from the first step of the plan on: nothing changes before.
    OfTheApply,
    /// Of these only those right after something changed.
    Changes,
}

impl Points {
    fn has(self, name: &str, is_applying: bool) -> bool {
        match self {
            Self::All => true,
            Self::OfTheApply => is_applying,
            Self::Changes => is_applying && (name.contains(':') || CHANGES.contains(&name)),
        }
    }
}

/// Counts the points that a run passes, and does not let it pass one of them.
#[derive(Debug)]
pub(crate) struct Knife {
    points: Points,
    cut_at: Option<usize>,
    is_applying: AtomicBool,
    passed: Mutex<Vec<String>>,
    has_cut: Notify,
}

impl Knife {
    /// Cuts at this one of these points, counted from 0.
    pub(crate) fn at(points: Points, point: usize) -> Self {
        Self {
            points,
            cut_at: Some(point),
            is_applying: AtomicBool::new(false),
            passed: Mutex::default(),
            has_cut: Notify::new(),
        }
    }

    /// Never cuts.
    pub(crate) fn blunt() -> Self {
        Self {
            cut_at: None,
            ..Self::at(Points::All, 0)
        }
    }

    /// The plan is made, and its steps come next.
    pub(crate) fn apply_begins(&self) {
        self.is_applying.store(true, Ordering::Relaxed);
    }

    pub(crate) async fn point(&self, name: &str) {
        self.point_with(name, || {}).await;
    }

    /// `leave` makes the world as it is when the run is cut here.
    pub(crate) async fn point_with(&self, name: &str, leave: impl FnOnce()) {
        if !self
            .points
            .has(name, self.is_applying.load(Ordering::Relaxed))
        {
            return;
        }
        let number = {
            let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
            passed.push(name.to_owned());
            passed.len() - 1
        };
        match self.cut_at {
            Some(cut_at) if number == cut_at => {
                leave();
                self.has_cut.notify_one();
                pending().await
            }
            // Something else of the same run: it is dead as well.
            Some(cut_at) if number > cut_at => pending().await,
            _ => {}
        }
    }

    /// Returns when it has cut.
    pub(crate) async fn cut(&self) {
        self.has_cut.notified().await;
    }

    /// The points so far, without the one where it cut.
    pub(crate) fn passed(&self) -> Vec<String> {
        let mut passed = self
            .passed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        passed.truncate(self.cut_at.unwrap_or(usize::MAX));
        passed
    }
}
