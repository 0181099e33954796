//! The whole life of each kind that declares one thing: created, changed, changed by somebody
//! else and corrected, deleted with what it declares, and deleted without.

use iggy::prelude::*;
use libtest_mimic::Trial;

use crate::control_plane::{ControlPlane, Failure};
use crate::laboratory::Laboratory;
use crate::trial;
use crate::whole_cluster::trial as in_cluster;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("whole_life_of_a_stream", |plane| STREAM.live(plane)),
        trial("whole_life_of_a_topic", |plane| TOPIC.live(plane)),
        trial("whole_life_of_a_consumer_group", |plane| GROUP.live(plane)),
        trial("whole_life_of_a_user", |plane| USER.live(plane)),
        trial("whole_life_of_a_topology", |plane| TOPOLOGY.live(plane)),
        in_cluster("whole_life_on_a_shared_server_of_a_stream", |laboratory| {
            STREAM.live_on_shared(laboratory)
        }),
        in_cluster("whole_life_on_a_shared_server_of_a_topic", |laboratory| {
            TOPIC.live_on_shared(laboratory)
        }),
        in_cluster(
            "whole_life_on_a_shared_server_of_a_consumer_group",
            |laboratory| GROUP.live_on_shared(laboratory),
        ),
        in_cluster("whole_life_on_a_shared_server_of_a_user", |laboratory| {
            USER.live_on_shared(laboratory)
        }),
        in_cluster(
            "whole_life_on_a_shared_server_of_a_topology",
            |laboratory| TOPOLOGY.live_on_shared(laboratory),
        ),
    ]
}

/// What objects say of the server that all of them share.
pub(crate) const SHARED: &str = "  serverRef: { kind: ClusterIggyServer, name: of-lives }\n";

