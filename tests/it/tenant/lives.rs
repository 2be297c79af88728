//! A model of what is there, told by nothing but the events of a tenant that began empty.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use twinstream::event::Timestamp;
use twinstream::sim::auth0::{Change, Mix};

use super::{changes, event, from_nothing, text};

/// What is there.
#[derive(Debug, Default)]
struct Model {
    /// Users, and whether they are blocked, where that was ever said.
    users: BTreeMap<String, Option<bool>>,
    organizations: BTreeSet<String>,
    groups: BTreeMap<String, Value>,
    connections: BTreeSet<String>,
    /// Members, roles and the like: the subject, or what stands for it.
    relations: BTreeSet<String>,
    /// Blocks and unblocks so far.
    turns: u32,
}

impl Model {
    /// Takes an event in, or says what is wrong with it.
    fn follow(&mut self, change: &Change) {
        let event = event(change);
        let object = &event["data"]["object"];
        let (family, verb) = change.kind.rsplit_once('.').unwrap();
        match family {
            "user" => self.follow_user(verb, change, &event),
            "organization" => {
                let id = text(object, "/id").to_owned();
                lead_a_life(&mut self.organizations, &id, verb);
            }
            "connection" => {
                let id = text(object, "/id").to_owned();
                lead_a_life(&mut self.connections, &id, verb);
            }
            "group" => self.follow_group(verb, object),
            _ => self.relate(family, verb, object),
        }
    }

    fn follow_user(&mut self, verb: &str, change: &Change, event: &Value) {
        let object = &event["data"]["object"];
        let id = text(object, "/user_id").to_owned();
        let said = object.get("blocked").map(|blocked| blocked.as_bool().unwrap());
        let known = self.users.get(&id).copied();
        let written = Timestamp::parse(text(object, "/updated_at")).unwrap();
        match verb {
            "created" => {
                assert_eq!(known, None, "{id} is created twice");
                assert_ne!(said, Some(true), "{id} is blocked from birth");
                self.users.insert(id, said);
            }
            "updated" => {
                let known = known.unwrap_or_else(|| panic!("{id} is not there"));
                if let Some(said) = said {
                    assert!(said || known.is_some(), "{id} is unblocked, and never was blocked");
                    self.turns += u32::from(known != Some(said));
                    self.users.insert(id, Some(said));
                }
            }
            "deleted" => {
                assert!(known.is_some(), "{id} is deleted, and was not there");
                self.users.remove(&id);
                let is_theirs = |relation: &String| relation.split(' ').any(|part| part == id);
                self.relations.retain(|relation| !is_theirs(relation));
            }
            other => panic!("user.{other}"),
        }
        let lag_ms = change.time.millis_since(written);
        if verb != "deleted" {
            assert!((0.0..=11.0).contains(&lag_ms), "written {lag_ms} ms before the event's time");
        }
    }

    fn follow_group(&mut self, verb: &str, object: &Value) {
        let id = text(object, "/id").to_owned();
        let mut ids: BTreeSet<String> = self.groups.keys().cloned().collect();
        lead_a_life(&mut ids, &id, verb);
        if verb == "deleted" {
            self.groups.remove(&id);
            self.relations.retain(|relation| !relation.split(' ').any(|part| part == id));
        } else {
            self.check_owner(object);
            self.groups.insert(id, object.clone());
        }
    }

    fn check_owner(&self, group: &Value) {
        match text(group, "/type") {
            // The connections that every tenant has were never created.
            "tenant" | "connection" => {}
            "organization" => {
                assert!(self.organizations.contains(text(group, "/organization_id")), "{group}");
            }
            other => panic!("a group of {other}"),
        }
    }

    /// A member, a role, a connection of an organization, …
    fn relate(&mut self, family: &str, verb: &str, object: &Value) {
        let mut relation = vec![family.to_owned()];
        let places =
            ["/organization", "/group", "/user/user_id", "/member", "/connection", "/role"];
        for place in places {
            let id =
                object.pointer(place).and_then(|found| found.get("id").unwrap_or(found).as_str());
            let Some(id) = id else { continue };
            let is_there = match place {
                "/organization" => self.organizations.contains(id),
                "/group" => self.groups.contains_key(id),
                "/user/user_id" | "/member" => self.users.contains_key(id),
                // Roles, and the connections that every tenant has, were never created.
                _ => true,
            };
            assert!(is_there, "{family}.{verb} of {id}, which is not there");
            relation.push(id.to_owned());
        }
        if family == "organization.member.role" {
            let member = format!("organization.member {} {}", relation[1], relation[2]);
            assert!(self.relations.contains(&member), "a role of {member}, who is none");
        }
        let lost = verb == "deleted" && family == "organization.member";
        let relation = relation.join(" ");
        if lost {
            let theirs = relation.replace("organization.member ", "organization.member.role ");
            self.relations.retain(|other| !other.starts_with(&theirs));
        }
        let verb = match verb {
            "added" | "assigned" => "created",
            "removed" => "deleted",
            other => other,
        };
        lead_a_life(&mut self.relations, &relation, verb);
    }
}

/// Created when it was not there, updated and deleted when it was.
fn lead_a_life(living: &mut BTreeSet<String>, id: &str, verb: &str) {
    match verb {
        "created" => assert!(living.insert(id.to_owned()), "{id} is created twice"),
        // The connections that every tenant has were never created, and stay.
        "updated" if id.starts_with("con_") => {}
        "updated" => assert!(living.contains(id), "{id} is updated, and is not there"),
        "deleted" => assert!(living.remove(id), "{id} is deleted, and is not there"),
        other => panic!("{id} is {other}"),
    }
}

#[test]
fn nothing_happens_to_what_is_not_there() {
    for seed in 0..5 {
        let mix = Mix { oddities_of_1000: 0, ..from_nothing() };
        let mut model = Model::default();
        let mut most = 0;
        for change in changes(seed, &mix, 5_000).filter(|change| !change.test) {
            model.follow(&change);
            most = most.max(model.users.len());
            assert!(model.users.len() <= mix.most.users);
            assert!(model.organizations.len() <= mix.most.organizations);
            assert!(model.groups.len() <= mix.most.groups);
        }
        let Model { turns, .. } = model;
        assert!((250..1_000).contains(&turns), "{turns} blocks and unblocks in 5,000 events");
        assert!(most > 10, "never more than {most} users");
    }
}
