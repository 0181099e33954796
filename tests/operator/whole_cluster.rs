//! A control plane of its own, since an operator of all namespaces would work in those of the
//! other tests, too. Its tests come one after the other, each in namespaces of its own.

use std::sync::{Mutex, OnceLock, PoisonError};

use libtest_mimic::{Completion, Trial};

use crate::control_plane::{ControlPlane, Failure, find_own};
use crate::laboratory::Laboratory;
use crate::{completion, definitions};

static PLANE: OnceLock<ControlPlane> = OnceLock::new();

/// The operator, which has exactly the rights that `iggyctl operator rbac` prints for all
/// namespaces, and a server.
static LABORATORY: Mutex<Option<Result<Laboratory<'static>, String>>> = Mutex::new(None);

fn start() -> Result<Laboratory<'static>, Failure> {
    let plane = ControlPlane::start_own()?;
    definitions::install(&plane)?;
    Laboratory::of_cluster(PLANE.get_or_init(|| plane))
}

pub(crate) fn trial(
    name: &'static str,
    test: fn(&mut Laboratory<'static>) -> Result<(), Failure>,
) -> Trial {
    Trial::ignorable_test(name, move || {
        if let Err(reason) = find_own() {
            return Ok(Completion::ignored_with(reason));
        }
        let mut laboratory = LABORATORY.lock().unwrap_or_else(PoisonError::into_inner);
        let started = || start().map_err(|error| error.to_string());
        completion(match laboratory.get_or_insert_with(started) {
            Ok(laboratory) => test(laboratory),
            Err(error) => Err(error.clone().into()),
        })
    })
    .with_kind("kubernetes")
}

/// Where it is, where something asked for it.
pub(crate) fn plane() -> Option<&'static ControlPlane> {
    PLANE.get()
}

/// What a static holds is not dropped.
pub(crate) fn stop() {
    let mut laboratory = LABORATORY.lock().unwrap_or_else(PoisonError::into_inner);
    drop(laboratory.take());
    if let Some(plane) = PLANE.get() {
        plane.stop();
    }
}

/// With the controllers of Kubernetes that namespaces and roles need, too.
pub(crate) fn with_controllers(laboratory: &Laboratory<'_>) -> Result<(), Failure> {
    static STARTED: OnceLock<()> = OnceLock::new();
    if STARTED.get().is_none() {
        laboratory.plane.start_controller_manager()?;
        STARTED.get_or_init(|| ());
    }
    Ok(())
}
