//! `[[step]]`: one request of an iteration, what a right answer to it is, and the calls that are
//! prepared from it. A suite of one tool is a suite of one step.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::expect::Expect;
use super::repeated;
use super::template::{Context, Generator, Variable, fill_value, value_mentions};
use crate::load::Exchange;

/// One request that clients send, with its right answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Step {
    /// Its name in results; by default the tool, or the method where no tool is called.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The MCP method.
    pub method: Method,
    /// The MCP tool that is called.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tool: String,
    /// Clients draw each step at random, this one so often among the sum of all weights. Without
    /// weights they make all steps in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
    /// Values that are drawn anew for each prepared call.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, Variable>,
    /// Literal sets of values, used in turn: questions whose answers are known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cases: Vec<BTreeMap<String, Value>>,
    /// The arguments of the call, with templates.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub arguments: Map<String, Value>,
    /// Members of `params._meta` of each call, for instance a `progressToken`.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub meta: Map<String, Value>,
    /// What the `result` of the answer must hold.
    pub expect: Expect,
}

/// The MCP method of a step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Method {
    /// A tool is called.
    #[default]
    #[serde(rename = "tools/call")]
    CallTool,
    /// The tools are listed, the first page of them.
    #[serde(rename = "tools/list")]
    ListTools,
}

impl Step {
    /// Its name in results.
    #[must_use]
    pub fn name(&self) -> &str {
        match self.method {
            _ if !self.name.is_empty() => &self.name,
            Method::CallTool => &self.tool,
            Method::ListTools => "tools/list",
        }
    }

    /// Says what makes no sense, with the key and the value.
    pub(super) fn check(&self) -> Result<(), String> {
        let is_call = self.method == Method::CallTool;
        if is_call && self.tool.is_empty() {
            return Err("there is no tool to call; give `tool`, or `[[step]]`s".to_owned());
        }
        if !is_call && (!self.tool.is_empty() || !self.arguments.is_empty()) {
            return Err("tools/list calls no tool: leave tool and arguments out".to_owned());
        }
        if self.weight == Some(0) {
            return Err("weight = 0 is no weight; leave the step out".to_owned());
        }
        for (name, variable) in &self.variables {
            (variable.check()).map_err(|message| format!("variables.{name}: {message}"))?;
        }
        self.check_cases()?;
        if self.expect.is_empty() {
            return Err(
                "[expect] has no rule, so every answer would be right; say what a right one is"
                    .to_owned(),
            );
        }
        let cases = self.cases.first().into_iter().flat_map(BTreeMap::keys);
        for name in self.variables.keys().chain(cases) {
            let is_argument = (self.arguments.values()).any(|value| value_mentions(value, name));
            if !is_argument && !self.expect.mentions(name) {
                return Err(format!(
                    "nothing mentions {{{name}}}: neither the arguments nor a rule of [expect] does; mind the spelling"
                ));
            }
        }
        Ok(())
    }

    /// The cases must have the same keys, and none of them may be a variable.
    fn check_cases(&self) -> Result<(), String> {
        let Some(first) = self.cases.first() else {
            return Ok(());
        };
        let keys =
            |case: &BTreeMap<String, Value>| case.keys().cloned().collect::<Vec<_>>().join(", ");
        if let Some((index, case)) =
            (self.cases.iter().enumerate()).find(|(_, case)| keys(case) != keys(first))
        {
            return Err(format!(
                "cases[{index}] has the keys {}, the first case has {}; all cases need the same",
                keys(case),
                keys(first)
            ));
        }
        match first.keys().find(|key| self.variables.contains_key(*key)) {
            Some(twice) => Err(format!(
                "\"{twice}\" is both a variable and a key of the cases"
            )),
            None => Ok(()),
        }
    }

    /// The calls that are prepared, at most so many, with their right answers. `number` is that of
    /// the step, from 0.
    ///
    /// # Errors
    /// A sentence with the key and the value when a template names nothing known, or a length is no
    /// number.
    pub(super) fn exchanges(
        &self,
        number: usize,
        variants: usize,
        mut generator: Generator,
        services: &Context,
    ) -> Result<Vec<Exchange>, String> {
        let count = match (self.variables.is_empty(), self.cases.len()) {
            (true, 0) => 1,
            (true, cases) => variants.min(cases),
            (false, _) => variants,
        };
        let mut cases = self.cases.iter().cycle();
        let exchange = |_| {
            let mut context = services.clone();
            for (name, variable) in &self.variables {
                context.insert(name.clone(), generator.draw(variable));
            }
            context.extend(cases.next().cloned().unwrap_or_default());
            self.exchange(number, &context)
        };
        (0..count).map(exchange).collect()
    }

    /// One call with its right answer.
    pub(super) fn exchange(&self, number: usize, context: &Context) -> Result<Exchange, String> {
        let arguments = fill_value(&Value::Object(self.arguments.clone()), context);
        Ok(Exchange {
            tool: (self.method == Method::CallTool).then(|| self.tool.clone()),
            arguments: arguments.map_err(|error| format!("arguments: {error}"))?,
            meta: self.meta.clone(),
            expect: self.expect.checks(context)?,
            step: number,
        })
    }
}

