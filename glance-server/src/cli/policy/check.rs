//! Who may do what to which image.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{ArgGroup, Args};
use glance_core::RequestContext;
use glance_core::policy::{DEFAULT_RULES, Explanation, Reason, Target, Value, likely_meant};
use serde_json::json;

use super::super::REFUSED;
use super::super::manage::printable;
use super::InForce;

/// A caller and an image.
#[derive(Debug, Args)]
pub(super) struct CaseOptions {
    /// The caller's roles, with commas between them.
    #[arg(long, value_name = "ROLES", value_delimiter = ',')]
    roles: Vec<String>,
    /// The caller's project; none unless given.
    #[arg(long, value_name = "ID")]
    project: Option<String>,
    /// The caller's user [default: user].
    #[arg(long, value_name = "ID", default_value = "user", hide_default_value = true)]
    user: String,
    /// What the caller's token is for: a `project`, a `domain` or the `system`.
    #[arg(long, value_name = "SCOPE", default_value = "project", value_parser = ["project", "domain", "system"])]
    scope: String,
    /// The project that owns the image; an empty one for an image that nobody owns [default: the caller's].
    #[arg(long, value_name = "PROJECT")]
    owner: Option<String>,
    /// Who sees the image [default: shared].
    #[arg(long, value_name = "VISIBILITY", value_parser = ["public", "community", "shared", "private"])]
    visibility: Option<String>,
    /// The project that the image is shared with: the caller's, if the caller sees it by that.
    #[arg(long, value_name = "PROJECT")]
    member: Option<String>,
    /// More of the image, such as `status=active` or a property of it; may repeat.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_and_value)]
    image: Vec<(String, String)>,
}

/// Which rules are asked about.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("asked").required(true))]
pub(in crate::cli) struct CheckOptions {
    /// Ask about this rule; may repeat.
    #[arg(long, value_name = "RULE", group = "asked")]
    rule: Vec<String>,
    /// Ask about every rule of the Image API.
    #[arg(long, group = "asked", conflicts_with = "rule")]
    all: bool,
    #[command(flatten)]
    case: CaseOptions,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

/// Fields that every image has, which are without a value unless they are given.
const FIELDS: [&str; 16] = [
    "id",
    "image_id",
    "name",
    "status",
    "created_at",
    "updated_at",
    "min_disk",
    "min_ram",
    "checksum",
    "os_hash_algo",
    "os_hash_value",
    "disk_format",
    "container_format",
    "size",
    "virtual_size",
    "tags",
];

impl CaseOptions {
    pub(super) fn caller(&self) -> RequestContext {
        RequestContext {
            project_id: self.project.clone(),
            system_scope: (self.scope == "system").then(|| "all".to_owned()),
            domain_id: (self.scope == "domain").then(|| "domain".to_owned()),
            ..RequestContext::new(&self.user, "", &self.roles)
        }
    }

    /// The image as the call `rule` looks at it. A list is of no image: it is looked for in the caller's project.
    pub(super) fn target(&self, rule: &str) -> impl Target + use<'_> {
        let owner = self.owner.as_deref().or(self.project.as_deref()).filter(|owner| !owner.is_empty());
        let is_list = ["get_images", "get_metadef_namespaces"].contains(&rule);
        let project = if is_list { self.project.as_deref() } else { owner };
        let given = self.image.iter().map(|(key, value)| (key.as_str(), flag(value)));
        let named = [
            ("project_id", Value::from(project)),
            ("owner", project.into()),
            ("visibility", self.visibility().into()),
            ("member", self.member.as_deref().into()),
            ("member_id", self.member.as_deref().into()),
        ];
        let rest = ["protected", "os_hidden"].map(|key| (key, Value::Bool(false)));
        let rest = rest.into_iter().chain(FIELDS.map(|key| (key, Value::Null)));
        // The first of a name counts.
        given.chain(named).chain(rest).collect::<Vec<_>>()
    }

