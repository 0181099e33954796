use iggyctl_core::api::v1alpha1::{Kind, ServerKind};
use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::operator::cluster::ServerSpec;
use crate::operator::model::{Reason, Requests};
use crate::operator::resources::status::{Claim, ServerStatus, TopologyStatus};
use crate::operator::round::{Health, standard_conditions};

const WATCH: usize = 3;

fn object(version: &str) -> Object {
    Object {
        key: ObjectKey {
            kind: Kind::IggyStream,
            namespace: "shop".to_owned(),
            name: "orders".to_owned(),
        },
        uid: "uid".to_owned(),
        resource_version: version.to_owned(),
        generation: 1,
        created_at: Timestamp::UNIX_EPOCH,
        deleted_at: None,
        has_finalizer: false,
        finalizers: Vec::new(),
        requests: Requests::default(),
        spec: Arc::default(),
        status: Arc::new(TopologyStatus::default()),
    }
}

fn server(version: &str) -> ServerObject {
    ServerObject {
        key: object("1").server(),
        uid: "uid".to_owned(),
        resource_version: version.to_owned(),
        generation: 1,
        deleted_at: None,
        finalizers: Vec::new(),
        requests: Requests::default(),
        acknowledged: None,
        spec: Err("it does not matter".to_owned()),
        status: ServerStatus::default(),
    }
}

/// The versions of both that are known.
fn versions(world: &World) -> [String; 2] {
    let object = world.object(&object("1").key).unwrap();
    let server = world.server(&server("1").key).unwrap();
    [
        object.resource_version.clone(),
        server.resource_version.clone(),
    ]
}

fn both(version: &str) -> [Seen; 2] {
    [
        Seen::Object(Box::new(object(version))),
        Seen::Server(Box::new(server(version))),
    ]
}

fn with_both(version: &str) -> World {
    let world = World::default();
    for seen in both(version) {
        world.saw(seen);
    }
    world
}

fn lists(world: &World, version: &str) -> Vec<ServerKey> {
    let listed = both(version).map(|seen| Seen::Listed(WATCH, Box::new(seen)));
    let asked = listed.map(|seen| world.saw(seen));
    world.saw(Seen::Synced(WATCH));
    asked.into_iter().flatten().collect()
}

#[test]
fn a_change_that_comes_late_is_passed_over() {
    let world = with_both("9");
    for seen in both("8") {
        assert!(world.saw(seen).is_empty());
    }
    assert_eq!(versions(&world), ["9", "9"]);
}

/// As when the API server's store was restored from a backup.
#[test]
fn what_is_listed_counts_whatever_its_version() {
    let world = with_both("9");
    world.saw(Seen::ListBegins(WATCH));
    let asked = lists(&world, "4");
    assert_eq!(versions(&world), ["4", "4"]);
    // What is held may be another thing now.
    assert!(asked.contains(&server("1").key), "{asked:?}");
    // What changes from there on counts.
    for seen in both("5") {
        world.saw(seen);
    }
    assert_eq!(versions(&world), ["5", "5"]);
    assert_eq!(world.view(&server("1").key, None).objects.len(), 1);
    // The same again is no news.
    world.saw(Seen::ListBegins(WATCH));
    assert_eq!(lists(&world, "5"), []);
}

/// The list may have been made before it, and the watch goes on from there.
#[test]
fn what_was_written_while_it_is_listed_is_not_undone() {
    let world = with_both("4");
    world.saw(Seen::ListBegins(WATCH));
    world.wrote(Arc::new(object("6")));
    world.wrote_server(Arc::new(server("6")));
    assert_eq!(lists(&world, "5"), []);
    assert_eq!(versions(&world), ["6", "6"]);
    // A list that begins later has it, if there is such a thing.
    world.saw(Seen::ListBegins(WATCH));
    lists(&world, "5");
    assert_eq!(versions(&world), ["5", "5"]);
}

