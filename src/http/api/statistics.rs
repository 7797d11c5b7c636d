//! Who committed to a repository's default branch, and when: operations of our own, shaped as users of GitHub know them.
//!
//! Owns the counting, its bounds and the memory of it. It is found in one walk for each tip, and a tip never changes what it reaches. People are told apart by the
//! addresses of their commits.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use atomicqms_git::history::{LogRequest, log};
use atomicqms_git::{ObjectId, View};
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use moka::sync::Cache;
use schemars::JsonSchema;
use serde::Serialize;

use super::commit_text::read_author;
use super::git_path::find_commit;
use super::json::{Timestamp, UserJson};
use super::lookup::{self, Answer};
use super::render::Viewer;
use super::rendered::{Listed, Rendered};
use crate::access::{Caller, RepoPath, action};
use crate::error::{Error, Kind, Result};
use crate::forge::users;
use crate::http::App;
use crate::http::extract::Paging;
use crate::model::{Paged, RepoId, Repository};

/// Commits that are counted, newest first; what lies behind them is left out.
const MAX_COMMITS: usize = 200_000;
/// People who are told apart, those with the newest commits first; commits of others count for the repository alone.
const MAX_PEOPLE: usize = 20_000;
/// Longest name and address. Units: bytes.
const MAX_PERSON_BYTES: usize = 256;
/// All that is remembered, together. Units: bytes, roughly.
const CACHE_BYTES: u64 = 16 << 20;
/// After this time without a request a repository is forgotten.
const CACHE_IDLE: Duration = Duration::from_secs(3600);
/// Commits between two looks at whether anybody waits still.
const LOOK_EVERY: usize = 256;
/// Units: seconds.
const DAY: i64 = 86_400;
/// Units: days.
const WEEK: i64 = 7;
/// 1970 began on a Thursday, weeks begin on Sundays. Units: days.
const FIRST_SUNDAY: i64 = 3;
/// Weeks of [`repo_get_commit_activity`].
const WEEKS: i64 = 52;

/// Somebody who committed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Contributor")]
pub struct ContributorJson {
    /// The account of the address, if the caller may see it.
    pub author: Option<UserJson>,
    /// Name in the newest commit.
    pub name: String,
    /// Address of the commits.
    pub email: String,
    /// How many commits.
    pub total: u64,
    /// Author date of the oldest.
    pub first_commit: Timestamp,
    /// Author date of the newest.
    pub last_commit: Timestamp,
    /// Weeks with commits, oldest first.
    pub weeks: Vec<WeekJson>,
}

/// Commits of one week.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ContributorWeek")]
pub struct WeekJson {
    /// Its first moment, a Sunday in UTC. Units: seconds since 1970.
    pub w: i64,
    /// Commits.
    pub c: u64,
}

/// Commits of one week, by day.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "CommitActivity")]
pub struct ActivityJson {
    /// Its first moment, a Sunday in UTC. Units: seconds since 1970.
    pub week: i64,
    /// Commits of the week.
    pub total: u64,
    /// Commits of each day, Sunday first.
    pub days: Vec<u64>,
}

/// What was counted of one person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Person {
    name: String,
    email: String,
    total: u64,
    /// Seconds since 1970 of the oldest and the newest commit.
    first: i64,
    last: i64,
    /// Commits by the number of the week.
    weeks: BTreeMap<i64, u64>,
}

/// What was counted of a branch.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counted {
    /// Most commits first.
    people: Vec<Person>,
    /// Commits by day since 1970.
    days: BTreeMap<i64, u64>,
}

/// The branches that were counted lately; cheap to clone.
#[derive(Debug, Clone)]
pub struct Statistics(Cache<(RepoId, ObjectId), Arc<Counted>>);

impl Default for Statistics {
    fn default() -> Self {
        let weigh = |_: &(RepoId, ObjectId), counted: &Arc<Counted>| {
            let of = |person: &Person| 300 + person.name.len() + person.email.len() + 40 * person.weeks.len();
            let people = counted.people.iter().map(of).sum::<usize>();
            u32::try_from(people.saturating_add(40 * counted.days.len())).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().max_capacity(CACHE_BYTES).weigher(weigh).time_to_idle(CACHE_IDLE).build())
    }
}

impl Statistics {
    fn at(&self, view: &View, key: (RepoId, ObjectId), interrupt: &AtomicBool) -> Result<Arc<Counted>> {
        if let Some(found) = self.0.get(&key) {
            return Ok(found);
        }
        let counted = Arc::new(count(view, key.1, interrupt)?);
        self.0.insert(key, Arc::clone(&counted));
        Ok(counted)
    }
}

