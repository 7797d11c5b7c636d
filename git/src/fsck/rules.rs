//! Owns the table of rules: git's message ids and severities, and which of them refuse an object. Refuses to check anything.

use std::collections::BTreeSet;

/// How bad git considers a broken rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Noted, passes.
    Info,
    /// A warning of plain fsck, an error of strict fsck.
    Warn,
    /// Refused; can be tolerated by policy.
    Error,
    /// Refused always.
    Fatal,
}

macro_rules! rules {
    ($($name:ident $msg_id:literal $severity:ident $doc:literal;)*) => {
        /// One rule of `git fsck`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Rule {
            $(#[doc = $doc] $name,)*
        }

        impl Rule {
            /// Every rule.
            pub const ALL: &'static [Rule] = &[$(Rule::$name,)*];

            /// Git's name of the rule.
            pub fn msg_id(self) -> &'static str {
                match self {
                    $(Rule::$name => $msg_id,)*
                }
            }

            /// Git's severity of the rule.
            pub fn severity(self) -> Severity {
                match self {
                    $(Rule::$name => Severity::$severity,)*
                }
            }
        }
    };
}

rules! {
    NulInHeader "nulInHeader" Fatal "A NUL byte in the header of a commit or tag.";
    UnterminatedHeader "unterminatedHeader" Fatal "The header of a commit or tag does not end.";
    BadDate "badDate" Error "The date of an author, committer or tagger is no number.";
    BadDateOverflow "badDateOverflow" Error "The date is too large.";
    BadEmail "badEmail" Error "The email does not end.";
    BadName "badName" Error "The name holds `>`.";
    BadObjectSha1 "badObjectSha1" Error "The `object` line of a tag holds no id.";
    BadParentSha1 "badParentSha1" Error "A `parent` line holds no id.";
    BadTimezone "badTimezone" Error "The time zone is not `+hhmm`.";
    BadTree "badTree" Error "The tree cannot be parsed.";
    BadTreeSha1 "badTreeSha1" Error "The `tree` line holds no id.";
    BadType "badType" Error "The `type` line of a tag names no kind.";
    DuplicateEntries "duplicateEntries" Error "A tree holds a name twice.";
    MissingAuthor "missingAuthor" Error "A commit without author.";
    MissingCommitter "missingCommitter" Error "A commit without committer.";
    MissingEmail "missingEmail" Error "A person without email.";
    MissingNameBeforeEmail "missingNameBeforeEmail" Error "A person without name.";
    MissingObject "missingObject" Error "A tag without `object` line.";
    MissingSpaceBeforeDate "missingSpaceBeforeDate" Error "No space before a date.";
    MissingSpaceBeforeEmail "missingSpaceBeforeEmail" Error "No space before an email.";
    MissingTag "missingTag" Error "The `tag` line of a tag does not end.";
    MissingTagEntry "missingTagEntry" Error "A tag without `tag` line.";
    MissingTree "missingTree" Error "A commit without `tree` line.";
    MissingType "missingType" Error "The `type` line of a tag does not end.";
    MissingTypeEntry "missingTypeEntry" Error "A tag without `type` line.";
    MultipleAuthors "multipleAuthors" Error "A commit with several authors.";
    TreeNotSorted "treeNotSorted" Error "The entries of a tree are not sorted.";
    ZeroPaddedDate "zeroPaddedDate" Error "A date with leading zeros.";
    GitmodulesMissing "gitmodulesMissing" Error "The `.gitmodules` blob does not exist.";
    GitmodulesBlob "gitmodulesBlob" Error "`.gitmodules` is no blob.";
    GitmodulesLarge "gitmodulesLarge" Error "`.gitmodules` is too large to be read.";
    GitmodulesName "gitmodulesName" Error "`.gitmodules` names a submodule with `..`.";
    GitmodulesSymlink "gitmodulesSymlink" Error "`.gitmodules` is a symbolic link.";
    GitmodulesUrl "gitmodulesUrl" Error "`.gitmodules` holds a dangerous URL.";
    GitmodulesPath "gitmodulesPath" Error "`.gitmodules` holds a path that looks like an option.";
    GitmodulesUpdate "gitmodulesUpdate" Error "`.gitmodules` holds a command to be run.";
    GitattributesMissing "gitattributesMissing" Error "The `.gitattributes` blob does not exist.";
    GitattributesLarge "gitattributesLarge" Error "`.gitattributes` is too large to be read.";
    GitattributesLineLength "gitattributesLineLength" Error "`.gitattributes` has a line that is too long.";
    GitattributesBlob "gitattributesBlob" Error "`.gitattributes` is no blob.";
    EmptyName "emptyName" Warn "A tree entry without name.";
    FullPathname "fullPathname" Warn "A tree entry whose name holds a slash.";
    HasDot "hasDot" Warn "A tree entry named `.`.";
    HasDotdot "hasDotdot" Warn "A tree entry named `..`.";
    HasDotgit "hasDotgit" Warn "A tree entry that some file system takes for `.git`.";
    NullSha1 "nullSha1" Warn "A tree entry with the null id.";
    ZeroPaddedFilemode "zeroPaddedFilemode" Warn "A tree entry whose mode starts with zero.";
    LargePathname "largePathname" Warn "A tree entry whose name is longer than any file system takes.";
    UnportableName "unportableName" Warn "A tree entry whose name some system cannot store, or stores as another one: with a backslash or a control character, or with a dot or blank at its end. Not a rule of git's.";
    NulInCommit "nulInCommit" Warn "A NUL byte in a commit message.";
    BadFilemode "badFilemode" Info "A tree entry with an unusual mode.";
    GitmodulesParse "gitmodulesParse" Info "`.gitmodules` cannot be parsed.";
    GitignoreSymlink "gitignoreSymlink" Info "`.gitignore` is a symbolic link.";
    GitattributesSymlink "gitattributesSymlink" Info "`.gitattributes` is a symbolic link.";
    MailmapSymlink "mailmapSymlink" Info "`.mailmap` is a symbolic link.";
    BadTagName "badTagName" Info "The name in a tag is no valid ref name.";
    MissingTaggerEntry "missingTaggerEntry" Info "A tag without tagger.";
}

