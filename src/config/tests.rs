//! Table tests of the settings: sources, refusals, documentation.

use super::*;

fn sources(dir: &Path, environment: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Sources {
    Sources {
        data_dir: Some(dir.to_owned()),
        environment: environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        flags: flags.iter().map(|(key, value)| (*key, (*value).to_owned())).collect(),
    }
}

fn with_file(text: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("conf")).unwrap();
    std::fs::write(Config::file_path(dir.path()), text).unwrap();
    dir
}

#[test]
fn defaults_load_and_every_setting_reaches_its_struct() {
    let dir = tempfile::tempdir().unwrap();
    let config = load(sources(dir.path(), &[], &[])).unwrap();
    assert_eq!(config.server.http_addr.to_string(), "127.0.0.1:3001");
    assert_eq!(config.server.ssh_addr.0.unwrap().port(), 2222);
    assert_eq!(config.provenance.len(), Config::settings().count());
    assert_eq!(config.log.format, LogFormat::Auto);
}

#[test]
fn later_sources_win() {
    let dir = with_file("[server]\nhttp_addr = \"127.0.0.1:1\"\nmax_connections = 7\n[log]\nlevel = \"warn\"\n");
    let environment = [("ATOMICQMS_HTTP_ADDR", "127.0.0.1:2"), ("ATOMICQMS__log__level", "debug")];
    let config = load(sources(dir.path(), &environment, &[])).unwrap();
    assert_eq!(config.server.http_addr.port(), 2);
    assert_eq!(config.server.max_connections, 7);
    assert_eq!(config.log.level, "debug");
    let config = load(sources(dir.path(), &environment, &[("server.http_addr", "127.0.0.1:3")])).unwrap();
    assert_eq!(config.server.http_addr.port(), 3);
    let upper = load(sources(dir.path(), &[("ATOMICQMS__SERVER__MAX_CONNECTIONS", "9")], &[])).unwrap();
    assert_eq!(upper.server.max_connections, 9);
}

