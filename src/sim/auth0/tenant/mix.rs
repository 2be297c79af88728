//! How much of what happens in a tenant.

use super::dice::Dice;

/// How much of what happens in a tenant, and how large it is.
///
/// The default suits a demo: most events are changes of users, and at 10 events a second an
/// administrator blocks or unblocks somebody about every second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mix {
    /// Users, organizations and groups at the start.
    pub start: Population,
    /// The most of each; deletions make room.
    pub most: Population,
    /// How often what happens.
    pub shares: Shares,
    /// Test events, out of 1,000 events.
    pub tests_of_1000: u32,
    /// Out of 1,000 events, those that Auth0's published schemas forbid, though its real events may
    /// well be so: an unknown property in a place that the schema closes, a `user.updated` without
    /// fields that the schema demands.
    pub oddities_of_1000: u32,
}

/// Numbers of what lives in a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Population {
    /// Users.
    pub users: usize,
    /// Organizations.
    pub organizations: usize,
    /// Groups.
    pub groups: usize,
}

/// Weights, relative to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// Changes of a user that don't matter to a list of who is blocked: profile, metadata, logins.
    pub profiles: u32,
    /// A user is blocked.
    pub blocks: u32,
    /// A blocked user is unblocked.
    pub unblocks: u32,
    /// A user is created.
    pub created: u32,
    /// A user is deleted.
    pub deleted: u32,
    /// Organizations, their members, the members' roles, their connections.
    pub organizations: u32,
    /// Groups, their members and roles.
    pub groups: u32,
    /// The tenant's connections.
    pub connections: u32,
}

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Profile,
    Block,
    Unblock,
    Create,
    Delete,
    Organizations,
    Groups,
    Connections,
}

impl Default for Mix {
    fn default() -> Self {
        Self {
            start: Population { users: 40, organizations: 4, groups: 4 },
            most: Population { users: 60, organizations: 8, groups: 8 },
            shares: Shares::default(),
            tests_of_1000: 3,
            oddities_of_1000: 10,
        }
    }
}

impl Default for Shares {
    fn default() -> Self {
        Self {
            profiles: 620,
            blocks: 60,
            unblocks: 50,
            created: 25,
            deleted: 25,
            organizations: 130,
            groups: 60,
            connections: 30,
        }
    }
}

impl Shares {
    pub(super) fn choose(&self, dice: &mut Dice) -> Deed {
        let deeds = [
            (Deed::Profile, self.profiles),
            (Deed::Block, self.blocks),
            (Deed::Unblock, self.unblocks),
            (Deed::Create, self.created),
            (Deed::Delete, self.deleted),
            (Deed::Organizations, self.organizations),
            (Deed::Groups, self.groups),
            (Deed::Connections, self.connections),
        ];
        dice.weigh(&deeds).unwrap_or(Deed::Profile)
    }
}
