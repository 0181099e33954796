//! The alerts, the dashboard and the documentation, held to the names.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use promql_parser::parser::{Expr, LabelModifier, VectorSelector, parse};
use promql_parser::util::{ExprVisitor, walk_expr};
use serde_json::Value;

use super::{ALL, Metric, Shape};

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// What an expression asks for.
#[derive(Debug, Default)]
struct Asked {
    metrics: BTreeSet<String>,
    labels: BTreeSet<String>,
}

impl ExprVisitor for Asked {
    type Error = std::convert::Infallible;

    fn pre_visit(&mut self, expression: &Expr) -> Result<bool, Self::Error> {
        match expression {
            Expr::VectorSelector(selector) => self.select(selector),
            Expr::MatrixSelector(matrix) => self.select(&matrix.vs),
            Expr::Aggregate(aggregate) => {
                if let Some(LabelModifier::Include(labels)) = &aggregate.modifier {
                    self.labels.extend(labels.labels.iter().cloned());
                }
            }
            _ => {}
        }
        Ok(true)
    }
}

impl Asked {
    fn select(&mut self, selector: &VectorSelector) {
        self.metrics.extend(selector.name.clone());
        for matcher in &selector.matchers.matchers {
            self.labels.insert(matcher.name.clone());
        }
    }
}

/// What Prometheus knows of where a metric was read.
const OF_TARGETS: [&str; 3] = ["namespace", "job", "pod"];

/// What Prometheus understands, with metrics that there are and labels that they have.
fn check(expression: &str, used: &mut BTreeSet<&'static str>) -> BTreeSet<String> {
    // Grafana puts in how long a step is.
    let text = expression.replace("$__rate_interval", "5m");
    let parsed = parse(&text).unwrap_or_else(|error| panic!("{expression}: {error}"));
    let mut asked = Asked::default();
    walk_expr(&mut asked, &parsed).unwrap();
    assert!(!asked.metrics.is_empty(), "{expression}");
    let mut known: BTreeSet<String> = OF_TARGETS.map(str::to_owned).into();
    for name in &asked.metrics {
        let metric = ALL
            .iter()
            .find(|metric| series(metric).contains(name))
            .unwrap_or_else(|| panic!("{expression}: no metric is called {name}"));
        used.insert(metric.name);
        known.extend(metric.labels.iter().map(|label| (*label).to_owned()));
        if metric.shape == Shape::Histogram {
            known.insert("le".to_owned());
        }
        // What only grows is asked for how fast, what is as it is now is not.
        let is_rate = text.contains("rate(") || text.contains("increase(");
        assert_eq!(is_rate, metric.shape != Shape::Gauge, "{expression}");
    }
    for label in &asked.labels {
        assert!(known.contains(label), "{expression}: no label {label}");
    }
    known
}

/// The names of its time series.
fn series(metric: &Metric) -> Vec<String> {
    match metric.shape {
        Shape::Counter | Shape::Gauge => vec![metric.name.to_owned()],
        Shape::Histogram => ["bucket", "sum", "count"]
            .map(|part| format!("{}_{part}", metric.name))
            .to_vec(),
    }
}

/// What stands between a beginning and an end, each time.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> Vec<&'a str> {
    text.split(begin)
        .skip(1)
        .filter_map(|rest| rest.split_once(end))
        .map(|(inside, _)| inside.trim())
        .collect()
}

#[test]
fn names_say_what_they_are() {
    let names: BTreeSet<&str> = ALL.iter().map(|metric| metric.name).collect();
    assert_eq!(names.len(), ALL.len());
    for Metric {
        name,
        labels,
        help,
        shape,
    } in ALL
    {
        assert!(name.starts_with("iggyctl_operator_"), "{name}");
        assert_eq!(name.ends_with("_total"), shape == Shape::Counter, "{name}");
        assert!(!help.is_empty() && !help.ends_with('.'), "{help}");
        assert!(!labels.contains(&"le"), "{name}");
    }
}

#[test]
fn alerts_are_about_metrics_that_there_are() {
    let text = fs::read_to_string(repository("charts/iggyctl-operator/files/alerts.yaml")).unwrap();
    let alerts: Value = serde_saphyr::from_str(&text).unwrap();
    let rules = alerts["groups"][0]["rules"].as_array().unwrap();
    assert!(rules.len() >= 5);
    for rule in rules {
        let known = check(rule["expr"].as_str().unwrap(), &mut BTreeSet::new());
        for label in between(&rule["annotations"].to_string(), "$labels.", "}}") {
            assert!(known.contains(label), "{label}: {rule}");
        }
        let severity = rule["labels"]["severity"].as_str().unwrap();
        assert!(
            ["critical", "warning", "info"].contains(&severity),
            "{rule}"
        );
        assert!(rule["annotations"]["summary"].is_string(), "{rule}");
        let runbook = rule["annotations"]["runbook_url"].as_str().unwrap();
        let file = runbook.strip_prefix("RUNBOOKS/").unwrap();
        let page = fs::read_to_string(repository("docs/runbooks").join(file))
            .unwrap_or_else(|error| panic!("{file}: {error}"));
        let alert = rule["alert"].as_str().unwrap();
        assert!(page.contains(&format!("`{alert}`")), "{file}: {alert}");
    }
}

#[test]
fn the_dashboard_shows_every_metric() {
    let text =
        fs::read_to_string(repository("charts/iggyctl-operator/files/dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let mut used = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let known = check(target["expr"].as_str().unwrap(), &mut used);
            for label in between(target["legendFormat"].as_str().unwrap(), "{{", "}}") {
                assert!(known.contains(label), "{label}: {target}");
            }
        }
    }
    assert_eq!(used, ALL.iter().map(|metric| metric.name).collect());
}

#[test]
fn every_metric_is_documented() {
    let page = fs::read_to_string(repository("docs/operator-installation.md")).unwrap();
    for Metric {
        name, labels, help, ..
    } in ALL
    {
        let labels = labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect::<Vec<_>>()
            .join(", ");
        let row = format!("| `{name}` | {labels} | {help} |");
        assert!(page.contains(&row), "{row}");
    }
}
