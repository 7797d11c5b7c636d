//! Following the link of an invitation as a browser does it, and the operations of the API beside it.

use super::*;

/// A team of `acme`, which the administrator owns; answers its id.
async fn team(pages: &Pages) -> i64 {
    let admin = async |path: &str, body: &str| pages.api("POST", path, "admin", ADMIN_PASSWORD, body).await;
    assert_eq!(admin("/orgs", "{\"username\":\"acme\",\"visibility\":\"private\"}").await.0, 201);
    let body = "{\"name\":\"<b>rea&ders\",\"permission\":\"read\",\"units\":[\"repo.code\"]}";
    let (status, made) = admin("/orgs/acme/teams", body).await;
    assert_eq!(status, 201, "{made}");
    made["id"].as_i64().unwrap()
}

async fn account(pages: &Pages, name: &str) {
    let body = format!(
        "{{\"username\":\"{name}\",\"email\":\"{name}@example.org\",\"password\":\"{PASSWORD}\",\"must_change_password\":false}}"
    );
    assert_eq!(pages.api("POST", "/admin/users", "admin", ADMIN_PASSWORD, &body).await.0, 201);
}

async fn invite(pages: &Pages, team: i64, email: &str) -> (u16, Value) {
    let body = format!("{{\"email\":\"{email}\"}}");
    pages.api("POST", &format!("/teams/{team}/invitations"), "admin", ADMIN_PASSWORD, &body).await
}

