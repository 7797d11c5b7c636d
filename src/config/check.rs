//! Settings that are right one by one and do not go together.

use super::{Config, Error, Registration, SmtpSecurity};

impl Config {
    /// Whether mail is sent at all.
    pub fn has_mail(&self) -> bool {
        !self.mail.smtp_host.is_empty()
    }

    /// Looks for settings that contradict each other.
    ///
    /// Errors: `Together`, naming what to set.
    pub(super) fn check(&self) -> Result<(), Error> {
        let refuse = |key, problem| Err(Error::Together { key, problem });
        let mail = &self.mail;
        if self.has_mail() && mail.from.is_empty() {
            return refuse("mail.from", "mail needs an address to be from, because `mail.smtp_host` is set");
        }
        if self.security.registration != Registration::Off && !self.has_mail() {
            return refuse(
                "security.registration",
                "`open` and `invited` need mail to confirm addresses: set `mail.smtp_host` and `mail.from`",
            );
        }
        let is_here = matches!(mail.smtp_host.as_str(), "localhost" | "127.0.0.1" | "::1");
        if mail.smtp_security == SmtpSecurity::None && !mail.smtp_user.is_empty() && !is_here {
            return refuse(
                "mail.smtp_security",
                "`none` would show the password of `mail.smtp_user` to the network: use starttls or tls",
            );
        }
        if self.mirrors.default_interval_seconds < self.mirrors.min_interval_seconds {
            return refuse("mirrors.default_interval_seconds", "it is shorter than `mirrors.min_interval_seconds`");
        }
        Ok(())
    }
}