/// Anybody can write down an address; who was not let in there takes nothing from those who
/// were.
#[test]
fn a_server_object_that_was_not_let_in_is_not_known_to_be_the_same() {
    let of = |name: &str| {
        let spec = json!({
            "address": "iggy://127.0.0.1:8090",
            "credentialsSecretRef": { "name": name },
        });
        ServerObject {
            key: ServerKey::new(ServerKind::IggyServer, name, name.to_owned()),
            spec: serde_json::from_value(spec)
                .map(ServerSpec::Namespaced)
                .map_err(|error| error.to_string()),
            ..server("1")
        }
    };
    let others = |theirs: ServerStatus| {
        let world = World::default();
        world.saw(Seen::Server(Box::new(of("ours"))));
        let theirs = ServerObject {
            status: theirs,
            ..of("theirs")
        };
        world.saw(Seen::Server(Box::new(theirs)));
        let view = world.view(&of("ours").key, Some("identity"));
        view.others.len()
    };
    let nobody_asked = ServerStatus::default();
    assert_eq!(others(nobody_asked), 1);
    let refused = ServerStatus {
        conditions: standard_conditions(
            &[],
            1,
            Timestamp::UNIX_EPOCH,
            Health::Stalled,
            Reason::CredentialsRefused,
            "",
        ),
        ..ServerStatus::default()
    };
    assert_eq!(others(refused), 0);
    let let_in = |identity: &str| ServerStatus {
        server_identity: Some(identity.to_owned()),
        ..ServerStatus::default()
    };
    assert_eq!(others(let_in("identity")), 1);
    assert_eq!(others(let_in("another")), 0);
}

/// What an object held may go to one of another server object for the same server.
#[test]
fn who_departs_is_known_to_all_that_are_for_the_server() {
    let let_in = |name: &str, identity: &str| ServerObject {
        key: ServerKey::new(ServerKind::IggyServer, name, "default".to_owned()),
        status: ServerStatus {
            server_identity: Some(identity.to_owned()),
            ..ServerStatus::default()
        },
        ..server("1")
    };
    let world = World::default();
    let servers = [
        let_in("shop", "one"),
        let_in("same", "one"),
        let_in("else", "two"),
    ];
    for server in &servers {
        world.saw(Seen::Server(Box::new(server.clone())));
    }
    let mut object = object("1");
    object.status = Arc::new(TopologyStatus {
        claims: vec![Claim {
            address: "stream/orders".to_owned(),
            server: "one".to_owned(),
            id: None,
            created_at_microseconds: None,
            deletion_policy: None,
        }],
        ..TopologyStatus::default()
    });
    // With a finalizer, its own server object knows of it from the round that took that away.
    for (has_finalizer, known) in [(false, [1, 1, 0]), (true, [0, 1, 0])] {
        let object = Object {
            has_finalizer,
            ..object.clone()
        };
        let key = object.key.clone();
        world.saw(Seen::Object(Box::new(object)));
        let asked = world.saw(Seen::NoObject(key));
        assert_eq!(asked.len(), 2);
        let departed = servers
            .each_ref()
            .map(|it| world.take_departed(&it.key).len());
        assert_eq!(departed, known);
    }
}

/// A list may say no more than that another one is there by the same name.
#[test]
fn what_was_created_anew_while_nobody_watched_has_departed_before() {
    let world = World::default();
    let mut former = object("1");
    former.status = Arc::new(TopologyStatus {
        claims: vec![Claim {
            address: "stream/orders".to_owned(),
            server: "one".to_owned(),
            id: None,
            created_at_microseconds: None,
            deletion_policy: None,
        }],
        ..TopologyStatus::default()
    });
    let server = former.server();
    let mut anew = object("2");
    world.saw(Seen::Object(Box::new(former.clone())));
    world.saw(Seen::Object(Box::new(former.clone())));
    assert!(world.take_departed(&server).is_empty());
    anew.uid = "another".to_owned();
    assert!(world.saw(Seen::Object(Box::new(anew))).contains(&server));
    let departed = world.take_departed(&server);
    let departed: Vec<&str> = departed.iter().map(|it| it.uid.as_str()).collect();
    assert_eq!(departed, [former.uid]);
}
