//! The page for Prometheus of an operator that runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::control_plane::{ControlPlane, Failure, repository};
use crate::laboratory::{ACCOUNT, Laboratory};

/// Each metric is there, says what happened, and in a form that Prometheus reads.
pub(crate) fn say_what_happened(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    let stream = |object: &str, more: &str| {
        format!(
            "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: {{ name: {object} }}\n\
             spec:\n  name: orders\n  topics: [{{ name: events }}]\n{more}"
        )
    };
    laboratory.apply(&stream("first", "  deletionPolicy: Delete\n"))?;
    laboratory.ready("igst/first")?;
    laboratory.apply(&stream("second", ""))?;
    laboratory.wait_for("igst/second", "Stalled", "True", "Conflicted")?;
    // A server that is not there.
    laboratory.apply(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyServer\nmetadata: { name: gone }\n\
         spec:\n  address: iggy://127.0.0.1:1\n  credentialsSecretRef: { name: root }\n",
    )?;
    laboratory.wait_for("igs/gone", "Reconciling", "True", "ServerUnavailable")?;
    laboratory.delete_topic_by_hand("orders", "events");
    laboratory.look_again("igst/first")?;
    let namespace = &laboratory.namespace;
    let up = |name: &str| {
        format!(
            r#"iggyctl_operator_server_up{{server_kind="IggyServer",namespace="{namespace}",name="{name}"}}"#
        )
    };
    let streams = |metric: &str| format!(r#"iggyctl_operator_{metric}{{kind="IggyStream"}}"#);
    let objects =
        |ready: &str| format!(r#"iggyctl_operator_objects{{kind="IggyStream",ready="{ready}"}}"#);
    let address = probes(&laboratory)?;
    wait_for_values(
        &address,
        &[
            ("iggyctl_operator_leader".to_owned(), 1.0),
            (up("default"), 1.0),
            (up("gone"), 0.0),
            (objects("true"), 1.0),
            (objects("false"), 1.0),
            (objects("unknown"), 0.0),
            (streams("conflicts"), 1.0),
            (streams("drift_found_total"), 1.0),
            (streams("drift_corrected_total"), 1.0),
            (streams("orphaned_total"), 0.0),
        ],
    )?;
    // Nobody waits for what the first one holds.
    laboratory.kubectl(&["delete", "igst/second", "--timeout=20s"])?;
    laboratory.kubectl(&["annotate", "igst/first", "iggyctl.dev/force-release=true"])?;
    laboratory.kubectl(&["delete", "igst/first", "--timeout=20s"])?;
    wait_for_values(&address, &[(streams("orphaned_total"), 1.0)])?;

    let page = page(&address, "/metrics")?;
    let values = read(&page)?;
    let at_least_one = |series: &str| -> Result<(), Failure> {
        match values.get(series) {
            Some(value) if *value >= 1.0 => Ok(()),
            other => Err(format!("{series}: {other:?}\n{page}").into()),
        }
    };
    for result in ["changed", "refused"] {
        at_least_one(&format!(
            r#"iggyctl_operator_reconciles_total{{kind="IggyStream",result="{result}"}}"#
        ))?;
    }
    at_least_one(r#"iggyctl_operator_reconciles_total{kind="IggyServer",result="failed"}"#)?;
    at_least_one(&streams("reconcile_duration_seconds_count"))?;
    at_least_one(&up("default").replace("server_up", "broker_requests_total"))?;
    each_is_there(&values, &page)?;
    for path in ["/healthz", "/readyz"] {
        if self::page(&address, path)? != "ok\n" {
            return Err(format!("{path} is not well").into());
        }
    }
    Ok(())
}

/// One that waits for the Lease is ready, and says nothing of objects and servers.
pub(crate) fn who_waits(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::without_operator(plane)?;
    laboratory.connect_server()?;
    // Somebody else has it.
    laboratory.apply(
        "apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: { name: operator }\n\
         spec: { holderIdentity: another, leaseDurationSeconds: 3600, leaseTransitions: 1, \
         acquireTime: \"2126-01-01T00:00:00.000000Z\", renewTime: \"2126-01-01T00:00:00.000000Z\" }\n",
    )?;
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("log");
    let mut operator = Command::new(env!("CARGO_BIN_EXE_iggyctl"))
        .args(["operator", "run", "--listen", "127.0.0.1:0"])
        .args(["--namespace", &laboratory.namespace])
        .args(["--leader-election-namespace", &laboratory.namespace])
        .args(["--leader-election-name", ACCOUNT])
        .env_clear()
        .env("HOME", folder.path())
        .env("KUBECONFIG", laboratory.kubeconfig())
        .stdin(Stdio::null())
        .stderr(fs::File::create(&log)?)
        .spawn()?;
    let result = (|| {
        let address = address(|| fs::read_to_string(&log).unwrap_or_default())?;
        wait(|| match page(&address, "/readyz")?.as_str() {
            "ok\n" => Ok(()),
            other => Err(other.to_owned().into()),
        })?;
        let page = page(&address, "/metrics")?;
        let values = read(&page)?;
        let says_nothing = ["server_up", "objects", "conflicts"]
            .iter()
            .all(|name| !page.contains(&format!("iggyctl_operator_{name}")));
        match values.get("iggyctl_operator_leader") == Some(&0.0) && says_nothing {
            true => Ok(()),
            false => Err(page.into()),
        }
    })();
    operator.kill()?;
    operator.wait()?;
    result
}

/// Every metric that is documented, and no other.
fn each_is_there(values: &BTreeMap<String, f64>, page: &str) -> Result<(), Failure> {
    let documentation = fs::read_to_string(repository("docs/operator-installation.md"))?;
    let documented: BTreeSet<&str> = documentation
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name)
        .filter(|name| name.starts_with("iggyctl_operator_"))
        .collect();
    let there: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .map(|(name, _)| name)
        .collect();
    if documented != there || values.is_empty() {
        return Err(format!("{documented:?} are documented, {there:?} are there").into());
    }
    Ok(())
}

/// The series of a page, each with its value; refuses what Prometheus would.
fn read(page: &str) -> Result<BTreeMap<String, f64>, Failure> {
    let mut values = BTreeMap::new();
    let mut described: BTreeMap<&str, &str> = BTreeMap::new();
    let mut helped = BTreeSet::new();
    for line in page.lines().filter(|line| !line.is_empty()) {
        let wrong = |why: &str| -> Failure { format!("{why}: {line}").into() };
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, text) = help.split_once(' ').ok_or_else(|| wrong("no help"))?;
            if text.is_empty() || !helped.insert(name) {
                return Err(wrong("helped twice, or by nothing"));
            }
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').ok_or_else(|| wrong("no type"))?;
            let is_known = ["counter", "gauge", "histogram"].contains(&kind);
            if !is_known || described.insert(name, kind).is_some() {
                return Err(wrong("a type twice, or none that there is"));
            }
        } else {
            let (series, value) = line.rsplit_once(' ').ok_or_else(|| wrong("no value"))?;
            let name = series.split('{').next().unwrap_or_default();
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            let is_series = name.bytes().all(is_name)
                && (name == series
                    || series.ends_with("\"}") && series.matches('"').count() % 2 == 0);
            let is_described = described.iter().any(|(metric, kind)| match *kind {
                "histogram" => ["_bucket", "_sum", "_count"]
                    .iter()
                    .any(|part| name.strip_suffix(part) == Some(*metric)),
                _ => name == *metric,
            });
            if !is_series || !is_described {
                return Err(wrong("no series of a metric"));
            }
            let value = value.parse().map_err(|_| wrong("no number"))?;
            if values.insert(series.to_owned(), value).is_some() {
                return Err(wrong("twice"));
            }
        }
    }
    Ok(values)
}

