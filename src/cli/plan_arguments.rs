//! What plan, diff and apply have in common: from manifests and a server to a plan.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use iggyctl_core::address::Address;
use iggyctl_core::diagnostic::Origin;
use iggyctl_core::diff::ChangeSet;
use iggyctl_core::ledger::AppliedManifest;
use iggyctl_core::plan::{
    Approvals, BlockReason, Blocked, DestructionGrant, Plan, RestrictError, Stage, Step,
    UnusedApproval, UnusedReason,
};
use iggyctl_core::render::{
    Annotation, PlanReport, PlanServer, ReviewSubject, TopologyChange, annotations_text, escape,
};
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::state::observed::{AccessReading, Listing, ObservedState};
use iggyctl_core::{check, diff, plan};
use iggyctl_engine::Secrets;
use iggyctl_engine::observe::{Reach, observe_facts};

use super::Process;
use super::cluster_arguments::ClusterArguments;
use super::manifest_arguments::ManifestArguments;
use super::output::json_failed;
use super::policy_arguments::{Policies, PolicyArguments};
use super::retained;
use super::secret_arguments::{Gathered, SecretArguments};
use super::server_arguments::{ServerArguments, parse_duration};
use super::session::{Session, observe_for, read_failed};
use super::time_limit::TimeLimit;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct PlanningArguments {
    #[command(flatten)]
    pub(super) manifests: ManifestArguments,
    #[command(flatten)]
    pub(super) server: ServerArguments,
    #[command(flatten)]
    pub(super) secrets: SecretArguments,
    #[command(flatten)]
    policies: PolicyArguments,
    /// Plan only this resource and what is inside it, such as topic/orders/events; may be repeated
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
    only: Vec<Address>,
    /// Allow data of this resource to be lost, such as by fewer partitions, or with --prune this
    /// stream, topic, consumer group or user to be deleted; may be repeated
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
    allow_destroy: Vec<Address>,
    /// Remove what `owns` names and no manifest declares: empty streams and topics are deleted, and
    /// what holds messages, and every consumer group, only where --allow-destroy names it; users
    /// lose all permissions and become inactive, and are deleted where --allow-destroy names them
    #[arg(long)]
    prune: bool,
    /// Set by `destroy`, which removes what is declared.
    #[arg(skip)]
    pub(super) destroys: bool,
    /// Replace this access token, such as token/svc-orders/ci, although it is valid: the new one is
    /// delivered, then the old one is revoked; may be repeated
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
    rotate: Vec<Address>,
    /// End with an error unless the server is that of this context
    #[arg(long, value_name = "NAME", help_heading = "Server options")]
    expect_context: Option<String>,
    /// How long the whole command may take
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    timeout: Option<Duration>,
    /// How to print the plan
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(super) output: PlanFormat,
}

/// How to print a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum PlanFormat {
    /// For people.
    #[default]
    Text,
    /// JSON of schemas/plan.v1.json; of apply and destroy, how it ended: schemas/apply.v1.json.
    Json,
    /// A comment for a pull request, at most 60 kB.
    Markdown,
    /// Annotations at file and line, for GitHub Actions.
    Github,
    /// One page to look at, with the topology before and after.
    Html,
}

impl PlanFormat {
    /// Prints the plan to standard output.
    pub(super) fn print(self, process: &Process, planned: &Planned) -> Result<(), CommandError> {
        let report = &planned.report;
        let text = match self {
            Self::Text => report.to_text(process.text_options()),
            Self::Json => report.to_json().map_err(json_failed)?,
            Self::Markdown => report.to_markdown(&planned.subject),
            Self::Github => annotations_text(planned.annotations()),
            Self::Html => report.to_html(&planned.subject, &planned.topology),
        };
        process.output(&text)
    }

    /// Whether standard output has one document, which is how it ended.
    pub(super) fn is_document(self) -> bool {
        self != Self::Text
    }
}

/// What `--skip-blocked` does not make good: a run that could not read what it is
/// about must not end as if it had. An observation has gaps only where the login
/// lacks a right, so the exit code is that of refused credentials.
pub(super) fn unreadable(blocked: &[Blocked]) -> Result<(), CommandError> {
    let mut addresses = blocked.iter().filter_map(|blocked| match &blocked.reason {
        BlockReason::NotReadable { .. } => Some(&blocked.address),
        _ => None,
    });
    let Some(first) = addresses.next() else {
        return Ok(());
    };
    let more = match addresses.count() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Err(CommandError::new(
        ExitCode::CredentialsRefused,
        format!(
            "the login may not read {first}{more}: whether that is as declared is not known, and \
             --skip-blocked does not change this"
        ),
    )
    .hint("use a login that may read it, or leave it out with --only"))
}

