//! Old news never wins: random changes of a few users, in a random order of arrival, through the real
//! journal with the real rules, to applications that take whatever they are sent.
//!
//! What the journal does is compared with what may be known from outside, which is written here
//! without a look at `routing::turn`: when each event happened, what it says, what was sent, and how
//! that ended. At the end everything is made to succeed, and the applications must hold what Auth0
//! held.

mod app;
mod changes;
mod end;
mod orders;
mod turns;
mod world;

use proptest::prelude::*;
use twinstream::event::Path;

use changes::Change;
use world::World;

#[derive(Debug, Clone)]
enum Operation {
    /// By these paths, in one commit if that is possible.
    Arrive(Vec<(usize, Path)>),
    Claim(Claiming),
    /// The application takes what it was sent; how the attempt ends is not known yet.
    Take {
        which: usize,
    },
    Settle(Vec<(usize, How)>),
    Wait {
        seconds: u64,
    },
    /// What has been leased for too long is taken back.
    Retain,
    /// Each delivery whose bit is set, if it is dead.
    Redrive {
        which: u64,
    },
    Discard {
        which: usize,
    },
    /// One event that names somebody, or all about its subject.
    Erase {
        which: usize,
        all_of_subject: bool,
    },
    Pause {
        paused: bool,
    },
    Restart,
    Crash,
}

#[derive(Debug, Clone, Copy)]
struct Claiming {
    /// One alone, or all.
    route: Option<usize>,
    limit: usize,
    retries_min: usize,
    /// The events that belong to the backlog, as a part of all in percent, and how many of them.
    backlog: Option<(i64, usize)>,
}

/// How an attempt ends.
#[derive(Debug, Clone, Copy)]
struct How {
    /// Whether the application has taken it, whatever its answer was.
    taken: bool,
    word: Word,
}

/// What the dispatcher makes of it.
#[derive(Debug, Clone, Copy)]
enum Word {
    Acknowledged,
    Dead,
    Retry {
        seconds: u64,
    },
    RetryUncounted {
        seconds: u64,
    },
    /// The event's SQS message is to bring it back.
    Return,
    /// No attempt was made.
    GiveBack,
}

fn how() -> impl Strategy<Value = How> {
    let seconds = || prop_oneof![Just(0), 1..90_u64];
    let word = prop_oneof![
        6 => Just(Word::Acknowledged),
        3 => Just(Word::Dead),
        3 => seconds().prop_map(|seconds| Word::Retry { seconds }),
        2 => seconds().prop_map(|seconds| Word::RetryUncounted { seconds }),
        1 => Just(Word::Return),
        1 => Just(Word::GiveBack),
    ];
    (any::<bool>(), word).prop_map(|(taken, word)| How { taken, word })
}

fn claiming() -> impl Strategy<Value = Claiming> {
    let route = prop_oneof![1 => (0..changes::ROUTES.len()).prop_map(Some), 4 => Just(None)];
    let backlog = prop_oneof![2 => Just(None), 1 => (0..=100_i64, 0..4_usize).prop_map(Some)];
    let limit = prop_oneof![1 => 1..4_usize, 3 => Just(100_usize)];
    (route, limit, 0..3_usize, backlog).prop_map(|(route, limit, retries_min, backlog)| Claiming {
        route,
        limit,
        retries_min,
        backlog,
    })
}

fn operation() -> impl Strategy<Value = Operation> {
    let path = || prop_oneof![Just(Path::Webhook), Just(Path::Eventbridge)];
    let arrivals = proptest::collection::vec((any::<usize>(), path()), 1..4);
    let settlements = proptest::collection::vec((any::<usize>(), how()), 1..8);
    prop_oneof![
        8 => arrivals.prop_map(Operation::Arrive),
        9 => claiming().prop_map(Operation::Claim),
        3 => any::<usize>().prop_map(|which| Operation::Take { which }),
        9 => settlements.prop_map(Operation::Settle),
        3 => (1..100_u64).prop_map(|seconds| Operation::Wait { seconds }),
        2 => Just(Operation::Retain),
        3 => any::<u64>().prop_map(|which| Operation::Redrive { which }),
        2 => any::<usize>().prop_map(|which| Operation::Discard { which }),
        3 => (any::<usize>(), any::<bool>())
            .prop_map(|(which, all_of_subject)| Operation::Erase { which, all_of_subject }),
        1 => prop_oneof![1 => Just(true), 2 => Just(false)]
            .prop_map(|paused| Operation::Pause { paused }),
        1 => Just(Operation::Restart),
        1 => Just(Operation::Crash),
    ]
}

/// Half of the sequences give nothing up, so that every event has to get where it belongs.
fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let sequence = proptest::collection::vec(operation(), 1..70);
    (sequence, any::<bool>()).prop_map(|(mut operations, gives_up)| {
        operations.retain(|operation| {
            gives_up || !matches!(operation, Operation::Discard { .. } | Operation::Erase { .. })
        });
        operations
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn old_news_never_wins(changes in changes::changes(), operations in operations()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(changes, &operations));
    }
}

async fn run(changes: Vec<Change>, operations: &[Operation]) {
    let mut world = World::new(changes);
    for operation in operations {
        world = world.carry_out(operation).await;
        world.check().await;
    }
    world.drain().await;
    world.check_the_end();
}
