//! Organizations, their members, the members' roles, and the connections they allow.

use serde_json::{Value, json};

use super::connections::Connections;
use super::dice::Dice;
use super::happening::Happening;
use super::roles::{ROLES, Role};
use super::users::Users;

/// The organizations that are there now.
#[derive(Debug)]
pub(super) struct Organizations {
    list: Vec<Organization>,
    most: usize,
    made: usize,
}

#[derive(Debug)]
struct Organization {
    id: String,
    name: String,
    display_name: String,
    plan: &'static str,
    members: Vec<Member>,
    connections: Vec<Allowed>,
}

#[derive(Debug)]
struct Member {
    user: String,
    roles: Vec<Role>,
}

/// A connection whose users may join the organization.
#[derive(Debug, Clone)]
struct Allowed {
    id: String,
    joins_on_login: bool,
    button: bool,
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
    AddConnection,
    UpdateConnection,
    RemoveConnection,
}

const DEEDS: [(Deed, u32); 10] = [
    (Deed::Create, 1),
    (Deed::Update, 3),
    (Deed::Delete, 1),
    (Deed::AddMember, 6),
    (Deed::DeleteMember, 3),
    (Deed::AssignRole, 5),
    (Deed::DeleteRole, 3),
    (Deed::AddConnection, 3),
    (Deed::UpdateConnection, 2),
    (Deed::RemoveConnection, 2),
];
const NAMES: [&str; 12] = [
    "Alpenglow",
    "Bluebird",
    "Cinnamon",
    "Driftwood",
    "Evergreen",
    "Foxglove",
    "Ginkgo",
    "Honeycomb",
    "Indigo",
    "Lighthouse",
    "Marigold",
    "Northwind",
];

impl Organizations {
    pub(super) fn new(start: usize, most: usize, users: &Users, dice: &mut Dice) -> Self {
        let mut organizations = Self { list: Vec::new(), most, made: 0 };
        for _ in 0..start.min(most) {
            let mut organization = organizations.newcomer(dice);
            let members = users.ids().filter(|_| dice.of_1000(150));
            organization.members = members.map(Member::new).collect();
            organizations.list.push(organization);
        }
        organizations
    }

    /// The ids of all.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|organization| organization.id.as_str())
    }

    /// Whether an organization allows this connection.
    pub(super) fn allow(&self, connection: &str) -> bool {
        self.list.iter().flat_map(|one| &one.connections).any(|one| one.id == connection)
    }

    /// A user is gone from the tenant, and so from every organization.
    pub(super) fn forget_user(&mut self, id: &str) {
        for organization in &mut self.list {
            organization.members.retain(|member| member.user != id);
        }
    }

    /// Something happens to an organization. One that is `in_use` stays.
    pub(super) fn happen(
        &mut self,
        users: &Users,
        connections: &Connections,
        in_use: impl Fn(&str) -> bool,
        dice: &mut Dice,
    ) -> Option<Happening> {
        let deed = dice.weigh(&DEEDS)?;
        match deed {
            Deed::Create => return self.create(dice),
            Deed::Delete => return self.delete(in_use, dice),
            _ => {}
        }
        let place = dice.place(self.list.len())?;
        let organization = self.list.get_mut(place)?;
        match deed {
            Deed::Create | Deed::Delete => None,
            Deed::Update => Some(organization.update(dice)),
            Deed::AddMember => organization.add_member(users, dice),
            Deed::DeleteMember => organization.delete_member(dice),
            Deed::AssignRole => organization.assign_role(dice),
            Deed::DeleteRole => organization.delete_role(dice),
            Deed::AddConnection => organization.add_connection(connections, dice),
            Deed::UpdateConnection => organization.update_connection(dice),
            Deed::RemoveConnection => organization.remove_connection(dice),
        }
    }

    fn create(&mut self, dice: &mut Dice) -> Option<Happening> {
        if self.list.len() >= self.most {
            return None;
        }
        let organization = self.newcomer(dice);
        let happening = organization.happening("organization.created");
        self.list.push(organization);
        Some(happening)
    }

    fn delete(&mut self, in_use: impl Fn(&str) -> bool, dice: &mut Dice) -> Option<Happening> {
        let free = |at: &usize| self.list.get(*at).is_some_and(|one| !in_use(&one.id));
        let possible: Vec<usize> = (0..self.list.len()).filter(free).collect();
        let organization = self.list.remove(dice.pick(&possible)?);
        Some(organization.happening("organization.deleted"))
    }

    fn newcomer(&mut self, dice: &mut Dice) -> Organization {
        let word = NAMES.get(self.made % NAMES.len()).copied().unwrap_or_default();
        let (name, display_name) = match self.made / NAMES.len() {
            0 => (word.to_lowercase(), word.to_owned()),
            again => (format!("{}-{again}", word.to_lowercase()), format!("{word} {again}")),
        };
        self.made += 1;
        let (id, plan) = (dice.id_16("org_"), "team");
        let (members, connections) = (Vec::new(), Vec::new());
        Organization { id, name, display_name, plan, members, connections }
    }
}

