//! What people read in `kubectl describe`.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

use crate::operator::model::Object;
use crate::operator::resources::{GROUP, VERSION};
use crate::operator::round::Happening;

/// One for the process, so that what is said again is counted and not repeated.
#[derive(Clone)]
pub(crate) struct Events {
    recorder: Recorder,
}

/// The most bytes of a note that the API server takes.
const MOST_BYTES: usize = 1_000;

impl Events {
    pub(crate) fn new(client: Client, instance: &str) -> Self {
        let reporter = Reporter {
            controller: "iggyctl.dev/operator".to_owned(),
            instance: Some(instance.to_owned()),
        };
        Self {
            recorder: Recorder::new(client, reporter),
        }
    }

    /// Tells it. Nothing depends on an event, so one that cannot be told is only logged.
    pub(crate) async fn tell(&self, object: &Object, happening: &Happening) {
        let event = Event {
            type_: match happening.is_warning {
                true => EventType::Warning,
                false => EventType::Normal,
            },
            reason: happening.reason.to_owned(),
            note: Some(bounded(&happening.note)),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        let reference = ObjectReference {
            api_version: Some(format!("{GROUP}/{VERSION}")),
            kind: Some(object.key.kind.as_str().to_owned()),
            namespace: Some(object.key.namespace.clone()),
            name: Some(object.key.name.clone()),
            uid: Some(object.uid.clone()),
            ..ObjectReference::default()
        };
        if let Err(error) = self.recorder.publish(&event, &reference).await {
            tracing::warn!(object = %object.key, %error, "an event could not be told");
        }
    }
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