/// What could not be read could not be removed either, and nobody would notice.
fn can_be_removed(
    desired: &DesiredState,
    observed: &ObservedState,
    destroys: bool,
) -> Result<(), CommandError> {
    if let Listing::Refused { reason } = &observed.listing {
        return Err(CommandError::new(
            ExitCode::CredentialsRefused,
            format!("--prune: the streams could not be listed: {reason}"),
        )
        .hint("use a login that may list streams, own streams by name, or leave --prune out"));
    }
    match &observed.access {
        AccessReading::Refused { reason } if destroys && desired.owns.owns_users() => {
            Err(CommandError::new(
                ExitCode::CredentialsRefused,
                format!("the users to remove could not be read: {reason}"),
            )
            .hint("use a login that may read users and list streams"))
        }
        AccessReading::Refused { reason } if desired.owns.owns_users() => Err(CommandError::new(
            ExitCode::CredentialsRefused,
            format!("--prune: the users could not be read: {reason}"),
        )
        .hint("use a login that may read users and list streams, or leave --prune out")),
        _ => Ok(()),
    }
}

/// A plan with what it was made from.
pub(super) struct Planned {
    pub(super) desired: DesiredState,
    pub(super) plan: Plan,
    pub(super) report: PlanReport,
    /// What is owned and not declared.
    pub(super) prunable: BTreeSet<Address>,
    /// Whether users were not read, so that their permissions outlive what is deleted.
    pub(super) is_access_unread: bool,
    pub(super) subject: ReviewSubject,
    /// For pictures; empty in other formats.
    pub(super) topology: TopologyChange,
    /// What it was made from.
    pub(super) observed: ObservedState,
    /// Where what it speaks of is declared, when it comes from a file.
    pub(super) saved: Option<BTreeMap<Address, Origin>>,
    /// The manifests as a ledger keeps them, where they are needed.
    pub(super) manifests: Vec<AppliedManifest>,
}

impl Planned {
    pub(super) fn annotations(&self) -> Vec<Annotation> {
        self.report.annotations(|address| match &self.saved {
            Some(declared) => declared.get(address),
            None => self.desired.origin(address),
        })
    }
}

impl PlanningArguments {
    /// What the person allowed to be lost: now, or when the plan was saved.
    pub(super) fn grant(&self, saved: Option<&Plan>, removals: Option<u32>) -> DestructionGrant {
        let allowed = match saved {
            Some(plan) => plan.approvals.allow_destroy.clone(),
            None => self.allowed(),
        };
        DestructionGrant::from_command_line(allowed).expecting(removals)
    }

    /// Whether what is owned and not declared is removed.
    fn removes(&self) -> bool {
        self.prune || self.destroys
    }

    fn allowed(&self) -> BTreeSet<Address> {
        self.allow_destroy.iter().cloned().collect()
    }

    /// Refuses what is for another server, as far as contexts tell them apart.
    pub(super) fn refuse_other_contexts(
        &self,
        process: &Process,
        declared: Option<&str>,
    ) -> Result<(), CommandError> {
        let by_flag = self.expect_context.as_deref();
        self.server.refuse_others(process, by_flag, declared)
    }

    /// What the manifests declare, with what is to be replaced although it is as
    /// declared; where `keeps`, with the manifests as a ledger keeps them.
    pub(super) fn declared(
        &self,
        process: &Process,
        keeps: bool,
    ) -> Result<(DesiredState, Vec<AppliedManifest>), CommandError> {
        if !keeps {
            return Ok((self.desired(process)?, Vec::new()));
        }
        let (compiled, kept) = self.manifests.compile_and_keep(process)?;
        Ok((self.as_asked(process, compiled.state)?, kept))
    }

    /// As [`Self::declared`], of the objects of a cluster.
    pub(super) fn declared_in(
        &self,
        process: &Process,
        cluster: &ClusterArguments,
    ) -> Result<(DesiredState, Vec<AppliedManifest>), CommandError> {
        let (compiled, kept) = cluster.compile_and_keep(process)?;
        Ok((self.as_asked(process, compiled.state)?, kept))
    }

    /// What the manifests declare, with what is to be replaced although it is as
    /// declared.
    fn desired(&self, process: &Process) -> Result<DesiredState, CommandError> {
        self.as_asked(process, self.manifests.compile(process)?.state)
    }

