//! Who takes part in a round.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::world::View;
use super::Crank;
use crate::operator::cluster::{ServerObject, ServerSpec};
use crate::operator::model::{Ceiling, Declared, Object, Refused};
use crate::operator::round::{Member, Subject};

impl Crank {
    pub(super) fn members(&mut self, view: &View, subject: &Subject) -> Vec<Member> {
        let mut members: Vec<Member> = Vec::new();
        for object in &view.objects {
            let declared = self.permitted(view.server.as_deref(), object);
            members.push(Member::new(Arc::clone(object), declared, subject));
        }
        let others = view.others.iter();
        let others =
            others.flat_map(|(server, objects)| objects.iter().map(move |it| (server, it)));
        for (server, object) in others {
            let declared = self.permitted(Some(server), object);
            let mut member = Member::new(Arc::clone(object), declared, subject);
            member.is_foreign = true;
            members.push(member);
        }
        members
    }

    /// What an object declares, if its namespace may.
    pub(super) fn permitted(
        &mut self,
        server: Option<&ServerObject>,
        object: &Arc<Object>,
    ) -> Result<Arc<Declared>, Refused> {
        let declared = self.declared(object)?;
        if let Some(server) = server
            && let Ok(ServerSpec::Cluster(spec)) = &server.spec
        {
            let labels = self.shared.world.labels(&object.key.namespace);
            let ceiling = Ceiling::of(spec, labels.as_ref());
            if let Some(refusal) = ceiling.refusal(&declared.state) {
                return Err(Refused::not_permitted(refusal));
            }
        }
        Ok(declared)
    }

    fn declared(&mut self, object: &Arc<Object>) -> Result<Arc<Declared>, Refused> {
        match self.declared.get(&object.uid) {
            Some((generation, declared)) if *generation == object.generation => declared.clone(),
            _ => {
                let declared = Declared::of(object).map(Arc::new);
                let read = (object.generation, declared.clone());
                self.declared.insert(object.uid.clone(), read);
                declared
            }
        }
    }

    pub(super) fn forget_specs(&mut self, view: &View) {
        let others = view.others.iter().flat_map(|(_, objects)| objects);
        let there: BTreeSet<&str> = view
            .objects
            .iter()
            .chain(others)
            .map(|object| object.uid.as_str())
            .collect();
        self.declared.retain(|uid, _| there.contains(uid.as_str()));
    }
}
