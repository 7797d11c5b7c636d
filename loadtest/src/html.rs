//! A report as one page that needs nothing else: tables, and plots drawn as SVG inside.
//!
//! Owns escaping: every text that is given goes through it. Chooses no figures. Called by the reports.

mod plot;

use std::fmt::Write as _;
use std::path::Path;

use crate::report::RunReport;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#222}\
table{border-collapse:collapse;margin:1rem 0}th,td{border-bottom:1px solid #ddd;padding:.25rem .75rem;text-align:left}\
td:not(:first-child){text-align:right;font-variant-numeric:tabular-nums}figure{margin:1rem 0}svg{max-width:100%}\
svg text{font:12px system-ui,sans-serif;fill:#222}";

/// A page in the making.
#[derive(Debug)]
pub(crate) struct Page {
    text: String,
}

/// One bar of a chart.
#[derive(Debug)]
pub(crate) struct Bar {
    /// Whose it is.
    pub(crate) label: String,
    /// Its length.
    pub(crate) value: f64,
    /// Its length in words.
    pub(crate) shown: String,
}

/// One line of a chart over time.
#[derive(Debug)]
pub(crate) struct Line {
    /// What it shows.
    pub(crate) label: String,
    /// Seconds and values.
    pub(crate) points: Vec<(f64, f64)>,
}

impl Page {
    /// A page with a title.
    pub(crate) fn new(title: &str) -> Self {
        let title = escape(title);
        let text = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
             <style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        );
        Self { text }
    }

    /// A heading.
    pub(crate) fn heading(&mut self, text: &str) {
        let _ = writeln!(self.text, "<h2>{}</h2>", escape(text));
    }

    /// A paragraph.
    pub(crate) fn text(&mut self, text: &str) {
        let _ = writeln!(self.text, "<p>{}</p>", escape(text));
    }

    /// A table.
    pub(crate) fn table(&mut self, head: &[&str], rows: &[Vec<String>]) {
        self.text.push_str("<table>\n<tr>");
        for cell in head {
            let _ = write!(self.text, "<th scope=\"col\">{}</th>", escape(cell));
        }
        self.text.push_str("</tr>\n");
        for row in rows {
            self.text.push_str("<tr>");
            for cell in row {
                let _ = write!(self.text, "<td>{}</td>", escape(cell));
            }
            self.text.push_str("</tr>\n");
        }
        self.text.push_str("</table>\n");
    }

    /// A bar chart; nothing when there are no bars.
    pub(crate) fn bars(&mut self, title: &str, bars: &[Bar]) {
        if !bars.is_empty() {
            self.figure(title, &plot::bars(bars));
        }
    }

    /// Lines over time; nothing when there are no points.
    pub(crate) fn lines(&mut self, title: &str, lines: &[Line]) {
        if lines.iter().any(|line| line.points.len() > 1) {
            self.figure(title, &plot::lines(lines));
        }
    }

    fn figure(&mut self, title: &str, svg: &str) {
        let _ = writeln!(self.text, "<figure>\n<figcaption>{}</figcaption>\n{svg}</figure>", escape(title));
    }

    /// Writes the page.
    ///
    /// Errors: the file cannot be written.
    pub(crate) fn write(self, path: &Path) -> Result<(), String> {
        let text = self.text + "</body>\n</html>\n";
        std::fs::write(path, text).map_err(|e| format!("cannot write {}: {e}", path.display()))
    }
}

/// The server's memory over a run.
pub(crate) fn memory(page: &mut Page, label: &str, run: &RunReport) {
    let line = |label: &str, index: usize| {
        let points = run.memory.iter().map(|sample| (sample[0], sample[index])).collect();
        Line { label: label.to_owned(), points }
    };
    page.lines(&format!("{label}: server memory, MB over seconds"), &[line("resident", 1), line("anonymous", 2)]);
}

/// Text that cannot be taken for markup, inside elements and attributes.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_given_becomes_markup_and_nothing_is_fetched() {
        let evil = "<script src='http://evil/'>&\"";
        let mut page = Page::new(evil);
        page.heading(evil);
        page.text(evil);
        page.table(&[evil], &[vec![evil.to_owned()]]);
        page.bars(evil, &[Bar { label: evil.to_owned(), value: 1.0, shown: evil.to_owned() }]);
        page.lines(evil, &[Line { label: evil.to_owned(), points: vec![(0.0, 1.0), (1.0, 2.0)] }]);
        assert!(!page.text.contains("<script") && !page.text.contains("src='"), "{}", page.text);
        assert_eq!(page.text.matches("&lt;script").count(), 11);
        assert!(!page.text.contains("href") && !page.text.contains("@import"), "{}", page.text);
    }
}
