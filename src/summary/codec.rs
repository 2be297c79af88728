//! Cells as bytes.

use super::cell::Cell;
use super::sketch::{Malformed, Sketch};
use super::varint::{put, take};

/// The first byte of every cell.
const VERSION: u8 = 1;

impl Cell {
    /// The cell as bytes: what is nothing takes no room.
    pub fn encode(&self) -> Vec<u8> {
        let mut into = vec![VERSION];
        let counts: Vec<_> = self.counts().iter().collect();
        put(&mut into, as_u64(counts.len()));
        for (index, number) in counts {
            put(&mut into, as_u64(index));
            // A whole cell counts nothing below zero.
            put(&mut into, u64::try_from(number).unwrap_or(0));
        }
        let measured = self.sketches().iter().enumerate().filter(|(_, sketch)| sketch.count() > 0);
        let measured: Vec<_> = measured.collect();
        put(&mut into, as_u64(measured.len()));
        for (index, sketch) in measured {
            put(&mut into, as_u64(index));
            sketch.encode(&mut into);
        }
        let (pointers, elsewhere) = self.pointers();
        let pointers: Vec<_> = pointers.collect();
        put(&mut into, as_u64(pointers.len()));
        for (pointer, events) in pointers {
            put(&mut into, as_u64(pointer.len()));
            into.extend_from_slice(pointer.as_bytes());
            put(&mut into, events);
        }
        put(&mut into, elsewhere);
        into
    }

    /// What [`Cell::encode`] gave.
    ///
    /// # Errors
    /// When the bytes are no cell, or one of a later version.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let [VERSION, rest @ ..] = bytes else { return Err(Malformed) };
        let mut from = rest;
        let mut cell = Self::default();
        for _ in 0..take(&mut from)? {
            let index = take_index(&mut from)?;
            let number = take_count(&mut from)?;
            cell.counts_mut().set(index, number).ok_or(Malformed)?;
        }
        for _ in 0..take(&mut from)? {
            let index = take_index(&mut from)?;
            let sketch = cell.sketches_mut().get_mut(index).ok_or(Malformed)?;
            let read = Sketch::decode(&mut from)?;
            if read.precision() != sketch.precision() {
                return Err(Malformed);
            }
            *sketch = read;
        }
        for _ in 0..take(&mut from)? {
            let length = take_index(&mut from)?;
            let (pointer, rest) = from.split_at_checked(length).ok_or(Malformed)?;
            from = rest;
            let pointer = std::str::from_utf8(pointer).map_err(|_| Malformed)?;
            cell.count_at(pointer, take_count(&mut from)?);
        }
        cell.count_elsewhere(take_count(&mut from)?);
        if from.is_empty() { Ok(cell) } else { Err(Malformed) }
    }
}

fn as_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn take_count(from: &mut &[u8]) -> Result<i64, Malformed> {
    i64::try_from(take(from)?).map_err(|_| Malformed)
}

fn take_index(from: &mut &[u8]) -> Result<usize, Malformed> {
    usize::try_from(take(from)?).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::super::fixture::any_event;
    use super::*;
    use crate::summary::Circumstances;

    proptest! {
        #[test]
        fn a_cell_comes_back_as_it_was(events in vec(any_event(), 0..60)) {
            let mut cell = Cell::default();
            for event in &events {
                let circumstances = Circumstances { covered: true, payload_differs: event.payload_differs };
                cell.add(event, circumstances);
                if event.payload_differs {
                    cell.differs_at(["/data/object/a", "/time"]);
                    cell.differs_elsewhere();
                }
            }
            prop_assert_eq!(Cell::decode(&cell.encode()), Ok(cell));
        }

        #[test]
        fn no_bytes_bring_it_down(bytes in vec(any::<u8>(), 0..200)) {
            drop(Cell::decode(&bytes));
            drop(Cell::decode(&[&[VERSION], &*bytes].concat()));
        }
    }

    #[test]
    fn an_empty_cell_takes_five_bytes() {
        assert_eq!(Cell::default().encode().len(), 5);
    }
}
