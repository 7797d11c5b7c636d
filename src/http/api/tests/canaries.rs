//! Marks in everything that is private, and walks over everything that can be read by those who may not know: no mark is ever seen.
//!
//! Each mark has a name of its own, so that a leak says where it comes from. Addresses name marked things, too (somebody may guess): then
//! the answer has no other mark, and is what is answered about things that never were. The same walk by those who may know finds every mark.

use std::collections::BTreeSet;

use base64::Engine as _;
use serde_json::{Value, json};

use super::fixture::{Answer, Api};
use super::git::git;
use super::mirrors;
use crate::config::SmtpSecurity;
use crate::http::router::routes;

/// How each mark begins; nothing else of the server does.
const PREFIX: &str = "zq7x";
/// Names in place of marked ones that never were: of the same length.
const NEVER: &str = "yq7x";

/// Marks of what only members of the private organization may know.
const OF_ORGANIZATION: &[&str] =
    &["org", "orgfull", "orgabout", "orgplace", "orgsite", "orgmail", "orgrepo", "orglabel"];
/// Marks of the team that is shown to those who are in it.
const OF_TEAM: &[&str] = &["team", "teamabout"];
/// Marks of what is not shown of a public repository: drafts, keys, rules.
const OF_OPEN: &[&str] = &[
    "opendraft",
    "opennotes",
    "openfile",
    "openbytes",
    "openkey",
    "openrule",
    "opentagrule",
    "opencheck",
    "openteam",
    "openteamabout",
];
/// Marks of the hidden account that are shown to whoever administers a repository with it.
const OF_COLLABORATOR: &[&str] = &["hidden", "hidname", "hidmail", "hidabout", "hidsite", "hidplace"];
/// Marks that nobody is ever shown, not even who wrote them.
const SECRETS: &[&str] = &["mirroruser", "mirrorpass"];
const REST: &[&str] = &[
    // A private mirror of the private repository.
    "mirror",
    // Of the private repository.
    "repo",
    "about",
    "site",
    "topic",
    "path",
    "bytes",
    "branch",
    "tag",
    "subject",
    "author",
    "mail",
    "tagtext",
    "note",
    "title",
    "notes",
    "file",
    "content",
    "draft",
    "check",
    "checkabout",
    "checkurl",
    "key",
    "rule",
    "tagrule",
    "label",
    "labelabout",
    // Of a private fork of the public repository, and of a private repository of the hidden account.
    "fork",
    "hidrepo",
    // The address of somebody who was invited to a team of the private organization.
    "invited",
    // Of the hidden account.
    "hidkey",
    "hidmore",
    // Names of tokens.
    "token",
    "hidtoken",
];

/// The mark of a thing.
fn mark(name: &str) -> String {
    format!("{PREFIX}{name}z")
}

fn all_marks() -> Vec<&'static str> {
    [OF_ORGANIZATION, OF_TEAM, OF_OPEN, OF_COLLABORATOR, REST, SECRETS].concat()
}

/// The marks in a text; also those of whole file contents as base64 says them.
fn marks_in(text: &str) -> BTreeSet<&'static str> {
    let lower = text.to_lowercase();
    all_marks()
        .into_iter()
        .filter(|name| {
            let mark = mark(name);
            let encoded = base64::engine::general_purpose::STANDARD.encode(mark.as_bytes());
            lower.contains(&mark) || text.contains(&encoded[..encoded.len() - 4])
        })
        .collect()
}

/// A key; another byte makes another key.
fn public_key(seed: u8) -> String {
    let mut bytes = vec![0, 0, 0, 11];
    bytes.extend_from_slice(b"ssh-ed25519");
    bytes.extend_from_slice(&[0, 0, 0, 32]);
    bytes.extend_from_slice(&[seed; 32]);
    format!("ssh-ed25519 {}", base64::engine::general_purpose::STANDARD.encode(bytes))
}

