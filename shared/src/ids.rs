//! Id lists hold keyed 64-bit hashes of units; ids themselves are kept nowhere in a snapshot.

/// The key of a workspace's id hashes. It keeps equal units of two workspaces apart; it is not secret
/// from an edge, which has to compute the same hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdKey(pub [u8; 32]);

impl IdKey {
    pub fn of_workspace(workspace: &str) -> Self {
        Self(blake3::derive_key("skyful 1 ids", workspace.as_bytes()))
    }

    /// BLAKE3 rather than xxh3: nobody must be able to invent a unit that collides with a member.
    pub fn hash(&self, unit: &str) -> u64 {
        let hash = blake3::keyed_hash(&self.0, unit.as_bytes());
        u64::from_le_bytes(*hash.as_bytes().first_chunk().unwrap_or(&[0; 8]))
    }
}
