//! Values of access tokens in Secrets of the cluster.
//!
//! The value is at the key that the manifest names, and the note of iggyctl beside it at
//! `KEY.iggyctl.json`: mounted as a folder, it is what the command line writes to files.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use iggyctl_core::address::Address;
use iggyctl_core::secret::{Secret, SecretKey, TokenSink};
use iggyctl_core::state::desired_token::TokenDestination;
use iggyctl_core::state::observed_token::SinkContent;
use iggyctl_engine::delivery::{
    Beginning, Delivery, NOTE_SUFFIX, NewToken, Note, NoteRefusal, SinkError, TokenSinks,
};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::secrets::{is_of, owner};
use super::{Cluster, FIELD_MANAGER, MANAGED_BY, WATCH_LABEL};
use crate::operator::model::Object;
use crate::operator::resources::GROUP;

/// Secrets of the namespaces of the objects that declare tokens, in one round.
pub(crate) struct SecretSinks {
    cluster: Cluster,
    /// Who declares what goes where: a destination alone says neither namespace nor owner.
    owners: BTreeMap<TokenDestination, Arc<Object>>,
    /// What was read or written in this round, by namespace and name.
    known: Mutex<BTreeMap<(String, String), Option<v1::Secret>>>,
    /// Whether the API server once did not answer.
    had_trouble: AtomicBool,
}

/// Where a value goes.
struct Place<'a> {
    object: &'a Object,
    key: &'a SecretKey,
}

impl Place<'_> {
    /// The namespace and the name of its Secret.
    fn secret(&self) -> (String, String) {
        (self.object.key.namespace.clone(), self.key.name.clone())
    }

    fn note_key(&self) -> String {
        format!("{}{NOTE_SUFFIX}", self.key.key)
    }

    /// For people.
    fn name(&self) -> String {
        let SecretKey { name, key } = self.key;
        format!("the key {key} of the Secret {name}")
    }

    fn failed(&self, operation: &'static str, reason: impl std::fmt::Display) -> SinkError {
        SinkError::Failed {
            operation,
            place: self.name(),
            reason: reason.to_string(),
        }
    }

    fn refused(&self, refusal: NoteRefusal) -> SinkError {
        match refusal {
            NoteRefusal::Foreign => SinkError::Foreign { place: self.name() },
            NoteRefusal::OtherToken { noted } => {
                self.failed("write", format!("it has the value of {noted}"))
            }
            NoteRefusal::NotAwaited => self.failed(
                "write",
                "it no longer says that this one is about to be created",
            ),
        }
    }

    /// Each key has a manager of its own, so that what is applied for one leaves the others.
    /// A name has 128 characters at most, and a key may have more.
    fn manager(&self) -> String {
        let digest = Sha256::digest(self.key.key.as_bytes());
        let start: String = digest
            .iter()
            .take(8)
            .map(|it| format!("{it:02x}"))
            .collect();
        format!("{FIELD_MANAGER}-token-{start}")
    }
}

/// What is there.
#[derive(Default)]
struct Found {
    value: Option<ByteString>,
    note: Option<Note>,
}

impl SecretSinks {
    pub(crate) fn new(cluster: &Cluster, owners: BTreeMap<TokenDestination, Arc<Object>>) -> Self {
        Self {
            cluster: cluster.clone(),
            owners,
            known: Mutex::default(),
            had_trouble: AtomicBool::new(false),
        }
    }

    /// Whether a Secret could not be read for a reason that may pass.
    pub(crate) fn had_trouble(&self) -> bool {
        self.had_trouble.load(Ordering::Relaxed)
    }

    fn place<'a>(&'a self, destination: &'a TokenDestination) -> Result<Place<'a>, SinkError> {
        let TokenSink::SecretKeyRef(key) = &destination.sink else {
            let why = "in a cluster a token is written to a Secret";
            return Err(SinkError::Unavailable(why.to_owned()));
        };
        let Some(object) = self.owners.get(destination) else {
            let why = "no object says where it goes";
            return Err(SinkError::Unavailable(why.to_owned()));
        };
        let place = Place { object, key };
        match key.key.ends_with(NOTE_SUFFIX) {
            true => Err(place.failed("use", "this is how the records of iggyctl are named")),
            false => Ok(place),
        }
    }

    fn api(&self, place: &Place<'_>) -> Api<v1::Secret> {
        Api::namespaced(self.cluster.client.clone(), &place.object.key.namespace)
    }

    fn remember(&self, place: &Place<'_>, secret: Option<v1::Secret>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(place.secret(), secret);
    }

