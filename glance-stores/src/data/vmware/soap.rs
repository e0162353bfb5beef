//! Calls of the vSphere API (`urn:vim25`) as text, and what their answers say.

use std::fmt::Write as _;

use quick_xml::escape::escape;

use super::xml::{BadAnswer, Element};

/// The version of the API that is spoken. All calls used here are older.
pub(super) const ACTION: &str = "urn:vim25/6.5";

/// A reference to an object of the server, such as a task or a datastore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Object {
    kind: String,
    id: String,
}

impl Object {
    /// An object that has the same name on every server.
    pub(super) fn well_known(kind: &str, id: &str) -> Self {
        Self { kind: kind.to_owned(), id: id.to_owned() }
    }

    /// The object that an element refers to.
    pub(super) fn of(element: &Element) -> Result<Self, BadAnswer> {
        let id = element.text.trim();
        if id.is_empty() || element.refers_to.is_empty() {
            return Err(BadAnswer("it refers to no object"));
        }
        Ok(Self { kind: element.refers_to.clone(), id: id.to_owned() })
    }

    pub(super) fn kind(&self) -> &str {
        &self.kind
    }
}

/// A call on its way to be written. Debug output is not offered: a login holds a password.
pub(super) struct Call {
    name: &'static str,
    body: String,
}

impl Call {
    /// A call of `name` on `this`.
    pub(super) fn new(name: &'static str, this: &Object) -> Self {
        Self { name, body: String::new() }.object("_this", this)
    }

    /// The same call with an argument.
    pub(super) fn text(mut self, name: &str, value: &str) -> Self {
        // Writing to a text cannot fail, here and below.
        let _ = write!(self.body, "<{name}>{}</{name}>", escape(value));
        self
    }

    /// The same call with an object for an argument.
    pub(super) fn object(mut self, name: &str, object: &Object) -> Self {
        let (kind, id) = (escape(object.kind.as_str()), escape(object.id.as_str()));
        let _ = write!(self.body, "<{name} type=\"{kind}\">{id}</{name}>");
        self
    }

    /// The same call with an argument made of others.
    pub(super) fn nested(mut self, name: &str, inside: impl FnOnce(Self) -> Self) -> Self {
        let _ = write!(self.body, "<{name}>");
        self = inside(self);
        let _ = write!(self.body, "</{name}>");
        self
    }

    /// The message that makes the call.
    pub(super) fn message(&self) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
             <soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\"><soapenv:Body>\
             <{name} xmlns=\"urn:vim25\">{body}</{name}></soapenv:Body></soapenv:Envelope>",
            name = self.name,
            body = self.body,
        )
    }
}

/// What the server says went wrong: the name of the fault alone, since its text may repeat what
/// was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the server answers with {0}")]
pub(super) struct Fault(pub(super) String);

impl Fault {
    /// Nobody is logged in any more.
    pub(super) const NOT_AUTHENTICATED: &str = "NotAuthenticated";

    pub(super) fn is(&self, name: &str) -> bool {
        self.0 == name
    }

    /// The fault that an element names by its type, or else by its own name with `Fault` behind.
    fn of(element: Option<&Element>) -> Self {
        let name = element.map_or("", |fault| match fault.kind.as_str() {
            "" => fault.name.strip_suffix("Fault").unwrap_or(&fault.name),
            kind => kind,
        });
        // What is shown is the server's word: only a name passes.
        let plain = !name.is_empty() && name.len() <= 60 && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        Self(if plain { name } else { "an unnamed fault" }.to_owned())
    }
}

/// The element `<…Response>` of an answer, or the fault it carries.
pub(super) fn answer(document: &[u8]) -> Result<Result<Element, Fault>, BadAnswer> {
    let envelope = Element::parse(document)?;
    let body = envelope.children.into_iter().find(|child| child.name == "Body");
    let content = body.and_then(|body| body.children.into_iter().next()).ok_or(BadAnswer("it has no body"))?;
    if content.name == "Fault" {
        let detail = content.child("detail").and_then(|detail| detail.children.first());
        return Ok(Err(Fault::of(detail)));
    }
    let ended = missing(&content).find(|fault| fault.is(Fault::NOT_AUTHENTICATED));
    Ok(ended.map_or(Ok(content), Err))
}

