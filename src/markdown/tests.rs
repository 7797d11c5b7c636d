//! What renders as what, and that nothing active comes out whatever goes in.

use std::time::{Duration, Instant};

use super::*;

fn context(mode: Mode) -> Context {
    Context {
        mode,
        root_url: "http://h/".into(),
        repository: Some("ada/sops".into()),
        base: Some(Base {
            links: "http://h/ada/sops/src/branch/main".into(),
            media: "http://h/ada/sops/media/branch/main".into(),
            directory: "doc".into(),
        }),
        users: [("bob".to_owned(), "Bob".to_owned())].into(),
        commits: ["0123456".to_owned(), "0123456789abcdef0123456789abcdef01234567".to_owned()].into(),
    }
}

fn comment(text: &str) -> String {
    render(text, &context(Mode::Comment)).trim_end().to_owned()
}

fn document(text: &str) -> String {
    render(text, &context(Mode::Document)).trim_end().to_owned()
}

#[test]
fn github_flavour() {
    let table = [
        ("~~old~~ **new**", "<p><del>old</del> <strong>new</strong></p>"),
        ("```rust\nfn a() {}\n```", "<pre><code class=\"language-rust\">fn a() {}\n</code></pre>"),
        ("```mermaid\ngraph LR\n```", "<pre><code class=\"language-mermaid\">graph LR\n</code></pre>"),
        ("# A *b*\n\n# A b", "<h1 id=\"user-content-a-b\">A <em>b</em></h1>\n<h1 id=\"user-content-a-b-1\">A b</h1>"),
        ("a :smile:", "<p>a 😄</p>"),
        ("one\ntwo", "<p>one\ntwo</p>"),
    ];
    for (text, expected) in table {
        assert_eq!(document(text), expected, "{text}");
    }
    assert_eq!(comment("one\ntwo"), "<p>one<br>\ntwo</p>");
    let tasks = document("- [x] done\n- [ ] open");
    assert!(tasks.contains("<li class=\"task-list-item\"><input"), "{tasks}");
    assert_eq!((tasks.matches("disabled=\"\"").count(), tasks.matches("checked=\"\"").count()), (2, 1), "{tasks}");
    let cells = document("| a | b |\n|---|--:|\n| 1 | 2 |");
    assert!(cells.contains("<th align=\"right\">b</th>") && cells.contains("<td align=\"right\">2</td>"), "{cells}");
    let note = document("a[^1]\n\n[^1]: b");
    assert!(note.contains("href=\"#user-content-fn-1\"") && note.contains("id=\"user-content-fn-1\""), "{note}");
    assert!(note.contains("href=\"#user-content-fnref-1\"") && note.contains("id=\"user-content-fnref-1\""), "{note}");
    let alert = document("> [!WARNING]\n> careful");
    assert!(alert.contains("class=\"markdown-alert markdown-alert-warning\""), "{alert}");
}

#[test]
fn front_matter_is_a_table_in_files_only() {
    let text = "---\ntitle: \"SOP <1>\"\ntags:\n  - a\n  - b\n---\n# Body\n";
    let html = document(text);
    assert!(html.starts_with("<table>"), "{html}");
    assert!(
        html.contains("<th>title</th>") && html.contains("<td>SOP &lt;1&gt;</td>") && html.contains("<td>a, b</td>"),
        "{html}"
    );
    assert!(html.contains("user-content-body"), "{html}");
    assert!(!comment(text).contains("<table>"));
    for plain in ["---\nnot yaml at all\n---\n", "---\n---\n", "---\nkey: never ends\n"] {
        assert!(!document(plain).contains("<table>"), "{plain}");
    }
}

