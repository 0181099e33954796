//! `iggyctl operator rbac`: the roles that the operator needs.

use crate::cli::Process;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;
use crate::operator::rbac::{Installation, roles};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  iggyctl operator rbac --operator-namespace iggy | kubectl apply -f -\n  iggyctl operator rbac --operator-namespace iggy --namespace orders,billing"
)]
pub(super) struct RbacArguments {
    /// A namespace that the operator looks after; may be repeated. Then there are only Roles in
    /// these namespaces, nothing of the whole cluster, and no ClusterIggyServer
    #[arg(long = "namespace", value_name = "NAME", value_delimiter = ',', value_parser = label)]
    namespaces: Vec<String>,
    /// What the operator is called: its Lease, and the beginning of its roles' names
    #[arg(long, value_name = "NAME", default_value = "iggyctl-operator", value_parser = label)]
    name: String,
    /// The namespace that the operator runs in
    #[arg(long, value_name = "NAME", default_value = "iggyctl-operator", value_parser = label)]
    operator_namespace: String,
    /// The ServiceAccount that it runs as; the name of the operator without it
    #[arg(long, value_name = "NAME", value_parser = label)]
    service_account: Option<String>,
}

/// A name as Kubernetes has it for namespaces, and we for what belongs to the operator.
fn label(text: &str) -> Result<String, String> {
    let is_inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_name = text.len() <= 63
        && text.bytes().all(|byte| is_inside(byte) || byte == b'-')
        && text.bytes().next().is_some_and(is_inside)
        && text.bytes().last().is_some_and(is_inside);
    if is_name {
        Ok(text.to_owned())
    } else {
        Err("a name of Kubernetes has 1 to 63 characters of a-z, 0-9 and -, not at its ends".into())
    }
}

pub(super) fn run(process: &Process, arguments: &RbacArguments) -> Result<ExitCode, CommandError> {
    let RbacArguments {
        namespaces,
        name,
        operator_namespace,
        service_account,
    } = arguments;
    let mut watched = Vec::new();
    for namespace in namespaces {
        // Twice the same would be one object twice.
        if !watched.contains(namespace) {
            watched.push(namespace.clone());
        }
    }
    let installation = Installation {
        name: name.clone(),
        namespace: operator_namespace.clone(),
        service_account: service_account.as_ref().unwrap_or(name).clone(),
        watched,
    };
    process.output(&roles(&installation))?;
    Ok(ExitCode::Done)
}
