//! The owner that a credential claims, against the owner that the snapshot knows: whoever was
//! moved is not let in with a token from before.

use super::Identity;
use crate::engine::store::ValueRef;
use crate::engine::{Code, Snapshot};

/// What a credential says about its principal's owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimedOwner {
    /// The route file does not ask.
    Unasked,
    /// The principal has none.
    Nobody,
    /// The owner with this id.
    Id(String),
}

/// A credential whose owner is not the snapshot's: it was issued before the principal was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token names another owner of its principal than the snapshot does")]
pub struct StaleToken;

// === impl StaleToken ===

impl StaleToken {
    /// The code that the client is told.
    pub fn code(self) -> Code {
        Code::StaleToken
    }
}

// === impl Identity ===

impl Identity {
    /// Compares the claimed owner with the stored one. A principal that the snapshot does not hold
    /// passes: the decision says that it is unknown.
    pub fn agrees(&self, snapshot: &Snapshot) -> Result<(), StaleToken> {
        let claimed = match &self.owner {
            ClaimedOwner::Unasked => return Ok(()),
            ClaimedOwner::Nobody => None,
            ClaimedOwner::Id(id) => Some(id.as_str()),
        };
        let store = snapshot.store();
        let number = store.type_no(&self.type_name).and_then(|ty| store.number(ty, &self.id));
        let Some(number) = number.filter(|number| store.is_stored(*number)) else { return Ok(()) };
        let stored = match store.attribute(number, &self.owner_attribute) {
            None => None,
            Some(ValueRef::Entity(owner)) => Some(store.id_of(owner)),
            Some(ValueRef::String(owner)) => Some(owner),
            Some(_) => return Err(StaleToken),
        };
        if claimed == stored { Ok(()) } else { Err(StaleToken) }
    }
}
