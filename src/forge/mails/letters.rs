//! What each mail says: plain words, for people who may never have heard of this server.
//!
//! Owns the texts. Nothing in them was typed by somebody other than the reader but login names, which hold letters, digits and `-_.` only: nobody can use
//! this server to send their own words to strangers.

use super::Settings;
use crate::model::mail::LINK_LINE;
use crate::model::{Email, EmailAddress, Invitation, NewMail, Purpose, Registration, UserName, UtcMs};

/// What tells without a link is wanted for so long. Units: milliseconds.
const NEWS_MS: i64 = 7 * 86_400_000;

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
    let (root, hours) = (&settings.root_url, hours(settings));
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
    let (root, hours, login) = (&settings.root_url, hours(settings), &registration.name);
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
    let (root, inviter, organization) = (&settings.root_url, &invitation.inviter, &invitation.organization);
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
