//! The parts of the page of one event.

use askama::Template;

use super::axis::Tick;
use super::headline::{self, Around, Held, Sentence, is_open};
use super::timeline::{self, Group, Row, State};
use crate::admin::pages::json;
use crate::admin::pages::moment::{self, Moment};
use crate::admin::pages::session::Visitor;
use crate::admin::pages::{Desk, Layout, Tab, assets};
use crate::event::{PairedBy, Path, Timestamp, legible};
use crate::journal::{ContentLeft, EventStory};

/// The whole page.
#[derive(Debug, Template)]
#[template(path = "story.html")]
pub(super) struct Story {
    layout: Layout,
    id: String,
    facts: Facts,
    head: Head,
    way: Way,
    orders: Orders,
    payload: Payload,
    /// It may still change.
    goes_on: bool,
}

impl Story {
    pub(super) fn of(
        desk: &Desk,
        visitor: Visitor,
        story: &EventStory,
        (around, held): (Around, &Held),
    ) -> Self {
        let mut layout = Layout::new(desk, Tab::Events, visitor.clone());
        layout.title = format!("{} · {}", legible(&story.summary.kind), legible(&story.summary.id));
        Self {
            layout,
            id: story.summary.id.clone(),
            facts: Facts::of(story),
            head: Head::of(story, around, held),
            way: Way::of(story, around.now),
            orders: Orders::of(story, visitor),
            payload: Payload::of(story),
            goes_on: goes_on(story, around),
        }
    }
}

/// Whether anything of it may change soon: a delivery has not ended, or a path may still bring it.
fn goes_on(story: &EventStory, around: Around) -> bool {
    let stored = story.arrivals.iter().map(|arrival| arrival.stored_at).max();
    let is_young = stored.is_some_and(|stored| around.now < stored.plus(around.grace));
    is_young || story.deliveries.iter().any(|delivery| is_open(delivery.state))
}

/// What the event is.
#[derive(Debug)]
struct Facts {
    kind: String,
    subject: String,
    subject_shown: String,
    tenant: String,
    time: Moment,
    number: i64,
    test: bool,
    paired: Option<&'static str>,
}

impl Facts {
    fn of(story: &EventStory) -> Self {
        let summary = &story.summary;
        Self {
            kind: legible(&summary.kind),
            subject: summary.subject.clone(),
            subject_shown: legible(&summary.subject),
            tenant: legible(&story.tenant),
            time: Moment::of(summary.time),
            number: summary.seq,
            test: summary.test,
            paired: story.paired_by.map(paired),
        }
    }
}

const fn paired(by: PairedBy) -> &'static str {
    match by {
        PairedBy::Id => "by id: both paths carried the same one",
        PairedBy::Fallback => {
            "by fallback: tenant, type, subject and time agree, and no other event's do"
        }
        PairedBy::Ambiguous => {
            "ambiguous: other events agree in tenant, type, subject and time as well"
        }
    }
}

/// The story in a few sentences.
#[derive(Debug, Template)]
#[template(path = "story_head.html")]
pub(super) struct Head {
    coming: String,
    outcomes: Vec<Sentence>,
}

impl Head {
    pub(super) fn of(story: &EventStory, around: Around, held: &Held) -> Self {
        let outcomes = headline::outcomes(story, held, around.now);
        Self { coming: headline::coming(story, around), outcomes }
    }
}

/// The waterfall: a table whose one column is drawn.
#[derive(Debug, Template)]
#[template(path = "story_way.html")]
pub(super) struct Way {
    ticks: Vec<ShownTick>,
    breaks: Vec<ShownBreak>,
    groups: Vec<ShownGroup>,
}

#[derive(Debug)]
struct ShownTick {
    x: String,
    label: String,
}

#[derive(Debug)]
struct ShownBreak {
    x: String,
    width: String,
}

#[derive(Debug)]
struct ShownGroup {
    title: String,
    path: Option<Path>,
    remarks: Vec<String>,
    state: Option<State>,
    rows: Vec<ShownRow>,
}

