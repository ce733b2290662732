//! The expander: one definition that makes many, each written out.
//!
//! `[family.NAME]` makes subjects or builds, `[[sweep]]` makes suites, and experiments make a
//! subject and a suite for each variant. Only files know them. All other code, and a run's folder,
//! has the definitions that they make.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::experiment::{Comparison, Experiment, Variant};
use super::load::Load;
use super::subject::{Build, Service, Store, Subject, Subjects};
use super::suite::Suite;
use super::template::{Context, fill_known, literal, text_of, value_mentions};
use super::{check_name, repeated};

/// Every value of an axis with every one of the others; the last axis changes fastest.
fn combinations<T: Clone>(axes: &[Vec<T>]) -> Vec<Vec<T>> {
    axes.iter().fold(vec![Vec::new()], |begun, axis| {
        let longer = |one: &Vec<T>| {
            let one = one.clone();
            axis.iter()
                .map(move |value| [one.as_slice(), std::slice::from_ref(value)].concat())
        };
        begun.iter().flat_map(longer).collect()
    })
}

/// A definition with its known holes filled. Texts of it that are empty then are left out.
fn filled<T: Serialize + DeserializeOwned>(of: &T, context: &Context) -> Result<T, String> {
    let template = serde_json::to_value(of).map_err(|error| error.to_string())?;
    let mut made = fill_known(&template, context).map_err(|error| error.to_string())?;
    if let Value::Object(members) = &mut made {
        members.retain(|_, value| value.as_str() != Some(""));
    }
    serde_json::from_value(made).map_err(|error| error.to_string())
}

/// Adds what was made, under a name that nothing has yet.
fn add<T>(all: &mut BTreeMap<String, T>, name: String, member: T) -> Result<(), String> {
    check_name(&name, &name)?;
    if all.contains_key(&name) {
        return Err(format!(
            "makes \"{name}\", which is there already: each value once, and every axis in the name"
        ));
    }
    all.insert(name, member);
    Ok(())
}

/// What goes with one value of an axis: words for the templates.
type Words = BTreeMap<String, String>;

/// `subjects.toml` as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default)]
    build: BTreeMap<String, Build>,
    #[serde(default)]
    service: BTreeMap<String, Service>,
    store: Option<Store>,
    #[serde(default)]
    subject: BTreeMap<String, Subject>,
    /// `[axis.NAME.VALUE]`: words that templates may name besides the value. A word that another
    /// value of the axis has and this one has not is empty.
    #[serde(default)]
    axis: BTreeMap<String, BTreeMap<String, Words>>,
    #[serde(default)]
    family: BTreeMap<String, Family>,
}

/// Many of one kind. Holes with the name of an axis, or of a word of its values, are filled in all
/// texts; other holes are left for the start.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Family {
    /// The name of each member.
    name: String,
    /// The values of each axis, each combined with every one of the others.
    axes: BTreeMap<String, Vec<String>>,
    /// What each member is: this, or [`Family::build`].
    subject: Option<Subject>,
    build: Option<Build>,
}

impl File {
    /// Makes the members of all families; an error names the table.
    pub(super) fn expand(self) -> Result<Subjects, String> {
        for (axis, values) in &self.axis {
            for (value, words) in values {
                let mut families = self.family.values().filter_map(|one| one.axes.get(axis));
                if !families.any(|values| values.contains(value)) {
                    return Err(format!(
                        "[axis.{axis}.{value}] goes with nothing: no family has the value \"{value}\" on an axis \"{axis}\""
                    ));
                }
                if words.contains_key(axis) {
                    return Err(format!(
                        "[axis.{axis}.{value}] {{{axis}}} means two things: the axis and a word of it"
                    ));
                }
            }
        }
        let mut made = Subjects {
            build: self.build,
            service: self.service,
            store: self.store,
            subject: self.subject,
        };
        for (name, family) in &self.family {
            (family.expand(&self.axis, &mut made))
                .map_err(|message| format!("[family.{name}] {message}"))?;
        }
        Ok(made)
    }
}