fn count(view: &View, tip: ObjectId, interrupt: &AtomicBool) -> Result<Counted> {
    let request = LogRequest { tips: vec![tip], limit: MAX_COMMITS, ..LogRequest::default() };
    let page = log(&view.odb, &request, interrupt)?;
    let mut people: HashMap<String, Person> = HashMap::new();
    let mut days = BTreeMap::new();
    let mut raw = Vec::new();
    for (at, entry) in page.entries.iter().enumerate() {
        if at % LOOK_EVERY == 0 && interrupt.load(Ordering::Relaxed) {
            return Err(atomicqms_git::Error::Interrupted.into());
        }
        view.odb.find(&entry.commit, &mut raw)?;
        let author = read_author(&raw);
        let (name, email) = (shortened(author.name), shortened(author.email));
        let (key, seconds) = (email.to_lowercase(), author.seconds.clamp(0, i64::from(u32::MAX)));
        let day = seconds.div_euclid(DAY);
        *days.entry(day).or_default() += 1;
        if people.len() >= MAX_PEOPLE && !people.contains_key(&key) {
            continue;
        }
        // Newest first: the first name that comes is the newest.
        let person = people.entry(key).or_insert_with(|| Person {
            name,
            email,
            first: seconds,
            last: seconds,
            ..Person::default()
        });
        person.total += 1;
        (person.first, person.last) = (person.first.min(seconds), person.last.max(seconds));
        *person.weeks.entry(week_of(day)).or_default() += 1;
    }
    let mut people: Vec<Person> = people.into_values().collect();
    people.sort_unstable_by(|one, other| (other.total, &one.email).cmp(&(one.total, &other.email)));
    Ok(Counted { people, days })
}

fn shortened(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_PERSON_BYTES));
    text
}

/// The number of the week that a day since 1970 is in.
const fn week_of(day: i64) -> i64 {
    (day - FIRST_SUNDAY).div_euclid(WEEK)
}

/// The first day of a week, since 1970.
const fn first_day(week: i64) -> i64 {
    week * WEEK + FIRST_SUNDAY
}

async fn counted(app: &App, caller: &Caller, repository: &Repository) -> Result<(Arc<Counted>, lookup::Listing)> {
    let (statistics, id, default_branch) = (app.statistics.clone(), repository.id, repository.default_branch.clone());
    let work = move |view: &View, interrupt: &AtomicBool| match find_commit(view, "", &default_branch, interrupt) {
        Ok(tip) => statistics.at(view, (id, tip.commit), interrupt),
        // Nothing was pushed yet.
        Err(error) if error.kind() == Kind::NotFound => Ok(Arc::default()),
        Err(error) => Err(error),
    };
    lookup::reading(app, caller, repository, work).await
}

/// `repoGetContributors`.
pub async fn repo_get_contributors(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    paging: Paging,
    uri: Uri,
) -> Answer<Listed<ContributorJson>> {
    let repository = lookup::repository(&app, &caller, action::ReadCode, &path, &uri).await?.into_subject().repository;
    let (counted, place) = counted(&app, &caller, &repository).await?;
    let offset = usize::try_from(paging.page.offset()).unwrap_or(usize::MAX);
    let limit = usize::try_from(paging.page.limit_i64()).unwrap_or(0);
    let people: Vec<Person> = counted.people.iter().skip(offset).take(limit).cloned().collect();
    let addresses = people.iter().map(|person| person.email.clone()).collect();
    let accounts = users::users_by_email(&app.forge, &caller, addresses).await?;
    let viewer = Viewer::new(&caller, &app.root_url);
    let show = |person: Person| ContributorJson {
        author: accounts.get(&person.email.to_ascii_lowercase()).map(|user| viewer.user(user)),
        name: person.name,
        email: person.email,
        total: person.total,
        first_commit: Timestamp::from_git(person.first, 0),
        last_commit: Timestamp::from_git(person.last, 0),
        weeks: person.weeks.iter().map(|(week, count)| WeekJson { w: first_day(*week) * DAY, c: *count }).collect(),
    };
    let rows = people.into_iter().map(show).collect();
    let total_count = u64::try_from(counted.people.len()).map_err(Error::internal)?;
    Ok(place.hold(paging.respond(&app, Paged { rows, total_count })))
}

/// `repoGetCommitActivity`.
pub async fn repo_get_commit_activity(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
) -> Answer<Rendered<Vec<ActivityJson>>> {
    let repository = lookup::repository(&app, &caller, action::ReadCode, &path, &uri).await?.into_subject().repository;
    let (counted, place) = counted(&app, &caller, &repository).await?;
    let today = app.forge.clock.now().get().div_euclid(1000 * DAY);
    Ok(place.hold(Json(activity(&counted.days, today))))
}

/// The last weeks up to that of `today`, oldest first.
fn activity(days: &BTreeMap<i64, u64>, today: i64) -> Vec<ActivityJson> {
    let last = week_of(today);
    let of_week = |week: i64| {
        let first = first_day(week);
        let days: Vec<u64> = (first..first + WEEK).map(|day| days.get(&day).copied().unwrap_or(0)).collect();
        ActivityJson { week: first * DAY, total: days.iter().sum(), days }
    };
    (last - WEEKS + 1..=last).map(of_week).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_begin_on_sundays() {
        // 2023-11-12 was a Sunday, 2023-11-18 the Saturday after it.
        let sunday = 1_699_747_200 / DAY;
        assert_eq!(first_day(week_of(sunday)), sunday);
        assert_eq!(week_of(sunday + 6), week_of(sunday));
        assert_eq!(week_of(sunday - 1), week_of(sunday) - 1);
        assert_eq!(week_of(0), -1, "the first three days of 1970");
        let shown = activity(&BTreeMap::from([(sunday, 2), (sunday + 6, 1), (sunday - 7 * 52, 9)]), sunday + 3);
        assert_eq!((shown.len(), shown[51].week, shown[51].total), (52, sunday * DAY, 3));
        assert_eq!(shown[51].days, [2, 0, 0, 0, 0, 0, 1]);
        assert_eq!(shown.iter().map(|week| week.total).sum::<u64>(), 3, "a year ago and more");
    }
}