    fn visibility(&self) -> &str {
        self.visibility.as_deref().unwrap_or("shared")
    }

    /// The caller and the image in words, so that what was not given shows, too.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let roles = if self.roles.is_empty() { "none".to_owned() } else { self.roles.join(", ") };
        let project = self.project.as_deref().unwrap_or("none");
        let owner = self.owner.as_deref().or(self.project.as_deref()).filter(|owner| !owner.is_empty());
        writeln!(
            out,
            "caller: user {}, project {}, roles {}, scope {}",
            printable(&self.user),
            printable(project),
            printable(&roles),
            self.scope
        )?;
        write!(out, "image: owner {}, visibility {}", printable(owner.unwrap_or("none")), self.visibility())?;
        if let Some(member) = &self.member {
            write!(out, ", member {}", printable(member))?;
        }
        let given =
            self.image.iter().try_for_each(|(key, value)| write!(out, ", {}", printable(&format!("{key} {value}"))));
        given.and_then(|()| writeln!(out))
    }
}

impl CheckOptions {
    pub(super) fn run(&self, in_force: &InForce) -> Result<ExitCode, Box<dyn Error>> {
        let caller = self.case.caller();
        let rules: Vec<&str> = if self.all {
            DEFAULT_RULES.iter().map(|rule| rule.name).collect()
        } else {
            self.rule.iter().map(String::as_str).collect()
        };
        for rule in &rules {
            must_exist(in_force, rule)?;
        }
        let explained = rules.into_iter().map(|rule| in_force.policy.explain(rule, &self.case.target(rule), &caller));
        let explained: Vec<_> = explained.collect();
        self.write(in_force, &explained, &mut io::stdout().lock())?;
        let allowed = explained.iter().all(|explained| explained.allowed);
        Ok(if allowed { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) })
    }

    fn write(&self, in_force: &InForce, explained: &[Explanation], out: &mut dyn Write) -> io::Result<()> {
        if self.json {
            let answers = explained.iter().map(|explained| {
                json!({
                    "rule": explained.rule,
                    "allowed": explained.allowed,
                    "because": because(&explained.reason),
                    "place": in_force.place(&explained.rule),
                })
            });
            let allowed = explained.iter().all(|explained| explained.allowed);
            return writeln!(out, "{}", json!({ "allowed": allowed, "rules": answers.collect::<Vec<_>>() }));
        }
        self.case.write(out)?;
        let widest = explained.iter().map(|explained| explained.rule.len()).max().unwrap_or_default();
        explained.iter().try_for_each(|explained| {
            let word = if explained.allowed { "allowed" } else { "denied" };
            let (rule, because) = (printable(&explained.rule), printable(&because(&explained.reason)));
            writeln!(out, "{rule:widest$}  {word:7}  {because}  ({})", in_force.place(&explained.rule))
        })
    }
}

/// Refuses a rule that does not exist, which would deny everybody, mostly because it is misspelt.
pub(super) fn must_exist(in_force: &InForce, rule: &str) -> Result<(), String> {
    if in_force.policy.defines(rule) {
        return Ok(());
    }
    let hint = likely_meant(rule).map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
    Err(format!("there is no rule {}{hint}", printable(rule)))
}

/// Why, in one line: the rules that lead to the check that decided, and the check.
pub(super) fn because(reason: &Reason) -> String {
    match reason {
        Reason::Check { rules, check } => {
            let behind = rules.iter().skip(1).map(|rule| format!("rule:{rule} is "));
            behind.chain([check.clone()]).collect()
        }
        Reason::Scope => "the rule is not for tokens of this scope".to_owned(),
        _ => "there is no such rule".to_owned(),
    }
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("must be KEY=VALUE")?;
    if key.is_empty() { Err("must begin with a key".to_owned()) } else { Ok((key.to_owned(), value.to_owned())) }
}

/// A value of an image: those that say so are true or false.
fn flag(value: &str) -> Value<'_> {
    match value {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        text => text.into(),
    }
}
