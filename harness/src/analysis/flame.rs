//! A flame graph (Brendan Gregg's): each function as wide as the share of samples that it is in, above its caller.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::results::stacks::{Frame, Stacks};

/// Width of the drawing, in pixels.
const WIDTH: f64 = 1_200.0;
/// Height of a row.
const ROW: f64 = 16.0;
/// Height of the title.
const TITLE: f64 = 30.0;
/// Narrower than this a function is left out, with all above it.
const NARROWEST: f64 = 0.2;
/// Width of a letter.
const LETTER: f64 = 6.6;

/// A function in one place, with what it calls.
#[derive(Debug, Default)]
struct Node<'s> {
    seen: u64,
    calls: BTreeMap<&'s Frame, Node<'s>>,
}

impl Node<'_> {
    fn height(&self) -> u32 {
        let above = self.calls.values().map(Self::height).max();
        1 + above.unwrap_or_default()
    }
}

/// Draws the stacks as SVG. A title shows where the mouse is, in every browser and without a script.
#[must_use]
pub fn draw(stacks: &Stacks, title: &str) -> String {
    let mut root = Node::default();
    for (stack, seen) in &stacks.0 {
        root.seen += seen;
        let mut node = &mut root;
        for frame in stack {
            node = node.calls.entry(frame).or_default();
            node.seen += seen;
        }
    }
    let height = TITLE + f64::from(root.height()) * ROW + 4.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"monospace\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fffdf8\"/>\n\
         <text x=\"6\" y=\"20\" font-size=\"14\">{}</text>\n",
        escaped(title)
    );
    let all = Frame {
        name: "all".to_owned(),
        is_kernel: false,
    };
    let scale = WIDTH / root.seen.max(1) as f64;
    let mut drawing = Drawing {
        svg: &mut svg,
        scale,
        total: root.seen,
    };
    drawing.node(&all, &root, 0.0, height - ROW - 2.0);
    svg.push_str("</svg>\n");
    svg
}

struct Drawing<'a> {
    svg: &'a mut String,
    /// Pixels of a sample.
    scale: f64,
    total: u64,
}

impl Drawing<'_> {
    fn node(&mut self, frame: &Frame, node: &Node<'_>, x: f64, y: f64) {
        let width = node.seen as f64 * self.scale;
        if width < NARROWEST {
            return;
        }
        self.rectangle(frame, node.seen, (x, y, width));
        let mut left = x;
        for (frame, called) in &node.calls {
            self.node(frame, called, left, y - ROW);
            left += called.seen as f64 * self.scale;
        }
    }

    fn rectangle(&mut self, frame: &Frame, seen: u64, (x, y, width): (f64, f64, f64)) {
        let share = 100.0 * seen as f64 / self.total.max(1) as f64;
        // Writing into a string does not fail.
        let _ = write!(
            self.svg,
            "<g><title>{} ({seen} samples, {share:.1}%)</title><rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{}\" \
             fill=\"{}\"/>",
            escaped(&frame.name),
            (width - 0.3).max(0.1),
            ROW - 1.0,
            colour(frame)
        );
        let shown = shortened(&frame.name, width);
        if !shown.is_empty() {
            let (x, y) = (x + 2.0, y + ROW - 4.0);
            let _ = write!(
                self.svg,
                "<text x=\"{x:.1}\" y=\"{y:.1}\">{}</text>",
                escaped(&shown)
            );
        }
        self.svg.push_str("</g>\n");
    }
}

/// As much of a name as there is room for; nothing where that is too little to read.
fn shortened(name: &str, width: f64) -> String {
    let room = name
        .chars()
        .scan(LETTER, |used, letter| {
            *used += LETTER;
            (*used <= width).then_some(letter)
        })
        .collect::<String>();
    match room.chars().count() {
        0..3 => String::new(),
        count if count == name.chars().count() => room,
        count => room.chars().take(count - 2).chain("..".chars()).collect(),
    }
}

/// Blue for the kernel, and for all else warm colours, the same one for the same name.
fn colour(frame: &Frame) -> String {
    let mut sum = 0_u32;
    for byte in frame.name.bytes() {
        sum = sum.wrapping_mul(31).wrapping_add(u32::from(byte));
    }
    let (hue, light) = if frame.is_kernel {
        (205 + sum % 15, 72)
    } else {
        (15 + sum % 40, 66)
    };
    format!("hsl({hue},75%,{light}%)")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::{draw, shortened};
    use crate::results::stacks::{Frame, Stacks};

    fn stack(names: &[&str]) -> Vec<Frame> {
        let frame = |name: &&str| Frame {
            name: (*name).to_owned(),
            is_kernel: name.starts_with("sys"),
        };
        names.iter().map(frame).collect()
    }

    #[test]
    fn a_function_is_as_wide_as_its_share_and_stands_above_its_caller() {
        let mut stacks = Stacks::default();
        stacks.0.insert(stack(&["main", "Vec<u8>::push"]), 3);
        stacks.0.insert(stack(&["main", "sys_write"]), 1);
        let svg = draw(&stacks, "a & b");
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert!(svg.contains("a &amp; b"));
        let place = |name: &str| -> Vec<f64> {
            let at = svg.find(&format!("<title>{name} ")).unwrap();
            let numbers = svg[at..].split('"').skip(1).step_by(2).take(3);
            numbers.map(|text| text.parse().unwrap()).collect()
        };
        let (main, push, write) = (
            place("main"),
            place("Vec&lt;u8&gt;::push"),
            place("sys_write"),
        );
        let near = |a: f64, b: f64| (a - b).abs() < 0.5;
        assert!(near(main[2], 1_200.0) && near(push[2], 900.0) && near(write[2], 300.0));
        assert!(near(push[0], 0.0) && near(write[0], 900.0));
        assert!(push[1] < main[1] && near(push[1], write[1]));
        assert!(svg.contains("Vec&lt;u8&gt;::push (3 samples, 75.0%)"));
    }

    #[test]
    fn what_is_too_narrow_is_left_out_and_names_are_cut() {
        let mut stacks = Stacks::default();
        stacks.0.insert(stack(&["wide"]), 100_000);
        stacks.0.insert(stack(&["narrow"]), 1);
        let svg = draw(&stacks, "t");
        assert!(svg.contains("wide") && !svg.contains("narrow"));
        assert_eq!(shortened("function", 1_000.0), "function");
        assert_eq!(shortened("function", 41.0), "fun..");
        assert_eq!(shortened("function", 10.0), "");
    }
}
