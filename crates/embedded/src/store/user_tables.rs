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