impl Family {
    fn expand(
        &self,
        words: &BTreeMap<String, BTreeMap<String, Words>>,
        made: &mut Subjects,
    ) -> Result<(), String> {
        if let Some((axis, _)) = self.axes.iter().find(|(_, values)| values.is_empty()) {
            return Err(format!(
                "axes.{axis} has no value, so there is nothing to make"
            ));
        }
        let meanings = |(axis, values): (&String, &Vec<String>)| {
            let meaning = |value: &String| meaning(axis, value, words.get(axis));
            values.iter().map(meaning).collect()
        };
        let lengths = self.axes.values().map(Vec::len);
        let count = lengths.fold(1, usize::saturating_mul);
        if count > MAX_MEMBERS {
            return Err(format!(
                "axes make {count} members; {MAX_MEMBERS} is the most"
            ));
        }
        let axes: Vec<Vec<Words>> = self.axes.iter().map(meanings).collect();
        for values in combinations(&axes) {
            let mut context = Context::new();
            for (word, text) in values.into_iter().flatten() {
                if context.insert(word.clone(), Value::String(text)).is_some() {
                    return Err(format!(
                        "{{{word}}} means two things: it belongs to two of its axes"
                    ));
                }
            }
            let name = filled(&self.name, &context)?;
            match (&self.subject, &self.build) {
                (Some(subject), None) => add(&mut made.subject, name, filled(subject, &context)?)?,
                (None, Some(build)) => add(&mut made.build, name, filled(build, &context)?)?,
                _ => return Err("needs either a subject or a build table".to_owned()),
            }
        }
        Ok(())
    }
}

/// What a value of an axis fills: the hole of the axis, and those of its words.
fn meaning(axis: &str, value: &str, words: Option<&BTreeMap<String, Words>>) -> Words {
    let mut meaning = Words::from([(axis.to_owned(), value.to_owned())]);
    for (other, words) in words.into_iter().flatten() {
        for (word, text) in words {
            let entry = meaning.entry(word.clone()).or_default();
            if other == value {
                entry.clone_from(text);
            }
        }
    }
    meaning
}

/// A key and the values that it takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// A key of `[load]`, or the name of a template.
    pub key: String,
    /// Its values, in the order of tables.
    pub values: Vec<Value>,
}

/// The place of a suite in the sweep that made it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// Name of the sweep, which is that of its file.
    pub sweep: String,
    /// Its number in the sweep, from 1.
    pub number: u32,
    /// The keys, in the order of the file.
    pub keys: Vec<String>,
    /// The value of each.
    pub values: Vec<Value>,
}

/// Most members of one family.
const MAX_MEMBERS: usize = 1_000;
/// Most suites of one file.
const MAX_POINTS: usize = 100;

/// Adds the suites that a file makes: those of its sweep, or the one that it is.
pub(super) fn suites(
    name: &str,
    suite: Suite,
    all: &mut BTreeMap<String, Suite>,
) -> Result<(), String> {
    if suite.sweep.is_empty() {
        suite.check()?;
        return add(all, name.to_owned(), suite);
    }
    check_sweeps(&suite)?;
    let axes: Vec<Vec<Value>> = suite.sweep.iter().map(|one| one.values.clone()).collect();
    for (values, number) in combinations(&axes).into_iter().zip(1..) {
        let texts: Vec<String> = values.iter().map(text_of).collect();
        let member = format!("{name}-{}", texts.join("-"));
        let point = Point {
            sweep: name.to_owned(),
            number,
            keys: suite.sweep.iter().map(|one| one.key.clone()).collect(),
            values,
        };
        let made = member_of(&suite, point).map_err(|message| format!("{member}: {message}"))?;
        add(all, member, made)?;
    }
    Ok(())
}

