use serde_json::Value;

use super::{Installation, roles};

fn installation(watched: &[&str]) -> Installation {
    Installation {
        name: "operator".to_owned(),
        namespace: "iggy".to_owned(),
        service_account: "account".to_owned(),
        watched: watched.iter().map(|name| (*name).to_owned()).collect(),
    }
}

fn documents(watched: &[&str]) -> Vec<Value> {
    roles(&installation(watched))
        .split("---\n")
        .map(|document| serde_saphyr::from_str(document).unwrap())
        .collect()
}

fn rules(document: &Value) -> Vec<&Value> {
    document["rules"].as_array().into_iter().flatten().collect()
}

fn has(list: &Value, value: &str) -> bool {
    list.as_array().unwrap().iter().any(|entry| entry == value)
}

#[test]
fn of_the_whole_cluster() {
    insta::assert_snapshot!(roles(&installation(&[])));
}

#[test]
fn of_two_namespaces() {
    insta::assert_snapshot!(roles(&installation(&["orders", "billing"])));
}

#[test]
fn nothing_is_of_the_cluster_where_namespaces_are_named() {
    for document in documents(&["orders"]) {
        let kind = document["kind"].as_str().unwrap();
        assert!(!kind.starts_with("Cluster"), "{document}");
        assert!(document["metadata"]["namespace"].is_string(), "{document}");
        for rule in rules(&document) {
            for resource in ["namespaces", "clusteriggyservers"] {
                assert!(!has(&rule["resources"], resource), "{rule}");
            }
        }
    }
}

#[test]
fn nothing_is_for_everything() {
    for document in documents(&[]).iter().chain(&documents(&["orders"])) {
        for rule in rules(document) {
            for field in ["apiGroups", "resources", "verbs"] {
                assert!(!rule[field].as_array().unwrap().is_empty(), "{rule}");
                assert!(!has(&rule[field], "*"), "{rule}");
            }
        }
    }
}

/// Whoever may bind, escalate or impersonate may do everything.
#[test]
fn nothing_leads_to_more() {
    for document in documents(&[]).iter().chain(&documents(&["orders"])) {
        for rule in rules(document) {
            for verb in ["bind", "escalate", "impersonate"] {
                assert!(!has(&rule["verbs"], verb), "{rule}");
            }
            for group in ["rbac.authorization.k8s.io", "apiextensions.k8s.io"] {
                assert!(!has(&rule["apiGroups"], group), "{rule}");
            }
        }
    }
}