#[test]
fn references_become_links() {
    let issue =
        |n: &str| format!("<a href=\"http://h/ada/sops/issues/{n}\" class=\"ref-issue\" rel=\"nofollow\">#{n}</a>");
    let table = [
        ("#12", format!("<p>{}</p>", issue("12"))),
        ("(see #12).", format!("<p>(see {}).</p>", issue("12"))),
        ("!3", "<p><a href=\"http://h/ada/sops/pulls/3\" class=\"ref-issue\" rel=\"nofollow\">!3</a></p>".into()),
        ("x/y#4", "<p><a href=\"http://h/x/y/issues/4\" class=\"ref-issue\" rel=\"nofollow\">x/y#4</a></p>".into()),
        ("x/y!4", "<p><a href=\"http://h/x/y/pulls/4\" class=\"ref-issue\" rel=\"nofollow\">x/y!4</a></p>".into()),
        ("hi @bob.", "<p>hi <a href=\"http://h/Bob\" class=\"mention\" rel=\"nofollow\">@bob</a>.</p>".into()),
        ("@nobody", "<p>@nobody</p>".into()),
        (
            "fixed in 0123456",
            "<p>fixed in <a href=\"http://h/ada/sops/commit/0123456\" class=\"commit\" rel=\"nofollow\"><code>0123456</code></a></p>".into(),
        ),
        ("7654321", "<p>7654321</p>".into()),
        ("a#1 #01 #1a `#1` &#35;1x", "<p>a#1 #01 #1a <code>#1</code> #1x</p>".into()),
        ("[#1](http://x/)", "<p><a href=\"http://x/\" rel=\"nofollow\">#1</a></p>".into()),
        ("http://h/ada/sops/issues/7", "<p><a href=\"http://h/ada/sops/issues/7\" class=\"ref-issue\" rel=\"nofollow\">#7</a></p>".into()),
        ("http://h/x/y/pulls/7", "<p><a href=\"http://h/x/y/pulls/7\" class=\"ref-issue\" rel=\"nofollow\">x/y!7</a></p>".into()),
        (
            "http://h/ada/sops/commit/0123456789abcdef0123456789abcdef01234567",
            "<p><a href=\"http://h/ada/sops/commit/0123456789abcdef0123456789abcdef01234567\" class=\"commit\" rel=\"nofollow\"><code>0123456789</code></a></p>".into(),
        ),
    ];
    for (text, expected) in table {
        assert_eq!(comment(text), expected, "{text}");
    }
    assert_eq!(render("#12 @bob", &context(Mode::Raw)).trim_end(), "<p>#12 @bob</p>");
    assert!(document("# Fix #12").contains("id=\"user-content-fix-12\""), "a heading keeps its name");
    let found =
        candidates("@bob @ada. and 0123456, 0123456 0123456789abcdef0123456789abcdef01234567 mail@host xyz1234");
    assert_eq!(found.users, ["bob", "ada", "host"]);
    assert_eq!(found.commits, ["0123456", "0123456789abcdef0123456789abcdef01234567"]);
}

#[test]
fn relative_addresses_lead_into_the_repository() {
    let src = "http://h/ada/sops/src/branch/main";
    let table = [
        ("[a](b.md)", format!("href=\"{src}/doc/b.md\"")),
        ("[a](/b.md)", format!("href=\"{src}/b.md\"")),
        ("[a](../b.md?x=1#y)", format!("href=\"{src}/b.md?x=1#y\"")),
        ("[a](../../../../etc)", format!("href=\"{src}/etc\"")),
        ("[a](#part)", "href=\"#user-content-part\"".into()),
        ("![a](b.png)", "src=\"http://h/ada/sops/media/branch/main/doc/b.png\"".into()),
        ("<img src='b.png'>", "src=\"http://h/ada/sops/media/branch/main/doc/b.png\"".into()),
        ("<a href=b.md>x</a>", format!("href=\"{src}/doc/b.md\"")),
        ("[a](https://x/y)", "href=\"https://x/y\"".into()),
        ("[a](mailto:a@b.c)", "href=\"mailto:a@b.c\"".into()),
    ];
    for (text, expected) in table {
        let html = document(text);
        assert!(html.contains(&expected), "{text}: {html}");
    }
    let bare = Context { base: None, ..context(Mode::Raw) };
    assert!(render("[a](b.md)", &bare).contains("href=\"b.md\""));
}

#[test]
fn raw_html_is_closed_where_its_surroundings_end() {
    let table = [
        ("a <b>b", "<p>a <b>b</b></p>"),
        ("a <b>b\n\nc</b>", "<p>a <b>b</b></p>\n<p>c</p>"),
        (
            "<details><summary>s</summary>\n\n*x*\n\n</details>",
            "<details><summary>s</summary>\n<p><em>x</em></p>\n</details>",
        ),
        ("- <div>\n- b", "<ul>\n<li>\n<div>\n</div></li>\n<li>b</li>\n</ul>"),
        ("a </div></p> b", "<p>a  b</p>"),
        (
            "<p align=\"center\">\n<img src=\"logo.png\" width=\"200\" onload=\"x\">\n</p>\n\n<a name=\"x\"></a>\n\nT",
            "<p align=\"center\"><img src=\"http://h/ada/sops/media/branch/main/doc/logo.png\" width=\"200\"></p><p><a rel=\"nofollow\"></a></p><p>T</p>",
        ),
        ("<ul>\n<li>a\n<li>b\n</ul>", "<ul><li>a</li><li>b</li></ul>"),
        (
            "| a |\n|---|\n| <ul><li>x |",
            "<table><thead><tr><th>a</th></tr></thead><tbody><tr><td><ul><li>x</li></ul></td></tr></tbody></table>",
        ),
    ];
    for (text, expected) in table {
        let squeezed = |html: &str| html.replace('\n', "");
        assert_eq!(squeezed(&document(text)), squeezed(expected), "{text}");
    }
}

