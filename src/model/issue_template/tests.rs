use super::*;

const CAPA: &str = "
name: CAPA
description: Corrective and preventive action
title: '[CAPA]: '
labels: [type/CAPA, severity/Major]
assignees: ada, bob
body:
  - type: markdown
    attributes:
      value: Say what happened.
  - type: input
    id: lot
    attributes:
      label: Lot
    validations:
      required: true
  - type: dropdown
    id: severity
    attributes:
      label: Severity
      options: [Minor, Major]
  - type: checkboxes
    id: done
    attributes:
      label: Done
      options:
        - label: Contained
          required: true
";

#[test]
fn a_form_is_read_whole() {
    let form = read_template(".gitea/ISSUE_TEMPLATE/capa.yaml", CAPA).unwrap();
    assert_eq!((form.name.as_str(), form.about.as_str()), ("CAPA", "Corrective and preventive action"));
    assert_eq!(
        (form.labels, form.assignees),
        (vec!["type/CAPA".to_owned(), "severity/Major".into()], vec!["ada".to_owned(), "bob".into()])
    );
    assert_eq!(form.fields.len(), 4);
    assert_eq!(form.fields[0].visible, [Place::Form]);
    assert_eq!(form.fields[1].validations["required"], true);
    assert_eq!(form.fields[3].attributes["options"][0]["label"], "Contained");
    let shown = serde_json::to_value(&form.fields[1]).unwrap();
    assert_eq!((shown["type"].as_str(), shown["visible"].as_array().map(Vec::len)), (Some("input"), Some(2)));
}

#[test]
fn a_template_is_front_matter_and_text() {
    let text = "---\r\nname: Deviation\r\nabout: What departed\r\nlabels:\r\n- a\r\n---\r\n\r\n## What\n---\nrest";
    let template = read_template("ISSUE_TEMPLATE/deviation.md", text).unwrap();
    assert_eq!((template.name.as_str(), template.content.as_str()), ("Deviation", "\r\n## What\n---\nrest"));
    assert_eq!((template.labels, template.fields), (vec!["a".to_owned()], vec![]));
}

#[test]
fn what_is_wrong_is_said() {
    let one = |field: &str| format!("name: n\nabout: a\nbody:\n  - {field}\n");
    let table = [
        ("a.md", String::new(), "'about' is required"),
        ("a.md", "---\nname: n\n---\n".into(), "'about' is required"),
        ("a.md", "---\nabout: n\n---\n".into(), "'name' is required"),
        ("a.yaml", "name: n\nabout: a\n".into(), "'body' is required"),
        ("a.yaml", one("{type: poem, id: x, attributes: {label: l}}"), "poem"),
        ("a.yaml", one("{type: input, id: x}"), "'label' is required"),
        ("a.yaml", one("{type: input, id: 'x y', attributes: {label: l}}"), "letters"),
        ("a.yaml", one("{type: markdown}"), "'value' is required"),
        ("a.yaml", one("{type: dropdown, id: x, attributes: {label: l}}"), "'options'"),
        ("a.yaml", one("{type: dropdown, id: x, attributes: {label: l, options: [1]}}"), "no text"),
        ("a.yaml", one("{type: checkboxes, id: x, attributes: {label: l, options: [a]}}"), "no text"),
        (
            "a.yaml",
            one("{type: input, id: x, attributes: {label: l}}") + "  - {type: input, id: x, attributes: {label: l}}\n",
            "unique",
        ),
        // The second has the id 1 by its place.
        (
            "a.yaml",
            one("{type: input, id: 1, attributes: {label: l}}") + "  - {type: input, attributes: {label: l}}\n",
            "unique",
        ),
    ];
    for (name, text, expected) in table {
        let said = read_template(name, &text).unwrap_err();
        assert!(said.contains(expected), "{text}: {said}");
    }
}

#[test]
fn a_field_without_a_name_is_named_by_its_place() {
    let text = "name: n\nabout: a\nbody:\n  - {type: markdown, attributes: {value: v}}\n  - {type: input, attributes: {label: l}}\n  \
         - {type: markdown, id: 'x y', attributes: {value: v}}\n  - {type: input, id: lot, attributes: {label: l}}\n";
    let form = read_template("a.yaml", text).unwrap();
    assert_eq!(form.fields.iter().map(|field| field.id.as_str()).collect::<Vec<_>>(), ["0", "1", "x y", "lot"]);
}

#[test]
fn a_text_without_front_matter_is_a_template_named_after_its_file() {
    for text in ["## What\n", "---\n- Title\n---\nmore", "---\n---\nmore", "---\nname: [\n---\n", "---\nname: n\n"] {
        let template = read_template(".gitea/ISSUE_TEMPLATE/plain.md", text).unwrap();
        assert_eq!((template.name.as_str(), template.content.as_str()), ("plain.md", text));
        assert_eq!(template.about, text);
    }
    let long = "\u{e4}".repeat(81);
    let template = read_template("a.md", &long).unwrap();
    assert_eq!(template.about, format!("{}\u{2026}", "\u{e4}".repeat(79)));
    assert_eq!(read_template("a.md", &long[2..]).unwrap().about.chars().last(), Some('\u{e4}'), "80 fit");
}

#[test]
fn a_ref_without_its_kind_is_a_branch() {
    for (given, expected) in [
        ("ref: main\n", "refs/heads/main"),
        ("ref: refs/tags/v1\n", "refs/tags/v1"),
        ("ref: heads/x\n", "refs/heads/heads/x"),
        ("", "refs/heads/"),
    ] {
        let text = format!("---\nname: n\nabout: a\n{given}---\n");
        assert_eq!(read_template("a.md", &text).unwrap().reference, expected);
    }
}

#[test]
fn hostile_yaml_ends_soon() {
    let mut laughs = "name: n\nabout: a\nl0: &l0 [x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..30 {
        laughs.push_str(&format!("l{level}: &l{level} [{}]\n", vec![format!("*l{}", level - 1); 8].join(", ")));
    }
    laughs.push_str("body: *l29\n");
    let deep = format!("name: n\nabout: a\nbody: {}{}", "[".repeat(20_000), "]".repeat(20_000));
    let many = format!("name: n\nabout: a\nbody:\n{}", "  - {type: markdown, attributes: {value: v}}\n".repeat(1500));
    for text in [laughs, deep, many] {
        assert!(read_template("a.yaml", &text).is_err());
    }
}

#[test]
fn the_configuration_is_checked() {
    assert_eq!(read_config("").unwrap(), IssueConfig::default());
    let text = "blank_issues_enabled: false\ncontact_links:\n- {name: Lab, url: 'https://example.org', about: Ask}\n";
    let config = read_config(text).unwrap();
    assert!(!config.blank_issues_enabled && config.contact_links.len() == 1);
    for bad in [
        "contact_links:\n- {name: Lab, about: Ask}\n",
        "contact_links:\n- {name: Lab, about: Ask, url: 'javascript:alert(1)'}\n",
        "contact_links: 3\n",
        "blank_issues_enabled: maybe\n",
    ] {
        assert!(read_config(bad).is_err(), "{bad}");
    }
}
