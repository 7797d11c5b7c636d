//! What each mail says: plain words, for people who may never have heard of this server.
//!
//! Owns the texts. Nothing in them was typed by somebody other than the reader but login names, which hold letters, digits and `-_.` only, and whose dots are
//! written so that no mail program makes a link of them: nobody can use this server to send their own words or links to strangers.

use super::Settings;
use crate::model::mail::LINK_LINE;
use crate::model::{Email, EmailAddress, Invitation, NewMail, Purpose, Registration, UserName, UtcMs};

/// What tells without a link is wanted for so long. Units: milliseconds.
const NEWS_MS: i64 = 7 * 86_400_000;

/// A name that a stranger chose, with its dots in brackets: `win.evil.example` as it stands is a link in many mail programs.
fn unlinked(name: &str) -> String {
    name.replace('.', "[.]")
}

fn hours(settings: &Settings) -> String {
    match settings.confirmation_ms / 3_600_000 {
        1 => "1 hour".to_owned(),
        hours => format!("{hours} hours"),
    }
}

/// Asks whether an address belongs to the account it was added to.
pub(in crate::forge) fn confirm_address(
    settings: &Settings,
    login: &UserName,
    address: &EmailAddress,
    at: UtcMs,
) -> NewMail {
    let (root, hours, login) = (&settings.root_url, hours(settings), unlinked(login.as_str()));
    NewMail {
        recipient: address.email.clone(),
        purpose: Purpose::ConfirmAddress,
        subject: format!("Confirm this address for the account {login}"),
        text: format!(
            "Hello,\n\nthe account {login} at {root} named this address as one of its own.\n\n\
             If that is you, open this page and confirm it, within {hours}:\n\n{LINK_LINE}\n\n\
             If it is not, do nothing: the address will not count as theirs.\n"
        ),
        about: Some(address.id),
        expires_ms: at.plus_ms(settings.confirmation_ms),
    }
}

/// Asks whether somebody wanted an account.
pub(in crate::forge) fn confirm_registration(settings: &Settings, registration: &Registration) -> NewMail {
    let (root, hours, login) = (&settings.root_url, hours(settings), unlinked(registration.name.as_str()));
    NewMail {
        recipient: registration.email.clone(),
        purpose: Purpose::ConfirmRegistration,
        subject: format!("Confirm your new account {login}"),
        text: format!(
            "Hello,\n\nsomebody, you we hope, asked for the account {login} at {root} with this address.\n\n\
             To make it, open this page within {hours} and confirm with the password you chose:\n\n{LINK_LINE}\n\n\
             If it was not you, do nothing: no account will be made, and nothing is kept.\n"
        ),
        about: Some(registration.id),
        expires_ms: registration.expires_ms,
    }
}

/// Tells the holder of an address that somebody wanted another account for it.
pub(in crate::forge) fn address_in_use(settings: &Settings, to: &Email, login: &UserName, at: UtcMs) -> NewMail {
    let root = &settings.root_url;
    NewMail {
        recipient: to.clone(),
        purpose: Purpose::AddressInUse,
        subject: "You have an account already".to_owned(),
        text: format!(
            "Hello,\n\nsomebody asked for a new account at {root} with this address. You have one already: {login}.\n\n\
             Nothing was changed. If it was you, sign in with that name; if you do not know the password any more, an administrator can set\n\
             a new one. If it was not you, there is nothing to do.\n"
        ),
        about: None,
        expires_ms: at.plus_ms(NEWS_MS),
    }
}

/// Tells somebody that an administrator made an account for them.
pub(in crate::forge) fn account_made(settings: &Settings, to: &Email, login: &UserName, at: UtcMs) -> NewMail {
    let root = &settings.root_url;
    NewMail {
        recipient: to.clone(),
        purpose: Purpose::AccountMade,
        subject: format!("Your new account {login}"),
        text: format!(
            "Hello,\n\nan administrator made an account for you at {root}\n\nYour login name is: {login}\n\n\
             The password is not in this mail: whoever made the account tells you.\n"
        ),
        about: None,
        expires_ms: at.plus_ms(NEWS_MS),
    }
}

/// Invites somebody, who may have an account or not: the text is the same.
///
/// Shape: the team is not named, because its name may be any words.
pub(in crate::forge) fn invite(settings: &Settings, invitation: &Invitation, days: i64) -> NewMail {
    let root = &settings.root_url;
    let (inviter, organization) = (unlinked(&invitation.inviter), unlinked(&invitation.organization));
    let days = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
    NewMail {
        recipient: invitation.email.clone(),
        purpose: Purpose::Invitation,
        subject: format!("{inviter} invites you to {organization}"),
        text: format!(
            "Hello,\n\n{inviter} invites you to join a team of the organization {organization} at {root}\n\n\
             To see the invitation and to accept or decline it, open this page, within {days}:\n\n{LINK_LINE}\n\n\
             The link is for you alone: it counts as the proof that this address is yours. If you do not know {inviter}, do nothing.\n"
        ),
        about: Some(invitation.id),
        expires_ms: invitation.expires_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::testing::NOON;
    use crate::model::{TeamId, UserId};

    #[test]
    fn no_name_of_a_stranger_is_a_link() {
        let (settings, name) = (Settings::default(), UserName::new("win.evil.example").unwrap());
        let email = Email::new("victim@example.org").unwrap();
        let registration = Registration {
            id: 1,
            name: name.clone(),
            email: email.clone(),
            password_hash: String::new(),
            expires_ms: NOON,
        };
        let (user_id, is_primary, is_verified) = (UserId::new(2), false, false);
        let address = EmailAddress { id: 1, user_id, email: email.clone(), is_primary, is_verified };
        let invitation = Invitation {
            id: 1,
            team_id: TeamId::new(1),
            team: "evil.example".to_owned(),
            org_id: UserId::new(1),
            organization: "get.evil.example".to_owned(),
            inviter_id: UserId::new(2),
            inviter: name.as_str().to_owned(),
            is_by_administrator: false,
            email,
            seed: String::new(),
            created_ms: NOON,
            expires_ms: NOON,
        };
        for mail in [
            confirm_registration(&settings, &registration),
            confirm_address(&settings, &name, &address, NOON),
            invite(&settings, &invitation, 7),
        ] {
            for text in [&mail.subject, &mail.text] {
                assert!(!text.contains("evil.") && !text.contains(".evil"), "{text}");
                assert!(text.contains("win[.]evil[.]example"), "{text}");
            }
        }
    }
}
