//! Where the secrets and the destinations of a plan are declared: a relative path begins
//! there. The public form of a step does not say it.

use crate::diagnostic::Origin;
use crate::diff::TokenLogin;
use crate::plan::{Action, Step};
use crate::state::desired_token::TokenDestination;
use crate::state::desired_user::SecretReference;

/// The place of each secret and destination, in the order of the steps.
pub(super) fn places(steps: &[Step]) -> Vec<Origin> {
    let mut steps = steps.to_vec();
    let mut places = Vec::new();
    visit(&mut steps, |place| {
        places.push(place.clone());
        true
    });
    places
}

/// Puts the places back; whether there is exactly one for each.
pub(super) fn restore(steps: &mut [Step], places: Vec<Origin>) -> bool {
    let mut places = places.into_iter();
    let mut is_complete = true;
    visit(steps, |place| match places.next() {
        Some(known) => *place = known,
        None => is_complete = false,
    });
    is_complete && places.next().is_none()
}

fn visit<R>(steps: &mut [Step], mut each: impl FnMut(&mut Origin) -> R) {
    for step in steps {
        let (secrets, destination): ([Option<&mut SecretReference>; 2], _) = match &mut step.action
        {
            Action::CreateUser { password, .. } => ([Some(password), None], None),
            Action::ChangePassword { from, to, .. } => ([Some(from), Some(to)], None),
            Action::CreateToken {
                login, write_to, ..
            } => ([password(login), None], Some(write_to)),
            Action::RevokeToken {
                login, noted_in, ..
            } => ([password(login), None], noted_in.as_mut()),
            Action::CreateStream { .. }
            | Action::RenameStream { .. }
            | Action::CreateTopic { .. }
            | Action::UpdateTopic { .. }
            | Action::AddPartitions { .. }
            | Action::RemovePartitions { .. }
            | Action::CreateConsumerGroup { .. }
            | Action::DeleteStream { .. }
            | Action::DeleteTopic { .. }
            | Action::DeleteConsumerGroup { .. }
            | Action::RenameUser { .. }
            | Action::SetUserStatus { .. }
            | Action::DeleteUser { .. }
            | Action::SetPermissions { .. } => ([None, None], None),
        };
        for SecretReference { source: _, origin } in secrets.into_iter().flatten() {
            each(origin);
        }
        if let Some(TokenDestination { sink: _, origin }) = destination {
            each(origin);
        }
    }
}

fn password(login: &mut TokenLogin) -> Option<&mut SecretReference> {
    match login {
        TokenLogin::Own => None,
        TokenLogin::Password(password) => Some(password),
    }
}