#[test]
fn data_directory_and_admin_password_come_from_the_environment() {
    let dir = tempfile::tempdir().unwrap();
    let environment = vec![
        ("ATOMICQMS_DATA_DIR".to_owned(), dir.path().display().to_string()),
        ("ATOMICQMS_ADMIN_PASSWORD".to_owned(), "hunter2hunter2".to_owned()),
    ];
    let config = load(Sources { environment, ..Sources::default() }).unwrap();
    assert_eq!(config.data_dir, dir.path());
    assert_eq!(config.admin_password.as_ref().unwrap().expose(), "hunter2hunter2");
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn refusals_name_key_source_and_what_is_allowed() {
    // (file, environment, flags, words the message must hold)
    type Case = (
        &'static str,
        &'static [(&'static str, &'static str)],
        &'static [(&'static str, &'static str)],
        &'static [&'static str],
    );
    let cases: &[Case] = &[
        ("[server]\nhttp_port = 3\n", &[], &[], &["server.http_port", "atomicqms.toml", "http_addr"]),
        ("[sever]\nhttp_addr = \"127.0.0.1:1\"\n", &[], &[], &["sever.http_addr", "sections are server, log"]),
        ("[sever]\n", &[], &[], &["`sever`", "atomicqms.toml"]),
        ("http_addr = \"127.0.0.1:1\"\n", &[], &[], &["`http_addr`", "atomicqms.toml"]),
        (
            "[server]\nmax_connections = \"7\"\n",
            &[],
            &[],
            &["server.max_connections", "whole number from 1 to 1000000"],
        ),
        ("[server]\nmax_connections = 0\n", &[], &[], &["server.max_connections", "\"0\"", "from 1"]),
        ("[server\n", &[], &[], &["atomicqms.toml", "not valid TOML"]),
        ("[log]\nformat = \"xml\"\n", &[], &[], &["log.format", "\"xml\"", "auto, text, json"]),
        ("[log]\nlevel = \"a=b=c\"\n", &[], &[], &["log.level", "error, warn, info"]),
        ("", &[("ATOMICQMS__SERVER__HTTP_PORT", "3")], &[], &["server.http_port", "ATOMICQMS__SERVER__HTTP_PORT"]),
        ("", &[("ATOMICQMS__nothing", "3")], &[], &["nothing", "ATOMICQMS__nothing"]),
        (
            "",
            &[("ATOMICQMS_HTTP_ADDR", "localhost")],
            &[],
            &["server.http_addr", "ATOMICQMS_HTTP_ADDR", "127.0.0.1:3001"],
        ),
        ("", &[("ATOMICQMS_ROOT_URL", "ftp://x/")], &[], &["server.root_url", "http://"]),
        ("", &[("ATOMICQMS__server__trusted_proxies", "10.0.0.0/33")], &[], &["server.trusted_proxies", "10.0.0.0/8"]),
        (
            "",
            &[("ATOMICQMS_HTTP_ADDR", "127.0.0.1:1"), ("ATOMICQMS__server__http_addr", "127.0.0.1:2")],
            &[],
            &["server.http_addr", "ATOMICQMS_HTTP_ADDR", "ATOMICQMS__server__http_addr"],
        ),
        ("", &[], &[("server.ssh_addr", "on")], &["server.ssh_addr", "command line", "off"]),
        ("", &[("ATOMICQMS__metrics__token", "top\nsecret")], &[], &["metrics.token", "***"]),
        ("[mail]\nsmtp_password = \"top\\nsecret\"\n", &[], &[], &["mail.smtp_password", "***"]),
        ("[mail]\nsmtp_host = \"mail.example.org\"\n", &[], &[], &["mail.from", "mail.smtp_host"]),
        ("[mail]\nfrom = \"nobody\"\n", &[], &[], &["mail.from", "\"nobody\"", "qms@example.org"]),
        ("[mail]\nfrom = \"a@example.org\\nBcc: b@example.org\"\n", &[], &[], &["mail.from"]),
        ("[security]\nregistration = \"open\"\n", &[], &[], &["security.registration", "mail.smtp_host", "mail.from"]),
        (
            "[security]\nregistration_domains = [\"@x\"]\n",
            &[],
            &[],
            &["security.registration_domains", "*.example.org"],
        ),
        (
            "[mail]\nsmtp_host = \"mail.example.org\"\nfrom = \"a@example.org\"\nsmtp_security = \"none\"\nsmtp_user = \"u\"\n",
            &[],
            &[],
            &["mail.smtp_security", "starttls"],
        ),
    ];
    for (file, environment, flags, words) in cases {
        let dir = with_file(file);
        let message = load(sources(dir.path(), environment, flags)).expect_err(file).to_string();
        for word in *words {
            assert!(message.contains(word), "{message:?} does not hold {word:?}");
        }
        assert!(!message.contains("top\nsecret"));
    }
}

#[test]
fn networks_know_their_members() {
    let table = [
        ("10.0.0.0/8", "10.1.2.3", true),
        ("10.0.0.0/8", "11.1.2.3", false),
        ("10.0.0.0/8", "::ffff:10.1.2.3", true),
        ("0.0.0.0/0", "8.8.8.8", true),
        ("0.0.0.0/0", "::1", false),
        ("::1", "::1", true),
        ("fd00::/8", "fd12::1", true),
        ("192.0.2.7", "192.0.2.8", false),
    ];
    for (network, address, inside) in table {
        let network: Network = network.parse().unwrap();
        assert_eq!(network.contains(address.parse().unwrap()), inside, "{network} {address}");
    }
    for bad in ["", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "x"] {
        assert!(bad.parse::<Network>().is_err(), "{bad}");
    }
}

#[test]
fn effective_settings_mask_secrets_and_load_again() {
    let dir = tempfile::tempdir().unwrap();
    let environment =
        [("ATOMICQMS__metrics__token", "t0p-secret"), ("ATOMICQMS__server__trusted_proxies", "::1,10.0.0.0/8")];
    let config = load(sources(dir.path(), &environment, &[])).unwrap();
    let text = docs::effective(&config);
    assert!(!text.contains("t0p-secret"), "{text}");
    assert!(text.contains("token = \"***\"   # environment ATOMICQMS__metrics__token"), "{text}");
    let again = load(sources(with_file(&text).path(), &[], &[])).unwrap();
    assert_eq!(again.server, config.server);
    assert_eq!(again.git, config.git);
}

#[test]
fn the_documentation_lists_every_setting() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        text.contains(&docs::reference()),
        "docs/configuration.md is out of date: replace its tables by the output of `atomicqms config --reference`:\n{}",
        docs::reference()
    );
    for (name, _) in load::SHORT_NAMES {
        assert!(text.contains(name), "{name}");
    }
}
