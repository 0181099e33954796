//! Somebody changes with the official CLI what iggyctl has made.

use std::path::Path;
use std::process::Stdio;

use libtest_mimic::Failed;

use super::OfficialCli;
use super::rung::Outcome;

const MANIFEST: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: orders }
spec:
  streams:
    - name: orders
      topics:
        - name: events
          partitions: 3
          messageExpiry: 7d
          maxTopicSize: 10GiB
          consumerGroups: [billing]
        - name: audit
          partitions: 1
";

struct Iggyctl<'a> {
    server: String,
    folder: &'a Path,
}

impl Iggyctl<'_> {
    /// Runs a command that must exit with `code`; its standard output.
    async fn exits(&self, code: i32, arguments: &[&str]) -> Result<String, Failed> {
        let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_iggyctl"))
            .args(arguments)
            .args(["--server", &self.server])
            .current_dir(self.folder)
            .env_clear()
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await?;
        let stdout = String::from_utf8(output.stdout)?;
        if output.status.code() == Some(code) {
            Ok(stdout)
        } else {
            Err(format!(
                "`iggyctl {}` ended with {} instead of {code}:\n{stdout}{}",
                arguments.join(" "),
                output.status,
                String::from_utf8_lossy(&output.stderr)
            )
            .into())
        }
    }
}

/// Verb and address of everything that a plan in JSON shows.
fn changes(plan: &str) -> Result<Vec<String>, Failed> {
    let plan: serde_json::Value = serde_json::from_str(plan)?;
    let changes = plan["changes"]
        .as_array()
        .ok_or_else(|| format!("no changes in {plan}"))?;
    Ok(changes
        .iter()
        .map(|change| format!("{} {}", change["verb"], change["address"]).replace('"', ""))
        .collect())
}

pub(crate) async fn a_change_by_hand_is_seen_and_repaired(cli: &OfficialCli) -> Outcome {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("orders.yaml"), MANIFEST)?;
    let iggyctl = Iggyctl {
        server: format!("iggy://iggy:iggy@{}", cli.address()),
        folder: folder.path(),
    };
    let diff = ["diff", "-f", "orders.yaml", "-o", "json"];

    iggyctl
        .exits(0, &["apply", "-f", "orders.yaml", "--yes"])
        .await?;
    assert_eq!(changes(&iggyctl.exits(0, &diff).await?)?, [""; 0]);
    // The official CLI sees what was made.
    let topic = cli.ok(&["topic", "get", "orders", "events"]).await?;
    assert_eq!(topic.properties().get("Message expiry"), Some(&"7days"));
    assert_eq!(topic.properties().get("Partitions count"), Some(&"3"));
    cli.ok(&["consumer-group", "get", "orders", "events", "billing"])
        .await?
        .properties()
        .get("Consumer group name")
        .ok_or("the group is missing")?;

    cli.ok(&[
        "topic", "update", "orders", "events", "events", "none", "2days",
    ])
    .await?;
    cli.ok(&["consumer-group", "delete", "orders", "events", "billing"])
        .await?;
    // Not declared, so not a difference.
    cli.ok(&["topic", "create", "orders", "somebody-elses", "1", "none"])
        .await?;
    assert_eq!(
        changes(&iggyctl.exits(2, &diff).await?)?,
        [
            "update topic/orders/events",
            "create group/orders/events/billing",
        ]
    );

    iggyctl
        .exits(0, &["apply", "-f", "orders.yaml", "--yes"])
        .await?;
    iggyctl.exits(0, &diff).await?;
    let topic = cli.ok(&["topic", "get", "orders", "events"]).await?;
    assert_eq!(topic.properties().get("Message expiry"), Some(&"7days"));
    assert_eq!(topic.properties().get("Max topic size"), Some(&"10.74 GB"));
    cli.ok(&["topic", "get", "orders", "somebody-elses"])
        .await?
        .properties()
        .get("Topic name")
        .ok_or("what was not declared is gone")?;
    Ok(())
}

pub(crate) async fn an_export_of_what_was_made_by_hand_plans_empty(cli: &OfficialCli) -> Outcome {
    cli.ok(&["stream", "create", "orders"]).await?;
    cli.ok(&[
        "topic",
        "create",
        "orders",
        "events",
        "6",
        "gzip",
        "7days",
        "1h",
        "-m",
        "10GiB",
        "--durability",
        "persisted",
        "--set",
        "segment_size=256MiB",
    ])
    .await?;
    cli.ok(&["topic", "create", "orders", "plain", "1", "none"])
        .await?;
    cli.ok(&["consumer-group", "create", "orders", "events", "billing"])
        .await?;

    let folder = tempfile::tempdir()?;
    let iggyctl = Iggyctl {
        server: format!("iggy://iggy:iggy@{}", cli.address()),
        folder: folder.path(),
    };
    let exported = iggyctl.exits(0, &["export"]).await?;
    std::fs::write(folder.path().join("exported.yaml"), &exported)?;
    let plan = iggyctl
        .exits(0, &["diff", "-f", "exported.yaml", "-o", "json"])
        .await?;
    assert_eq!(changes(&plan)?, [""; 0], "{exported}");

    // It is the whole truth: what it describes can be made again from it.
    cli.ok(&["stream", "delete", "orders"]).await?;
    iggyctl
        .exits(0, &["apply", "-f", "exported.yaml", "--yes"])
        .await?;
    assert_eq!(iggyctl.exits(0, &["export"]).await?, exported);
    Ok(())
}
