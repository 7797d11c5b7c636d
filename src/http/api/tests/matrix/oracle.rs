//! What an answer should be, from the rules alone.

use super::rules::Rule;

/// A level in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Nothing,
    Read,
    Write,
    Admin,
    Owner,
}

/// What somebody has to be in an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    /// To see it.
    Sees,
    /// To be in one of its teams.
    Belongs,
    /// To own it.
    Leads,
    /// To be the member that is named: the owner.
    Self_,
}

/// Whom a route is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Everybody,
    /// Any account.
    Account,
    /// The same; of an account that hides a token for public things sees nothing.
    SeesSelf,
    /// Whoever uses a token.
    Token,
    Site,
    /// A site administrator, about the account of the world's owner.
    SiteOnAccount,
    /// Whoever may see the account of the world's owner.
    SeesAccount,
    /// The owner's account itself, or a site administrator.
    AccountOrSite,
    /// A key that is the owner's.
    OwnKey,
    Organization(Stand),
    Team(Stand),
    /// Whoever a repository is offered to.
    Recipient,
    RecipientOrOwner,
    /// A level; and whether one has to be signed in where everybody has it.
    Repository(Level, bool),
    /// What the writer may do: for the writer, and for whoever administers the repository.
    LevelOfWriter,
    /// Teams of a repository are the organization's owners' to change.
    TeamsOfRepository,
}

/// Whose repository it is, and who may know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum World {
    /// A public repository of an account, and a public organization.
    Open,
    /// A private repository of a hidden account, and a private organization.
    Closed,
    /// A private repository of a private organization.
    OfOrganization,
}

impl World {
    fn is_public(self) -> bool {
        self == Self::Open
    }
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Person {
    Anonymous,
    Stranger,
    Reader,
    Writer,
    Warden,
    Owner,
    Site,
}

impl Person {
    pub(super) const ALL: [Self; 7] =
        [Self::Anonymous, Self::Stranger, Self::Reader, Self::Writer, Self::Warden, Self::Owner, Self::Site];

    fn level(self, world: World) -> Level {
        match self {
            Self::Anonymous | Self::Stranger if world.is_public() => Level::Read,
            Self::Anonymous | Self::Stranger => Level::Nothing,
            Self::Reader => Level::Read,
            Self::Writer => Level::Write,
            Self::Warden => Level::Admin,
            Self::Owner | Self::Site => Level::Owner,
        }
    }

    fn sees_account(self, world: World) -> bool {
        world.is_public() || matches!(self, Self::Owner | Self::Site)
    }

    /// Readers, writers and administrators are so by teams of the organization.
    fn belongs(self) -> bool {
        !matches!(self, Self::Anonymous | Self::Stranger)
    }

    fn leads(self) -> bool {
        matches!(self, Self::Owner | Self::Site)
    }
}

/// By what somebody is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Shown {
    Nothing,
    Password,
    /// A token with scopes, as they are named.
    Token(Vec<&'static str>),
    /// A token that is open for everything and limited to another repository.
    Limited,
    /// An administrator's password, acting as the person.
    Sudo,
    /// An administrator's token that is open for everything, acting as the person.
    SudoByToken,
    /// The person's own password, asking to act as an administrator.
    SudoByNobody,
}

impl Shown {
    fn opens(&self, wanted: &str) -> bool {
        let Self::Token(scopes) = self else { return true };
        let family = wanted.split(':').nth(1).unwrap_or_default();
        scopes.iter().any(|scope| *scope == "all" || *scope == wanted || *scope == format!("write:{family}"))
    }

    fn is_public_only(&self) -> bool {
        matches!(self, Self::Token(scopes) if scopes.contains(&"public-only"))
    }

    fn is_token(&self) -> bool {
        matches!(self, Self::Token(_) | Self::Limited | Self::SudoByToken)
    }
}

/// The answer: past the gate, or the status of its refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Passes,
    Refused(u16),
}