async fn members(pages: &Pages, team: i64) -> Vec<String> {
    let (_, list) = pages.api("GET", &format!("/teams/{team}/members"), "admin", ADMIN_PASSWORD, "").await;
    list.as_array().unwrap().iter().map(|user| user["login"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn who_has_an_account_follows_the_link_and_accepts() {
    let pages = Pages::start(|config| config.security.registration = Registration::Off).await;
    let team = team(&pages).await;
    account(&pages, "bob").await;
    account(&pages, "cleo").await;
    let (status, made) = invite(&pages, team, "bob@example.org").await;
    assert_eq!((status, made["organization"].as_str(), made["inviter"].as_str()), (201, Some("acme"), Some("admin")));
    let mail = pages.mails(1).await.remove(0);
    let (path, code) = link(&mail);
    assert_eq!(path, "/org/invite");
    assert!(!made.to_string().contains(&code));
    for _ in 0..2 {
        let page = pages.get(&format!("{path}?code={code}")).await.expect(200);
        assert!(page.body.contains("&lt;b&gt;rea&amp;ders") && page.body.contains("Join acme"), "{}", page.body);
        assert!(page.body.contains("action=\"invite\"") && !page.body.contains("invite_register"), "{}", page.body);
        assert!(
            page.head.contains("default-src 'none'; style-src 'sha256-")
                && page.head.contains("cache-control: no-store")
        );
    }
    assert_eq!(members(&pages, team).await, Vec::<String>::new(), "looking changes nothing");
    let with = |login: &str, password: &str| {
        fields(&[("code", code.as_str()), ("login", login), ("current_password", password)])
    };
    for (login, password) in [("bob", "wrong password"), ("nobody", PASSWORD), ("", ""), ("a:b", PASSWORD)] {
        let page = pages.post(&path, &with(login, password)).await.expect(422);
        assert!(page.body.contains("do not belong together"), "{}", page.body);
        assert!(!page.head.contains("www-authenticate") && !page.body.contains(PASSWORD));
    }
    let page = pages.post(&path, &with("cleo", PASSWORD)).await.expect(403);
    assert!(page.body.contains("no confirmed address of this account"), "{}", page.body);
    pages.post_with(&path, "sec-fetch-site: cross-site\r\n", &with("bob", PASSWORD)).await.expect(403);
    pages.post("/org/invite_register", &wanted("eve", "bob@example.org")).await.expect(404);
    let page = pages.post(&path, &with("bob", PASSWORD)).await.expect(200);
    assert!(page.body.contains("<strong>bob</strong> is now in the team"), "{}", page.body);
    assert_eq!(members(&pages, team).await, ["bob"]);
    for (path, body) in [
        (path.as_str(), with("bob", PASSWORD)),
        ("/org/invite_decline", fields(&[("code", &code)])),
        ("/org/invite_register", fields(&[("code", &code)])),
    ] {
        let page = pages.post(path, &body).await.expect(404);
        assert!(page.body.contains("not valid any more, or was used already"), "{}", page.body);
    }
    let events = pages.server.events("invitation.accept");
    assert_eq!((events.len(), events[0]["actor"]["login"].as_str()), (1, Some("bob")));
    assert!(!events[0].to_string().contains("example.org") && !events[0].to_string().contains(&code));
    pages.finish().await;
}

#[tokio::test]
async fn who_has_none_makes_one_by_the_link_where_the_invited_may() {
    let pages = Pages::start(|config| config.security.registration = Registration::Invited).await;
    pages.get("/user/sign_up").await.expect(403);
    let team = team(&pages).await;
    assert_eq!(invite(&pages, team, "Eve@example.org").await.0, 201);
    let (path, code) = link(&pages.mails(1).await.remove(0));
    let page = pages.get(&format!("{path}?code={code}")).await.expect(200);
    assert!(page.body.contains("action=\"invite_register\""), "{}", page.body);
    let with = |name: &str, password: &str, retype: &str| {
        fields(&[("code", code.as_str()), ("user_name", name), ("password", password), ("retype", retype)])
    };
    for (name, password, retype, words) in [
        ("admin", PASSWORD, PASSWORD, "is taken"),
        ("api", PASSWORD, PASSWORD, "reserved"),
        ("eve", "short", "short", "at least 8"),
        ("eve", PASSWORD, "other horse staple", "not the same"),
    ] {
        let page = pages.post("/org/invite_register", &with(name, password, retype)).await.expect(422);
        assert!(page.body.contains("role=\"alert\"") && page.body.contains(words), "{name}: {}", page.body);
        assert!(!page.body.contains(PASSWORD), "{name}");
    }
    let page = pages.post("/org/invite_register", &with("eve", PASSWORD, PASSWORD)).await.expect(200);
    assert!(page.body.contains("<strong>eve</strong> is now in the team"), "{}", page.body);
    let (_, emails) = pages.api("GET", "/user/emails", "eve", PASSWORD, "").await;
    assert_eq!((emails[0]["email"].as_str(), emails[0]["verified"].as_bool()), (Some("Eve@example.org"), Some(true)));
    assert_eq!(members(&pages, team).await, ["eve"]);
    // Another one declines.
    assert_eq!(invite(&pages, team, "fay@example.org").await.0, 201);
    let (_, code) = link(&pages.mails(2).await.remove(1));
    pages.post("/org/invite_decline", &fields(&[("code", &code)])).await.expect(200);
    pages.post("/org/invite_decline", &fields(&[("code", &code)])).await.expect(404);
    pages.finish().await;
}

#[tokio::test]
async fn nobody_but_owners_and_the_invited_sees_who_was_invited() {
    let pages = Pages::start(|_| {}).await;
    let team = team(&pages).await;
    for name in ["bob", "cleo", "dora"] {
        account(&pages, name).await;
    }
    let path = format!("/teams/{team}/members/cleo");
    assert_eq!(pages.api("PUT", &path, "admin", ADMIN_PASSWORD, "").await.0, 204);
    // Known or not, the answer is the same but for what was asked and what was made.
    let (one, known) = invite(&pages, team, "bob@example.org").await;
    let (other, unknown) = invite(&pages, team, "zoe@example.org").await;
    let plain = |json: &Value| {
        let mut json = json.clone();
        for field in ["id", "email", "created_at", "expires_at"] {
            assert!(!json[field].is_null(), "{json}");
            json[field] = Value::Null;
        }
        json
    };
    assert_eq!((one, other, plain(&known)), (201, 201, plain(&unknown)));
    let mails = pages.mails(2).await;
    let text = |mail: &Taken| mail.text().replace(&link(mail).1, "CODE");
    assert_eq!(text(&mails[0]), text(&mails[1]));
    assert_eq!(invite(&pages, team, "BOB@example.org").await.0, 409);
    assert_eq!(invite(&pages, team, "cleo@example.org").await.0, 422);
    assert_eq!(invite(&pages, team, "no address").await.0, 422);
    let list = format!("/teams/{team}/invitations");
    let (_, rows) = pages.api("GET", &list, "admin", ADMIN_PASSWORD, "").await;
    assert_eq!(rows.as_array().unwrap().len(), 2);
    let id = known["id"].as_i64().unwrap();
    for (login, status) in [("bob", 404), ("dora", 404), ("cleo", 403)] {
        let (got, answer) = pages.api("GET", &list, login, PASSWORD, "").await;
        assert!(got == status && !answer.to_string().contains("@example.org"), "{login}: {got} {answer}");
        assert_eq!(pages.api("DELETE", &format!("{list}/{id}"), login, PASSWORD, "").await.0, status, "{login}");
        let own = pages.api("GET", "/user/invitations", login, PASSWORD, "").await.1;
        assert_eq!(own.as_array().unwrap().len(), usize::from(login == "bob"), "{login}: {own}");
    }
    for login in ["cleo", "dora"] {
        for verb in ["accept", "decline"] {
            let path = format!("/user/invitations/{id}/{verb}");
            assert_eq!(pages.api("POST", &path, login, PASSWORD, "").await.0, 404, "{login} {verb}");
        }
    }
    // The organization is private, and a token for what is public knows nothing of it.
    let body = "{\"name\":\"t\",\"scopes\":[\"all\",\"public-only\"]}";
    let (status, token) = pages.api("POST", "/users/bob/tokens", "bob", PASSWORD, body).await;
    assert_eq!(status, 201, "{token}");
    let token = token["sha1"].as_str().unwrap();
    assert_eq!(pages.api("GET", "/user/invitations", "bob", token, "").await.1, serde_json::json!([]));
    assert_eq!(pages.api("POST", &format!("/user/invitations/{id}/accept"), "bob", token, "").await.0, 403);
    assert_eq!(pages.api("POST", &format!("/user/invitations/{id}/accept"), "bob", PASSWORD, "").await.0, 204);
    assert_eq!(members(&pages, team).await, ["bob", "cleo"]);
    let gone = format!("{list}/{}", unknown["id"]);
    assert_eq!(pages.api("DELETE", &gone, "admin", ADMIN_PASSWORD, "").await.0, 204);
    assert_eq!(pages.api("DELETE", &gone, "admin", ADMIN_PASSWORD, "").await.0, 404);
    let (_, code) = link(&mails[1]);
    pages.get(&format!("/org/invite?code={code}")).await.expect(404);
    for action in ["create", "withdraw", "accept"] {
        let events = pages.server.events(&format!("invitation.{action}"));
        assert_eq!(events.len(), if action == "create" { 2 } else { 1 }, "{action}");
        assert!(events.iter().all(|event| !event.to_string().contains("example.org")), "{events:?}");
    }
    pages.finish().await;
}