fn wait_for_values(address: &str, expected: &[(String, f64)]) -> Result<(), Failure> {
    wait(|| {
        let page = page(address, "/metrics")?;
        let values = read(&page)?;
        for (series, value) in expected {
            if values.get(series) != Some(value) {
                let found = values.get(series);
                return Err(format!("{series} is {found:?}, not {value}\n{page}").into());
            }
        }
        Ok(())
    })
}

/// Until it is so; polled, since a page says nothing by itself.
fn wait<T>(mut look: impl FnMut() -> Result<T, Failure>) -> Result<T, Failure> {
    let begin = Instant::now();
    loop {
        match look() {
            Err(_) if begin.elapsed() < Duration::from_secs(30) => {
                std::thread::sleep(Duration::from_millis(100));
            }
            ended => return ended,
        }
    }
}

/// Where the operator serves its pages.
fn probes(laboratory: &Laboratory<'_>) -> Result<String, Failure> {
    address(|| laboratory.log())
}

/// What a series is now, of the operator that was started last.
pub(crate) fn value(laboratory: &Laboratory<'_>, series: &str) -> Result<f64, Failure> {
    wait(|| {
        let page = page(&probes(laboratory)?, "/metrics")?;
        let found = read(&page)?.get(series).copied();
        found.ok_or_else(|| format!("no {series}:\n{page}").into())
    })
}

/// Waits until a series is that.
pub(crate) fn wait_for_value(
    laboratory: &Laboratory<'_>,
    series: &str,
    value: f64,
) -> Result<(), Failure> {
    wait_for_values(&probes(laboratory)?, &[(series.to_owned(), value)])
}

fn address(log: impl Fn() -> String) -> Result<String, Failure> {
    wait(|| {
        let log = log();
        let found = log.rsplit_once("Probes: http://");
        let found = found.and_then(|(_, rest)| rest.split('/').next());
        found
            .map(str::to_owned)
            .ok_or_else(|| "it does not say where it listens".into())
    })
}

fn page(address: &str, path: &str) -> Result<String, Failure> {
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    Ok(body.to_owned())
}
