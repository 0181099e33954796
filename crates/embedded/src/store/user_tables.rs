//! The tables of users and tokens.

use std::collections::BTreeMap;

use iggy_binary_protocol::primitives::permissions::WirePermissions;
use iggy_binary_protocol::{WireDecode, WireEncode, WireName};
use iggy_common::Permissions;
use iggy_common::wire_conversions::permissions_to_wire;
use redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};

use super::tables::LoadError;
use crate::credentials::Credentials;
use crate::password::PasswordCheck;
use crate::state::{RestoreError, StoredUser, Token, TokenHash, Users};

/// User id → creation time, whether active, name, password hash, permissions as on the
/// wire. Of root there is a row only if it was changed, and of its name and password only
/// what was changed.
const USERS: TableDefinition<'_, u32, UserRow<'_>> = TableDefinition::new("users");
/// User id and name → hash, expiry.
const TOKENS: TableDefinition<'_, (u32, &str), (&str, Option<u64>)> =
    TableDefinition::new("tokens");

type UserRow<'row> = (
    u64,
    bool,
    Option<&'row str>,
    Option<&'row str>,
    Option<&'row [u8]>,
);

/// Makes the tables, so that readers need not ask whether they are there.
pub(super) fn create(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(USERS)?;
    transaction.open_table(TOKENS)?;
    Ok(())
}

pub(super) fn put_user(
    transaction: &WriteTransaction,
    user: u32,
    is_new: bool,
    stored: &StoredUser,
) -> Result<(), redb::Error> {
    let StoredUser {
        name,
        created_at,
        active,
        password,
        permissions,
    } = stored;
    let permissions = permissions
        .as_ref()
        .map(|permissions| permissions_to_wire(permissions).to_bytes());
    transaction.open_table(USERS)?.insert(
        user,
        (
            *created_at,
            *active,
            name.as_ref().map(WireName::as_str),
            password
                .as_ref()
                .and_then(PasswordCheck::hash)
                .map(|hash| &**hash),
            permissions.as_deref(),
        ),
    )?;
    if is_new {
        remove_tokens(transaction, user)?;
    }
    Ok(())
}

pub(super) fn remove_user(transaction: &WriteTransaction, user: u32) -> Result<(), redb::Error> {
    transaction.open_table(USERS)?.remove(user)?;
    remove_tokens(transaction, user)
}

fn remove_tokens(transaction: &WriteTransaction, user: u32) -> Result<(), redb::Error> {
    transaction
        .open_table(TOKENS)?
        .retain_in((user, "")..(user.saturating_add(1), ""), |_, _| false)?;
    Ok(())
}

pub(super) fn put_token(
    transaction: &WriteTransaction,
    user: u32,
    name: &str,
    token: &Token,
) -> Result<(), redb::Error> {
    let Token { hash, expires_at } = token;
    transaction
        .open_table(TOKENS)?
        .insert((user, name), (hash.0.as_str(), *expires_at))?;
    Ok(())
}

pub(super) fn remove_token(
    transaction: &WriteTransaction,
    user: u32,
    name: &str,
) -> Result<(), redb::Error> {
    transaction.open_table(TOKENS)?.remove((user, name))?;
    Ok(())
}

/// Reads both, and completes root.
pub(super) fn read(transaction: &ReadTransaction, root: &Credentials) -> Result<Users, LoadError> {
    let mut users = BTreeMap::new();
    for entry in transaction.open_table(USERS)?.iter()? {
        let (key, value) = entry?;
        let user = key.value();
        let stored = restore_user(value.value()).ok_or_else(|| damaged(user))?;
        users.insert(user, stored);
    }
    let mut tokens: BTreeMap<u32, BTreeMap<String, Token>> = BTreeMap::new();
    for entry in transaction.open_table(TOKENS)?.iter()? {
        let (key, value) = entry?;
        let (user, name) = key.value();
        let (hash, expires_at) = value.value();
        let token = Token {
            hash: TokenHash(hash.to_owned()),
            expires_at,
        };
        tokens
            .entry(user)
            .or_default()
            .insert(name.to_owned(), token);
    }
    Users::restore(root, users, tokens).map_err(|error| match error {
        RestoreError::RootNameTaken => LoadError::RootNameTaken,
        RestoreError::Incomplete { user } => damaged(user),
    })
}

fn damaged(user: u32) -> LoadError {
    LoadError::Damaged(format!("user {user}"))
}

fn restore_user(row: UserRow<'_>) -> Option<StoredUser> {
    let (created_at, active, name, hash, permissions) = row;
    Some(StoredUser {
        name: name.map(WireName::new).transpose().ok()?,
        created_at,
        active,
        password: hash.map(PasswordCheck::from_hash),
        permissions: permissions
            .map(|bytes| WirePermissions::decode_from(bytes).map(Permissions::from))
            .transpose()
            .ok()?,
    })
}

