//! Sends what is in one topic again, to another one or to itself.

mod arguments;
mod job;
mod report;

pub(in crate::cli) use arguments::ReplayArguments;
use iggyctl_messaging::replay::Progress;

use self::job::{filter, prepare};
use self::report::report;
use super::connection::MessageSession;
use super::drive::Drive;
use super::state_file::{StatePlace, Survives};
use crate::cli::Process;
use crate::cli::runtime::block_on_beside_workers;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;
use crate::measurement::Measurement;

pub(in crate::cli) fn replay(
    process: &Process,
    arguments: &ReplayArguments,
) -> Result<ExitCode, CommandError> {
    block_on_beside_workers(run(process, arguments))?
}

async fn run(process: &Process, arguments: &ReplayArguments) -> Result<ExitCode, CommandError> {
    let (file, state) = match arguments.state.clone().map(StatePlace::new) {
        None => (None, arguments.job()?),
        Some(place) => {
            let (file, state) = place.lock(|place| match arguments.resume {
                true => place.read(),
                false => place.must_be_new().and_then(|()| arguments.job()),
            })?;
            (Some(file), state)
        }
    };
    let filter = filter(&state)?;
    let encryption = arguments.encryption.read()?;
    MessageSession::run(
        process,
        &arguments.server,
        arguments.give_up_after,
        async |session| {
            let mut state = state;
            arguments.metrics.serve(process)?;
            let mut replay = prepare(session, &state)?.filter(filter);
            if let Some(encryption) = encryption {
                replay = replay.encryption(encryption);
            }
            if arguments.skip_unreadable {
                replay = replay.skip_unreadable();
            }
            if arguments.dry_run {
                replay = replay.dry_run();
            }
            if !arguments.resume {
                state.begin(tokio::select! {
                    progress = arguments.begin(session, &mut replay) => progress?,
                    () = session.stop.requested() => {
                        return Err(CommandError::other("nothing was sent: interrupted"));
                    }
                });
                if let Some(file) = &file {
                    file.write(&state, Survives::PowerLoss)?;
                }
            }
            let mut drive = Drive {
                replay,
                progress: state.progress.clone(),
                pace: arguments.rate.filter(|_| !arguments.dry_run),
                batch_size: arguments.batch_size,
                limit: None,
                measurement: Measurement::start(),
            };
            let end = drive
                .run(process, session, async |progress: &Progress, _| {
                    state.progress.clone_from(progress);
                    file.as_ref()
                        .map_or(Ok(()), |file| file.write(&state, Survives::PowerLoss))
                })
                .await;
            state.progress = drive.progress;
            let run = drive.measurement.summary();
            report(process, arguments, session, &state, run, end)
        },
    )
    .await
}
