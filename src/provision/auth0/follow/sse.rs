//! Server-sent events, as the HTML standard has them (section 9.2.6, "Interpreting an event stream"), with a
//! bound on what one of them may be.

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// Its name; `message` where it has none.
    pub event: String,
    /// The last id that was given, with this message or before it.
    pub id: String,
    /// Its lines, joined.
    pub data: String,
}

/// A message, or a line, longer than any should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong {
    pub bytes_max: usize,
}

/// The longest message, in bytes: that of the webhook door's longest body, and something for the frame.
const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024 + 64 * 1024;

/// Bytes in, messages out.
#[derive(Debug, Default)]
pub(super) struct Parser {
    /// The line so far.
    line: Vec<u8>,
    /// The last byte was a carriage return: a line feed that follows belongs to it.
    after_return: bool,
    /// Something was read: a byte order mark is one at the beginning alone.
    has_begun: bool,
    event: String,
    data: String,
    id: String,
}

impl Parser {
    /// The messages that these bytes complete. What is not whole at the end waits for the rest, and is never a
    /// message without it.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<Vec<Message>, TooLong> {
        let mut messages = Vec::new();
        for &byte in bytes {
            let was_return = std::mem::replace(&mut self.after_return, byte == b'\r');
            match byte {
                b'\n' if was_return => {}
                b'\n' | b'\r' => {
                    let line = std::mem::take(&mut self.line);
                    messages.extend(self.end_of_line(&line));
                }
                _ => self.line.push(byte),
            }
            if self.line.len() + self.data.len() + self.event.len() > MESSAGE_BYTES_MAX {
                return Err(TooLong { bytes_max: MESSAGE_BYTES_MAX });
            }
        }
        Ok(messages)
    }

    fn end_of_line(&mut self, line: &[u8]) -> Option<Message> {
        let line = String::from_utf8_lossy(line);
        let mut line = line.as_ref();
        if !std::mem::replace(&mut self.has_begun, true) {
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            return self.end_of_message();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            // A comment has an empty name; `retry` is for those who begin again by themselves.
            _ => {}
        }
        None
    }

    fn end_of_message(&mut self) -> Option<Message> {
        let event = std::mem::take(&mut self.event);
        let mut data = std::mem::take(&mut self.data);
        // The last line's end: without it, there was no line.
        data.pop()?;
        let event = if event.is_empty() { "message".to_owned() } else { event };
        Some(Message { event, id: self.id.clone(), data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(event: &str, id: &str, data: &str) -> Message {
        Message { event: event.into(), id: id.into(), data: data.into() }
    }

    /// However the bytes are cut, the same messages come of them.
    #[track_caller]
    fn check(text: &str, expected: &[Message]) {
        for size in [1, 2, 3, 7, text.len().max(1)] {
            let mut parser = Parser::default();
            let chunks = text.as_bytes().chunks(size);
            let read: Vec<Message> = chunks.flat_map(|chunk| parser.read(chunk).unwrap()).collect();
            assert_eq!(read, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn messages_are_read_as_the_standard_has_them() {
        check(
            ":connected\n\nretry: 2000\n\nevent: user.created\nid: o1\ndata: {}\n\n: heartbeat\n\n",
            &[message("user.created", "o1", "{}")],
        );
        check("data: a\ndata: b\n\n", &[message("message", "", "a\nb")]);
        check(
            "data:a\r\rdata: b\r\n\r\n",
            &[message("message", "", "a"), message("message", "", "b")],
        );
        check(
            "id: 1\ndata: a\n\ndata: b\n\n",
            &[message("message", "1", "a"), message("message", "1", "b")],
        );
        check("id\ndata: a\n\n", &[message("message", "", "a")]);
        check("id: 1\nid: a\0b\ndata\n\n", &[message("message", "1", "")]);
        check("\u{feff}data: a\n\n\u{feff}data: b\n\n", &[message("message", "", "a")]);
        check("event: x\nid: 7\n\ndata: a\n\n", &[message("message", "7", "a")]);
        check("data:  two\n\n", &[message("message", "", " two")]);
        check("data: größe\n\n", &[message("message", "", "größe")]);
        check("event: x\r\ndata: a\r\n\r\n", &[message("x", "", "a")]);
        check("data: not whole\n", &[]);
        check("datum: a\nDATA: a\n\n", &[]);
    }

    #[test]
    fn a_message_that_never_ends_is_given_up() {
        let mut parser = Parser::default();
        let too_long = Err(TooLong { bytes_max: MESSAGE_BYTES_MAX });
        assert_eq!(parser.read(&vec![b'a'; MESSAGE_BYTES_MAX + 1]), too_long);
        let mut parser = Parser::default();
        let lines = "data: 12345678\n".repeat(MESSAGE_BYTES_MAX / 9 + 2);
        assert_eq!(parser.read(lines.as_bytes()), too_long);
        let mut parser = Parser::default();
        let many = "data: 12345678\n\n".repeat(MESSAGE_BYTES_MAX / 9 + 2);
        assert_eq!(
            parser.read(many.as_bytes()).map(|all| all.len()),
            Ok(MESSAGE_BYTES_MAX / 9 + 2)
        );
    }
}