#[cfg(test)]
mod tests {
    use iggy_binary_protocol::WireIdentifier;
    use proptest::prelude::*;

    use super::*;
    use crate::access::AccessSnapshot;
    use crate::state::{Change, Metadata};
    use crate::store::{Row, tables};

    /// A change of few users and few tokens, so that they meet.
    #[derive(Debug, Clone)]
    enum Step {
        Create(u8),
        Rename(u32, u8),
        Status(u32, u8),
        Permissions(u32, bool),
        Password(u32),
        Delete(u32),
        CreateToken(u32, u8),
        DeleteToken(u32, u8),
        DeleteExpired,
    }

    fn step() -> impl Strategy<Value = Step> {
        let (user, name) = (0_u32..4, 0_u8..4);
        prop_oneof![
            name.clone().prop_map(Step::Create),
            (user.clone(), name.clone()).prop_map(|(user, name)| Step::Rename(user, name)),
            (user.clone(), 1_u8..3).prop_map(|(user, status)| Step::Status(user, status)),
            (user.clone(), any::<bool>()).prop_map(|(user, any)| Step::Permissions(user, any)),
            user.clone().prop_map(Step::Password),
            user.clone().prop_map(Step::Delete),
            (user.clone(), name.clone()).prop_map(|(user, name)| Step::CreateToken(user, name)),
            (user, name).prop_map(|(user, name)| Step::DeleteToken(user, name)),
            Just(Step::DeleteExpired),
        ]
    }

    fn name(number: u8) -> WireName {
        WireName::new(format!("name{number}")).unwrap()
    }

    fn take(users: &mut Users, step: &Step, now: u64) -> Vec<Change> {
        let id = WireIdentifier::Numeric;
        let hash = format!("hash{now}");
        let change = match step {
            Step::Create(number) => {
                let password = PasswordCheck::from_hash(hash);
                users
                    .create(name(*number), 1, None, password, now)
                    .map(|(_, change)| change)
            }
            Step::Rename(user, number) => users.update(&id(*user), Some(name(*number)), None),
            Step::Status(user, status) => users.update(&id(*user), None, Some(*status)),
            Step::Permissions(user, any) => {
                users.update_permissions(&id(*user), any.then(Permissions::root))
            }
            Step::Password(user) => match users.get(*user).map(|user| user.password.clone()) {
                Some(current) => {
                    let new = PasswordCheck::from_hash(hash);
                    users.change_password(&id(*user), &current, new)
                }
                None => return vec![],
            },
            Step::Delete(user) => users.delete(&id(*user)),
            Step::CreateToken(user, number) => {
                // Every other one expires.
                let expiry = if now.is_multiple_of(2) { 0 } else { 3 };
                users.create_token(*user, &name(*number), expiry, TokenHash(hash), now)
            }
            Step::DeleteToken(user, number) => users.delete_token(*user, &name(*number)),
            Step::DeleteExpired => return users.delete_expired_tokens(now, 2),
        };
        change.into_iter().collect()
    }

    /// What the snapshot leaves out: hashes of passwords and of tokens, and the tokens of
    /// ids that no user has.
    fn hidden(metadata: &Metadata) -> String {
        let users = &metadata.users;
        let passwords: Vec<_> = users.iter().map(|(_, user)| user.password.hash()).collect();
        let tokens: Vec<_> = (0..4)
            .flat_map(|user| users.tokens(user))
            .map(|(name, token)| (name, &token.hash.0, token.expires_at))
            .collect();
        format!("{passwords:?} {tokens:?}")
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_was_written(steps in proptest::collection::vec(step(), 0..40)) {
            let root = Credentials::default_root().unwrap();
            let database = redb::Database::builder()
                .create_with_backend(redb::backends::InMemoryBackend::new())
                .unwrap();
            let mut metadata = tables::load(&database, "".as_ref(), &root).unwrap();
            for (now, step) in (10..).zip(&steps) {
                let changes = take(&mut metadata.users, step, now);
                let rows: Vec<Row> = changes
                    .into_iter()
                    .filter_map(|change| Row::of(change, &metadata))
                    .collect();
                tables::write(&database, rows.iter()).unwrap();
            }
            let read = tables::load(&database, "".as_ref(), &root).unwrap();
            prop_assert_eq!(AccessSnapshot::of(&read), AccessSnapshot::of(&metadata));
            prop_assert_eq!(hidden(&read), hidden(&metadata));
        }
    }
}
