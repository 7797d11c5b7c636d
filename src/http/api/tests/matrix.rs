//! Every route of the server, asked by everybody in every way of being known: the answers are those of written rules.
//!
//! `rules.rs` says what each route asks, `oracle.rs` what follows from it, `world.rs` makes the things and undoes what an allowed question did.
//! None of them looks at `access`. A route without a rule fails here.

mod oracle;
mod rules;
mod world;

use std::collections::HashSet;

use self::oracle::{Person, Shown, Verdict, World, verdict};
use self::rules::{RULES, Rule};
use self::world::Place;
use super::Api;
use crate::http::router::{Group, routes};

/// Every scope there is.
const SCOPES: [&str; 18] = [
    "read:activitypub",
    "write:activitypub",
    "read:admin",
    "write:admin",
    "read:issue",
    "write:issue",
    "read:misc",
    "write:misc",
    "read:notification",
    "write:notification",
    "read:organization",
    "write:organization",
    "read:package",
    "write:package",
    "read:repository",
    "write:repository",
    "read:user",
    "write:user",
];

/// The credentials a person asks with: all that are about the person, and for two of them each scope alone.
fn credentials(rule: &Rule, person: Person, world: World) -> Vec<Shown> {
    if person == Person::Anonymous {
        return vec![Shown::Nothing];
    }
    let exact: Vec<&'static str> = rule.scopes.split(',').filter(|scope| !scope.is_empty()).collect();
    // A token has to be for something.
    let exact = if exact.is_empty() { vec!["read:activitypub"] } else { exact };
    let mut shown = vec![
        Shown::Password,
        Shown::Token(exact),
        Shown::Token(vec!["all"]),
        Shown::Token(vec!["all", "public-only"]),
        Shown::Limited,
    ];
    shown.push(if person == Person::Site { Shown::SudoByToken } else { Shown::Sudo });
    if matches!(person, Person::Stranger | Person::Owner) {
        shown.push(Shown::SudoByNobody);
        shown.push(Shown::SudoByToken);
    }
    if world == World::Closed && matches!(person, Person::Owner | Person::Site) {
        shown.extend(SCOPES.map(|scope| Shown::Token(vec![scope])));
    }
    shown
}

#[test]
fn every_route_has_its_rule() {
    let known: HashSet<&str> = RULES.iter().map(|rule| rule.operation()).collect();
    let routes: HashSet<&str> = routes().iter().map(|route| route.info.operation).collect();
    assert_eq!(routes.difference(&known).collect::<Vec<_>>(), Vec::<&&str>::new(), "routes without a rule");
    assert_eq!(known.difference(&routes).collect::<Vec<_>>(), Vec::<&&str>::new(), "rules without a route");
    let names: HashSet<&str> = RULES.iter().map(|rule| rule.name).collect();
    assert_eq!(names.len(), RULES.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_about_what_is_public_are_as_the_rules_say() {
    sweep(World::Open).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_about_what_is_private_are_as_the_rules_say() {
    sweep(World::Closed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_about_what_a_private_organization_has_are_as_the_rules_say() {
    sweep(World::OfOrganization).await;
}

async fn sweep(world: World) {
    let api = Api::start().await;
    Place::accounts(&api).await;
    let mut place = Place::make(&api, world).await;
    let routes = routes();
    let (mut asked, mut wrong) = (0, Vec::new());
    for (number, rule) in RULES.iter().enumerate() {
        // Asked of the two owners already.
        if world == World::OfOrganization && !rule.is_about_repository() {
            continue;
        }
        let route = routes.iter().find(|route| route.info.operation == rule.operation()).unwrap();
        let (is_api, is_git) = (route.info.group == Group::Api, route.info.group == Group::Git);
        for person in Person::ALL {
            for (turn, shown) in credentials(rule, person, world).iter().enumerate() {
                let question = place.question(rule, route.method.as_str(), route.info.path);
                let headers = place.headers(&api, person, shown, number + turn).await;
                let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
                let answer = question.ask(&api, &headers).await;
                asked += 1;
                let expected = verdict(rule, world, person, shown, is_api, is_git);
                let is_right = match expected {
                    Verdict::Passes => rule.passes.contains(&answer.status()),
                    Verdict::Refused(status) => answer.status() == status,
                };
                if !is_right {
                    wrong.push(format!(
                        "{} by {person:?} with {shown:?}: {expected:?} {:?}, and not {} {}",
                        rule.name,
                        rule.passes,
                        answer.status(),
                        answer.text()
                    ));
                }
                // Also what was wrongly allowed is undone, so that the next question means what it says.
                if (200..300).contains(&answer.status()) {
                    place.restore(&api, rule.operation(), person).await;
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {asked} answers about {world:?} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(asked > 3000, "{asked}");
    api.finish().await;
}
