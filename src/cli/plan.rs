use std::path::{Path, PathBuf};

use iggyctl_core::plan::Refusal;

use super::Process;
use super::adopted::{Asker, say_what_is_adopted};
use super::cluster_arguments::ClusterArguments;
use super::ledger::{LedgerOfContext, refuse_without_project};
use super::plan_arguments::{PlanFormat, PlanningArguments, unreadable};
use super::runtime::block_on;
use super::saved_plan;
use super::session::Session;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    mut_arg("file", |file| file.required(false).required_unless_present("from_cluster")),
    mut_arg("from_cluster", |cluster| cluster.conflicts_with_all(["file", "set", "values"])),
    after_help = "Examples:\n  iggyctl plan -f topology.yaml --server iggy://iggy:iggy@127.0.0.1:8090\n  iggyctl plan -f manifests/ --context production --detailed-exitcode -o json\n  iggyctl plan -f topology.yaml --only topic/orders/events\n  iggyctl plan -f topology.yaml --context production --out orders.plan\n  iggyctl plan --from-cluster --namespace orders --context production\n\nWith --from-cluster passwords are compared only where --secrets-dir says what they are.\n\nExit codes: 0 planned, 2 changes pending (with --detailed-exitcode), 3 something is blocked, or refused by a policy, or another number is removed than --expect-removals says."
)]
pub(super) struct PlanArguments {
    #[command(flatten)]
    planning: PlanningArguments,
    #[command(flatten)]
    cluster: ClusterArguments,
    /// End with exit code 2 when the server is not as declared
    #[arg(long)]
    detailed_exitcode: bool,
    /// Leave out what is blocked instead of ending with exit code 3
    #[arg(long)]
    skip_blocked: bool,
    /// End with exit code 3 unless this is how many resources are removed
    #[arg(long, value_name = "NUMBER")]
    expect_removals: Option<u32>,
    /// Also save the plan to this file, for `iggyctl apply --plan`; not when a policy refuses it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl PlanArguments {
    pub(super) fn annotates(&self) -> bool {
        self.planning.output == PlanFormat::Github
    }
}

pub(super) fn run(process: &Process, arguments: &PlanArguments) -> Result<ExitCode, CommandError> {
    plan(
        process,
        &arguments.planning,
        Some(&arguments.cluster),
        arguments.detailed_exitcode,
        arguments.skip_blocked,
        arguments.expect_removals,
        arguments.out.as_deref(),
    )
}

/// Plans, prints, and says by the exit code what was found.
pub(super) fn plan(
    process: &Process,
    planning: &PlanningArguments,
    cluster: Option<&ClusterArguments>,
    detailed_exitcode: bool,
    skip_blocked: bool,
    expect_removals: Option<u32>,
    out: Option<&Path>,
) -> Result<ExitCode, CommandError> {
    if let Some(out) = out {
        saved_plan::refuse_to_replace(out)?;
    }
    let cluster = cluster.filter(|cluster| cluster.is_asked_for());
    let (desired, manifests) = match cluster {
        None => planning.declared(process, out.is_some())?,
        Some(cluster) => planning.declared_in(process, cluster)?,
    };
    let ledger = LedgerOfContext::of(process, &planning.server)?;
    // A plan that could never be carried out is not kept.
    let keeps = ledger.is_kept && out.is_some();
    refuse_without_project(keeps, desired.project.as_deref())?;
    let policies = planning.policies(process)?;
    let gathered = match cluster {
        None => planning.secrets.to_check(process, &desired)?,
        // The Secrets of the cluster are not for who only looks.
        Some(_) => planning.secrets.to_check_if_here(process, &desired)?,
    };
    block_on(async {
        let limit = planning.time_limit();
        Session::run(process, &planning.server, limit, async |session| {
            limit.limit(ledger.refuse_another(session)).await?;
            let mut desired = desired;
            limit
                .limit(planning.retain_what_was_applied(&mut desired, session, false))
                .await?;
            let mut planned = limit
                .limit(planning.plan(desired, session, &gathered))
                .await?;
            planned.manifests = manifests;
            if ledger.is_kept {
                let saying = say_what_is_adopted(process, &mut planned, session, Asker::Plan);
                limit.limit(saying).await?;
            }
            policies.check_plan(process, &planned.desired, &mut planned.report)?;
            let expected = planned.plan.expects(expect_removals);
            if let Err(Refusal::RemovalsNotAsExpected(unexpected)) = &expected {
                planned.report.unexpected_removals = Some(*unexpected);
            }
            planning.print(process, &planned)?;
            PlanningArguments::warn_about_pruning_nothing(process, &planned);
            PlanningArguments::warn_about_unused_approvals(process, &planned);
            if planned.report.refusals() > 0 {
                if let Some(out) = out {
                    process.terminal.warning(&format!(
                        "the plan was not saved to {}: policies refuse it",
                        out.display()
                    ));
                }
                return Ok(ExitCode::Blocked);
            }
            expected.map_err(|refusal| {
                let saved = match out {
                    Some(out) => format!("; the plan was not saved to {}", out.display()),
                    None => String::new(),
                };
                CommandError::new(ExitCode::Blocked, format!("{refusal}{saved}"))
                    .hint("look at what is removed")
            })?;
            if let Some(out) = out {
                limit
                    .limit(saved_plan::write(
                        out,
                        &planned,
                        policies.digests(),
                        session,
                        ledger.is_kept,
                    ))
                    .await?;
                process
                    .terminal
                    .message(&format!("Saved to {}.", out.display()));
            }
            if skip_blocked {
                unreadable(&planned.plan.blocked)?;
            }
            Ok(if !planned.plan.blocked.is_empty() && !skip_blocked {
                ExitCode::Blocked
            } else if detailed_exitcode && !planned.plan.is_empty() {
                ExitCode::ChangesPending
            } else {
                ExitCode::Done
            })
        })
        .await
    })?
}