#[derive(Debug)]
struct ShownRow {
    label: String,
    notes: Vec<String>,
    answer: Option<String>,
    answer_id: String,
    bars: Vec<Bar>,
    over: Option<String>,
    at: Option<Moment>,
    took: Option<String>,
}

#[derive(Debug)]
struct Bar {
    class: &'static str,
    x: String,
    width: String,
}

impl Way {
    pub(super) fn of(story: &EventStory, now: Timestamp) -> Self {
        let groups = timeline::groups(story, now);
        let axis = timeline::axis(&groups);
        let tick = |Tick { at, label }| ShownTick { x: percent(at), label };
        let breaks = axis.breaks().iter();
        let breaks = breaks
            .map(|gone| ShownBreak { x: percent(gone.from), width: percent(gone.to - gone.from) });
        let bar = |stretch: &timeline::Stretch| {
            // Clocks differ: what came after may be stamped before.
            let (one, two) = (axis.place(stretch.from), axis.place(stretch.to));
            let (from, to) = (one.min(two), one.max(two));
            Bar { class: stretch.tone.class(), x: percent(from), width: percent(to - from) }
        };
        let shown = |(place, row): (usize, Row), group: usize| ShownRow {
            bars: row.stretches.iter().map(bar).collect(),
            over: (!row.stretches.is_empty()).then(|| moment::after(row.over)),
            at: row.over_at.map(Moment::of),
            took: row.took.map(moment::span),
            label: row.label,
            notes: row.notes,
            answer: row.answer,
            answer_id: format!("answer-{group}-{place}"),
        };
        let shown_group = |(number, group): (usize, Group)| {
            let Group { title, path, remarks, state, rows } = group;
            let rows = rows.into_iter().enumerate().map(|row| shown(row, number)).collect();
            ShownGroup { title, path, remarks, state, rows }
        };
        Self {
            ticks: axis.ticks().into_iter().map(tick).collect(),
            breaks: breaks.collect(),
            groups: groups.into_iter().enumerate().map(shown_group).collect(),
        }
    }
}

fn percent(part: f64) -> String {
    format!("{part:.2}%")
}

/// What may be ordered for this event.
#[derive(Debug, Template)]
#[template(path = "story_orders.html")]
pub(in crate::admin::pages) struct Orders {
    visitor: Visitor,
    dead: Vec<Dead>,
}

/// A delivery that is a dead letter.
#[derive(Debug)]
struct Dead {
    letter: String,
    way: String,
    field: String,
}

impl Orders {
    pub(in crate::admin::pages) fn of(story: &EventStory, visitor: Visitor) -> Self {
        let dead = story.deliveries.iter().filter(|delivery| delivery.state == "dead");
        let dead = dead.enumerate().map(|(place, delivery)| Dead {
            letter: format!("{}/{}", story.summary.id, delivery.route),
            way: format!("{} → {}", legible(&delivery.route), legible(&delivery.target)),
            field: format!("redrive-{place}"),
        });
        Self { visitor, dead: dead.collect() }
    }
}

/// What is left of the content.
#[derive(Debug)]
struct Payload {
    /// What is to be said of it.
    remark: Option<&'static str>,
    differences: Vec<String>,
    document: Option<json::Shown>,
}

impl Payload {
    fn of(story: &EventStory) -> Self {
        let document = || Some(json::shown(&story.payload, &story.payload_differences));
        let (remark, document) = match story.content {
            ContentLeft::Whole => (None, document()),
            ContentLeft::Redacted => (Some("As journal.redact leaves it."), document()),
            ContentLeft::Dropped => {
                (Some("Its payload is not kept: journal.payload is \"drop\"."), None)
            }
            ContentLeft::Erased => (Some("Its content was erased on request."), None),
        };
        let differences = story.payload_differences.iter().map(|one| legible(one)).collect();
        Self { remark, differences, document }
    }
}