/// Says what makes no sense in the steps of a suite.
pub(super) fn check_all(steps: &[Step]) -> Result<(), String> {
    let weights = steps.iter().filter(|step| step.weight.is_some()).count();
    if weights > 0 && weights < steps.len() {
        return Err("either every [[step]] has a weight, or none".to_owned());
    }
    let names: Vec<String> = steps.iter().map(|step| step.name().to_owned()).collect();
    if let Some(name) = repeated(names.iter()) {
        return Err(format!(
            "two [[step]]s are called \"{name}\"; give one of them another name"
        ));
    }
    // An interval log can name a histogram so.
    let is_tag = |name: &str| !name.contains([',', ' ', '\r', '\n']);
    if let Some(name) = names.iter().find(|name| !is_tag(name)) {
        return Err(format!(
            "\"{name}\" names a [[step]], which allows no comma and no space; give it a name"
        ));
    }
    steps.iter().zip(1..).try_for_each(|(step, number)| {
        step.check()
            .map_err(|message| format!("step {number}: {message}"))
    })
}

/// Puts the calls of several steps in the order that clients make them in: group after group with
/// one call of each step, or drawn by the weights.
pub(super) fn in_order(
    steps: &[Step],
    calls: &[Vec<Exchange>],
    mut generator: Generator,
) -> Vec<Exchange> {
    let longest = calls.iter().map(Vec::len).max().unwrap_or_default();
    let total: u32 = steps.iter().filter_map(|step| step.weight).sum();
    let mut turns: Vec<_> = calls.iter().map(|calls| calls.iter().cycle()).collect();
    let mut next = |step: usize| turns.get_mut(step).and_then(Iterator::next).cloned();
    if total == 0 {
        let order = (0..longest).flat_map(|_| 0..steps.len());
        return order.filter_map(&mut next).collect();
    }
    // So many draws that their shares differ by little from the weights.
    let count = (longest * steps.len()).max(MIN_DRAWS);
    let drawn = (0..count).filter_map(|_| {
        let mut at = generator.below(total);
        let step = steps.iter().position(|step| {
            let weight = step.weight.unwrap_or_default();
            let is_it = at < weight;
            at = at.saturating_sub(weight);
            is_it
        });
        next(step?)
    });
    drawn.collect()
}

/// The fewest draws of a weighted mix.
const MIN_DRAWS: usize = 1_024;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::config::suite::Suite;

    fn suite(steps: &str) -> Result<Suite, String> {
        let text = format!("description = \"d\"\nvariants = 7\n{steps}");
        let suite: Suite = toml::from_str(&text).map_err(|error| error.to_string())?;
        suite.check().map(|()| suite)
    }

    fn step(more: &str) -> String {
        format!("[[step]]\nexpect.type = {{ \"/x\" = \"string\" }}\n{more}\n")
    }

    #[test]
    fn steps_are_made_in_order_with_their_cases_in_turn() {
        let first = step(
            "tool = \"a\"\ncases = [{ n = 1 }, { n = 2 }, { n = 3 }]\narguments = { n = \"{n}\" }",
        );
        let suite = suite(&(first + &step("method = \"tools/list\""))).unwrap();
        assert_eq!(suite.label(), "a, tools/list");
        assert_eq!(suite.shape().steps, Some(2));
        let calls = suite.exchanges(&BTreeMap::new()).unwrap();
        let found: Vec<_> = calls
            .iter()
            .map(|one| (one.name(), one.step, one.arguments["n"].as_u64()))
            .collect();
        let list = ("tools/list", 1, None);
        let call = |n| ("a", 0, Some(n));
        assert_eq!(found, [call(1), list, call(2), list, call(3), list]);
    }

    #[test]
    fn weighted_steps_are_drawn_by_their_weights_and_always_in_the_same_way() {
        let steps = step("tool = \"a\"\nweight = 3") + &step("tool = \"b\"\nweight = 1");
        let suite = suite(&steps).unwrap();
        assert_eq!(suite.shape().steps, None);
        let calls = suite.exchanges(&BTreeMap::new()).unwrap();
        let of_b = calls.iter().filter(|one| one.step == 1).count() * 100 / calls.len();
        assert!((20..=30).contains(&of_b), "{of_b}%");
        assert_eq!(suite.exchanges(&BTreeMap::new()).unwrap(), calls);
    }

    #[test]
    fn steps_that_make_no_sense_are_refused() {
        let two = |more: &str| step("tool = \"a\"") + &step(more);
        for (steps, told) in [
            (two("tool = \"a\""), "called \"a\""),
            (
                two("tool = \"b\"\nweight = 1"),
                "every [[step]] has a weight",
            ),
            (two("name = \"b c\"\ntool = \"b\""), "no space"),
            (two(""), "step 2: there is no tool"),
            (
                two("method = \"tools/list\"\ntool = \"b\""),
                "calls no tool",
            ),
            (
                "tool = \"a\"\n".to_owned() + &two("tool = \"b\""),
                "not beside them",
            ),
            (two("tool = \"b\"\nno = 1"), "unknown field"),
            (
                "answer_bytes = 9\n".to_owned() + &two("tool = \"b\""),
                "answer_bytes",
            ),
            (
                "[expect]\ntype = { \"/x\" = \"string\" }".to_owned(),
                "no tool",
            ),
        ] {
            let error = suite(&steps).map(|_| ()).unwrap_err();
            assert!(error.contains(told), "{steps}: {error}");
        }
    }
}