    fn as_asked(
        &self,
        process: &Process,
        mut desired: DesiredState,
    ) -> Result<DesiredState, CommandError> {
        self.refuse_other_contexts(process, desired.context.as_deref())?;
        if self.destroys {
            desired = desired.emptied();
        }
        for address in &self.rotate {
            desired.request_rotation(address).map_err(|error| {
                CommandError::usage(format!("--rotate: {error}"))
                    .hint("the address of an access token is token/USER/TOKEN")
            })?;
        }
        Ok(desired)
    }

    /// The policies that the plan is held to.
    pub(super) fn policies(&self, process: &Process) -> Result<Policies, CommandError> {
        let (server, context) = self.server.named();
        self.policies.read(process, server, context)
    }

    /// What is pruned is in no manifest any more, so its `deletionPolicy` is that of the last
    /// apply which declared it, as far as there is a record of that. What is destroyed may be
    /// of an older checkout: where a ledger is kept, the record counts as well.
    pub(super) async fn retain_what_was_applied(
        &self,
        desired: &mut DesiredState,
        session: &Session,
        is_recorded: bool,
    ) -> Result<(), CommandError> {
        if !(self.prune || self.destroys && is_recorded) {
            return Ok(());
        }
        let project = desired.project.as_deref();
        retained::add_what_was_applied(&mut desired.owns.retained, project, session).await
    }

    /// Observes the server and plans.
    pub(super) async fn plan(
        &self,
        desired: DesiredState,
        session: &Session,
        gathered: &Gathered,
    ) -> Result<Planned, CommandError> {
        let secrets = gathered.secrets.as_ref();
        let reach = match self.removes() {
            true => Reach::OwnedInDepth,
            false => Reach::Owned,
        };
        let mut observed = observe_for(&session.pool, &desired, gathered, reach).await?;
        if self.removes() {
            can_be_removed(&desired, &observed, self.destroys)?;
        }
        if let AccessReading::Read(access) = &mut observed.access {
            access.default_password = session.default_password;
            access.server = Some(session.name.clone());
        }
        let subject = ReviewSubject {
            project: desired.project.clone(),
            server: session.context.as_ref().unwrap_or(&session.name).clone(),
        };
        let changes = diff::diff(&desired, &observed);
        let questions = changes.fact_questions(self.removes());
        let facts = observe_facts(&session.pool, &questions, &observed)
            .await
            .map_err(read_failed)?;
        let mut planned = self.plan_for(
            desired,
            observed,
            changes.with_facts(&facts),
            secrets,
            subject,
        )?;
        planned.report.server = Some(PlanServer {
            name: session.name.clone(),
            context: session.context.clone(),
            login: session.login.clone(),
        });
        Ok(planned)
    }

    fn plan_for(
        &self,
        desired: DesiredState,
        observed: ObservedState,
        changes: ChangeSet,
        secrets: Option<&Secrets>,
        subject: ReviewSubject,
    ) -> Result<Planned, CommandError> {
        let approvals = Approvals {
            allow_destroy: self.allowed(),
            rotate: self.rotate.iter().cloned().collect(),
            prune: self.removes(),
            destroy: self.destroys,
        };
        let findings = check::check_with_secrets(&changes, &desired, &observed, &|reference| {
            secrets.and_then(|secrets| secrets.get(reference))
        });
        let mut plan = plan::plan(&changes, &approvals).located(&desired);
        if !self.only.is_empty() {
            plan = plan.restrict(&self.only, &desired).map_err(|error| {
                let hint = match &error {
                    RestrictError::Unknown(_) => {
                        "an address is stream/STREAM, topic/STREAM/TOPIC, group/STREAM/TOPIC/GROUP, user/USER or \
                         token/USER/TOKEN"
                            .to_owned()
                    }
                    RestrictError::GoesWith { address, parent } => format!(
                        "name {parent}; or take {address} out of the manifests, and apply them with --prune"
                    ),
                };
                CommandError::usage(format!("--only: {error}")).hint(hint)
            })?;
        }
        let report = PlanReport::new(&plan, &changes, &findings);
        let prunable = changes.prunable.into_iter().map(|change| change.address);
        Ok(Planned {
            prunable: prunable.collect(),
            is_access_unread: !matches!(observed.access, AccessReading::Read(_)),
            topology: match self.output {
                PlanFormat::Html => TopologyChange::of(&report, &desired, &observed),
                _ => TopologyChange::default(),
            },
            desired,
            plan,
            report,
            subject,
            observed,
            saved: None,
            manifests: Vec::new(),
        })
    }