/// Inputs that other renderers fell for, in the manner of the OWASP lists.
const HOSTILE: &[&str] = &[
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<script\n>alert(1)</script >",
    "<script>alert(1)",
    "a <script>alert(1)</script> b",
    "<img src=x onerror=alert(1)>",
    "<img src=x onerror\n=\nalert(1)>",
    "<img/src=x/onerror=alert(1)>",
    "<img src=\"x\" onerror=\"alert(1)\"/>",
    "<img src='x'onerror=alert(1)>",
    "<img src=`x`onerror=alert(1)>",
    "<img =src=x onerror=alert(1)>",
    "<img \"\"\"><script>alert(1)</script>\">",
    "<a href=\"javascript:alert(1)\">x</a>",
    "<a href=\"JaVaScRiPt:alert(1)\">x</a>",
    "<a href=\" \u{1}javascript:alert(1)\">x</a>",
    "<a href=\"java\tscript:alert(1)\">x</a>",
    "<a href=\"java\nscript:alert(1)\">x</a>",
    "<a href=\"java&#10;script:alert(1)\">x</a>",
    "<a href=\"&#106;avascript:alert(1)\">x</a>",
    "<a href=\"&#x6a;avascript&colon;alert(1)\">x</a>",
    "<a href=\"&#0000106avascript:alert(1)\">x</a>",
    "<a href=\"javascript&#58;alert(1)\">x</a>",
    "<a href=\"data:text/html,<script>alert(1)</script>\">x</a>",
    "<a href=\"vbscript:msgbox(1)\">x</a>",
    "<a href=\"view-source:javascript:alert(1)\">x</a>",
    "[x](javascript:alert(1))",
    "[x](JAVASCRIPT:alert(1))",
    "[x](<java script:alert(1)>)",
    "[x](javascript&colon;alert(1))",
    "[x](java&#x0a;script:alert(1))",
    "[x](&#1;javascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:x)",
    "<javascript:alert(1)>",
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml,<svg onload=alert(1)>)",
    "![x\" onerror=\"alert(1)](y)",
    "[x](y \"z\\\" onmouseover=\\\"alert(1)\")",
    "[x]\n\n[x]: javascript:alert(1)",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><a xlink:href=\"javascript:alert(1)\"><text>x</text></a></svg>",
    "<svg><animate attributeName=href values=javascript:alert(1) /></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<math href=\"javascript:alert(1)\">x</math>",
    "<math><annotation-xml encoding=\"text/html\"><script>alert(1)</script></annotation-xml></math>",
    "<style>*{background:url(javascript:alert(1))}</style>",
    "<p style=\"background:url(javascript:alert(1))\">x</p>",
    "<meta http-equiv=refresh content=\"0;url=javascript:alert(1)\">",
    "<base href=\"javascript:alert(1)//\">",
    "<link rel=stylesheet href=//evil/x.css>",
    "<form action=//evil><input name=password><button formaction=javascript:alert(1)>x</button></form>",
    "<input type=text autofocus onfocus=alert(1)>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc=\"<script>alert(1)</script>\"></iframe>",
    "<object data=javascript:alert(1)></object>",
    "<embed src=javascript:alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<details open ontoggle=alert(1)>x</details>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\"></noscript>",
    "<textarea><p title=\"</textarea><img src=x onerror=alert(1)>\"></textarea>",
    "<xmp><p title=\"</xmp><img src=x onerror=alert(1)>\"></xmp>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<!--\u{2d}-><img src=x onerror=alert(1)>",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<?x <img src=x onerror=alert(1)> ?>",
    "<p title='<!--' ><script>alert(1)</script>-->",
    "<p title=\"--><img src=x onerror=alert(1)>\">x</p>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "```\"><script>alert(1)</script>\nx\n```",
    "```x\" onclick=\"alert(1)\nx\n```",
    "# <img src=x onerror=alert(1)>",
    "# \"><script>alert(1)</script>",
    "| <script>alert(1)</script> |\n|---|\n| <img src=x onerror=alert(1)> |",
    "[^\"><script>alert(1)</script>]\n\n[^\"><script>alert(1)</script>]: x",
    "---\n\"<script>alert(1)</script>\": '<img src=x onerror=alert(1)>'\n---\n",
    "http://h/ada/sops/issues/1\"onmouseover=alert(1)",
    "x/y#1\"><script>alert(1)</script>",
    "@bob\"><script>alert(1)</script>",
    "<a id=x name=y class=mention href=//evil>x</a><img id=documentElement>",
    "<div id=\"user-content-a\" onclick=alert(1)>x</div>",
    "\0<script\0>alert(1)</script\0>",
    "<\u{0}img src=x onerror=alert(1)>",
    "<img src=\"x\u{0}\" onerror=alert(1)>",
];

