//! OpenPGP keys of accounts: added by address and by challenge, listed, removed, refused.

use pgp::composed::KeyType;
use pgp::types::KeyVersion;
use serde_json::{Value, json};

use super::Api;
use super::gpg::Gpg;
use crate::model::openpgp::tests::maker::{Maker, block};

const KEYS: &str = "/user/gpg_keys";
const TOKEN: &str = "/user/gpg_key_token";
const VERIFY: &str = "/user/gpg_key_verify";

fn armored(key: &str) -> Value {
    json!({ "armored_public_key": key })
}

/// An armored key of the usual kind, of `ada@example.org`.
fn usual() -> String {
    block("PUBLIC KEY BLOCK", &Maker::new(KeyVersion::V4, KeyType::Ed25519Legacy).usual())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_with_an_address_of_the_account_is_added_and_removed() {
    let api = Api::start().await;
    let Some(gpg) = Gpg::new().await else { return api.finish().await };
    let fingerprint = gpg.make(None, "Ada <ada@example.org>", "rsa2048", "sign", "2y").await;
    let subkey = gpg.add_signing_subkey(&fingerprint).await;
    gpg.run(None, &["--quick-add-uid", &fingerprint, "Ada <ada@home.example>"], None).await;
    let key = gpg.export(&fingerprint).await;
    let (ada, bob) = (api.ada(), api.bob());
    let made = api.post(KEYS, &ada, armored(&key)).await.expect(201).json;
    assert_eq!((made["key_id"].as_str(), made["primary_key_id"].as_str()), (Some(&fingerprint[24..]), Some("")));
    assert_eq!(
        (&made["verified"], &made["can_sign"], &made["can_certify"]),
        (&json!(true), &json!(true), &json!(true))
    );
    assert_ne!(made["expires_at"], "0001-01-01T00:00:00Z");
    assert!(made["created_at"].as_str().unwrap().starts_with("20"));
    let emails = made["emails"].as_array().unwrap();
    let verified =
        |address: &str| emails.iter().find(|one| one["email"] == address).map(|one| one["verified"].as_bool().unwrap());
    assert_eq!((verified("ada@example.org"), verified("ada@home.example"), emails.len()), (Some(true), Some(false), 2));
    let sub = &made["subkeys"][0];
    assert_eq!((sub["key_id"].as_str(), &sub["primary_key_id"]), (Some(&subkey[24..]), &made["key_id"]));
    assert_eq!((&sub["can_sign"], &sub["verified"], &sub["emails"]), (&json!(true), &json!(true), &Value::Null));
    assert_eq!(sub["expires_at"], made["expires_at"], "a subkey ends with its key at the latest");
    // Seen by its owner, by others with what is verified, by nobody in particular without addresses.
    let id = made["id"].as_i64().unwrap();
    assert_eq!(api.get(&format!("{KEYS}/{id}"), &ada).await.expect(200).json, made);
    let listed = api.get(KEYS, &ada).await.expect(200);
    assert_eq!((listed.json[0].clone(), listed.header("x-total-count")), (made.clone(), "1".to_owned()));
    let public = "/users/ada/gpg_keys";
    let emails = async |who: &str| api.get(public, who).await.expect(200).json[0]["emails"].clone();
    assert_eq!(emails(&bob).await, json!([{ "email": "ada@example.org", "verified": true }]));
    assert_eq!(emails("").await, json!([]));
    assert_eq!(emails(&api.admin()).await.as_array().unwrap().len(), 2);
    api.patch("/user/settings", &ada, json!({ "hide_email": true })).await.expect(200);
    assert_eq!((emails(&bob).await, emails(&ada).await.as_array().unwrap().len()), (json!([]), 2));
    // The same key id belongs to nobody else, and not twice.
    for who in [&ada, &bob] {
        let refused = api.post(KEYS, who, armored(&key)).await.expect(422);
        assert_eq!(refused.json["message"], "A key with the same id already exists");
    }
    for (who, path) in
        [(&bob, format!("{KEYS}/{id}")), (&ada, format!("{KEYS}/{}", id + 900)), (&ada, format!("{KEYS}/x"))]
    {
        api.get(&path, who).await.expect(404);
        api.delete(&path, who).await.expect(404);
    }
    api.delete(&format!("{KEYS}/{id}"), &ada).await.expect(204);
    assert_eq!(api.get(public, "").await.expect(200).json, json!([]));
    api.post(KEYS, &ada, armored(&key)).await.expect(201);
    let events = api.events("gpg_key.create").await;
    assert_eq!((events.len(), &events[0]["after"]["fingerprint"]), (2, &json!(fingerprint)));
    assert_eq!(events[0]["after"]["subkeys"], json!([subkey]));
    let events = api.events("gpg_key.delete").await;
    assert_eq!((events.len(), &events[0]["before"]["fingerprint"]), (1, &json!(fingerprint)));
    assert!(!events[0].to_string().contains("example.org"), "addresses stay out of the ledger");
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_without_an_address_is_proved_by_a_challenge() {
    let api = Api::start().await;
    let Some(gpg) = Gpg::new().await else { return api.finish().await };
    let (ada, bob) = (api.ada(), api.bob());
    let mine = gpg.make(None, "Countess <countess@elsewhere.example>", "ed25519", "sign", "never").await;
    let other = gpg.make(None, "Other <other@elsewhere.example>", "ed25519", "sign", "never").await;
    let key = gpg.export(&mine).await;
    let answer = api.get(TOKEN, &ada).await.expect(200);
    let token = answer.text().to_owned();
    assert_eq!((token.len(), answer.header("content-type")), (64, "text/plain; charset=utf-8".to_owned()));
    let bobs = api.get(TOKEN, &bob).await.expect(200).text().to_owned();
    assert_ne!(token, bobs);
    let refused = api.post(KEYS, &ada, armored(&key)).await.expect(404).json["message"].to_string();
    assert!(refused.contains("None of the emails") && refused.contains(&token), "{refused}");
    let signed = async |key: &str, text: &str| gpg.sign(key, text).await;
    let with = |signature: &str| json!({ "armored_public_key": key, "armored_signature": signature });
    let wrong = [
        signed(&mine, &bobs).await,
        signed(&other, &token).await,
        signed(&mine, &format!(" {token}")).await,
        signed(&mine, "").await,
        "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n".to_owned(),
    ];
    for signature in &wrong {
        let refused = api.post(KEYS, &ada, with(signature)).await.expect(422).json["message"].to_string();
        assert!(refused.contains("do not match or token is out of date") && refused.contains(&token), "{refused}");
    }
    // As `echo TOKEN | gpg` has it, with the end of a line.
    let made = api.post(KEYS, &ada, with(&signed(&mine, &format!("{token}\n")).await)).await.expect(201).json;
    assert_eq!(
        (&made["verified"], &made["emails"]),
        (&json!(true), &json!([{ "email": "countess@elsewhere.example", "verified": false }]))
    );
    // A key that was added by an address which the account has no more is proved later.
    let bobs_key = gpg.make(None, "Bob <bob@example.org>", "ed25519", "sign", "never").await;
    let id = api.post(KEYS, &bob, armored(&gpg.export(&bobs_key).await)).await.expect(201).json["id"].clone();
    let moved = json!({ "email": "robert@example.org", "source_id": 0, "login_name": "" });
    api.patch("/admin/users/bob", &api.admin(), moved).await.expect(200);
    let gone = json!({ "emails": ["bob@example.org"] });
    api.ask("DELETE", "/user/emails", &bob, Some(gone)).await.expect(204);
    let path = format!("{KEYS}/{id}");
    assert_eq!(api.get(&path, &bob).await.expect(200).json["verified"], false);
    let proof = |key_id: &str, signature: &str| json!({ "key_id": key_id, "armored_signature": signature });
    let good = signed(&bobs_key, api.get(TOKEN, &bob).await.text()).await;
    api.post(VERIFY, &bob, proof(&bobs_key[24..], &signed(&mine, &bobs).await)).await.expect(422);
    api.post(VERIFY, &ada, proof(&bobs_key[24..], &good)).await.expect(404);
    for key_id in ["x", "0", &"1".repeat(16), &"1".repeat(99)] {
        api.post(VERIFY, &bob, proof(key_id, &good)).await.expect(404);
    }
    for body in [json!({}), json!({ "key_id": "1" }), proof("", &good)] {
        api.post(VERIFY, &bob, body).await.expect(422);
    }
    let proved = api.post(VERIFY, &bob, proof(&bobs_key[24..].to_ascii_lowercase(), &good)).await.expect(201).json;
    assert_eq!((&proved["verified"], &proved["id"]), (&json!(true), &id));
    api.post(VERIFY, &bob, proof(&bobs_key, &good)).await.expect(201);
    let events = api.events("gpg_key.verify").await;
    assert_eq!(events.len(), 1, "what was proved already is no change: {events:?}");
    assert_eq!(
        (&events[0]["before"]["is_challenged"], &events[0]["after"]["is_challenged"]),
        (&json!(false), &json!(true))
    );
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_key_is_refused_and_an_account_has_only_so_many() {
    let api = Api::start().await;
    let ada = api.ada();
    let maker = Maker::new(KeyVersion::V4, KeyType::Ed25519Legacy);
    let after = |more: &[u8]| block("PUBLIC KEY BLOCK", &[&maker.usual(), more].concat());
    let table = [
        (String::new(), "[ArmoredKey]: Required"),
        ("ssh-ed25519 AAAA x".to_owned(), "ASCII armor"),
        (block("PRIVATE KEY BLOCK", &maker.usual()), "private key"),
        (after(&maker.usual()), "one key at a time"),
        (after(b"\xc8\x03\x01\x78\x9c"), "does not belong to a key"),
        (after(b"\xce\xff\xff\xff\xff\xff"), "damaged"),
        (block("PUBLIC KEY BLOCK", &maker.primary()), "not signed by itself"),
        (block("PUBLIC KEY BLOCK", &vec![0; 300_000]), "256 KiB"),
    ];
    for (key, expected) in table {
        let refused = api.post(KEYS, &ada, armored(&key)).await.expect(422).json["message"].to_string();
        assert!(refused.contains(expected), "{expected}: {refused}");
    }
    if let Some(gpg) = Gpg::new().await {
        let small = gpg.make(None, "Ada <ada@example.org>", "rsa1024", "sign", "never").await;
        let refused = api.post(KEYS, &ada, armored(&gpg.export(&small).await)).await.expect(422);
        assert!(refused.json["message"].as_str().unwrap().contains("at least 2048 bits, this one has 1024"));
    }
    for _ in 0..50 {
        api.post(KEYS, &ada, armored(&usual())).await.expect(201);
    }
    let refused = api.post(KEYS, &ada, armored(&usual())).await.expect(422);
    assert!(refused.json["message"].as_str().unwrap().contains("at most 50"), "{}", refused.text());
    let page = api.get(&format!("{KEYS}?limit=20&page=3"), &ada).await.expect(200);
    assert_eq!((page.json.as_array().unwrap().len(), page.header("x-total-count")), (10, "50".to_owned()));
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_reach_keys_by_the_scopes_of_accounts() {
    let api = Api::start().await;
    let (reads, writes) = (api.token("ada", &["read:user"]).await, api.token("ada", &["write:user"]).await);
    let elsewhere = api.token("ada", &["write:repository"]).await;
    for (who, status) in [(&reads, 200), (&writes, 200), (&elsewhere, 403)] {
        api.get(KEYS, who).await.expect(status);
        api.get(TOKEN, who).await.expect(status);
        api.get("/users/bob/gpg_keys", who).await.expect(status);
    }
    for (who, status) in [(&reads, 403), (&elsewhere, 403), (&writes, 201)] {
        let made = api.post(KEYS, who, armored(&usual())).await.expect(status).json;
        let id = made["id"].as_i64().unwrap_or(1);
        api.post(VERIFY, who, json!({})).await.expect(if status == 201 { 422 } else { 403 });
        api.delete(&format!("{KEYS}/{id}"), who).await.expect(if status == 201 { 204 } else { 403 });
    }
    // Whoever hides shows no keys; a deleted account has none.
    api.post(KEYS, &api.ada(), armored(&usual())).await.expect(201);
    let hidden = json!({ "visibility": "private", "source_id": 0, "login_name": "" });
    api.patch("/admin/users/ada", &api.admin(), hidden).await.expect(200);
    api.get("/users/ada/gpg_keys", &api.bob()).await.expect(404);
    assert_eq!(api.get("/users/ada/gpg_keys", &api.admin()).await.expect(200).json.as_array().unwrap().len(), 1);
    api.delete("/admin/users/ada", &api.admin()).await.expect(204);
    let event = api.events("user.delete").await;
    assert_eq!(event[0]["before"]["gpg_keys"], 1);
    api.finish().await;
}
