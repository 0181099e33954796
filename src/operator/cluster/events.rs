//! What people read in `kubectl describe`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::{Event, EventSeries};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use super::ServerObject;
use crate::operator::model::{EventReason, Object};
use crate::operator::resources::{GROUP, VERSION};
use crate::operator::round::Happening;

/// One for the process, so that what is said again is counted and not repeated.
///
/// The recorder of kube counts by the reason alone: of two different notes it would keep the
/// first, and what differs would never be read.
#[derive(Clone)]
pub(crate) struct Events {
    client: Client,
    instance: String,
    told: Arc<Mutex<Recent>>,
    /// What is told beside everything else.
    waiting: mpsc::Sender<Waiting>,
}

/// What is told beside everything else.
enum Waiting {
    Event(Box<ObjectReference>, Happening, Timestamp),
    /// Somebody wants to know when all before it is told.
    Until(oneshot::Sender<()>),
}

/// The most events that wait; those of more are only logged.
const MOST_WAITING: usize = 20_000;

/// What makes one event the same as another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Said {
    uid: String,
    reason: EventReason,
    note: String,
}

/// An event that the API server has.
struct Told {
    name: String,
    count: i32,
    at: Timestamp,
}

/// What was told lately.
#[derive(Default)]
struct Recent {
    events: HashMap<Said, Told>,
    /// When those that are too old were thrown away.
    tidied: Timestamp,
}

impl Recent {
    /// Throws away what is too old: now and then, since that looks at all of them.
    fn forget(&mut self, now: Timestamp) {
        if !is_recent(self.tidied, now) {
            self.events.retain(|_, it| is_recent(it.at, now));
            self.tidied = now;
        }
    }
}

const CONTROLLER: &str = "iggyctl.dev/operator";

/// The most bytes of a note that the API server takes.
const MOST_BYTES: usize = 1_000;

/// The most characters of an object's name in the name of an event.
const LONGEST_NAME: usize = 200;

/// For how long the same once more is counted, as the recorders of others do.
const SERIES: Duration = Duration::from_secs(6 * 60);

impl Events {
    pub(crate) fn new(client: Client, instance: &str) -> Self {
        let (waiting, mut queue) = mpsc::channel(MOST_WAITING);
        let events = Self {
            client,
            instance: instance.to_owned(),
            told: Arc::default(),
            waiting,
        };
        let teller = events.clone();
        tokio::spawn(async move {
            while let Some(waiting) = queue.recv().await {
                match waiting {
                    Waiting::Event(regarding, happening, at) => {
                        teller.tell_at(&regarding, &happening, at).await;
                    }
                    Waiting::Until(told) => {
                        // Whoever asked may wait no longer.
                        let _ = told.send(());
                    }
                }
            }
        });
        events
    }

    /// Has it told, one after the other: nobody waits for thousands of them.
    pub(crate) fn tell_later(&self, about: impl Into<ObjectReference>, happening: &Happening) {
        let regarding = Box::new(about.into());
        let event = Waiting::Event(regarding, happening.clone(), Timestamp::now());
        if self.waiting.try_send(event).is_err() {
            let (reason, note) = (happening.reason.as_str(), &happening.note);
            tracing::warn!(reason, note, "an event was not told: too many wait");
        }
    }

    /// Waits until everything is told that is to be told by now, but no longer than that.
    pub(crate) async fn told_all(&self, longest: Duration) {
        let (told, all) = oneshot::channel();
        if self.waiting.try_send(Waiting::Until(told)).is_ok() {
            // What is not told by then is not told: nothing depends on it.
            let _ = tokio::time::timeout(longest, all).await;
        }
    }

    /// Tells it. Nothing depends on an event, so one that cannot be told is only logged.
    pub(crate) async fn tell(&self, about: impl Into<ObjectReference>, happening: &Happening) {
        self.tell_at(&about.into(), happening, Timestamp::now())
            .await;
    }