/// Every tag of what came out, parsed strictly: what is no tag of ours, no attribute of ours or no address of ours fails.
fn check_passive(source: &str, html: &str) {
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let tag = &rest[at + 1..];
        let end = tag.find('>').unwrap_or_else(|| panic!("{source:?}: a tag without end: {html}"));
        let (inside, after) = tag.split_at(end);
        rest = &after[1..];
        let name: String = inside.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        let is_known =
            raw_html::TAGS.iter().any(|(known, _)| *known == name) || ["input", "section"].contains(&name.as_str());
        assert!(is_known, "{source:?}: <{inside}> in {html}");
        let mut attributes = inside.trim_start_matches('/')[name.len()..].trim();
        while !attributes.is_empty() {
            let (attribute, value) = attributes.split_once("=\"").unwrap_or_else(|| panic!("{source:?}: {inside}"));
            let (value, after) = value.split_once('"').unwrap_or_else(|| panic!("{source:?}: {inside}"));
            attributes = after.trim();
            let known = [
                "href", "src", "id", "title", "lang", "dir", "align", "alt", "width", "height", "start", "class",
                "rel", "type", "checked", "disabled", "open", "colspan", "rowspan", "scope", "value", "reversed",
            ];
            assert!(known.contains(&attribute), "{source:?}: {attribute} in {html}");
            match attribute {
                "href" | "src" => {
                    let is_relative = !value.split(['/', '?', '#']).next().unwrap().contains(':');
                    let is_web = ["http://", "https://", "mailto:"]
                        .iter()
                        .any(|scheme| value.to_lowercase().starts_with(scheme));
                    assert!(is_relative || is_web, "{source:?}: {value} in {html}");
                    assert!(!value.contains("&#") && !value.contains("&colon"), "{source:?}: {value}");
                }
                "id" => assert!(value.starts_with("user-content-"), "{source:?}: {value} in {html}"),
                _ => {}
            }
        }
    }
}

#[test]
fn nothing_active_survives() {
    for source in HOSTILE {
        for mode in [Mode::Raw, Mode::Comment, Mode::Document] {
            check_passive(source, &render(source, &context(mode)));
            let bare = Context { base: None, ..context(mode) };
            check_passive(source, &render(source, &bare));
        }
    }
    // In one another, and in places where a parser is in another state.
    for outer in HOSTILE {
        for inner in HOSTILE.iter().step_by(7) {
            for source in [format!("{outer}{inner}"), format!("{outer}\n\n{inner}"), format!("> {outer}\n- {inner}")] {
                check_passive(&source, &render(&source, &context(Mode::Document)));
            }
        }
    }
}