/// Why properties are not among those that were asked for. Who is not logged in gets the objects
/// without any.
fn missing(content: &Element) -> impl Iterator<Item = Fault> {
    let objects = content.child("returnval").into_iter().flat_map(|page| page.children_called("objects"));
    let missing = objects.flat_map(|object| object.children_called("missingSet"));
    missing.map(|missing| Fault::of(missing.child("fault").and_then(|fault| fault.child("fault"))))
}

/// How a task stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TaskState {
    Running,
    Done,
    Failed(Fault),
}

impl TaskState {
    /// Reads the property `info` of a task.
    pub(super) fn of(info: &Element) -> Result<Self, BadAnswer> {
        match info.text_of("state") {
            "queued" | "running" => Ok(Self::Running),
            "success" => Ok(Self::Done),
            "error" => {
                let fault = info.child("error").and_then(|error| error.child("fault"));
                Ok(Self::Failed(Fault::of(fault)))
            }
            _ => Err(BadAnswer("it has no state of a task")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_escaped() {
        let object = Object { kind: "a\"b".into(), id: "<&>".into() };
        let call = Call::new("Do", &object).text("name", "</name><x>&'\"");
        let message = call.message();
        let read = answer(message.as_bytes()).unwrap().unwrap();
        assert_eq!((read.name.as_str(), read.children.len()), ("Do", 2));
        assert_eq!(read.text_of("name"), "</name><x>&'\"");
        assert_eq!(read.child("_this").unwrap().text, "<&>");
    }

    #[test]
    fn a_fault_is_known_by_its_name_alone() {
        let fault = |detail: &str| {
            let text = format!("<e><Body><Fault><faultstring>secret</faultstring>{detail}</Fault></Body></e>");
            answer(text.as_bytes()).unwrap().unwrap_err()
        };
        assert_eq!(fault("<detail><InvalidLoginFault/></detail>"), Fault("InvalidLogin".into()));
        assert_eq!(fault("<detail><x xsi:type=\"v:NoPermission\"/></detail>"), Fault("NoPermission".into()));
        assert_eq!(fault("<detail><Fault xsi:type=\"FileFault\"/></detail>"), Fault("FileFault".into()));
        assert_eq!(fault(""), Fault("an unnamed fault".into()));
        let hostile = fault("<detail><x xsi:type=\"secret secret\"/></detail>");
        assert!(!hostile.to_string().contains("secret"));
    }

    #[test]
    fn properties_that_are_kept_from_strangers_are_a_fault() {
        let answered = |fault: &str| {
            let missing =
                format!("<missingSet><path>p</path><fault><fault xsi:type=\"{fault}\"/></fault></missingSet>");
            let page = format!("<returnval><objects><obj type=\"a\">b</obj>{missing}</objects></returnval>");
            answer(format!("<e><Body><Response>{page}</Response></Body></e>").as_bytes()).unwrap()
        };
        assert_eq!(answered("NotAuthenticated").unwrap_err(), Fault("NotAuthenticated".into()));
        assert!(answered("NoPermission").is_ok());
    }

    #[test]
    fn a_task_is_running_done_or_failed() {
        let state = |info: &str| TaskState::of(&Element::parse(info.as_bytes()).unwrap());
        assert_eq!(state("<info><state>queued</state></info>"), Ok(TaskState::Running));
        assert_eq!(state("<info><state> success </state></info>"), Ok(TaskState::Done));
        let failed = "<info><state>error</state><error><fault xsi:type=\"FileNotFound\"/></error></info>";
        assert_eq!(state(failed), Ok(TaskState::Failed(Fault("FileNotFound".into()))));
        assert!(state("<info/>").is_err());
    }
}
