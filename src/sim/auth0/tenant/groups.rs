//! Groups, their members, and the roles they give, in the tenant and in an organization.

use serde_json::{Value, json};

use super::TENANT;
use super::connections::Connections;
use super::dice::Dice;
use super::happening::{Happening, write_before};
use super::organizations::Organizations;
use super::roles::{ROLES, Role};
use super::users::Users;
use crate::event::Timestamp;

/// The groups that are there now.
#[derive(Debug)]
pub(super) struct Groups {
    list: Vec<Group>,
    most: usize,
    made: usize,
}

#[derive(Debug)]
struct Group {
    id: String,
    name: String,
    belongs_to: Owner,
    created: Timestamp,
    updated: Timestamp,
    members: Vec<String>,
    roles: Vec<Role>,
    /// Roles in an organization, by its id.
    organization_roles: Vec<(String, Role)>,
}

#[derive(Debug)]
enum Owner {
    Tenant,
    Organization(String),
    Connection(String),
}

#[derive(Debug, Clone, Copy)]
enum Deed {
    Create,
    Update,
    Delete,
    AddMember,
    DeleteMember,
    AssignRole,
    DeleteRole,
    AssignOrganizationRole,
    DeleteOrganizationRole,
}

/// What groups are made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around<'a> {
    pub users: &'a Users,
    pub organizations: &'a Organizations,
    pub connections: &'a Connections,
}

const DEEDS: [(Deed, u32); 9] = [
    (Deed::Create, 2),
    (Deed::Update, 2),
    (Deed::Delete, 2),
    (Deed::AddMember, 6),
    (Deed::DeleteMember, 3),
    (Deed::AssignRole, 3),
    (Deed::DeleteRole, 2),
    (Deed::AssignOrganizationRole, 3),
    (Deed::DeleteOrganizationRole, 2),
];
const NAMES: [&str; 8] =
    ["Engineering", "Finance", "Legal", "Marketing", "Operations", "People", "Research", "Sales"];
const FOUNDED: Timestamp = Timestamp::from_millis(1_768_204_800_000);

impl Groups {
    pub(super) fn new(start: usize, most: usize, around: Around<'_>, dice: &mut Dice) -> Self {
        let mut groups = Self { list: Vec::new(), most, made: 0 };
        for _ in 0..start.min(most) {
            let mut group = groups.newcomer(FOUNDED, around, dice);
            let members = around.users.ids().filter(|_| dice.of_1000(150));
            group.members = members.map(str::to_owned).collect();
            groups.list.push(group);
        }
        groups
    }

    /// Whether a group belongs to it, or gives a role in it.
    pub(super) fn use_organization(&self, id: &str) -> bool {
        self.list.iter().any(|group| {
            matches!(&group.belongs_to, Owner::Organization(owner) if owner == id)
                || group.organization_roles.iter().any(|(organization, _)| organization == id)
        })
    }

    /// Whether a group belongs to it.
    pub(super) fn use_connection(&self, id: &str) -> bool {
        let belongs =
            |group: &Group| matches!(&group.belongs_to, Owner::Connection(owner) if owner == id);
        self.list.iter().any(belongs)
    }

    /// A user is gone from the tenant, and so from every group.
    pub(super) fn forget_user(&mut self, id: &str) {
        for group in &mut self.list {
            group.members.retain(|member| member != id);
        }
    }

    /// Something happens to a group.
    pub(super) fn happen(
        &mut self,
        time: Timestamp,
        around: Around<'_>,
        dice: &mut Dice,
    ) -> Option<Happening> {
        let deed = dice.weigh(&DEEDS)?;
        if let Deed::Create = deed {
            return self.create(time, around, dice);
        }
        let place = dice.place(self.list.len())?;
        if let Deed::Delete = deed {
            return Some(self.list.remove(place).happening("group.deleted"));
        }
        let group = self.list.get_mut(place)?;
        match deed {
            Deed::Create | Deed::Delete => None,
            Deed::Update => Some(group.update(time, dice)),
            Deed::AddMember => group.add_member(around.users, dice),
            Deed::DeleteMember => group.delete_member(dice),
            Deed::AssignRole => group.assign_role(dice),
            Deed::DeleteRole => group.delete_role(dice),
            Deed::AssignOrganizationRole => {
                group.assign_organization_role(around.organizations, dice)
            }
            Deed::DeleteOrganizationRole => group.delete_organization_role(dice),
        }
    }

    fn create(
        &mut self,
        time: Timestamp,
        around: Around<'_>,
        dice: &mut Dice,
    ) -> Option<Happening> {
        if self.list.len() >= self.most {
            return None;
        }
        let group = self.newcomer(write_before(time, dice), around, dice);
        let happening = group.happening("group.created");
        self.list.push(group);
        Some(happening)
    }

