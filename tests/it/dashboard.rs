//! Monitoring tells the truth: every metric that a dashboard panel or an alert names is one the server shows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::dsl::persona::Credential;
use crate::dsl::{Forge, Git};

/// Words of the query language that stand where a metric name could.
const KEYWORDS: [&str; 12] =
    ["and", "bool", "by", "group_left", "group_right", "ignoring", "offset", "on", "or", "unless", "vector", "without"];
/// What the Prometheus server adds itself.
const OF_PROMETHEUS: [&str; 1] = ["up"];

fn file(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The metrics that a PromQL expression selects.
///
/// Names are what is left when strings, selectors, ranges, label lists, functions, numbers and keywords are gone.
fn metrics_of(expression: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut rest = expression;
    let mut label_list_follows = false;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        if is_word(first) {
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            let takes_labels = ["by", "on", "without", "ignoring", "group_left", "group_right"].contains(&word);
            let next = after.trim_start();
            let is_function =
                ["(", "by ", "by(", "without "].iter().any(|start| next.starts_with(start)) && !takes_labels;
            if !is_function && !KEYWORDS.contains(&word) && !first.is_ascii_digit() {
                names.insert(word.to_owned());
            }
            label_list_follows = takes_labels;
            rest = after;
            continue;
        }
        let closing = match first {
            '"' => Some('"'),
            '{' => Some('}'),
            '[' => Some(']'),
            '(' if label_list_follows => Some(')'),
            _ => None,
        };
        rest = &rest[first.len_utf8()..];
        if let Some(closing) = closing {
            rest = rest.split_once(closing).unwrap_or_else(|| panic!("no {closing} in {expression}")).1;
        }
        label_list_follows &= first.is_whitespace();
    }
    names
}

/// Expressions by where they stand: every panel and annotation of every dashboard, every alert.
fn expressions() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let dashboard: serde_json::Value = serde_json::from_str(&file("grafana/dashboards/atomicqms.json")).unwrap();
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        let targets = panel["targets"].as_array().map_or(&[][..], Vec::as_slice);
        assert!(panel["type"] == "row" || !targets.is_empty(), "panel {title} shows nothing");
        for target in targets {
            let key = format!("panel {title}, {}", target["refId"].as_str().unwrap());
            assert!(found.insert(key, target["expr"].as_str().unwrap().to_owned()).is_none(), "two panels {title}");
        }
    }
    for annotation in dashboard["annotations"]["list"].as_array().unwrap() {
        found.insert(format!("annotation {}", annotation["name"]), annotation["expr"].as_str().unwrap().to_owned());
    }
    let alerts = file("grafana/prometheus/alerts.yml");
    let blocks = alerts.split("- alert: ").skip(1);
    for block in blocks {
        let name = block.lines().next().unwrap();
        let body = block.split_once("expr:").unwrap_or_else(|| panic!("alert {name} has no expr")).1;
        // An expression goes on over the lines that are indented deeper than its key.
        let mut lines = body.lines();
        let mut expression = lines.next().unwrap().trim().trim_start_matches('|').to_owned();
        for line in lines.take_while(|line| line.starts_with("          ")) {
            expression.push_str(line);
        }
        found.insert(format!("alert {name}"), expression);
    }
    found
}

/// Names of all samples in the text of `/metrics`.
fn shown(metrics: &str) -> BTreeSet<&str> {
    let samples = metrics.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    samples.map(|line| line.split(['{', ' ']).next().unwrap()).collect()
}

#[test]
fn every_metric_of_the_dashboard_and_the_alerts_is_shown_by_a_server_at_work() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("measured");
    let work = Git::new().init("work");
    work.commit("SOP-001.md", "# Cleaning\n");
    work.ok(&["push", "--quiet", &ada.url(&repository), "HEAD:refs/heads/main"]);
    Git::new().ok(&["clone", "--quiet", &ada.url(&repository), "copy"]);
    ada.by(Credential::Token("no-such-token".to_owned())).get("/api/v1/user").expect(401);
    let text = forge.get("/metrics").expect(200).text();
    let shown = shown(&text);

    let expressions = expressions();
    assert!(expressions.len() > 50, "only {} expressions were found", expressions.len());
    let mut missing = Vec::new();
    for (place, expression) in &expressions {
        let names = metrics_of(expression);
        assert!(!names.is_empty(), "{place}: no metric in {expression}");
        let unknown = names.iter().filter(|name| !shown.contains(name.as_str()));
        missing.extend(unknown.filter(|name| !OF_PROMETHEUS.contains(&name.as_str())).map(|n| format!("{place}: {n}")));
    }
    assert!(missing.is_empty(), "not on /metrics:\n{}\n\nshown: {shown:#?}", missing.join("\n"));
    forge.finish();
}

#[test]
fn names_are_found_among_everything_else_an_expression_holds() {
    let expression =
        r#"(sum by (le, route) (rate(a_bucket{route!~"x(y)"}[5m])) or vector(0)) / on () group_left () b_total > 0.5"#;
    let names: Vec<_> = metrics_of(expression).into_iter().collect();
    assert_eq!(names, ["a_bucket", "b_total"]);
}
