//! The compose file, as far as it can be checked without a container engine.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail by panicking"
)]

use serde_json::Value;

#[test]
fn the_official_server_is_pinned_keeps_its_data_and_is_reachable_from_this_machine_only() {
    let compose: Value = serde_saphyr::from_str(include_str!("../compose.yaml")).unwrap();
    let service = &compose["services"]["iggy"];
    assert_eq!(service["image"], "apache/iggy:0.9.0");
    let ports: Vec<&str> = texts(&service["ports"]);
    assert_eq!(
        ports,
        [
            "127.0.0.1:8090:8090",
            "127.0.0.1:3000:3000",
            "127.0.0.1:8080:8080/udp",
            "127.0.0.1:8092:8092",
        ]
    );
    let (volume, folder) = texts(&service["volumes"])[0].split_once(':').unwrap();
    assert_eq!(folder, "/local_data");
    assert!(compose["volumes"].as_object().unwrap().contains_key(volume));

    let environment = service["environment"].as_object().unwrap();
    for name in ["IGGY_ROOT_USERNAME", "IGGY_ROOT_PASSWORD"] {
        assert_eq!(environment[name], format!("${{{name}:-iggy}}"));
    }
    // Each listener on the port that is published.
    for (name, port) in [
        ("TCP", 8090),
        ("HTTP", 3000),
        ("QUIC", 8080),
        ("WEBSOCKET", 8092),
    ] {
        let address = &environment[&format!("IGGY_{name}_ADDRESS")];
        assert_eq!(*address, format!("0.0.0.0:{port}"));
    }
    assert_eq!(environment["IGGY_NODE_ADVERTISED_ADDRESS"], "127.0.0.1");
}

fn texts(list: &Value) -> Vec<&str> {
    let list = list.as_array().unwrap();
    list.iter().map(|text| text.as_str().unwrap()).collect()
}