    fn remembered(&self, place: &Place<'_>) -> Option<Option<v1::Secret>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&place.secret()).cloned()
    }

    /// As it was when it was last looked at in this round.
    async fn known(&self, place: &Place<'_>) -> Result<Found, SinkError> {
        match self.remembered(place) {
            Some(secret) => found(place, secret),
            None => self.now(place).await,
        }
    }

    /// As it is now.
    async fn now(&self, place: &Place<'_>) -> Result<Found, SinkError> {
        let secret = self.api(place).get_opt(&place.key.name).await;
        let secret = secret.map_err(|error| {
            self.had_trouble.store(true, Ordering::Relaxed);
            place.failed("read", error)
        })?;
        self.remember(place, secret.clone());
        found(place, secret)
    }

    /// Writes both: what a manager no longer applies goes away.
    async fn write(
        &self,
        place: &Place<'_>,
        note: &Note,
        value: Option<ByteString>,
    ) -> Result<(), SinkError> {
        let note = note
            .to_json()
            .map_err(|error| place.failed("write", error))?;
        let mut data = BTreeMap::from([(place.note_key(), ByteString(note))]);
        data.extend(value.map(|value| (place.key.key.clone(), value)));
        let secret = v1::Secret {
            metadata: ObjectMeta {
                name: Some(place.key.name.clone()),
                namespace: Some(place.object.key.namespace.clone()),
                owner_references: Some(vec![owner(place.object)]),
                labels: Some(BTreeMap::from([
                    (MANAGED_BY.to_owned(), FIELD_MANAGER.to_owned()),
                    // So that it is seen at once when it is deleted.
                    (WATCH_LABEL.to_owned(), "true".to_owned()),
                ])),
                ..ObjectMeta::default()
            },
            data: Some(data),
            ..v1::Secret::default()
        };
        let parameters = PatchParams::apply(&place.manager()).force();
        let patch = Patch::Apply(secret);
        let api = self.api(place);
        let written = api.patch(&place.key.name, &parameters, &patch).await;
        let written = written.map_err(|error| place.failed("write", error))?;
        self.remember(place, Some(written));
        Ok(())
    }
}

/// A token that an object had written, wherever that was.
pub(crate) struct OwnToken {
    pub(crate) value: Option<Secret>,
    key: SecretKey,
    /// Whether the Secret has nothing else.
    is_all: bool,
}

impl SecretSinks {
    /// Where a token of an object was written, which the object does not say any more.
    ///
    /// # Errors
    /// When the API server does not say it.
    pub(crate) async fn own_token(
        &self,
        object: &Object,
        token: &Address,
    ) -> Result<Option<OwnToken>, SinkError> {
        let api: Api<v1::Secret> =
            Api::namespaced(self.cluster.client.clone(), &object.key.namespace);
        let own = ListParams::default().labels(&format!("{MANAGED_BY}={FIELD_MANAGER}"));
        let secrets = api.list(&own).await.map_err(|error| SinkError::Failed {
            operation: "list",
            place: format!("the Secrets of the namespace {}", object.key.namespace),
            reason: error.to_string(),
        })?;
        for secret in secrets {
            if !is_of(&secret, object) {
                continue;
            }
            let data = secret.data.unwrap_or_default();
            let noted = data.iter().find_map(|(key, bytes)| {
                let key = key.strip_suffix(NOTE_SUFFIX)?;
                let note = Note::parse(&bytes.0).ok()?;
                (note.token() == token).then_some(key)
            });
            let Some(key) = noted else { continue };
            let value = data.get(key).and_then(|it| std::str::from_utf8(&it.0).ok());
            let value = value.map(str::trim_end).filter(|it| !it.is_empty());
            return Ok(Some(OwnToken {
                value: value.map(Secret::new),
                is_all: data
                    .keys()
                    .all(|it| it.strip_suffix(NOTE_SUFFIX).unwrap_or(it) == key),
                key: SecretKey {
                    name: secret.metadata.name.unwrap_or_default(),
                    key: key.to_owned(),
                },
            }));
        }
        Ok(None)
    }

    /// Takes the value of a token that was revoked away, and its note; the Secret, too, if it
    /// has nothing else.
    ///
    /// # Errors
    /// When the API server does not do it.
    pub(crate) async fn forget(&self, object: &Object, token: &OwnToken) -> Result<(), SinkError> {
        let place = Place {
            object,
            key: &token.key,
        };
        let name = &token.key.name;
        let api = self.api(&place);
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&place.secret());
        let done = match token.is_all {
            true => api.delete(name, &DeleteParams::default()).await.map(drop),
            false => {
                let nothing = Patch::Apply(json!({
                    "apiVersion": "v1",
                    "kind": "Secret",
                    "metadata": { "name": name },
                }));
                let parameters = PatchParams::apply(&place.manager()).force();
                api.patch(name, &parameters, &nothing).await.map(drop)
            }
        };
        match done {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            done => done.map_err(|error| place.failed("remove", error)),
        }
    }
}