/// Says what makes no sense in the sweeps of a suite.
fn check_sweeps(suite: &Suite) -> Result<(), String> {
    let template = Suite {
        description: String::new(),
        ..suite.clone()
    };
    let template = serde_json::to_value(template).map_err(|error| error.to_string())?;
    if let Some(key) = repeated(suite.sweep.iter().map(|one| &one.key)) {
        return Err(format!("sweep over \"{key}\" stands there twice"));
    }
    for Sweep { key, values } in &suite.sweep {
        if suite.variables.contains_key(key) || suite.cases.iter().any(|one| one.contains_key(key))
        {
            return Err(format!(
                "\"{key}\" is both the key of a sweep and a variable or a key of the cases"
            ));
        }
        let is_plain = |value: &Value| value.is_number() || value.is_string();
        if values.is_empty() || !values.iter().all(is_plain) {
            return Err(format!(
                "sweep over \"{key}\" needs values = [...], numbers or strings, at least one"
            ));
        }
        if !Load::KEYS.contains(&key.as_str()) && !value_mentions(&template, key) {
            return Err(format!(
                "nothing mentions {{{key}}}, and [load] has no such key; mind the spelling"
            ));
        }
    }
    let lengths = suite.sweep.iter().map(|one| one.values.len());
    let count = lengths.fold(1, usize::saturating_mul);
    if count > MAX_POINTS {
        return Err(format!(
            "sweep makes {count} suites; {MAX_POINTS} is the most"
        ));
    }
    Ok(())
}

/// One suite of a sweep.
fn member_of(suite: &Suite, point: Point) -> Result<Suite, String> {
    let pairs = || point.keys.iter().cloned().zip(point.values.iter());
    let context: Context = pairs().map(|(key, value)| (key, literal(value))).collect();
    let mut made = filled(suite, &context)?;
    for (key, value) in pairs().filter(|(key, _)| Load::KEYS.contains(&key.as_str())) {
        let table = Map::from_iter([(key.clone(), value.clone())]);
        let change: Load = serde_json::from_value(Value::Object(table))
            .map_err(|error| format!("sweep over \"{key}\", {value}: {error}"))?;
        made.load.apply(&change);
    }
    made.sweep = Vec::new();
    made.point = Some(point);
    made.check()?;
    Ok(made)
}

/// The names of suites that these names mean: their own, or those of all suites of a sweep.
pub(crate) fn members(suites: &BTreeMap<String, Suite>, names: &[String]) -> Vec<String> {
    let of_sweep = |sweep: &str| -> Vec<String> {
        let is_of = |suite: &Suite| {
            suite
                .point
                .as_ref()
                .is_some_and(|point| point.sweep == sweep)
        };
        let found = suites.iter().filter(|(_, suite)| is_of(suite));
        found.map(|(name, _)| name.clone()).collect()
    };
    let meant = |name: &String| match of_sweep(name) {
        found if found.is_empty() => vec![name.clone()],
        found => found,
    };
    names.iter().flat_map(meant).collect()
}

/// What experiments make.
#[derive(Debug, Clone, Default)]
pub struct Made {
    /// The subjects of all comparisons, beside the builds and services of the file.
    pub subjects: Subjects,
    /// Their suites.
    pub suites: BTreeMap<String, Suite>,
    /// Suites and subjects that are measured next to each other.
    pub groups: Vec<Vec<(String, String)>>,
}

/// The definitions that experiments are made from.
struct Stock<'a> {
    subjects: &'a Subjects,
    suites: &'a BTreeMap<String, Suite>,
    /// The command line's; it counts most.
    load: &'a Load,
}

/// Makes the subjects and suites of these experiments. `load` is put in the place of what they say.
///
/// # Errors
/// A sentence with the experiment when it names a subject or suite that does not exist, or makes a
/// definition that makes no sense.
pub fn experiments(
    experiments: &BTreeMap<String, Experiment>,
    subjects: &Subjects,
    suites: &BTreeMap<String, Suite>,
    load: &Load,
) -> Result<Made, String> {
    let stock = Stock {
        subjects,
        suites,
        load,
    };
    let mut made = Made {
        subjects: Subjects {
            subject: BTreeMap::new(),
            ..subjects.clone()
        },
        ..Made::default()
    };
    let mut in_order: Vec<(&String, &Experiment)> = experiments.iter().collect();
    in_order.sort_by_key(|(_, experiment)| experiment.number);
    for (name, experiment) in in_order {
        let at = |message| format!("experiment {name}: {message}");
        stock.plain(name, experiment, &mut made).map_err(at)?;
        for comparison in &experiment.compare {
            let mut group = Vec::new();
            for variant in &comparison.variants {
                let member = comparison.member(name, &variant.name);
                stock
                    .variant(experiment, comparison, variant, &member, &mut made)
                    .map_err(|message| format!("experiment {name}, {member}: {message}"))?;
                group.push((member.clone(), member));
            }
            made.groups.extend((!group.is_empty()).then_some(group));
        }
    }
    made.subjects.check()?;
    Ok(made)
}

