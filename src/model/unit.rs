//! The units of a repository: code, issues and so on. Rights are given unit by unit, and a unit can be switched off.
//!
//! Owns names and numbers. Numbers are stored in rows and never change.

use super::AccessLevel;

/// One unit of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Unit {
    /// Files, commits, branches, tags, and git itself.
    Code = 0,
    /// Issues, labels, milestones.
    Issues = 1,
    /// Issues kept elsewhere; only a link.
    ExternalIssues = 2,
    /// Pull requests.
    PullRequests = 3,
    /// Releases and their attachments.
    Releases = 4,
    /// The wiki.
    Wiki = 5,
    /// A wiki kept elsewhere; only a link.
    ExternalWiki = 6,
    /// Boards.
    Projects = 7,
    /// Package registries.
    Packages = 8,
    /// Automation.
    Actions = 9,
}

impl Unit {
    /// How many there are.
    pub const COUNT: usize = 10;

    /// Every unit in the order of their numbers.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Code,
        Self::Issues,
        Self::ExternalIssues,
        Self::PullRequests,
        Self::Releases,
        Self::Wiki,
        Self::ExternalWiki,
        Self::Projects,
        Self::Packages,
        Self::Actions,
    ];

    /// The name Gitea gives it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "repo.code",
            Self::Issues => "repo.issues",
            Self::ExternalIssues => "repo.ext_issues",
            Self::PullRequests => "repo.pulls",
            Self::Releases => "repo.releases",
            Self::Wiki => "repo.wiki",
            Self::ExternalWiki => "repo.ext_wiki",
            Self::Projects => "repo.projects",
            Self::Packages => "repo.packages",
            Self::Actions => "repo.actions",
        }
    }

    /// Reads a name given by [`Self::as_str`].
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.as_str() == name)
    }

    /// The most that can be given in it: what is kept elsewhere can only be read.
    pub const fn most(self) -> AccessLevel {
        match self {
            Self::ExternalIssues | Self::ExternalWiki => AccessLevel::Read,
            _ => AccessLevel::Owner,
        }
    }
}

/// A set of units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct UnitSet(u16);

impl UnitSet {
    /// Takes a set from a row; bits that no unit has are dropped.
    pub fn from_bits(bits: i64) -> Self {
        Self(u16::try_from(bits & ((1 << Unit::COUNT) - 1)).unwrap_or(0))
    }

    /// The set for a row: the sum of two to the power of each number.
    pub const fn bits(self) -> i64 {
        self.0 as i64
    }

    /// Whether a unit is in it.
    pub const fn contains(self, unit: Unit) -> bool {
        self.0 & (1 << unit as u8) != 0
    }

    /// Puts a unit in or takes it out.
    pub const fn set(&mut self, unit: Unit, is_in: bool) {
        if is_in {
            self.0 |= 1 << unit as u8;
        } else {
            self.0 &= !(1 << unit as u8);
        }
    }

    /// Its units in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Unit> {
        Unit::ALL.into_iter().filter(move |unit| self.contains(*unit))
    }
}

/// A level for each unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UnitLevels([AccessLevel; Unit::COUNT]);

impl Default for UnitLevels {
    fn default() -> Self {
        Self::all(AccessLevel::None)
    }
}

impl UnitLevels {
    /// The same level everywhere.
    pub const fn all(level: AccessLevel) -> Self {
        Self([level; Unit::COUNT])
    }

    /// The level in one unit.
    pub const fn of(&self, unit: Unit) -> AccessLevel {
        self.0[unit as usize]
    }

    /// Gives a level in one unit, replacing what was there.
    pub const fn set(&mut self, unit: Unit, level: AccessLevel) {
        self.0[unit as usize] = level;
    }

    /// Raises one unit to at least a level.
    pub fn raise(&mut self, unit: Unit, level: AccessLevel) {
        self.set(unit, self.of(unit).max(level));
    }

    /// Raises every unit to at least a level.
    pub fn raise_all(&mut self, level: AccessLevel) {
        for unit in Unit::ALL {
            self.raise(unit, level);
        }
    }

    /// The highest level in any unit.
    pub fn highest(&self) -> AccessLevel {
        self.0.iter().copied().max().unwrap_or(AccessLevel::None)
    }

    /// Units and levels in the order of the units' numbers.
    pub fn iter(&self) -> impl Iterator<Item = (Unit, AccessLevel)> + '_ {
        Unit::ALL.into_iter().map(|unit| (unit, self.of(unit)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_distinct_and_in_order() {
        for (number, unit) in Unit::ALL.into_iter().enumerate() {
            assert_eq!(unit as usize, number);
            assert_eq!(Unit::parse(unit.as_str()), Some(unit));
        }
        for name in ["", "code", "repo.Code", "repo.unknown"] {
            assert_eq!(Unit::parse(name), None, "{name}");
        }
    }

    #[test]
    fn sets_survive_a_row() {
        let mut set = UnitSet::default();
        set.set(Unit::Wiki, true);
        set.set(Unit::Code, true);
        set.set(Unit::Code, false);
        assert_eq!(UnitSet::from_bits(set.bits()), set);
        assert_eq!(set.iter().collect::<Vec<_>>(), [Unit::Wiki]);
        assert_eq!(UnitSet::from_bits(-1).iter().count(), Unit::COUNT);
        assert_eq!(UnitSet::from_bits(1 << 40), UnitSet::default());
    }

    #[test]
    fn levels_only_rise() {
        let mut levels = UnitLevels::default();
        levels.raise(Unit::Code, AccessLevel::Write);
        levels.raise(Unit::Code, AccessLevel::Read);
        levels.raise_all(AccessLevel::Read);
        assert_eq!((levels.of(Unit::Code), levels.of(Unit::Wiki)), (AccessLevel::Write, AccessLevel::Read));
        assert_eq!(levels.highest(), AccessLevel::Write);
        assert_eq!(UnitLevels::default().highest(), AccessLevel::None);
    }
}
