//! Horizontal bars in groups, as SVG.
//!
//! Refuses fonts, scripts and pixels: text stays text, and the reader's colours decide.

use std::fmt::Write;

const WIDTH: f64 = 760.0;
/// Where bars begin, and how long the longest is.
const LEFT: f64 = 236.0;
const SPAN: f64 = 440.0;
const ROW: f64 = 20.0;
const BAR: f64 = 12.0;
/// What stands above and below the groups.
const HEAD: f64 = 82.0;
const FOOT: f64 = 56.0;
/// Above the heading of each group.
const GAP: f64 = 12.0;
/// Lines of the grid, at most.
const LINES: f64 = 5.0;

/// Light and dark, each on its own ground, so that no page is the wrong one.
const STYLE: &str = "
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 17px; font-weight: 600 } .heading { font-weight: 600 }
.quiet { fill: #59636e; font-size: 12px } .paper { fill: #ffffff }
.grid { stroke: #d1d9e0 } .mark { stroke: #59636e; stroke-dasharray: 4 3 }
.ours { fill: #0969da } .other { fill: #9aa4af }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc } .quiet { fill: #9198a1 } .paper { fill: #0d1117 }
.grid { stroke: #30363d } .mark { stroke: #9198a1 }
.ours { fill: #4493f8 } .other { fill: #656c76 }
}
";

/// A picture.
#[derive(Debug)]
pub(super) struct Chart {
    pub(super) title: &'static str,
    pub(super) subtitle: &'static str,
    /// What has to be known to read it; may be empty.
    pub(super) note: &'static str,
    /// Where the values come from.
    pub(super) source: String,
    /// A value to compare with; `None` = there is none.
    pub(super) mark: Option<f64>,
    pub(super) groups: Vec<Group>,
}

/// Bars below a heading.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) heading: String,
    pub(super) bars: Vec<Bar>,
}

/// A value with its name.
#[derive(Debug)]
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) value: f64,
    pub(super) is_ours: bool,
}

impl Chart {
    /// The whole file.
    pub(super) fn svg(&self) -> String {
        let (step, end) = self.scale();
        let mut body = String::new();
        let mut y = HEAD;
        for group in &self.groups {
            y += GAP + ROW;
            text(&mut body, ("heading", "start"), (24.0, y - 9.0), &group.heading);
            for bar in &group.bars {
                draw(&mut body, bar, y, SPAN / end);
                y += ROW;
            }
        }
        let height = y + FOOT;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
             width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\n<title>{}</title>\n\
             <style>{STYLE}</style>\n<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n",
            escaped(self.title)
        );
        text(&mut svg, ("title", "start"), (24.0, 30.0), self.title);
        text(&mut svg, ("quiet", "start"), (24.0, 52.0), self.subtitle);
        text(&mut svg, ("quiet", "start"), (24.0, 70.0), self.note);
        self.grid(&mut svg, (step, end), y);
        svg.push_str(&body);
        text(&mut svg, ("quiet", "start"), (24.0, height - 12.0), &self.source);
        svg.push_str("</svg>\n");
        svg
    }

    /// The distance between lines of the grid, and the value at the end of the longest bar.
    fn scale(&self) -> (f64, f64) {
        let values = self.groups.iter().flat_map(|group| &group.bars).map(|bar| bar.value);
        let longest = values.chain(self.mark).fold(f64::MIN_POSITIVE, f64::max);
        let power = 10_f64.powf((longest / LINES).log10().floor());
        let steps = [1.0, 2.0, 2.5, 5.0, 10.0].map(|step| step * power);
        let step = steps.into_iter().find(|step| longest / step <= LINES).unwrap_or(longest);
        (step, longest)
    }

    fn grid(&self, svg: &mut String, (step, end): (f64, f64), bottom: f64) {
        let mut line = |class: &str, value: f64| {
            let x = LEFT + value * SPAN / end;
            writeln!(
                svg,
                "<line class=\"{class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{HEAD}\" y2=\"{bottom}\"/>"
            )
            .unwrap_or_default();
        };
        let values: Vec<_> = (0..=10).map(|it| f64::from(it) * step).collect();
        let values = || values.iter().copied().filter(|value| *value <= end * 1.001);
        values().for_each(|value| line("grid", value));
        self.mark.into_iter().for_each(|value| line("mark", value));
        for value in values() {
            let x = LEFT + value * SPAN / end;
            text(svg, ("quiet", "middle"), (x, bottom + 18.0), &round(value));
        }
    }
}

fn draw(svg: &mut String, bar: &Bar, y: f64, scale: f64) {
    let (length, class) = (bar.value * scale, if bar.is_ours { "ours" } else { "other" });
    text(svg, ("", "end"), (LEFT - 10.0, y + BAR - 1.0), &bar.label);
    // Writing to a string cannot fail.
    writeln!(
        svg,
        "<rect class=\"{class}\" x=\"{LEFT}\" y=\"{y}\" width=\"{length:.1}\" height=\"{BAR}\" rx=\"2\"/>"
    )
    .unwrap_or_default();
    text(svg, ("", "start"), (LEFT + length + 8.0, y + BAR - 1.0), &short(bar.value));
}

fn text(svg: &mut String, (class, anchor): (&str, &str), (x, y): (f64, f64), text: &str) {
    let text = escaped(text);
    writeln!(
        svg,
        "<text class=\"{class}\" text-anchor=\"{anchor}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>"
    )
    .unwrap_or_default();
}

fn short(value: f64) -> String {
    if value >= 10.0 { format!("{value:.1}") } else { format!("{value:.2}") }
}

/// A value on the axis, as short as it is round.
fn round(value: f64) -> String {
    format!("{value:.2}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_fills_its_place_and_names_are_text() {
        let bar = |label: &str, value| Bar { label: label.to_owned(), value, is_ours: true };
        let group = Group { heading: "1 < 2".to_owned(), bars: vec![bar("a", 4.0), bar("b", 1.0)] };
        let (title, source, groups) = ("Title", String::new(), vec![group]);
        let svg = Chart { title, subtitle: "", note: "", source, mark: None, groups }.svg();
        assert!(svg.contains("width=\"440.0\"") && svg.contains("width=\"110.0\""), "{svg}");
        assert!(svg.contains("1 &lt; 2</text>"), "{svg}");
        assert_eq!([0.0, 0.2 * 3.0, 20.0].map(round), ["0", "0.6", "20"]);
    }
}