fn text(json: &Value, field: &str) -> String {
    match &json[field] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What addresses are made of.
#[derive(Default)]
struct Known {
    uuids: Vec<String>,
    shas: Vec<String>,
}

/// `ada` owns everything but what the hidden account has; `ivy` is a member of the private organization without its code.
async fn make(api: &Api) -> Known {
    let ada = api.ada();
    let mut known = Known::default();
    for name in ["ivy", "cleo"] {
        api.account(name).await;
    }
    let body = json!({ "username": "formerly", "email": format!("{}@example.org", mark("hidmail")),
        "password": super::fixture::PASSWORD, "must_change_password": false });
    api.post("/admin/users", &api.admin(), body).await.expect(201);
    // Former names lead to present ones, for those who may see them.
    let body = json!({ "new_username": mark("hidden") });
    api.post("/admin/users/formerly/rename", &api.admin(), body).await.expect(204);
    let body = json!({ "full_name": mark("hidname"), "description": mark("hidabout"), "location": mark("hidplace"),
        "website": format!("https://{}.example.org", mark("hidsite")) });
    api.patch(&format!("/admin/users/{}", mark("hidden")), &api.admin(), body).await.expect(200);
    let hans = api.header_of(&mark("hidden"));

    // The private repository, under a former name at first.
    let body = json!({ "name": "former", "private": true, "auto_init": true });
    api.post("/user/repos", &ada, body).await.expect(201);
    let body = json!({ "name": mark("repo"), "description": mark("about"),
        "website": format!("https://{}.example.org", mark("site")) });
    api.patch("/repos/ada/former", &ada, body).await.expect(200);
    fill(api, &format!("/repos/ada/{}", mark("repo")), &mut known).await;

    // A private mirror of it, which does not get in any more.
    let body = json!({ "private": true, "mirror": true, "mirror_interval": "0" });
    mirrors::migrate(api, &format!("ada/{}", mark("repo")), &mark("mirror"), body).await.expect(201);
    let mirror = format!("ada/{}", mark("mirror"));
    let body = json!({ "mirror_username": mark("mirroruser"), "mirror_password": mark("mirrorpass") });
    api.patch(&format!("/repos/{mirror}"), &ada, body).await.expect(200);
    mirrors::sync(api, &mirror).await;
    let shown = api.get(&format!("/repos/{mirror}/mirror"), &ada).await.expect(200).json;
    assert_eq!((&shown["failures"], &shown["has_credentials"]), (&json!(1), &json!(true)), "{shown}");

    // The private organization: a team that gives issues alone, a repository, and outsiders.
    let body = json!({ "username": "oldguild", "full_name": mark("orgfull"), "description": mark("orgabout"),
        "location": mark("orgplace"), "website": format!("https://{}.example.org", mark("orgsite")),
        "email": format!("{}@example.org", mark("orgmail")), "visibility": "private" });
    api.post("/orgs", &ada, body).await.expect(201);
    api.post("/orgs/oldguild/rename", &ada, json!({ "new_name": mark("org") })).await.expect(204);
    let body = json!({ "name": mark("orglabel"), "color": "#00aabb" });
    api.post(&format!("/orgs/{}/labels", mark("org")), &ada, body).await.expect(201);
    let body = json!({ "name": mark("orgrepo"), "private": true, "auto_init": true });
    api.post(&format!("/orgs/{}/repos", mark("org")), &ada, body).await.expect(201);
    let teams = format!("/orgs/{}/teams", mark("org"));
    let body = json!({ "name": "trackers", "permission": "read", "units_map": { "repo.issues": "read" },
        "includes_all_repositories": true });
    let trackers = api.post(&teams, &ada, body).await.expect(201).json["id"].clone();
    api.put(&format!("/teams/{trackers}/members/ivy"), &ada, json!({})).await.expect(204);
    let body = json!({ "email": format!("{}@example.org", mark("invited")) });
    api.post(&format!("/teams/{trackers}/invitations"), &ada, body).await.expect(201);
    let body = json!({ "name": mark("team"), "description": mark("teamabout"), "permission": "write",
        "units": ["repo.code"], "includes_all_repositories": true });
    api.post(&teams, &ada, body).await.expect(201);

    // A public organization with a team that nobody sees, and a hidden account that shows its membership.
    api.post("/orgs", &ada, json!({ "username": "plaza" })).await.expect(201);
    let body = json!({ "name": mark("openteam"), "description": mark("openteamabout"), "permission": "write",
        "units": ["repo.code"], "includes_all_repositories": true });
    let team = api.post("/orgs/plaza/teams", &ada, body).await.expect(201).json["id"].clone();
    api.put(&format!("/teams/{team}/members/{}", mark("hidden")), &ada, json!({})).await.expect(204);
    api.put(&format!("/orgs/plaza/public_members/{}", mark("hidden")), &hans, json!({})).await.expect(204);
    let body = json!({ "name": "market", "auto_init": true });
    api.post("/orgs/plaza/repos", &ada, body).await.expect(201);

    // A public repository in which the hidden account does what it can.
    api.post("/user/repos", &ada, json!({ "name": "open", "auto_init": true })).await.expect(201);
    let (open, body) = ("/repos/ada/open", json!({ "permission": "admin" }));
    api.put(&format!("{open}/collaborators/{}", mark("hidden")), &ada, body).await.expect(204);
    let body = json!({ "tag_name": "v1", "name": "One" });
    let shown = api.post(&format!("{open}/releases"), &hans, body).await.expect(201).json;
    let path = format!("{open}/releases/{}/assets?name=shown.txt", shown["id"]);
    known
        .uuids
        .push(text(&api.upload(&path, &hans, "application/octet-stream", "shown").await.expect(201).json, "uuid"));
    api.put("/user/starred/ada/open", &hans, json!({})).await.expect(204);
    api.put(&format!("{open}/subscription"), &hans, json!({})).await.expect(200);
    let body = json!({ "content": "", "author": { "name": "Somebody", "email": format!("{}@example.org", "else") } });
    api.post(&format!("{open}/contents/by-hidden"), &hans, body).await.expect(201);
    let body = json!({ "state": "success", "context": "ci" });
    api.post(&format!("{open}/statuses/main"), &hans, body).await.expect(201);
    let body = json!({ "tag_name": "v2", "name": mark("opendraft"), "body": mark("opennotes"), "draft": true });
    let draft = api.post(&format!("{open}/releases"), &ada, body).await.expect(201).json;
    let path = format!("{open}/releases/{}/assets?name={}", draft["id"], mark("openfile"));
    let file = api.upload(&path, &ada, "application/octet-stream", &mark("openbytes")).await.expect(201).json;
    known.uuids.push(text(&file, "uuid"));
    let body = json!({ "title": mark("openkey"), "key": public_key(1), "read_only": true });
    api.post(&format!("{open}/keys"), &ada, body).await.expect(201);
    let body = json!({ "rule_name": mark("openrule"), "enable_status_check": true,
        "status_check_contexts": [mark("opencheck")] });
    api.post(&format!("{open}/branch_protections"), &ada, body).await.expect(201);
    let body = json!({ "rule_name": "main", "enable_push": true, "enable_push_whitelist": true,
        "push_whitelist_usernames": [mark("hidden"), "ada"] });
    api.post(&format!("{open}/branch_protections"), &ada, body).await.expect(201);
    let body = json!({ "name_pattern": mark("opentagrule") });
    api.post(&format!("{open}/tag_protections"), &ada, body).await.expect(201);

    // A private fork of it, a private repository of the hidden account, and keys and tokens.
    api.post(&format!("{open}/forks"), &hans, json!({ "name": mark("fork") })).await.expect(202);
    let fork = format!("/repos/{}/{}", mark("hidden"), mark("fork"));
    api.patch(&fork, &hans, json!({ "private": true })).await.expect(200);
    let body = json!({ "name": mark("hidrepo"), "private": true, "auto_init": true });
    api.post("/user/repos", &hans, body).await.expect(201);
    let body = json!({ "title": mark("hidkey"), "key": public_key(2) });
    api.post("/user/keys", &hans, body).await.expect(201);
    let body = json!({ "emails": [format!("{}@example.org", mark("hidmore"))] });
    api.post("/user/emails", &hans, body).await.expect(201);
    for (name, auth, login) in [("token", &ada, "ada"), ("hidtoken", &hans, mark("hidden").as_str())] {
        let body = json!({ "name": mark(name), "scopes": ["all"] });
        api.post(&format!("/users/{login}/tokens"), auth, body).await.expect(201);
    }
    // From here on it hides.
    let body = json!({ "visibility": "private" });
    api.patch(&format!("/admin/users/{}", mark("hidden")), &api.admin(), body).await.expect(200);
    known
}

/// Fills the private repository over git and over the API.
async fn fill(api: &Api, repo: &str, known: &mut Known) {
    let ada = api.ada();
    let dir = tempfile::TempDir::new().unwrap();
    let at = dir.path();
    let url = api.git_url("ada", &format!("ada/{}", mark("repo")));
    git(at, &["clone", "--quiet", &url, "."]).await;
    std::fs::write(at.join(mark("path")), mark("bytes")).unwrap();
    git(at, &["checkout", "--quiet", "-b", &mark("branch")]).await;
    git(at, &["add", "."]).await;
    let author = format!("{} <{}@example.org>", mark("author"), mark("mail"));
    git(at, &["commit", "--quiet", "--author", &author, "-m", &mark("subject")]).await;
    git(at, &["tag", "-a", "-m", &mark("tagtext"), &mark("tag")]).await;
    git(at, &["notes", "add", "-m", &mark("note"), "HEAD"]).await;
    git(at, &["push", "--quiet", &url, &mark("branch"), &mark("tag"), "refs/notes/commits", "HEAD:main"]).await;
    for revision in ["HEAD".to_owned(), "HEAD^{tree}".to_owned(), format!("HEAD:{}", mark("path")), mark("tag")] {
        known.shas.push(git(at, &["rev-parse", &revision]).await);
    }
    api.put(&format!("{repo}/topics"), &ada, json!({ "topics": [mark("topic")] })).await.expect(204);
    for is_draft in [false, true] {
        let (tag, title) = if is_draft { ("v9".to_owned(), mark("draft")) } else { (mark("tag"), mark("title")) };
        let body = json!({ "tag_name": tag, "name": title, "body": mark("notes"), "draft": is_draft });
        let release = api.post(&format!("{repo}/releases"), &ada, body).await.expect(201).json;
        let path = format!("{repo}/releases/{}/assets?name={}", release["id"], mark("file"));
        let file = api.upload(&path, &ada, "application/octet-stream", &mark("content")).await.expect(201).json;
        known.uuids.push(text(&file, "uuid"));
    }
    let body = json!({ "state": "success", "context": mark("check"), "description": mark("checkabout"),
        "target_url": format!("https://{}.example.org/", mark("checkurl")) });
    api.post(&format!("{repo}/statuses/main"), &ada, body).await.expect(201);
    let body = json!({ "title": mark("key"), "key": public_key(3), "read_only": true });
    api.post(&format!("{repo}/keys"), &ada, body).await.expect(201);
    api.post(&format!("{repo}/branch_protections"), &ada, json!({ "rule_name": mark("rule") })).await.expect(201);
    api.post(&format!("{repo}/tag_protections"), &ada, json!({ "name_pattern": mark("tagrule") })).await.expect(201);
    let body = json!({ "name": mark("label"), "description": mark("labelabout"), "color": "#00aabb" });
    api.post(&format!("{repo}/labels"), &ada, body).await.expect(201);
    api.put(&format!("/user/starred/ada/{}", mark("repo")), &ada, json!({})).await.expect(204);
}

/// Every address that is read: each GET route with many fillings, and each with many queries where it lists.
fn addresses(known: &Known) -> Vec<String> {
    let repos: Vec<String> = [
        format!("ada/{}", mark("repo")),
        "ada/former".to_owned(),
        format!("ada/{}", mark("mirror")),
        "ada/open".to_owned(),
        "plaza/market".to_owned(),
        format!("{}/{}", mark("org"), mark("orgrepo")),
        format!("{}/{}", mark("hidden"), mark("fork")),
        format!("{}/{}", mark("hidden"), mark("hidrepo")),
    ]
    .into();
    let accounts =
        [mark("hidden"), "formerly".into(), "ada".into(), "bob".into(), "ivy".into(), mark("org"), "plaza".into()];
    let orgs = [mark("org"), "oldguild".to_owned(), "plaza".to_owned()];
    let numbers: Vec<String> = (1..=14).map(|number| number.to_string()).collect();
    let revisions = |more: &[&str]| -> Vec<String> {
        let mut all = vec!["main".to_owned(), mark("branch"), mark("tag"), "v1".to_owned()];
        all.extend(known.shas.iter().cloned());
        all.extend(more.iter().map(|&text| text.to_owned()));
        all
    };
    let mut filled = Vec::new();
    for route in routes().iter().filter(|route| route.method == axum::http::Method::GET) {
        let mut paths = vec![route.info.path.to_owned()];
        let mut put = |name: &str, values: &[String]| {
            if paths[0].contains(name) {
                paths = paths.iter().flat_map(|path| values.iter().map(|value| path.replace(name, value))).collect();
            }
        };
        put("{owner}/{repo}", &repos);
        put("{org}/{repo}", &repos);
        put("{username}", &accounts);
        put("{collaborator}", &accounts);
        put("{assignee}", &accounts);
        put("{org}", &orgs);
        put("{invitation}", &numbers[..2]);
        put("{team}", &[mark("team"), mark("openteam"), "Owners".to_owned()]);
        put("{*name}", &[mark("rule"), mark("openrule"), "main".to_owned()]);
        put("{name}", &["MIT".to_owned()]);
        put("{*filepath}", &["README.md".to_owned(), mark("path")]);
        put("{attachment_id}", &numbers[..6]);
        put("{id}", &numbers[..10]);
        put("{uuid}", &known.uuids);
        put("{*branch}", &revisions(&[]));
        put("{sha}", &revisions(&[]));
        put("{*sha}", &revisions(&[]));
        put("{ref}", &revisions(&[]));
        put("{*ref}", &["heads".to_owned(), "tags".to_owned(), format!("heads/{}", mark("branch"))]);
        put("{*basehead}", &["main...main".to_owned(), format!("{}^...main", mark("branch")), "main...v1".to_owned()]);
        put("{*archive}", &["main.zip".to_owned(), format!("{}.tar.gz", mark("tag")), "main.bundle".to_owned()]);
        put(
            "{*place}",
            &[
                "branch/main/README.md".to_owned(),
                format!("branch/{}/{}", mark("branch"), mark("path")),
                format!("tag/{}/{}", mark("tag"), mark("path")),
                format!("commit/{}/{}", known.shas[0], mark("path")),
                format!("{}/{}", mark("branch"), mark("path")),
                mark("path"),
            ],
        );
        put("{*tag}", &[mark("tag"), "v1".to_owned(), "v2".to_owned(), "v9".to_owned()]);
        put("{topic}", &[mark("topic")]);
        put("{token}", &[mark("token")]);
        put("{file}", &["x.bundle".to_owned()]);
        put(
            "download/{*path}",
            &[
                format!("download/{}/{}", mark("tag"), mark("file")),
                format!("download/v2/{}", mark("openfile")),
                "download/v1/shown.txt".to_owned(),
            ],
        );
        put("{*path}", &["info/packs".to_owned()]);
        filled.extend(paths);
    }
    let queried: Vec<String> = filled.iter().flat_map(|path| queries(path)).collect();
    filled.extend(queried);
    filled
}

/// More ways to ask for a path that lists.
fn queries(path: &str) -> Vec<String> {
    let last = path.rsplit('/').next().unwrap_or_default();
    let all: &[&str] = match last {
        _ if path.ends_with("info/refs") => &["service=git-upload-pack", "service=git-receive-pack", "service=x"],
        _ if path.ends_with("/repos/search") => &[
            "q=zq7x",
            "q=zq7xabout&includeDesc=true",
            "q=zq7xtopicz&topic=true",
            "q=r&limit=50",
            "private=true&limit=50",
            "is_private=true",
            "mode=fork",
            "mode=collaborative&uid=2",
            "uid=1",
            "uid=2",
            "uid=2&exclusive=true",
            "uid=4",
            "uid=6",
            "uid=7",
            "uid=8",
            "starredBy=2",
            "starredBy=6",
            "sort=updated&order=desc&limit=50",
            "sort=stars&limit=50",
            "sort=size&limit=50",
            "team_id=1",
            "team_id=3",
            "team_id=4",
            "archived=false&limit=50",
            "template=false&limit=50",
            "page=2&limit=1",
        ],
        "search" => &["q=zq7x", "q=e", "limit=50", "uid=6", "uid=5", "include_desc=true&q=zq7x"],
        "users" | "orgs" | "teams" | "members" | "public_members" | "repos" | "starred" | "subscriptions" | "keys"
        | "tokens" | "collaborators" | "stargazers" | "subscribers" | "forks" | "branches" | "tags" | "releases"
        | "topics" | "statuses" => &["limit=50", "page=2&limit=1", "draft=true", "q=zq7x", "state=success"],
        "commits" => {
            &["sha=zq7xbranchz", "path=zq7xpathz", "stat=true&verification=true&files=true&limit=50", "not=main"]
        }
        "refs" => &["page=2&limit=1"],
        "file-contents" => &["body=%7B%22files%22%3A%5B%22README.md%22%2C%22zq7xpathz%22%5D%7D"],
        "contents" => &["ref=zq7xbranchz"],
        "status" => &["page=1&limit=50"],
        "permissions" => &["sudo=ada"],
        "repository" | "ui" | "api" | "user" | "version" | "metrics" => &["sudo=ada", "access_token=x"],
        _ if path.contains("/git/trees/") => &["recursive=true&per_page=100"],
        _ => &[],
    };
    all.iter().map(|query| format!("{path}?{query}")).collect()
}

/// Texts that name private things, and places to render them for.
fn texts(known: &Known) -> Vec<(String, Value)> {
    let (repo, sha) = (format!("ada/{}", mark("repo")), &known.shas[0]);
    let words = [
        format!("@{} @{} @ada", mark("hidden"), mark("org")),
        format!("{repo}#1 {repo}!1 {repo}@{sha} {}/{}#1", mark("org"), mark("orgrepo")),
        format!("{sha} {} [x]({}) ![y]({})", &sha[..10], mark("path"), mark("path")),
    ];
    let mut all = Vec::new();
    for text in words {
        for (mode, context) in [
            ("comment", "ada/open".to_owned()),
            ("comment", repo.clone()),
            ("comment", format!("{}/{}", mark("org"), mark("orgrepo"))),
            ("gfm", format!("{repo}/src/branch/{}", mark("branch"))),
            ("", String::new()),
        ] {
            let body = json!({ "Text": text, "Mode": mode, "Context": context });
            all.push(("/api/v1/markdown".to_owned(), body));
        }
        let body =
            json!({ "Text": text, "Mode": "file", "FilePath": "x.md", "Context": format!("{repo}/src/branch/main") });
        all.push(("/api/v1/markup".to_owned(), body));
    }
    let body = json!({ "files": ["README.md", mark("path")] });
    all.push((format!("/api/v1/repos/{repo}/file-contents"), body));
    all
}

/// One who walks.
struct Walker {
    name: &'static str,
    auth: String,
    may_know: Vec<&'static str>,
}

/// Asks everything and answers what was seen, and by which address first.
async fn walk(api: &Api, walker: &Walker, known: &Known, compares: bool) -> (BTreeSet<&'static str>, Vec<String>) {
    let (mut seen, mut leaks) = (BTreeSet::new(), Vec::new());
    let headers: Vec<(&str, &str)> =
        if walker.auth.is_empty() { Vec::new() } else { vec![("authorization", walker.auth.as_str())] };
    let mut questions: Vec<(String, Option<Value>)> = addresses(known).into_iter().map(|path| (path, None)).collect();
    questions.extend(texts(known).into_iter().map(|(path, body)| (path, Some(body))));
    for (path, body) in questions {
        let answer = ask(api, &path, &headers, body.as_ref()).await;
        let asked = format!("{path} {}", body.as_ref().map(Value::to_string).unwrap_or_default());
        let named = marks_in(&asked);
        let found = marks_in(&answer.whole());
        for mark in found.difference(&named) {
            if !walker.may_know.contains(mark) && seen.insert(*mark) {
                leaks.push(format!("{} sees {mark} at {asked}: {} {}", walker.name, answer.status(), answer.text()));
            }
        }
        seen.extend(found.difference(&named));
        // What is named and may not be known is answered like what never was.
        if compares && !named.is_empty() && named.iter().all(|mark| !walker.may_know.contains(mark)) {
            let never = |text: &str| text.replace(PREFIX, NEVER);
            let other = body.as_ref().map(|body| serde_json::from_str(&never(&body.to_string())).unwrap());
            let absent = ask(api, &never(&path), &headers, other.as_ref()).await;
            let said = (answer.status(), never(answer.text()));
            if said != (absent.status(), absent.text().to_owned()) {
                leaks.push(format!(
                    "{} can tell {asked} from what never was: {said:?}, {} {}",
                    walker.name,
                    absent.status(),
                    absent.text()
                ));
            }
        }
    }
    (seen, leaks)
}

async fn ask(api: &Api, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Answer {
    match body {
        Some(body) => {
            let bytes = body.to_string().into_bytes();
            api.send("POST", path, headers, Some(("application/json", &bytes))).await
        }
        None => api.send("GET", path, headers, None).await,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_private_is_seen_by_those_who_may_not_know_it() {
    // Mail is on, so that somebody can be invited, and nobody takes it.
    let api = Api::start_tuned(|config| {
        mirrors::allow_itself(config);
        config.mail.smtp_host = "127.0.0.1".to_owned();
        config.mail.smtp_port = 9;
        config.mail.smtp_security = SmtpSecurity::None;
        config.mail.from = "qms@example.org".to_owned();
        config.mail.retry_seconds = 3600;
    })
    .await;
    let known = make(&api).await;
    let limited = json!({ "name": "limited", "scopes": ["all"], "repositories": ["ada/open"] });
    let limited = api.post("/users/ada/tokens", &api.ada(), limited).await.expect(201).json;
    let public_only = api.token("ada", &["all", "public-only"]).await;
    let of_ivy = [OF_ORGANIZATION].concat();
    let walkers = [
        Walker { name: "nobody", auth: String::new(), may_know: Vec::new() },
        Walker { name: "a stranger", auth: api.bob(), may_know: Vec::new() },
        Walker { name: "a member without the code", auth: api.header_of("ivy"), may_know: of_ivy },
        // The owner's own: what is about the one repository, and no other.
        Walker {
            name: "a token of another repository",
            auth: format!("token {}", text(&limited, "sha1")),
            may_know: [OF_OPEN, OF_COLLABORATOR].concat(),
        },
        Walker { name: "a token for public things", auth: public_only, may_know: [OF_OPEN, &["hidden"]].concat() },
    ];
    let mut leaks = Vec::new();
    for walker in &walkers {
        leaks.extend(walk(&api, walker, &known, walker.may_know.is_empty()).await.1);
    }
    assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n"));

    // The walk finds what is there: each mark is seen by those who may know it.
    let mut seen = BTreeSet::new();
    let may_know: Vec<&str> = all_marks().into_iter().filter(|mark| !SECRETS.contains(mark)).collect();
    for auth in [api.ada(), api.header_of(&mark("hidden"))] {
        let walker = Walker { name: "an owner", auth, may_know: may_know.clone() };
        let (found, leaks) = walk(&api, &walker, &known, false).await;
        assert!(leaks.is_empty(), "{}", leaks.join("\n"));
        seen.extend(found);
    }
    let unseen: Vec<&str> = may_know.into_iter().filter(|mark| !seen.contains(mark)).collect();
    assert_eq!(unseen, Vec::<&str>::new(), "marks that nobody can see prove nothing");
    // Secrets are in no row, that of the ledger included, and in no file.
    let lies_in = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    let mut is_looked_at = false;
    for name in ["atomicqms.db", "atomicqms.db-wal"] {
        let bytes = std::fs::read(api.data_dir().join(name)).unwrap_or_default();
        is_looked_at |= lies_in(&bytes, &mark("mirror"));
        for secret in SECRETS {
            assert!(!lies_in(&bytes, &mark(secret)), "{secret} lies in {name}");
        }
    }
    assert!(is_looked_at, "these are the files");
    api.finish().await;
}
