//! JSON as text that has not been put together yet.

use rand::RngExt;

use super::{Random, pick};

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// This text.
    Raw(String),
    /// Keys, already quoted, and values.
    Object(Vec<(String, Node)>),
    Array(Vec<Node>),
}

impl Node {
    /// An object of plain keys.
    pub(super) fn object<const N: usize>(members: [(&str, Node); N]) -> Self {
        let members = members.into_iter();
        Self::Object(members.map(|(key, value)| (quoted(key), value)).collect())
    }

    /// A string without anything to escape.
    pub(super) fn string(text: &str) -> Self {
        Self::Raw(quoted(text))
    }

    /// One more member.
    pub(super) fn push(&mut self, key: &str, value: Self) {
        if let Self::Object(members) = self {
            members.push((quoted(key), value));
        }
    }

    /// Puts the members of objects in any order, here and below.
    pub(super) fn shuffle(&mut self, random: &mut Random) {
        match self {
            Self::Raw(_) => {}
            Self::Array(values) => values.iter_mut().for_each(|value| value.shuffle(random)),
            Self::Object(members) => {
                for end in (1..members.len()).rev() {
                    members.swap(end, random.random_range(0..=end));
                }
                for (_, value) in members {
                    value.shuffle(random);
                }
            }
        }
    }

    /// The members of any object in it.
    pub(super) fn any_object(&mut self, random: &mut Random) -> Option<&mut Vec<(String, Self)>> {
        let mut ways = Vec::new();
        self.each_object(&mut Vec::new(), &mut ways);
        if ways.is_empty() {
            return None;
        }
        let way = ways.swap_remove(random.random_range(0..ways.len()));
        self.follow(&way)
    }

    fn each_object(&self, way: &mut Vec<usize>, ways: &mut Vec<Vec<usize>>) {
        let children: Vec<&Self> = match self {
            Self::Raw(_) => return,
            Self::Array(values) => values.iter().collect(),
            Self::Object(members) => {
                ways.push(way.clone());
                members.iter().map(|(_, value)| value).collect()
            }
        };
        for (place, child) in children.into_iter().enumerate() {
            way.push(place);
            child.each_object(way, ways);
            way.pop();
        }
    }

    fn follow(&mut self, way: &[usize]) -> Option<&mut Vec<(String, Self)>> {
        match (self, way) {
            (Self::Object(members), []) => Some(members),
            (Self::Object(members), [place, rest @ ..]) => members.get_mut(*place)?.1.follow(rest),
            (Self::Array(values), [place, rest @ ..]) => values.get_mut(*place)?.follow(rest),
            _ => None,
        }
    }

    /// Appends it to `out`, with spaces between its tokens or without.
    pub(super) fn write(&self, random: &mut Random, has_spaces: bool, out: &mut Vec<u8>) {
        let space = |random: &mut Random, out: &mut Vec<u8>| {
            if has_spaces {
                out.extend_from_slice(pick(random, &["", " ", "\n", "\t", "\r\n  "]).as_bytes());
            }
        };
        space(random, out);
        match self {
            Self::Raw(text) => out.extend_from_slice(text.as_bytes()),
            Self::Array(values) => {
                out.push(b'[');
                for (place, value) in values.iter().enumerate() {
                    if place > 0 {
                        out.push(b',');
                    }
                    value.write(random, has_spaces, out);
                }
                out.push(b']');
            }
            Self::Object(members) => {
                out.push(b'{');
                for (place, (key, value)) in members.iter().enumerate() {
                    if place > 0 {
                        out.push(b',');
                    }
                    space(random, out);
                    out.extend_from_slice(key.as_bytes());
                    space(random, out);
                    out.push(b':');
                    value.write(random, has_spaces, out);
                }
                out.push(b'}');
            }
        }
        space(random, out);
    }
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}