#[test]
fn every_rendering_ends_soon() {
    const MIB: usize = MAX_INPUT_BYTES;
    let fill = |pattern: &str| pattern.repeat(MIB / pattern.len());
    let mut inputs: Vec<(String, String)> = [
        "[",
        "*",
        "<",
        "`",
        "_",
        "~",
        "!",
        "![",
        "](",
        "[]",
        "<b>",
        "<b id=1>",
        "</b>",
        "<div>",
        "<p>",
        "<li>x</li>",
        "<table><tr><td>",
        "**a ",
        "*_",
        "[a](",
        "> ",
        ">",
        "- ",
        "1. ",
        "&",
        "&amp",
        "#1 ",
        "@bob ",
        "a/b#1 ",
        "0123456 ",
        "|",
        "|-",
        "<!--",
        "<![CDATA[",
        "<?",
        "\\",
        "\n>",
        "\n- ",
        "[^a]",
        "[^a]: ",
        ":a:",
        "www.a ",
        "http://",
        "a@b.c ",
        "<a href=",
        "<a href='",
        "$",
        "\t",
        "\r",
        "\0",
        "𝕏",
        "# a\n",
        "```\n",
        "a\n\n",
        "<b>x\n\n",
        "<script>",
        "<script></script>",
        "<style></b></style>",
        "<svg>",
        "| a |\n|---|\n",
    ]
    .iter()
    .map(|pattern| ((*pattern).to_owned(), fill(pattern)))
    .collect();
    let deep = 10_000;
    inputs.push(("quotes".into(), format!("{}a", "> ".repeat(deep))));
    inputs.push(("emphasis".into(), format!("{}a{}", "*_".repeat(deep), "_*".repeat(deep))));
    inputs.push(("links".into(), format!("{}a{}", "[".repeat(deep), "](b)".repeat(deep))));
    inputs.push(("images".into(), format!("{}a{}", "![".repeat(deep), "](b)".repeat(deep))));
    inputs.push(("tags".into(), format!("{}a{}", "<div>".repeat(deep), "</div>".repeat(deep))));
    inputs.push(("li and b".into(), format!("<li>{}{}", "<b>".repeat(60), "<li>x</li>".repeat(MIB / 11 - 40))));
    inputs.push(("list, then lines".into(), format!("{}a\n{}", "- ".repeat(90), "\n".repeat(MIB / 2))));
    inputs.push(("rows".into(), format!("|a|\n|-|\n{}", "|b\n".repeat(MIB / 4))));
    inputs.push((
        "wide table".into(),
        format!("{}|\n{}|\n{}", "|a".repeat(5000), "|-".repeat(5000), "|\n".repeat(100_000)),
    ));
    inputs.push(("definitions".into(), (0..40_000).map(|n| format!("[{n}]: /x\n[{n}]\n\n")).collect()));
    inputs.push(("footnotes".into(), (0..30_000).map(|n| format!("[^{n}]\n\n[^{n}]: x\n\n")).collect()));
    inputs.push(("headings".into(), "# a\n\n".repeat(MIB / 5)));
    for (name, input) in inputs {
        let input = &input[..input.floor_char_boundary(MIB)];
        let begun = Instant::now();
        let html = render(input, &context(Mode::Document));
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(20), "{name:?} took {took:?}");
        assert!(html.len() < 200 * MIB, "{name:?} grew to {} bytes", html.len());
    }
    let too_large = "a".repeat(MIB + 1);
    assert!(render(&too_large, &context(Mode::Raw)).starts_with("<pre>"));
}

proptest::proptest! {
    /// Pieces of syntax in any order: no panic, nothing active, and the same again for what came out.
    #[test]
    fn any_mixture_is_passive(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..60)) {
        let source = pieces.concat();
        let html = render(&source, &context(Mode::Document));
        check_passive(&source, &html);
        check_passive(&html, &render(&html, &context(Mode::Comment)));
    }
}

const PIECES: &[&str] = &[
    "<",
    ">",
    "\"",
    "'",
    "`",
    "```",
    "=",
    "/",
    "\\",
    "&",
    ";",
    "#",
    "!",
    "@bob",
    "[",
    "]",
    "(",
    ")",
    "*",
    "_",
    "~~",
    "|",
    "-",
    "\n",
    "\n\n",
    " ",
    "\t",
    "    ",
    "> ",
    "- ",
    "1. ",
    "<a href=",
    "<img src=",
    "<p>",
    "</p>",
    "<div ",
    "<b>",
    "</b>",
    "<script>",
    "</script>",
    "<style>",
    "<svg>",
    "<math>",
    "<table>",
    "<td>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?",
    "onerror=alert(1)",
    "javascript:alert(1)",
    "&#106;",
    "&colon;",
    "x",
    "a.b",
    "http://h/ada/sops/issues/1",
    "0123456",
    "x/y#1",
    ":smile:",
    "[^1]",
    "[^1]: ",
    "---\n",
    "|---|",
    "title=",
    "id=",
    "class=",
    "\0",
    "\u{202e}",
    "<details>",
    "<summary>",
    "<li>",
    "<iframe srcdoc=",
    "<noscript>",
    "<textarea>",
    "<title>",
];