    fn newcomer(&mut self, written: Timestamp, around: Around<'_>, dice: &mut Dice) -> Group {
        let word = NAMES.get(self.made % NAMES.len()).copied().unwrap_or_default();
        let name = match self.made / NAMES.len() {
            0 => word.to_owned(),
            again => format!("{word} {}", again + 1),
        };
        self.made += 1;
        let organizations: Vec<&str> = around.organizations.ids().collect();
        let connections: Vec<&str> = around.connections.all().map(|one| one.id).collect();
        let belongs_to = match (dice.below(3), dice.pick(&organizations), dice.pick(&connections)) {
            (0, Some(id), _) => Owner::Organization(id.to_owned()),
            (1, _, Some(id)) => Owner::Connection(id.to_owned()),
            _ => Owner::Tenant,
        };
        Group {
            id: dice.id_22("grp_"),
            name,
            belongs_to,
            created: written,
            updated: written,
            members: Vec::new(),
            roles: Vec::new(),
            organization_roles: Vec::new(),
        }
    }
}

impl Group {
    fn happening(&self, kind: &'static str) -> Happening {
        Happening::new(kind, format!("group:{}", self.id), self.object(kind))
    }

    fn object(&self, kind: &str) -> Value {
        let mut object = self.named();
        object["name"] = json!(self.name);
        object["created_at"] = json!(self.created);
        if kind != "group.created" {
            object["updated_at"] = json!(self.updated);
        }
        object
    }

    fn named(&self) -> Value {
        match &self.belongs_to {
            Owner::Tenant => json!({ "id": self.id, "type": "tenant" }),
            Owner::Organization(id) => {
                json!({ "id": self.id, "type": "organization", "organization_id": id })
            }
            Owner::Connection(id) => {
                json!({ "id": self.id, "type": "connection", "connection_id": id })
            }
        }
    }

    fn update(&mut self, time: Timestamp, dice: &mut Dice) -> Happening {
        let before = self.object("group.updated");
        let name = self.name.trim_end_matches(" (new)").to_owned();
        self.name = if name == self.name { format!("{name} (new)") } else { name };
        self.updated = write_before(time, dice).max(self.updated);
        self.happening("group.updated").after(before)
    }

    fn add_member(&mut self, users: &Users, dice: &mut Dice) -> Option<Happening> {
        let is_member = |id: &&str| self.members.iter().any(|member| member == id);
        let others: Vec<&str> = users.ids().filter(|id| !is_member(id)).collect();
        let member = dice.pick(&others)?.to_owned();
        let happening = self.of_member("group.member.added", &member);
        self.members.push(member);
        Some(happening)
    }

    fn delete_member(&mut self, dice: &mut Dice) -> Option<Happening> {
        let place = dice.place(self.members.len())?;
        let member = self.members.remove(place);
        Some(self.of_member("group.member.deleted", &member))
    }

    fn of_member(&self, kind: &'static str, user: &str) -> Happening {
        let object =
            json!({ "group": self.named(), "member": { "member_type": "user", "id": user } });
        Happening::new(kind, format!("group.member:{}/{user}", self.id), object)
    }

    fn assign_role(&mut self, dice: &mut Dice) -> Option<Happening> {
        let others: Vec<Role> =
            ROLES.into_iter().filter(|role| !self.roles.contains(role)).collect();
        let role = dice.pick(&others)?;
        self.roles.push(role);
        Some(self.of_role("group.role.assigned", role))
    }

    fn delete_role(&mut self, dice: &mut Dice) -> Option<Happening> {
        let place = dice.place(self.roles.len())?;
        let role = self.roles.remove(place);
        Some(self.of_role("group.role.deleted", role))
    }

    /// No schema of it is published; this is in the manner of a member's role.
    fn of_role(&self, kind: &'static str, role: Role) -> Happening {
        let object = json!({ "group": self.named(), "role": role.object() });
        Happening::new(kind, format!("stream:{TENANT}"), object)
    }

    fn assign_organization_role(
        &mut self,
        organizations: &Organizations,
        dice: &mut Dice,
    ) -> Option<Happening> {
        let ids: Vec<&str> = organizations.ids().collect();
        let given = (dice.pick(&ids)?.to_owned(), dice.pick(&ROLES)?);
        if self.organization_roles.contains(&given) {
            return None;
        }
        let happening =
            self.of_organization_role("organization.group.role.assigned", &given.0, given.1);
        self.organization_roles.push(given);
        Some(happening)
    }

    fn delete_organization_role(&mut self, dice: &mut Dice) -> Option<Happening> {
        let place = dice.place(self.organization_roles.len())?;
        let (organization, role) = self.organization_roles.remove(place);
        Some(self.of_organization_role("organization.group.role.deleted", &organization, role))
    }

    /// No schema of it is published; this is in the manner of a member's role.
    fn of_organization_role(
        &self,
        kind: &'static str,
        organization: &str,
        role: Role,
    ) -> Happening {
        let object = json!({
            "organization": { "id": organization }, "group": self.named(), "role": role.object()
        });
        Happening::new(kind, format!("stream:{TENANT}"), object)
    }
}
