//! Names of nobody: a first name and a thing for a surname.

use super::dice::Dice;

/// A user's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub given: &'static str,
    pub family: String,
}

/// Gives each name once.
#[derive(Debug)]
pub(super) struct Names {
    given: Vec<&'static str>,
    family: Vec<&'static str>,
    taken: usize,
}

const GIVEN: [&str; 96] = [
    "Ada", "Aiko", "Aksel", "Alba", "Amara", "Anouk", "Arlo", "Asha", "Aziz", "Bea", "Bilal",
    "Bram", "Carmen", "Chidi", "Cleo", "Dalia", "Danilo", "Devi", "Dilan", "Edda", "Efe", "Elif",
    "Emeka", "Enzo", "Esme", "Farah", "Femi", "Finn", "Freya", "Gita", "Goran", "Greta", "Hana",
    "Hugo", "Ida", "Ilse", "Imani", "Inés", "Isamu", "Ivo", "Jamal", "Jonas", "Juno", "Kaito",
    "Kalle", "Keiko", "Kim", "Kofi", "Lale", "Lars", "Leila", "Lina", "Luca", "Mai", "Malik",
    "Marta", "Mei", "Mika", "Milan", "Mina", "Nadia", "Naoki", "Nela", "Nia", "Niko", "Noor",
    "Olu", "Oona", "Otis", "Pia", "Priya", "Quinn", "Rafa", "Rana", "Ravi", "Rosa", "Ruben",
    "Sami", "Sana", "Saskia", "Sefa", "Selma", "Sofía", "Søren", "Tala", "Tariq", "Thea", "Tomás",
    "Uma", "Vera", "Viggo", "Wren", "Yara", "Yuki", "Zeno", "Zuri",
];
const FAMILY: [&str; 24] = [
    "Alder", "Amber", "Birch", "Brook", "Cedar", "Clover", "Coral", "Dune", "Fern", "Harbor",
    "Hazel", "Heath", "Juniper", "Lake", "Linden", "Maple", "Meadow", "Moss", "Reed", "River",
    "Sage", "Summit", "Thistle", "Willow",
];

impl Names {
    pub(super) fn new(dice: &mut Dice) -> Self {
        let (mut given, mut family) = (GIVEN.to_vec(), FAMILY.to_vec());
        dice.shuffle(&mut given);
        dice.shuffle(&mut family);
        Self { given, family, taken: 0 }
    }

    /// The next name, which nobody had before.
    pub(super) fn next(&mut self) -> Name {
        // 96 and 24 share factors: each round through the first names shifts the surnames by one.
        let round = self.taken / GIVEN.len();
        let family = (self.taken + round) % FAMILY.len();
        let family = self.family.get(family).copied().unwrap_or_default();
        let given = self.given.get(self.taken % GIVEN.len()).copied().unwrap_or_default();
        self.taken += 1;
        let family = match round / FAMILY.len() {
            0 => family.to_owned(),
            again => format!("{family}-{}", again + 1),
        };
        Name { given, family }
    }
}

impl Name {
    /// As people write it.
    pub(super) fn full(&self) -> String {
        format!("{} {}", self.given, self.family)
    }

    /// In small ASCII letters, for addresses: `mika.birch`.
    pub(super) fn handle(&self) -> String {
        let plain = |letter| match letter {
            'é' => 'e',
            'í' => 'i',
            'á' => 'a',
            'ø' => 'o',
            other => other,
        };
        let name = format!("{}.{}", self.given, self.family).to_lowercase();
        name.chars().map(plain).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_name_comes_twice_and_every_handle_is_plain() {
        let mut names = Names::new(&mut Dice::new(1));
        let taken: Vec<Name> = (0..10_000).map(|_| names.next()).collect();
        let handles: BTreeSet<String> = taken.iter().map(Name::handle).collect();
        assert_eq!(handles.len(), taken.len());
        assert!(handles.iter().all(|handle| handle.is_ascii()));
        let given: BTreeSet<&str> = taken[..96].iter().map(|name| name.given).collect();
        assert_eq!(given.len(), 96, "the first names come round only when all were used");
    }
}