impl Member {
    fn new(user: &str) -> Self {
        Self { user: user.to_owned(), roles: Vec::new() }
    }
}

impl Organization {
    fn happening(&self, kind: &'static str) -> Happening {
        let mut object = self.object();
        // Branding is shown of an organization that is there, not of one that is gone.
        if kind != "organization.deleted" {
            object["branding"] = json!({ "colors": { "primary": "#0059d6" } });
        }
        Happening::new(kind, format!("organization:{}", self.id), object)
    }

    fn object(&self) -> Value {
        json!({
            "id": self.id, "name": self.name, "display_name": self.display_name,
            "metadata": { "plan": self.plan }
        })
    }

    fn named(&self) -> Value {
        json!({ "id": self.id, "name": self.name })
    }

    fn update(&mut self, dice: &mut Dice) -> Happening {
        let before = self.object();
        self.plan = dice.pick(&["free", "team", "business"]).unwrap_or(self.plan);
        self.happening("organization.updated").after(before)
    }

    fn add_member(&mut self, users: &Users, dice: &mut Dice) -> Option<Happening> {
        let is_member = |id: &&str| self.members.iter().any(|member| member.user == *id);
        let others: Vec<&str> = users.ids().filter(|id| !is_member(id)).collect();
        let member = Member::new(dice.pick(&others)?);
        let happening = self.of_member("organization.member.added", &member);
        self.members.push(member);
        Some(happening)
    }

    fn delete_member(&mut self, dice: &mut Dice) -> Option<Happening> {
        let place = dice.place(self.members.len())?;
        let member = self.members.remove(place);
        Some(self.of_member("organization.member.deleted", &member))
    }

    fn of_member(&self, kind: &'static str, member: &Member) -> Happening {
        let subject = format!("organization.member:{}/{}", self.id, member.user);
        let object = json!({ "organization": self.named(), "user": { "user_id": member.user } });
        Happening::new(kind, subject, object)
    }

    fn assign_role(&mut self, dice: &mut Dice) -> Option<Happening> {
        let place = dice.place(self.members.len())?;
        let member = self.members.get_mut(place)?;
        let others: Vec<Role> =
            ROLES.into_iter().filter(|role| !member.roles.contains(role)).collect();
        let role = dice.pick(&others)?;
        member.roles.push(role);
        let user = member.user.clone();
        Some(self.of_role("organization.member.role.assigned", &user, role))
    }

    fn delete_role(&mut self, dice: &mut Dice) -> Option<Happening> {
        let mut with_roles: Vec<&mut Member> =
            self.members.iter_mut().filter(|member| !member.roles.is_empty()).collect();
        let place = dice.place(with_roles.len())?;
        let member = with_roles.get_mut(place)?;
        let place = dice.place(member.roles.len())?;
        let role = member.roles.remove(place);
        let user = member.user.clone();
        Some(self.of_role("organization.member.role.deleted", &user, role))
    }

    fn of_role(&self, kind: &'static str, user: &str, role: Role) -> Happening {
        let subject = format!("organization.member.role:{}/{user}/{}", self.id, role.id);
        let object = json!({
            "organization": { "id": self.id }, "user": { "user_id": user }, "role": role.object()
        });
        Happening::new(kind, subject, object)
    }

    fn add_connection(&mut self, connections: &Connections, dice: &mut Dice) -> Option<Happening> {
        let is_allowed = |id: &&str| self.connections.iter().any(|allowed| allowed.id == *id);
        let others: Vec<&str> =
            connections.all().map(|one| one.id).filter(|id| !is_allowed(id)).collect();
        let id = dice.pick(&others)?.to_owned();
        let allowed = Allowed { id, joins_on_login: false, button: true };
        let happening = self.of_connection("organization.connection.added", &allowed);
        self.connections.push(allowed);
        Some(happening)
    }

    fn update_connection(&mut self, dice: &mut Dice) -> Option<Happening> {
        let place = dice.place(self.connections.len())?;
        let allowed = self.connections.get_mut(place)?;
        let before = allowed.clone();
        allowed.joins_on_login = !allowed.joins_on_login;
        allowed.button = dice.of_1000(800);
        let allowed = allowed.clone();
        let before = self.of_connection("organization.connection.updated", &before).object;
        Some(self.of_connection("organization.connection.updated", &allowed).after(before))
    }

    fn remove_connection(&mut self, dice: &mut Dice) -> Option<Happening> {
        let place = dice.place(self.connections.len())?;
        let allowed = self.connections.remove(place);
        let mut happening = self.of_connection("organization.connection.removed", &allowed);
        happening.object =
            json!({ "organization": self.named(), "connection": { "id": allowed.id } });
        Some(happening)
    }

    fn of_connection(&self, kind: &'static str, allowed: &Allowed) -> Happening {
        let subject = format!("organization.connection:{}/{}", self.id, allowed.id);
        let object = json!({
            "organization": self.named(), "connection": { "id": allowed.id },
            "assign_membership_on_login": allowed.joins_on_login, "show_as_button": allowed.button,
            "is_enabled": true
        });
        Happening::new(kind, subject, object)
    }
}