/// What should be answered. `takes_sudo`: the route is one of the API, which alone knows of sudo; `challenges`: it is one of git's, where
/// whoever shows nothing is asked for a credential in place of being told that nothing is there.
pub(super) fn verdict(
    rule: &Rule,
    world: World,
    person: Person,
    shown: &Shown,
    takes_sudo: bool,
    challenges: bool,
) -> Verdict {
    use Verdict::{Passes, Refused};
    let person = match shown {
        Shown::SudoByNobody if takes_sudo => return Refused(403),
        Shown::Sudo | Shown::SudoByToken if !takes_sudo => Person::Site,
        _ => person,
    };
    // These ask for nobody's name, so that a wrong one would pass, too.
    if !takes_sudo && matches!(rule.need, Need::Everybody) {
        return Passes;
    }
    if shown.is_token() && rule.password_only {
        return Refused(401);
    }
    if rule.scopes.split(',').any(|scope| !scope.is_empty() && !shown.opens(scope)) {
        return Refused(403);
    }
    if *shown == Shown::Limited && !rule.takes_limited {
        return Refused(403);
    }
    let is_anonymous = person == Person::Anonymous;
    let hides_private = shown.is_public_only() && !world.is_public();
    let allowed = |is_so: bool| if is_so { Passes } else { Refused(403) };
    match rule.need {
        Need::Everybody => Passes,
        _ if is_anonymous
            && !matches!(
                rule.need,
                Need::SeesAccount
                    | Need::Organization(Stand::Sees)
                    | Need::Repository(..)
                    | Need::LevelOfWriter
                    | Need::TeamsOfRepository
            ) =>
        {
            Refused(401)
        }
        Need::Account => Passes,
        Need::SeesSelf => allowed(!(hides_private && person == Person::Owner)),
        Need::Token if shown.is_token() => Passes,
        Need::Token => Refused(404),
        Need::Site => allowed(person == Person::Site),
        Need::SiteOnAccount => allowed(person == Person::Site && !hides_private),
        Need::SeesAccount if !person.sees_account(world) => Refused(404),
        Need::SeesAccount => allowed(!hides_private),
        Need::AccountOrSite if !person.sees_account(world) => Refused(404),
        Need::AccountOrSite => allowed(matches!(person, Person::Owner | Person::Site)),
        Need::OwnKey if person != Person::Owner => Refused(404),
        Need::OwnKey => allowed(!hides_private),
        Need::Organization(stand) => {
            if !world.is_public() && !person.belongs() {
                return Refused(404);
            }
            // Who may not see the account that is named is not told whose membership it would be.
            if stand == Stand::Self_ && !person.sees_account(world) && !hides_private {
                return Refused(404);
            }
            allowed(
                !hides_private
                    && match stand {
                        Stand::Sees => true,
                        Stand::Belongs => person.belongs(),
                        Stand::Leads => person.leads(),
                        Stand::Self_ => person == Person::Owner,
                    },
            )
        }
        // The team is shown to members of its organization.
        Need::Team(_) if !person.belongs() => Refused(404),
        Need::Team(stand) => allowed(!hides_private && (stand == Stand::Sees || person.leads())),
        Need::Recipient | Need::RecipientOrOwner => {
            let is_recipient = matches!(person, Person::Writer | Person::Site);
            if !world.is_public() && !is_recipient && person != Person::Owner {
                return Refused(404);
            }
            let may = is_recipient || (rule.need == Need::RecipientOrOwner && person == Person::Owner);
            allowed(may && !hides_private)
        }
        Need::Repository(least, signed_in) => in_repository(world, person, shown, least, signed_in, challenges),
        Need::LevelOfWriter => {
            let least = if person == Person::Writer { Level::Read } else { Level::Admin };
            in_repository(world, person, shown, least, true, challenges)
        }
        Need::TeamsOfRepository => {
            // No organization owns the repository of an account: who administers it is told so.
            let least = if world == World::OfOrganization { Level::Owner } else { Level::Admin };
            in_repository(world, person, shown, least, true, challenges)
        }
    }
}

fn in_repository(
    world: World,
    person: Person,
    shown: &Shown,
    least: Level,
    signed_in: bool,
    challenges: bool,
) -> Verdict {
    let is_anonymous = person == Person::Anonymous;
    let level = person.level(world);
    if level == Level::Nothing || *shown == Shown::Limited {
        return Verdict::Refused(if is_anonymous && challenges { 401 } else { 404 });
    }
    if signed_in && is_anonymous {
        return Verdict::Refused(401);
    }
    if (shown.is_public_only() && !world.is_public()) || level < least {
        return Verdict::Refused(403);
    }
    Verdict::Passes
}
