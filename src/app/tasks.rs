//! Tasks with names and an owner.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::{Id, JoinError, JoinSet};
use tracing::{error, warn};

type Name = Cow<'static, str>;

/// A group of tasks that one owner starts, watches and waits for. Dropped, it ends them.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    set: JoinSet<()>,
    names: HashMap<Id, Name>,
}

impl Tasks {
    #[expect(clippy::disallowed_methods, reason = "the one place that spawns")]
    pub(super) fn spawn(
        &mut self,
        name: impl Into<Name>,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let handle = self.set.spawn(task);
        self.names.insert(handle.id(), name.into());
    }

    /// A thread of its own, for what blocks all the time. It is watched by a task.
    pub(super) fn spawn_thread(
        &mut self,
        name: &'static str,
        work: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<()> {
        let (ended, end) = oneshot::channel::<()>();
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            // Dropped when the work ends, by a panic as well.
            let _ended = ended;
            work();
        })?;
        self.spawn(name, async move { drop(end.await) });
        Ok(())
    }

    /// Waits for a task to end by itself, and says which and how; for ever if there is none.
    pub(super) async fn next_ended(&mut self) -> String {
        match self.set.join_next_with_id().await {
            Some(ended) => self.tell(ended),
            None => std::future::pending().await,
        }
    }

    /// Waits for all of them, then cuts off those that are left.
    pub(super) async fn join(&mut self, within: Duration) {
        let all = async {
            while let Some(ended) = self.set.join_next_with_id().await {
                match ended {
                    Ok((id, ())) => drop(self.names.remove(&id)),
                    Err(error) => drop(report(&mut self.names, &error)),
                }
            }
        };
        if tokio::time::timeout(within, all).await.is_err() {
            let mut left: Vec<&str> = self.names.values().map(AsRef::as_ref).collect();
            left.sort_unstable();
            warn!(tasks = left.join(", "), "cut off by the stop");
            self.set.shutdown().await;
        }
    }

    fn tell(&mut self, ended: Result<(Id, ()), JoinError>) -> String {
        match ended {
            Ok((id, ())) => format!("{} ended by itself", name(&mut self.names, id)),
            Err(error) => report(&mut self.names, &error),
        }
    }
}

fn report(names: &mut HashMap<Id, Name>, error: &JoinError) -> String {
    let name = name(names, error.id());
    error!(task = %name, %error, "a task failed by a fault of twinstream");
    format!("{name} failed: {error}")
}

fn name(names: &mut HashMap<Id, Name>, id: Id) -> Name {
    names.remove(&id).unwrap_or(Cow::Borrowed("a task"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_ends_by_itself_is_told_by_name() {
        let mut tasks = Tasks::default();
        tasks.spawn("idle", std::future::pending());
        tasks.spawn("quick", async {});
        assert_eq!(tasks.next_ended().await, "quick ended by itself");
        tasks.spawn("faulty", async { panic!("on purpose") });
        assert!(tasks.next_ended().await.starts_with("faulty failed: "));
    }

    #[tokio::test(start_paused = true)]
    async fn those_that_do_not_end_are_cut_off() {
        let mut tasks = Tasks::default();
        tasks.spawn("idle", std::future::pending());
        tasks.join(Duration::from_secs(1)).await;
        assert!(tasks.set.is_empty());
    }

    #[tokio::test]
    async fn a_thread_is_watched_like_a_task() {
        let mut tasks = Tasks::default();
        tasks.spawn_thread("worker", || {}).unwrap();
        assert_eq!(tasks.next_ended().await, "worker ended by itself");
    }
}