    /// Warns about a request to prune that nothing answers to, or that leaves permissions.
    pub(super) fn warn_about_pruning_nothing(process: &Process, planned: &Planned) {
        if planned.saved.is_some() {
            return;
        }
        Self::warn_about_left_permissions(process, planned);
        let owns = &planned.desired.owns;
        if planned.plan.approvals.prune && !owns.owns_users() && owns.scope().is_nothing() {
            process.terminal.warning(match planned.plan.approvals.destroy {
                true => "nothing is removed: the manifests declare no stream, topic, consumer group or user",
                false => "--prune removes nothing: no manifest has `owns`, which names what it may remove",
            });
        }
    }

    fn warn_about_left_permissions(process: &Process, planned: &Planned) {
        let deletes = |step: &Step| step.stage == Stage::Delete;
        if planned.is_access_unread && planned.plan.steps.iter().any(deletes) {
            process.terminal.warning(
                "the login may not read users: permissions on what is deleted stay, and apply to \
                 whatever gets its number next",
            );
        }
    }

    /// Warns about what was allowed to be lost and is not: a mistyped address
    /// would otherwise show only as a line that is still blocked.
    pub(super) fn warn_about_unused_approvals(process: &Process, planned: &Planned) {
        if planned.saved.is_some() {
            return;
        }
        let Planned {
            plan,
            desired,
            observed,
            prunable,
            ..
        } = planned;
        for UnusedApproval { address, reason } in plan.unused_approvals(desired, observed, prunable)
        {
            let reason = unused_text(&reason, &address, plan.approvals.destroy);
            process.terminal.warning(&format!(
                "--allow-destroy {address} allows nothing: {reason}"
            ));
        }
    }

    /// Prints the plan to standard output; which server it is for, to standard error.
    pub(super) fn print(&self, process: &Process, planned: &Planned) -> Result<(), CommandError> {
        say_server(process, planned);
        self.output.print(process, planned)
    }

    /// What `--timeout` allows, counted from now.
    pub(super) fn time_limit(&self) -> TimeLimit {
        TimeLimit::starting_now(self.timeout)
    }
}

/// Why naming something allows nothing, and what to do instead.
fn unused_text(reason: &UnusedReason, address: &Address, destroys: bool) -> String {
    match reason {
        UnusedReason::BlockedOtherwise => {
            "it is blocked for a reason that this does not allow".to_owned()
        }
        UnusedReason::Inside(inside) => format!("name what loses data itself, {inside}"),
        UnusedReason::Meant(meant) => {
            format!("nothing of that name is to be removed; did you mean {meant}?")
        }
        UnusedReason::LosesNothing => "no step of this plan loses its data".to_owned(),
        UnusedReason::GoesWith(parent) => format!("it goes with {parent}"),
        UnusedReason::NeedsPrune => {
            "no manifest declares it; it is deleted with --prune".to_owned()
        }
        UnusedReason::NotByItself(parent) => {
            format!("it is removed only with {parent}, so name that, with --prune")
        }
        UnusedReason::LeftOut => "--only leaves it out".to_owned(),
        UnusedReason::NotThere => "the server has nothing of that name".to_owned(),
        UnusedReason::NotListed => match address {
            Address::ConsumerGroup(..) => {
                "its topic is declared without `consumerGroups`, which would say what else may go"
            }
            Address::Topic(..) => {
                "its stream is declared without `topics`, which would say what else may go"
            }
            Address::Stream(_) | Address::User(_) | Address::Token(..) => {
                "it is the `previousName` of something declared, so it stays"
            }
        }
        .to_owned(),
        UnusedReason::NotOwned if destroys => "the manifests do not declare it".to_owned(),
        UnusedReason::NotOwned => {
            "no manifest declares it, and no `owns` names it, so it is never removed".to_owned()
        }
    }
}

/// Says which server a plan is for, and as whom it was read.
pub(super) fn say_server(process: &Process, planned: &Planned) {
    if let Some(server) = &planned.report.server {
        let text = format!("Server {}.", escape(&server.to_string()));
        process.terminal.message(&text);
    }
}

/// Reads an address; what lists only topics may leave `topic/` out, but here
/// every kind is possible, so it may not.
fn parse_address(text: &str) -> Result<Address, String> {
    text.parse()
        .map_err(|error: iggyctl_core::address::AddressError| error.to_string())
}
