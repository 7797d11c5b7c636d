//! The two plots of a report, as SVG text.
//!
//! Owns scales and places. Values that are no numbers are drawn as nothing. Called by `html`.

use std::fmt::Write as _;

use super::{Bar, Line, escape};

const WIDTH: f64 = 760.0;
const LABEL_WIDTH: f64 = 130.0;
const BAR_HEIGHT: f64 = 22.0;
const PLOT_HEIGHT: f64 = 220.0;
const COLOURS: [&str; 4] = ["#3465a4", "#c4702b", "#4e8a2f", "#7d5a8c"];

/// Bars from the left, the longest as long as there is room.
pub(super) fn bars(bars: &[Bar]) -> String {
    let greatest = bars.iter().map(|bar| finite(bar.value)).fold(f64::MIN_POSITIVE, f64::max);
    let mut out = start(BAR_HEIGHT * bars.len() as f64);
    for (n, bar) in bars.iter().enumerate() {
        let top = BAR_HEIGHT * n as f64;
        let length = finite(bar.value) / greatest * (WIDTH - LABEL_WIDTH - 90.0);
        let _ = writeln!(
            out,
            "<text x=\"0\" y=\"{:.1}\">{}</text><rect x=\"{LABEL_WIDTH}\" y=\"{:.1}\" width=\"{length:.1}\" \
             height=\"{:.1}\" fill=\"{}\"/><text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            top + 15.0,
            escape(&bar.label),
            top + 3.0,
            BAR_HEIGHT - 6.0,
            colour(n),
            LABEL_WIDTH + length + 6.0,
            top + 15.0,
            escape(&bar.shown),
        );
    }
    out + "</svg>\n"
}

/// Lines over a common time, from zero up.
pub(super) fn lines(lines: &[Line]) -> String {
    let points = || lines.iter().flat_map(|line| &line.points);
    let end = points().map(|point| finite(point.0)).fold(f64::MIN_POSITIVE, f64::max);
    let greatest = points().map(|point| finite(point.1)).fold(f64::MIN_POSITIVE, f64::max);
    let (left, bottom) = (60.0, PLOT_HEIGHT - 24.0);
    let x = |value: f64| left + finite(value) / end * (WIDTH - left - 10.0);
    let y = |value: f64| bottom - finite(value) / greatest * (bottom - 20.0);
    let mut out = start(PLOT_HEIGHT);
    let _ = writeln!(
        out,
        "<path d=\"M{left} 20V{bottom}H{WIDTH}\" fill=\"none\" stroke=\"#999\"/><text x=\"0\" y=\"24\">{greatest:.1}</text>\
         <text x=\"0\" y=\"{bottom}\">0</text><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{end:.1} s</text>",
        WIDTH - 10.0,
        PLOT_HEIGHT - 6.0,
    );
    for (n, line) in lines.iter().enumerate() {
        let path: Vec<String> =
            line.points.iter().map(|(time, value)| format!("{:.1},{:.1}", x(*time), y(*value))).collect();
        let _ = writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\"/><text x=\"{:.1}\" y=\"12\" style=\"fill:{}\">{}</text>",
            path.join(" "),
            colour(n),
            left + 10.0 + 120.0 * n as f64,
            colour(n),
            escape(&line.label),
        );
    }
    out + "</svg>\n"
}

fn start(height: f64) -> String {
    format!("<svg viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\n")
}

fn colour(n: usize) -> &'static str {
    COLOURS.get(n % COLOURS.len()).copied().unwrap_or("#000")
}

fn finite(value: f64) -> f64 {
    if value.is_finite() { value.max(0.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_fills_the_room_and_nonsense_is_empty() {
        let bar = |value| Bar { label: "l".into(), value, shown: "s".into() };
        let svg = bars(&[bar(5.0), bar(10.0), bar(f64::NAN), bar(f64::INFINITY)]);
        let widths: Vec<&str> =
            svg.split("<rect").skip(1).filter_map(|rect| rect.split("width=\"").nth(1)?.split('"').next()).collect();
        assert_eq!(widths, ["270.0", "540.0", "0.0", "0.0"]);
    }

    #[test]
    fn lines_stay_inside_the_plot() {
        let line = Line { label: "l".into(), points: vec![(0.0, 0.0), (5.0, 50.0), (10.0, 100.0)] };
        let svg = lines(&[line]);
        assert!(svg.contains("points=\"60.0,196.0 405.0,108.0 750.0,20.0\""), "{svg}");
    }
}
