//! Chance, by a seed.

/// What decides in the tenant. The same seed decides the same.
#[derive(Debug)]
pub(super) struct Dice(fastrand::Rng);

/// The alphabet of Auth0's event and group ids.
const BASE_58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/// The alphabet of database ids.
const HEX: &[u8; 16] = b"0123456789abcdef";
/// The alphabet of other services' user ids.
const DECIMAL: &[u8; 10] = b"0123456789";

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// True this often out of a thousand times.
    pub(super) fn of_1000(&mut self, times: u32) -> bool {
        self.0.u32(..1_000) < times
    }

    /// From 0 to below `end`; 0 when there is nothing below it.
    pub(super) fn below(&mut self, end: u32) -> u32 {
        self.0.u32(..end.max(1))
    }

    /// One of these, each as likely as the other.
    pub(super) fn pick<T: Copy>(&mut self, among: &[T]) -> Option<T> {
        self.0.choice(among).copied()
    }

    /// One of these, by their weights.
    pub(super) fn weigh<T: Copy>(&mut self, among: &[(T, u32)]) -> Option<T> {
        let mut left = self.below(among.iter().map(|(_, weight)| *weight).sum());
        for (one, weight) in among {
            if left < *weight {
                return Some(*one);
            }
            left -= weight;
        }
        None
    }

    /// The place in a list of this length; none in an empty one.
    pub(super) fn place(&mut self, length: usize) -> Option<usize> {
        (length > 0).then(|| self.0.usize(..length))
    }

    /// Shuffles in place.
    pub(super) fn shuffle<T>(&mut self, list: &mut [T]) {
        self.0.shuffle(list);
    }

    /// `evt_` and the like, and 22 characters of Auth0's alphabet.
    pub(super) fn id_22(&mut self, prefix: &str) -> String {
        format!("{prefix}{}", self.letters(BASE_58, 22))
    }

    /// `org_` and the like, and 16 characters.
    pub(super) fn id_16(&mut self, prefix: &str) -> String {
        format!("{prefix}{}", self.letters(BASE_58, 16))
    }

    /// Hexadecimal digits.
    pub(super) fn hex(&mut self, length: usize) -> String {
        self.letters(HEX, length)
    }

    /// Decimal digits.
    pub(super) fn decimal(&mut self, length: usize) -> String {
        self.letters(DECIMAL, length)
    }

    fn letters(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length).filter_map(|_| self.pick(alphabet)).map(char::from).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_weighs_nothing_is_never_chosen() {
        let mut dice = Dice::new(1);
        let chosen: Vec<_> =
            (0..1_000).filter_map(|_| dice.weigh(&[('a', 1), ('b', 0), ('c', 3)])).collect();
        let count = |wanted| chosen.iter().filter(|one| **one == wanted).count();
        assert_eq!((count('a') + count('c'), count('b')), (1_000, 0));
        assert!((200..300).contains(&count('a')), "a quarter: {}", count('a'));
        assert_eq!(dice.weigh(&[('a', 0)]), None);
        assert_eq!(dice.weigh::<char>(&[]), None);
    }
}
