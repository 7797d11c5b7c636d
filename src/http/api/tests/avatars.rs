//! Pictures: set, shown, taken away; hostile ones; and that nobody sees those of who hides.

use base64::Engine as _;
use serde_json::{Value, json};

use super::Api;

/// A PNG of one colour, in base64.
fn picture(shade: u8) -> Value {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_pixel(8, 8, image::Rgb([shade; 3])).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    body(&bytes.into_inner())
}

fn body(content: &[u8]) -> Value {
    json!({ "image": base64::engine::general_purpose::STANDARD.encode(content) })
}

/// The address that an account, an organization or a repository names, without the root.
async fn address(api: &Api, path: &str, who: &str) -> String {
    let shown = api.get(path, who).await.expect(200).json["avatar_url"].as_str().unwrap().to_owned();
    shown.strip_prefix(api.root_url().trim_end_matches('/')).unwrap_or(&shown).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_are_set_shown_and_taken_away() {
    let api = Api::start().await;
    api.post("/orgs", &api.ada(), json!({ "username": "acme" })).await.expect(201);
    api.repository("ada", "sop", false).await;
    for (write, read, prefix) in [
        ("/user/avatar", "/users/ada", "/avatars/"),
        ("/orgs/acme/avatar", "/orgs/acme", "/avatars/"),
        ("/repos/ada/sop/avatar", "/repos/ada/sop", "/repo-avatars/"),
    ] {
        let before = address(&api, read, "").await;
        assert!(before.is_empty() == (read == "/repos/ada/sop"), "{before}");
        api.post(write, &api.ada(), picture(1)).await.expect(204);
        let set = address(&api, read, "").await;
        assert!(set.starts_with(prefix) && set != before && set.len() == prefix.len() + 64, "{set}");
        let shown = api.page("GET", &format!("{set}?size=64"), "", &[]).await;
        assert_eq!((shown.status(), shown.header("content-type")), (200, "image/png".to_owned()));
        assert_eq!(shown.header("cache-control"), "public, max-age=604800, immutable");
        assert_eq!(shown.header("x-content-type-options"), "nosniff");
        assert!(shown.header("content-security-policy").contains("sandbox"));
        let etag = shown.header("etag");
        assert!(set.ends_with(etag.trim_matches('"')));
        let known = api.page("GET", &set, "", &[("if-none-match", &etag)]).await;
        assert_eq!((known.status(), known.text()), (304, ""));
        let head = api.page("HEAD", &set, "", &[]).await;
        assert_eq!(
            (head.status(), head.text(), head.header("content-length")),
            (200, "", shown.header("content-length"))
        );
        api.post(write, &api.bob(), picture(2)).await.expect_any(&[204, 403]);
        api.post(write, "", picture(2)).await.expect(401);
        api.post(write, &api.ada(), picture(2)).await.expect(204);
        assert_ne!(address(&api, read, "").await, set);
        assert_eq!(api.page("GET", &set, "", &[]).await.status(), 404, "nobody has it any more");
        for _ in 0..2 {
            api.delete(write, &api.ada()).await.expect(204);
        }
        assert_eq!(address(&api, read, "").await, before);
    }
    api.delete("/user/avatar", &api.bob()).await.expect(204);
    // Two each, and bob's own.
    let (set, removed) = (api.events("avatar.set").await, api.events("avatar.remove").await);
    assert_eq!((set.len(), removed.len()), (7, 4));
    assert!(set.iter().all(|event| event["after"]["sha256"].as_str().is_some_and(|hash| hash.len() == 64)));
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_picture_has_a_pattern_and_so_has_every_number() {
    let api = Api::start().await;
    let own = address(&api, "/user", &api.ada()).await;
    assert!(own.starts_with("/avatars/default/"), "{own}");
    let first = api.page("GET", &own, "", &[]).await;
    assert_eq!((first.status(), first.header("content-type")), (200, "image/png".to_owned()));
    assert_eq!(api.page("GET", &own, "", &[]).await.header("etag"), first.header("etag"));
    assert_eq!(api.page("GET", &own, "", &[("if-none-match", &first.header("etag"))]).await.status(), 304);
    // One that belongs to nobody answers the same way, so that nothing is learned.
    assert_eq!(api.page("GET", "/avatars/default/999999999", "", &[]).await.status(), 200);
    for path in ["/avatars/default/-1", "/avatars/default/x", "/avatars/xyz", "/repo-avatars/xyz"] {
        assert_eq!(api.page("GET", path, "", &[]).await.status(), 404, "{path}");
    }
    for prefix in ["/avatars", "/repo-avatars"] {
        assert_eq!(api.page("GET", &format!("{prefix}/{}", "a".repeat(64)), "", &[]).await.status(), 404);
    }
    api.finish().await;
}

/// A hash is the key to nothing: what counts is who may see an account or a repository that has the picture.
#[tokio::test(flavor = "multi_thread")]
async fn pictures_of_what_hides_are_shown_to_those_who_may_see_it() {
    let api = Api::start().await;
    api.account("cleo").await;
    api.post("/orgs", &api.ada(), json!({ "username": "acme", "visibility": "private" })).await.expect(201);
    api.repository("ada", "secret", true).await;
    api.post("/user/avatar", &api.header_of("cleo"), picture(1)).await.expect(204);
    api.post("/orgs/acme/avatar", &api.ada(), picture(2)).await.expect(204);
    api.post("/repos/ada/secret/avatar", &api.ada(), picture(3)).await.expect(204);
    let of_cleo = address(&api, "/users/cleo", "").await;
    let of_acme = address(&api, "/orgs/acme", &api.ada()).await;
    let of_secret = address(&api, "/repos/ada/secret", &api.ada()).await;
    let statuses = async |path: &str| {
        let mut statuses = Vec::new();
        for who in ["", "bob", "ada", "cleo", "admin"] {
            let answer = api.page("GET", path, &api.header_of(who), &[]).await;
            if answer.status() == 200 && path != of_cleo {
                assert_eq!(answer.header("cache-control"), "private, no-cache", "{path} for {who}");
            }
            statuses.push(answer.status());
        }
        statuses
    };
    assert_eq!(statuses(&of_cleo).await, [200, 200, 200, 200, 200]);
    assert_eq!(statuses(&of_acme).await, [404, 404, 200, 404, 200]);
    assert_eq!(statuses(&of_secret).await, [404, 404, 200, 404, 200]);
    for (visibility, expected) in [("limited", [404, 200, 200, 200, 200]), ("private", [404, 404, 404, 200, 200])] {
        let body = json!({ "visibility": visibility, "source_id": 0, "login_name": "" });
        api.patch("/admin/users/cleo", &api.admin(), body).await.expect(200);
        assert_eq!(statuses(&of_cleo).await, expected, "{visibility}");
    }
    // What is not there and what hides look the same, also to whoever knows the entity tag.
    let hash = of_secret.strip_prefix("/repo-avatars/").unwrap();
    let etag = format!("\"{hash}\"");
    assert_eq!(api.page("GET", &of_secret, &api.bob(), &[("if-none-match", &etag)]).await.status(), 404);
    // Somebody shows the same picture openly: then it is theirs that is seen.
    api.post("/user/avatar", &api.bob(), picture(3)).await.expect(204);
    assert_eq!(api.page("GET", &format!("/avatars/{hash}"), "", &[]).await.status(), 200);
    assert_eq!(api.page("GET", &of_secret, "", &[]).await.status(), 404);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_pictures_are_refused_and_nothing_of_them_is_served() {
    let api = Api::start_tuned(|config| config.avatars.max_bytes = 16 * 1024).await;
    let own = address(&api, "/user", &api.ada()).await;
    let bomb = {
        // A PNG that says it is 50,000 by 50,000.
        let head = [&50_000u32.to_be_bytes()[..], &50_000u32.to_be_bytes(), &[8, 6, 0, 0, 0]].concat();
        let chunk = |name: &[u8; 4], content: &[u8]| {
            let mut hash = crc32fast::Hasher::new();
            hash.update(name);
            hash.update(content);
            let length = u32::try_from(content.len()).unwrap().to_be_bytes();
            [&length[..], name, content, &hash.finalize().to_be_bytes()].concat()
        };
        [&b"\x89PNG\r\n\x1a\n"[..], &chunk(b"IHDR", &head), &chunk(b"IDAT", &[0x78, 0x9c, 0x63]), &chunk(b"IEND", b"")]
            .concat()
    };
    let table: [(&str, Value, u16); 9] = [
        ("bomb", body(&bomb), 422),
        ("cut off", body(&bomb[..20]), 422),
        ("html", body(b"<!DOCTYPE html><script>alert(1)</script>"), 422),
        ("svg", body(b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"), 422),
        ("nothing", json!({}), 422),
        ("null", json!({ "image": null }), 422),
        ("no base64", json!({ "image": "%%%" }), 400),
        ("data address", json!({ "image": "data:image/png;base64,AAAA" }), 400),
        ("too long", body(&vec![0; 64 * 1024]), 413),
    ];
    for (what, sent, status) in table {
        api.post("/user/avatar", &api.ada(), sent).await.named(what).expect(status);
    }
    assert_eq!(address(&api, "/user", &api.ada()).await, own);
    assert_eq!(api.events("avatar.set").await.len(), 0);
    // A picture that is a page as well: what is served was made anew.
    let mut gif = std::io::Cursor::new(Vec::new());
    image::RgbaImage::from_pixel(9, 9, image::Rgba([7, 7, 7, 255]))
        .write_to(&mut gif, image::ImageFormat::Gif)
        .unwrap();
    let polyglot = [gif.into_inner(), b"<script>alert('canary')</script>".to_vec()].concat();
    api.post("/user/avatar", &api.ada(), body(&polyglot)).await.expect(204);
    let served = api.page("GET", &address(&api, "/user", &api.ada()).await, "", &[]).await;
    assert_eq!((served.status(), served.header("content-type")), (200, "image/png".to_owned()));
    assert!(!served.text().contains("canary") && served.text().contains("IHDR"));
    api.finish().await;
}
