//! Connections: where users come from.

use serde_json::{Value, json};

use super::dice::Dice;
use super::happening::Happening;

/// The connections that are there now. Those that users come by are never deleted.
#[derive(Debug)]
pub(super) struct Connections {
    list: Vec<Connection>,
    made: u32,
}

#[derive(Debug, Clone)]
struct Connection {
    id: String,
    name: String,
    strategy: &'static str,
    display_name: String,
    for_good: bool,
}

/// What a context or a membership names of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    pub id: &'a str,
    pub name: &'a str,
    pub strategy: &'a str,
}

#[derive(Debug, Clone, Copy)]
enum Deed {
    Create,
    Update,
    Delete,
}

/// What every tenant here has.
const FOR_GOOD: [(&str, &str); 4] = [
    ("Username-Password-Authentication", "auth0"),
    ("google-oauth2", "google-oauth2"),
    ("github", "github"),
    ("acme-okta", "okta"),
];
const MOST: usize = 10;
const DEEDS: [(Deed, u32); 3] = [(Deed::Create, 2), (Deed::Update, 4), (Deed::Delete, 2)];

impl Connections {
    pub(super) fn new(dice: &mut Dice) -> Self {
        let list = FOR_GOOD.map(|(name, strategy)| Connection {
            id: dice.id_16("con_"),
            name: name.to_owned(),
            strategy,
            display_name: name.to_owned(),
            for_good: true,
        });
        Self { list: list.into(), made: 0 }
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = Named<'_>> {
        self.list.iter().map(|one| Named { id: &one.id, name: &one.name, strategy: one.strategy })
    }

    /// Something happens to a connection. One that is `in_use` stays.
    pub(super) fn happen(
        &mut self,
        in_use: impl Fn(&str) -> bool,
        dice: &mut Dice,
    ) -> Option<Happening> {
        match dice.weigh(&DEEDS)? {
            Deed::Create => self.create(dice),
            Deed::Update => self.update(dice),
            Deed::Delete => self.delete(in_use, dice),
        }
    }

    fn create(&mut self, dice: &mut Dice) -> Option<Happening> {
        if self.list.len() >= MOST {
            return None;
        }
        self.made += 1;
        let strategy = dice.pick(&["samlp", "oidc", "waad"])?;
        let name = format!("partner-{}", self.made);
        let display_name = format!("Partner {}", self.made);
        let id = dice.id_16("con_");
        let connection = Connection { id, name, strategy, display_name, for_good: false };
        let happening = connection.happening("connection.created");
        self.list.push(connection);
        Some(happening)
    }

    fn update(&mut self, dice: &mut Dice) -> Option<Happening> {
        let place = dice.place(self.list.len())?;
        let connection = self.list.get_mut(place)?;
        let before = connection.object();
        connection.display_name = format!("Sign in {}", dice.below(1_000));
        Some(connection.happening("connection.updated").after(before))
    }

    fn delete(&mut self, in_use: impl Fn(&str) -> bool, dice: &mut Dice) -> Option<Happening> {
        let free = |one: &Connection| !one.for_good && !in_use(&one.id);
        let possible: Vec<usize> =
            (0..self.list.len()).filter(|at| self.list.get(*at).is_some_and(free)).collect();
        let connection = self.list.remove(dice.pick(&possible)?);
        Some(connection.happening("connection.deleted"))
    }
}

impl Connection {
    fn happening(&self, kind: &'static str) -> Happening {
        Happening::new(kind, format!("connection:{}", self.id), self.object())
    }

    /// No schema of it is published; this is what the Management API shows of a connection.
    fn object(&self) -> Value {
        json!({
            "id": self.id, "name": self.name, "strategy": self.strategy,
            "display_name": self.display_name, "is_domain_connection": false,
            "realms": [self.name], "metadata": {}
        })
    }
}