/// A namespace that may have anything on a server object of the cluster.
pub(crate) fn enter_shared(
    laboratory: &mut Laboratory<'static>,
    namespace: &str,
) -> Result<(), Failure> {
    laboratory.enter_new("of-lives", "")?;
    laboratory.connect_server()?;
    let address = laboratory.server().address();
    laboratory.apply(&format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: ClusterIggyServer\nmetadata: {{ name: of-lives }}\nspec:\n  \
         address: iggy://{address}\n  credentialsSecretRef: {{ namespace: of-lives, name: root }}\n  tenants:\n    \
         - name: lives\n      namespaceSelector: {{ matchLabels: {{ lives: \"true\" }} }}\n      names: [\"*\"]\n      \
         maxPermissions: {{ preset: admin }}\n"
    ))?;
    laboratory.enter_new(namespace, "lives: \"true\"")
}

struct Life {
    kind: &'static str,
    /// What has to be there before it.
    before: &'static str,
    /// Its spec, and another one.
    specs: [&'static str; 2],
    /// What the server has of it, in words; `None` where it is not there.
    state: fn(&Laboratory<'_>) -> Option<String>,
    /// What it has by each of the specs.
    states: [&'static str; 2],
    /// Done by somebody else.
    by_hand: fn(&Laboratory<'_>),
}

const STREAM: Life = Life {
    kind: "IggyStream",
    before: "",
    specs: [
        "  name: orders\n  topics: [{ name: events, partitions: 2 }]\n",
        "  name: orders\n  topics: [{ name: events, partitions: 3 }, { name: refunds }]\n",
    ],
    state: |laboratory| {
        laboratory.by_hand(async |root| {
            let orders = Identifier::named("orders").unwrap();
            let stream = root.get_stream(&orders).await.unwrap()?;
            let topics = stream.topics.iter();
            let topics = topics.map(|topic| format!("{} {}", topic.name, topic.partitions_count));
            Some(topics.collect::<Vec<_>>().join(", "))
        })
    },
    states: ["events 2", "events 3, refunds 1"],
    by_hand: |laboratory| laboratory.delete_topic_by_hand("orders", "refunds"),
};

const TOPIC: Life = Life {
    kind: "IggyTopic",
    before: "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: { name: orders }\nspec:\n  management: Full\n---\n",
    specs: [
        "  stream: orders\n  name: events\n  partitions: 2\n  messageExpiry: 1h\n",
        "  stream: orders\n  name: events\n  partitions: 3\n  messageExpiry: 2h\n",
    ],
    state: |laboratory| {
        laboratory.by_hand(async |root| {
            let (orders, events) = (Identifier::named("orders"), Identifier::named("events"));
            let (orders, events) = (orders.unwrap(), events.unwrap());
            let topic = root.get_topic(&orders, &events).await.unwrap()?;
            Some(format!(
                "{}, {}",
                topic.partitions_count, topic.message_expiry
            ))
        })
    },
    states: ["2, 1h", "3, 2h"],
    by_hand: |laboratory| {
        laboratory.by_hand(async |root| {
            let (orders, events) = (Identifier::named("orders"), Identifier::named("events"));
            let options = TopicUpdateOptions {
                message_expiry: Some(IggyExpiry::ExpireDuration("5h".parse().unwrap())),
                ..TopicUpdateOptions::default()
            };
            root.update_topic(&orders.unwrap(), &events.unwrap(), "events", &options)
                .await
                .unwrap();
        });
    },
};

const GROUP: Life = Life {
    kind: "IggyConsumerGroup",
    before: "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: { name: orders }\nspec:\n  topics: [{ name: events }]\n---\n",
    specs: [
        "  stream: orders\n  topic: events\n  name: billing\n",
        // It has nothing that could be changed on the server.
        "  stream: orders\n  topic: events\n  name: billing\n  interval: 1h\n",
    ],
    state: |laboratory| {
        laboratory.by_hand(async |root| {
            let (orders, events) = (Identifier::named("orders"), Identifier::named("events"));
            let (orders, events) = (orders.unwrap(), events.unwrap());
            let groups = root.get_consumer_groups(&orders, &events).await.unwrap();
            let groups: Vec<String> = groups.into_iter().map(|group| group.name).collect();
            (!groups.is_empty()).then(|| groups.join(", "))
        })
    },
    states: ["billing", "billing"],
    by_hand: |laboratory| {
        laboratory.by_hand(async |root| {
            let (orders, events) = (Identifier::named("orders"), Identifier::named("events"));
            let billing = Identifier::named("billing").unwrap();
            root.delete_consumer_group(&orders.unwrap(), &events.unwrap(), &billing)
                .await
                .unwrap();
        });
    },
};

const USER: Life = Life {
    kind: "IggyUser",
    before: "apiVersion: v1\nkind: Secret\nmetadata: { name: svc, labels: { iggyctl.dev/watch: \"true\" } }\n\
         stringData: { password: not-secret-at-all }\n---\n\
         apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: { name: orders }\nspec:\n  management: Full\n---\n",
    specs: [
        "  name: svc\n  status: active\n  password: { secretKeyRef: { name: svc, key: password } }\n  \
         permissions: { streams: [{ name: orders, allow: [read_stream] }] }\n",
        "  name: svc\n  status: active\n  password: { secretKeyRef: { name: svc, key: password } }\n  \
         permissions: { streams: [{ name: orders, allow: [read_stream, send_messages] }] }\n",
    ],
    state: |laboratory| {
        // A user is never deleted: one that is gone may do nothing, and cannot log in.
        let user = laboratory.by_hand(async |root| {
            let svc = Identifier::named("svc").unwrap();
            root.get_user(&svc).await.unwrap()
        })?;
        if user.status != UserStatus::Active {
            let may = user.permissions.and_then(|permissions| permissions.streams);
            return may.map(|_| "an inactive user that may do something".to_owned());
        }
        let streams = user.permissions?.streams?;
        let rights = streams.values().map(|stream| {
            let may = [stream.read_stream, stream.send_messages];
            format!("{may:?}, {}", laboratory.lets_in("svc:not-secret-at-all"))
        });
        Some(rights.collect())
    },
    states: ["[true, false], true", "[true, true], true"],
    by_hand: |laboratory| {
        laboratory.by_hand(async |root| {
            let svc = Identifier::named("svc").unwrap();
            root.update_permissions(&svc, None).await.unwrap();
            let inactive = Some(UserStatus::Inactive);
            let options = UserUpdateOptions::default();
            root.update_user(&svc, None, inactive, &options)
                .await
                .unwrap();
        });
    },
};

/// The nested one.
const TOPOLOGY: Life = Life {
    kind: "IggyTopology",
    before: "",
    specs: [
        "  streams: [{ name: orders, topics: [{ name: events, partitions: 2 }] }]\n",
        "  streams: [{ name: orders, topics: [{ name: events, partitions: 3 }, { name: refunds }] }]\n",
    ],
    ..STREAM
};

impl Life {
    fn manifest(&self, spec: usize, policy: &str, server: &str) -> String {
        let text = format!(
            "{}apiVersion: iggyctl.dev/v1alpha1\nkind: {}\nmetadata: {{ name: own }}\nspec:\n  \
             deletionPolicy: {policy}\n  adoption: Adopt\n{}",
            self.before, self.kind, self.specs[spec]
        );
        text.replace("spec:\n", &format!("spec:\n{server}"))
    }

    /// In a namespace of its own, with the server object of the cluster; nothing is left of it.
    fn live_on_shared(&self, laboratory: &mut Laboratory<'static>) -> Result<(), Failure> {
        enter_shared(laboratory, &format!("life-{}", self.kind.to_lowercase()))?;
        self.live_in(laboratory, SHARED)?;
        laboratory.kubectl(&["delete", "igst", "--all", "--timeout=20s"])?;
        laboratory.by_hand(async |root| {
            let (orders, svc) = (Identifier::named("orders"), Identifier::named("svc"));
            drop(root.delete_stream(&orders.unwrap()).await);
            drop(root.delete_user(&svc.unwrap()).await);
        });
        Ok(())
    }

    fn is(
        &self,
        laboratory: &Laboratory<'_>,
        expected: Option<&str>,
        when: &str,
    ) -> Result<(), Failure> {
        let state = (self.state)(laboratory);
        match state.as_deref() == expected {
            true => Ok(()),
            false => Err(format!("{when}: {state:?} and not {expected:?}").into()),
        }
    }

    fn live(&self, plane: &ControlPlane) -> Result<(), Failure> {
        self.live_in(&Laboratory::start(plane)?, "")
    }

    /// With what objects say of their server.
    fn live_in(&self, laboratory: &Laboratory<'_>, server: &str) -> Result<(), Failure> {
        let object = format!("{}/own", self.kind.to_lowercase());
        let [first, second] = self.states.map(Some);
        laboratory.apply(&self.manifest(0, "Delete", server))?;
        laboratory.ready(&object)?;
        self.is(laboratory, first, "created")?;
        laboratory.apply(&self.manifest(1, "Delete", server))?;
        laboratory.ready(&object)?;
        self.is(laboratory, second, "changed")?;
        (self.by_hand)(laboratory);
        if (self.state)(laboratory).as_deref() == second {
            return Err("nothing was changed by hand".into());
        }
        laboratory.look_again(&object)?;
        laboratory.told("own", "DriftCorrected")?;
        laboratory.ready(&object)?;
        self.is(laboratory, second, "corrected")?;
        if !laboratory.events("orders", "DriftCorrected")?.is_empty() {
            return Err("the stream was told of what another object has in it".into());
        }
        laboratory.kubectl(&["delete", &object, "--timeout=20s"])?;
        self.is(laboratory, None, "deleted")?;
        laboratory.apply(&self.manifest(1, "Retain", server))?;
        let found = laboratory.ready(&object)?;
        self.is(laboratory, second, "created anew")?;
        if found["metadata"]["finalizers"].is_array() {
            return Err("nothing has to be deleted, and it has a finalizer".into());
        }
        laboratory.kubectl(&["delete", &object, "--timeout=20s"])?;
        laboratory.told("own", "Retained")?;
        self.is(laboratory, second, "retained")
    }
}