/// A Secret that somebody else made is never written to, not even to another key: it would go
/// with an object that it has nothing to do with.
fn found(place: &Place<'_>, secret: Option<v1::Secret>) -> Result<Found, SinkError> {
    let Some(secret) = secret else {
        return Ok(Found::default());
    };
    let labels = secret.metadata.labels.unwrap_or_default();
    let owners = secret.metadata.owner_references.unwrap_or_default();
    let group = format!("{GROUP}/");
    let is_own = labels.get(MANAGED_BY).is_some_and(|it| it == FIELD_MANAGER)
        && owners.iter().any(|it| it.api_version.starts_with(&group));
    if !is_own {
        return Err(SinkError::Foreign {
            place: format!("the Secret {}", place.key.name),
        });
    }
    let mut data = secret.data.unwrap_or_default();
    let note = match data.remove(&place.note_key()) {
        None => None,
        Some(bytes) => {
            Some(Note::parse(&bytes.0).map_err(|error| place.failed("read the note of", error))?)
        }
    };
    Ok(Found {
        value: data.remove(&place.key.key),
        note,
    })
}

impl TokenSinks for SecretSinks {
    async fn read(&self, destination: &TokenDestination) -> SinkContent {
        let place = match self.place(destination) {
            Ok(place) => place,
            Err(error) => {
                let reason = error.to_string();
                return SinkContent::Unreadable { reason };
            }
        };
        match self.known(&place).await {
            Err(error) => SinkContent::Unreadable {
                reason: error.to_string(),
            },
            Ok(Found { value, note }) => match (note, value) {
                (None, None) => SinkContent::Empty,
                (None, Some(_)) => SinkContent::Foreign,
                (Some(note), value) => {
                    let has_value = value.is_some_and(|value| !value.0.is_empty());
                    // Who may read Secrets is said by roles.
                    SinkContent::Record(note.into_record(has_value, false))
                }
            },
        }
    }

    async fn value(&self, destination: &TokenDestination) -> Result<Option<Secret>, SinkError> {
        let place = self.place(destination)?;
        let Found {
            value: Some(value),
            note: Some(_),
        } = self.known(&place).await?
        else {
            return Ok(None);
        };
        // The error of the conversion is dropped: it would lead to the bytes.
        let text = std::str::from_utf8(&value.0);
        let text = text.map_err(|_| place.failed("read", "it is not UTF-8"))?;
        let text = text.trim_end();
        Ok(Some(text).filter(|text| !text.is_empty()).map(Secret::new))
    }

    async fn begin(
        &self,
        destination: &TokenDestination,
        beginning: &Beginning<'_>,
    ) -> Result<(), SinkError> {
        let place = self.place(destination)?;
        let Found { value, note } = self.now(&place).await?;
        let new = NewToken::from(beginning);
        let note = Note::begun(note, value.is_some(), &new, beginning.takes_over);
        let note = note.map_err(|refusal| place.refused(refusal))?;
        self.write(&place, &note, value).await
    }

    async fn deliver(
        &self,
        destination: &TokenDestination,
        delivery: &Delivery<'_>,
    ) -> Result<(), SinkError> {
        let place = self.place(destination)?;
        let Found { value, note } = self.now(&place).await?;
        let new = NewToken::from(delivery);
        match note {
            Some(note) => note
                .awaits(&new)
                .map_err(|refusal| place.refused(refusal))?,
            None if value.is_some() => return Err(place.refused(NoteRefusal::Foreign)),
            // Somebody deleted it meanwhile.
            None => {}
        }
        let value = ByteString(delivery.value.expose().as_bytes().to_vec());
        let note = Note::of_delivered(&new, delivery.expiry);
        self.write(&place, &note, Some(value)).await
    }

    async fn finish(&self, destination: &TokenDestination) -> Result<(), SinkError> {
        let place = self.place(destination)?;
        let Found { value, note } = self.now(&place).await?;
        let note = note.ok_or_else(|| place.failed("read", "its note is no longer there"))?;
        match note.finished() {
            None => Ok(()),
            Some(note) => self.write(&place, &note, value).await,
        }
    }
}
