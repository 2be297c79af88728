//! Sockets that a service manager opened, and holds while this process is replaced: nobody who connects
//! meanwhile is refused, they wait in the socket's backlog.
//!
//! The protocol is systemd's (`sd_listen_fds(3)`): `LISTEN_FDS` sockets from file descriptor 3 on, for the
//! process `LISTEN_PID`, with names in `LISTEN_FDNAMES`.

use std::collections::BTreeMap;
use std::io;
use std::net::TcpListener as StdListener;

use listenfd::ListenFd;
use tokio::net::TcpListener;

/// Sockets by their names. None where no service manager passed any.
#[derive(Debug, Default)]
pub struct Inherited {
    sockets: BTreeMap<&'static str, StdListener>,
}

/// Why passed sockets can't be used.
#[derive(Debug, thiserror::Error)]
pub enum InheritedError {
    /// A name that means nothing.
    #[error(
        "a socket called `{name}` was passed (LISTEN_FDNAMES); in its systemd socket unit set \
         FileDescriptorName= to one of: {known}"
    )]
    Name {
        /// The name.
        name: String,
        /// Those that mean something.
        known: String,
    },
    /// A name that was given twice.
    #[error("two sockets called `{0}` were passed (LISTEN_FDNAMES); pass one of each")]
    Twice(&'static str),
    /// No listening TCP socket.
    #[error("the socket `{name}` that was passed is no TCP listener")]
    Socket {
        /// Its name.
        name: &'static str,
        /// Why.
        source: io::Error,
    },
}

impl Inherited {
    /// Takes what was passed to this process. `names` is `LISTEN_FDNAMES`; `known` are the names that mean
    /// something, the first of which a single socket without a name of its own has.
    ///
    /// To be called once: what was taken is not there again.
    ///
    /// # Errors
    /// When a socket has another name, or is no TCP listener.
    pub fn take(names: Option<&str>, known: &[&'static str]) -> Result<Self, InheritedError> {
        let mut passed = ListenFd::from_env();
        let mut sockets = BTreeMap::new();
        for (position, name) in assign(passed.len(), names, known)?.into_iter().enumerate() {
            let taken = passed
                .take_tcp_listener(position)
                .map_err(|source| InheritedError::Socket { name, source })?;
            if let Some(socket) = taken
                && sockets.insert(name, socket).is_some()
            {
                return Err(InheritedError::Twice(name));
            }
        }
        Ok(Self { sockets })
    }

    /// The socket of this name, once.
    ///
    /// # Errors
    /// When it can't be used here.
    pub fn listener(&mut self, name: &str) -> io::Result<Option<TcpListener>> {
        let Some(socket) = self.sockets.remove(name) else { return Ok(None) };
        socket.set_nonblocking(true)?;
        TcpListener::from_std(socket).map(Some)
    }

    /// The names of those that nobody took.
    pub fn left(&self) -> impl Iterator<Item = &'static str> {
        self.sockets.keys().copied()
    }
}

/// Which name each of so many sockets has.
fn assign(
    sockets: usize,
    names: Option<&str>,
    known: &[&'static str],
) -> Result<Vec<&'static str>, InheritedError> {
    let names: Vec<&str> = names.unwrap_or_default().split(':').collect();
    let mut assigned = Vec::with_capacity(sockets);
    for position in 0..sockets {
        let name = names.get(position).copied().unwrap_or_default();
        // systemd calls one without a name after its unit, other managers say nothing.
        let is_nameless = name.is_empty() || name == "unknown" || name.ends_with(".socket");
        let found = known.iter().find(|known| **known == name);
        match (found, known.first()) {
            (Some(found), _) => assigned.push(*found),
            (None, Some(first)) if is_nameless && sockets == 1 => assigned.push(*first),
            (None, _) => {
                let (name, known) = (name.to_owned(), known.join(", "));
                return Err(InheritedError::Name { name, known });
            }
        }
    }
    Ok(assigned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 2] = ["webhook", "admin"];

    #[track_caller]
    fn check(sockets: usize, names: Option<&str>, expected: Result<&[&str], &str>) {
        match (assign(sockets, names, &KNOWN), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{names:?}"),
            (Err(error), Err(part)) => {
                assert!(error.to_string().contains(part), "{names:?}: {error}");
            }
            (found, expected) => panic!("{names:?}: {found:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn sockets_are_known_by_their_names() {
        check(0, None, Ok(&[]));
        check(1, Some("admin"), Ok(&["admin"]));
        check(2, Some("admin:webhook"), Ok(&["admin", "webhook"]));
    }

    #[test]
    fn a_single_socket_without_a_name_is_the_first_one() {
        check(1, None, Ok(&["webhook"]));
        check(1, Some("unknown"), Ok(&["webhook"]));
        check(1, Some("twinstream.socket"), Ok(&["webhook"]));
    }

    #[test]
    fn what_nobody_can_tell_apart_is_refused() {
        check(1, Some("http"), Err("FileDescriptorName= to one of: webhook, admin"));
        check(2, None, Err("a socket called ``"));
        check(2, Some("webhook"), Err("a socket called ``"));
        check(2, Some("twinstream.socket:admin"), Err("called `twinstream.socket`"));
    }
}
