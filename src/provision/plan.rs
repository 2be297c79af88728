//! What will be done, told before it is done.

use serde::Serialize;

/// What happens to one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It is as it should be.
    Keep,
    /// It is not there.
    Create,
    /// It is there, and differs.
    Update,
    /// It is there, and should not be.
    Delete,
}

/// One thing, what happens to it, and the order for whoever carries it out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step<A> {
    /// What it is, with its name: `queue auth0-events`.
    pub what: String,
    /// What happens to it.
    pub change: Change,
    /// What of it, one line each: `VisibilityTimeout: 30 → 90`. Never a secret.
    pub details: Vec<String>,
    /// What is to be done; none where nothing is.
    #[serde(skip)]
    pub action: Option<A>,
}

impl<A> Step<A> {
    /// Something that is as it should be.
    pub fn keep(what: impl Into<String>) -> Self {
        Self { what: what.into(), change: Change::Keep, details: Vec::new(), action: None }
    }

    /// Something that this does not leave as it is.
    pub fn new(what: impl Into<String>, change: Change, action: A) -> Self {
        Self { what: what.into(), change, details: Vec::new(), action: Some(action) }
    }

    /// With what of it changes.
    #[must_use]
    pub fn because(mut self, details: Vec<String>) -> Self {
        self.details = details;
        self
    }
}

/// All that is to be done, in this order, and what people must know or do themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan<A> {
    /// In the order in which they are carried out.
    pub steps: Vec<Step<A>>,
    /// What is odd, and what no step can do.
    pub notes: Vec<String>,
}

impl<A> Plan<A> {
    /// Whether everything is as it should be.
    pub fn is_empty(&self) -> bool {
        self.steps.iter().all(|step| step.change == Change::Keep)
    }

    /// How many things this creates, updates and deletes.
    pub fn counts(&self) -> [(Change, usize); 3] {
        [Change::Create, Change::Update, Change::Delete]
            .map(|change| (change, self.steps.iter().filter(|step| step.change == change).count()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_says_what_it_does() {
        let steps = vec![
            Step::keep("bus a"),
            Step::new("queue b", Change::Create, ()),
            Step::new("rule c", Change::Update, ()).because(vec!["state: off → on".into()]),
            Step::new("queue d", Change::Create, ()),
        ];
        let plan = Plan { steps, notes: Vec::new() };
        let counts = [(Change::Create, 2), (Change::Update, 1), (Change::Delete, 0)];
        assert_eq!(plan.counts(), counts);
        assert!(!plan.is_empty());
        let told = serde_json::to_value(&plan).unwrap();
        assert_eq!(told["steps"][2]["details"][0], "state: off → on");
        assert_eq!(told["steps"][2]["change"], "update");
        assert!(Plan { steps: vec![Step::<()>::keep("bus a")], notes: Vec::new() }.is_empty());
    }
}