    async fn tell_at(&self, regarding: &ObjectReference, happening: &Happening, at: Timestamp) {
        if let Err(error) = self.publish(regarding, happening, at).await {
            let kind = regarding.kind.as_deref().unwrap_or_default();
            let name = regarding.name.as_deref().unwrap_or_default();
            tracing::warn!(object = %format!("{kind} {name}"), %error, "an event could not be told");
        }
    }

    async fn publish(
        &self,
        regarding: &ObjectReference,
        happening: &Happening,
        now: Timestamp,
    ) -> Result<(), kube::Error> {
        let said = Said {
            uid: regarding.uid.clone().unwrap_or_default(),
            reason: happening.reason,
            note: bounded(&happening.note),
        };
        // Those of what is in no namespace are here.
        let namespace = regarding.namespace.as_deref().unwrap_or("default");
        let events: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        let before = {
            let mut told = self.told();
            told.forget(now);
            let before = told.events.get(&said).filter(|it| is_recent(it.at, now));
            before.map(|it| (it.name.clone(), it.count))
        };
        let (name, count) = match before {
            Some((name, count)) => {
                let series = EventSeries {
                    count: count.saturating_add(1),
                    last_observed_time: MicroTime(now),
                };
                let patch = Patch::Merge(json!({ "series": series }));
                events.patch(&name, &PatchParams::default(), &patch).await?;
                (name, series.count)
            }
            None => {
                let event = self.event(regarding, happening, &said.note, now);
                let created = events.create(&PostParams::default(), &event).await?;
                (created.metadata.name.unwrap_or_default(), 1)
            }
        };
        let told = Told {
            name,
            count,
            at: now,
        };
        self.told().events.insert(said, told);
        Ok(())
    }

    fn event(
        &self,
        regarding: &ObjectReference,
        happening: &Happening,
        note: &str,
        now: Timestamp,
    ) -> Event {
        // A name has at most 253 characters, as that of the object may have.
        let name = regarding.name.as_deref().unwrap_or(CONTROLLER);
        let name: String = name.chars().take(LONGEST_NAME).collect();
        let name = name.trim_end_matches(['.', '-']);
        Event {
            metadata: ObjectMeta {
                namespace: regarding.namespace.clone(),
                // Two of one object at once have different reasons.
                name: Some(format!(
                    "{name}.{}.{:x}",
                    happening.reason.as_str().to_lowercase(),
                    now.as_nanosecond()
                )),
                ..ObjectMeta::default()
            },
            event_time: Some(MicroTime(now)),
            type_: Some(
                match happening.is_warning {
                    true => "Warning",
                    false => "Normal",
                }
                .to_owned(),
            ),
            reason: Some(happening.reason.as_str().to_owned()),
            note: Some(note.to_owned()),
            action: Some("Reconcile".to_owned()),
            regarding: Some(regarding.clone()),
            reporting_controller: Some(CONTROLLER.to_owned()),
            reporting_instance: Some(self.instance.clone()),
            ..Event::default()
        }
    }

    fn told(&self) -> MutexGuard<'_, Recent> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<&Object> for ObjectReference {
    fn from(object: &Object) -> Self {
        Self {
            api_version: Some(format!("{GROUP}/{VERSION}")),
            kind: Some(object.key.kind.as_str().to_owned()),
            namespace: Some(object.key.namespace.clone()),
            name: Some(object.key.name.clone()),
            uid: Some(object.uid.clone()),
            ..Self::default()
        }
    }
}

impl From<&ServerObject> for ObjectReference {
    fn from(server: &ServerObject) -> Self {
        Self {
            api_version: Some(format!("{GROUP}/{VERSION}")),
            kind: Some(server.key.object_kind().as_str().to_owned()),
            namespace: server.key.namespace.clone(),
            name: Some(server.key.name.clone()),
            uid: Some(server.uid.clone()),
            ..Self::default()
        }
    }
}

fn is_recent(told_at: Timestamp, now: Timestamp) -> bool {
    let since = Duration::try_from(now.duration_since(told_at)).unwrap_or_default();
    since < SERIES
}

fn bounded(note: &str) -> String {
    if note.len() <= MOST_BYTES {
        return note.to_owned();
    }
    let mut end = MOST_BYTES - '…'.len_utf8();
    while !note.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &note[..end])
}
