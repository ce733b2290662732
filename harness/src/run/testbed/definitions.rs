//! What the definitions on the bench come to once their templates are filled.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use serde_json::Value;

use super::{Testbed, backends};
use crate::config::subject::Subjects;
use crate::config::template::{Context, fill, fill_command};

impl Testbed {
    /// The definitions with their templates filled, as far as they do not differ between trials.
    pub(crate) fn effective(&self) -> anyhow::Result<Subjects> {
        let mut context = self.context.clone();
        context.insert("answer_bytes".to_owned(), Value::from("{answer_bytes}"));
        for service in self.subjects.service.keys() {
            let url = context.entry(format!("{service}_url"));
            url.or_insert_with(|| Value::String(format!("{{{service}_url}}")));
        }
        for (_, _, url) in backends::KNOWN {
            let place = context.entry(url.to_owned());
            place.or_insert_with(|| Value::String(format!("{{{url}}}")));
        }
        let mut filled = self.subjects.clone();
        for (name, definition) in &mut filled.build {
            definition.command = fill_command(&definition.command, &context)
                .with_context(|| format!("build.{name}"))?;
        }
        for (name, service) in &mut filled.service {
            let launch = service
                .launch(&context)
                .with_context(|| format!("service.{name}"))?;
            (service.command, service.environment) = (launch.command, launch.environment);
        }
        for (name, subject) in &mut filled.subject {
            let launch = subject
                .launch(&context)
                .with_context(|| format!("subject.{name}"))?;
            (subject.command, subject.environment) = (launch.command, launch.environment);
            let url = subject.url.as_ref().map(|url| fill(url, &context));
            subject.url = url.transpose().with_context(|| format!("subject.{name}"))?;
        }
        Ok(filled)
    }

    /// The files of the programs on the bench, by the name of their subject or service.
    pub(crate) fn programs(&self) -> anyhow::Result<BTreeMap<String, PathBuf>> {
        let effective = self.effective()?;
        let subjects = effective
            .subject
            .into_iter()
            .map(|(name, subject)| (name, subject.command));
        let services = effective
            .service
            .into_iter()
            .map(|(name, service)| (name, service.command));
        Ok(subjects
            .chain(services)
            .filter_map(|(name, command)| Some((name, PathBuf::from(command.into_iter().next()?))))
            .collect())
    }

    /// What suites may name in templates: the places of the services.
    pub(crate) fn service_urls(&self) -> Context {
        let is_url = |name: &str| {
            self.subjects
                .service
                .keys()
                .any(|service| name == format!("{service}_url"))
        };
        self.context
            .iter()
            .filter(|(name, _)| is_url(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}