impl Stock<'_> {
    fn subject(&self, name: &str) -> Result<&Subject, String> {
        (self.subjects.subject.get(name)).ok_or_else(|| {
            format!("there is no subject \"{name}\"; `mcp-harness list` shows them all")
        })
    }

    /// A suite of this name, with the load of experiments and this change.
    fn suite(&self, experiment: &Experiment, name: &str, change: &Load) -> Result<Suite, String> {
        let suite = (experiment.suite.get(name).or_else(|| self.suites.get(name)))
            .ok_or_else(|| format!("there is no suite \"{name}\", neither here nor in suites/"))?;
        let mut load = Experiment::usual_load();
        load.apply(&experiment.load);
        load.apply(change);
        load.apply(self.load);
        Ok(Suite {
            load,
            ..suite.clone()
        })
    }

    /// The comparisons of subjects as they are: each subject once in each suite of the experiment.
    fn plain(&self, name: &str, experiment: &Experiment, made: &mut Made) -> Result<(), String> {
        let subjects = experiment.plain_subjects();
        for subject in &subjects {
            let definition = self.subject(subject)?.clone();
            made.subjects
                .subject
                .insert((*subject).to_owned(), definition);
        }
        for suite in &experiment.suites {
            let member = Experiment::plain_suite(name, suite);
            let definition = self.suite(experiment, suite, &Load::default())?;
            definition.check()?;
            add(&mut made.suites, member.clone(), definition)?;
            let pair = |subject: &&str| (member.clone(), (*subject).to_owned());
            made.groups.push(subjects.iter().map(pair).collect());
        }
        Ok(())
    }

    fn variant(
        &self,
        experiment: &Experiment,
        comparison: &Comparison,
        variant: &Variant,
        member: &str,
        made: &mut Made,
    ) -> Result<(), String> {
        let server = variant.server.as_ref().or(comparison.server.as_ref());
        let name = comparison.suite_of(variant).ok_or("has no suite")?;
        let mut subject = self.subject(server.ok_or("has no server")?)?.clone();
        for (flag, value) in comparison.flags.iter().chain(&variant.flags) {
            set_flag(&mut subject.command, flag, value);
        }
        let (title, what) = (&experiment.title, &comparison.what);
        subject.description = Some(format!("{title}: {what}, {}", variant.name));
        subject.on_request = true;
        subject.processes = variant.processes;
        let mut suite = self.suite(experiment, name, &variant.load)?;
        suite.answer_bytes = None;
        suite.arguments.extend(variant.arguments.clone());
        suite.check()?;
        add(&mut made.subjects.subject, member.to_owned(), subject)?;
        add(&mut made.suites, member.to_owned(), suite)
    }
}

/// Gives a command line the flag, in the place of one of the same name.
pub(crate) fn set_flag(command: &mut Vec<String>, flag: &str, value: &Value) {
    let name = format!("--{flag}");
    let text = (!value.is_boolean()).then(|| text_of(value));
    let place = command.iter().position(|part| *part == name);
    match (place, text) {
        (Some(at), Some(text)) if at + 1 < command.len() => command[at + 1] = text,
        (Some(_), None) => {}
        (_, text) => {
            command.push(name);
            command.extend(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::set_flag;

    #[test]
    fn a_flag_is_replaced_or_added() {
        let mut command: Vec<String> = ["server", "--pool", "4", "--listen", "x"]
            .map(String::from)
            .to_vec();
        set_flag(&mut command, "pool", &json!("off"));
        set_flag(&mut command, "cache-ttl", &json!(60));
        set_flag(&mut command, "cache-warm", &json!(true));
        set_flag(&mut command, "cache-warm", &json!(true));
        let wanted = "server --pool off --listen x --cache-ttl 60 --cache-warm";
        assert_eq!(command.join(" "), wanted);
    }
}