impl Rule {
    /// Finds a rule by git's name of it, in any case, as git takes it.
    pub fn from_msg_id(name: &str) -> Option<Rule> {
        Rule::ALL.iter().copied().find(|rule| rule.msg_id().eq_ignore_ascii_case(name))
    }

    /// Whether an administrator may let a push break this rule. Not those that keep a push from attacking whoever checks it out, nor
    /// those without which an object cannot be read.
    pub fn may_be_ignored(self) -> bool {
        let guards_clients = matches!(
            self,
            Rule::HasDot
                | Rule::HasDotdot
                | Rule::HasDotgit
                | Rule::FullPathname
                | Rule::EmptyName
                | Rule::DuplicateEntries
                | Rule::TreeNotSorted
                | Rule::GitmodulesName
                | Rule::GitmodulesSymlink
                | Rule::GitmodulesUrl
                | Rule::GitmodulesPath
                | Rule::GitmodulesUpdate
        );
        let cannot_be_read = matches!(
            self,
            Rule::BadTree
                | Rule::BadTreeSha1
                | Rule::BadParentSha1
                | Rule::BadObjectSha1
                | Rule::BadType
                | Rule::MissingTree
                | Rule::MissingObject
                | Rule::MissingType
                | Rule::MissingTypeEntry
                | Rule::NullSha1
        );
        self.severity() != Severity::Fatal && !guards_clients && !cannot_be_read
    }
}

/// Which broken rules refuse an object.
///
/// Shape: the default is strict, as `receive.fsckObjects=true`. Tolerating a rule is what git calls `receive.fsck.<msg-id>=ignore`; some old
/// histories need `zeroPaddedFilemode`, `missingSpaceBeforeDate` and `badTimezone`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Rules that pass although git would refuse them; fatal ones never do.
    pub tolerated: BTreeSet<Rule>,
}

impl Policy {
    /// Lets everything pass that can be read: for objects of which only the references matter.
    pub(crate) fn lenient() -> Policy {
        Policy { tolerated: Rule::ALL.iter().copied().collect() }
    }

    /// Says whether breaking `rule` refuses the object.
    pub fn refuses(&self, rule: Rule) -> bool {
        match rule.severity() {
            Severity::Info => false,
            Severity::Fatal => true,
            Severity::Warn | Severity::Error => !self.tolerated.contains(&rule),
        }
    }
}
