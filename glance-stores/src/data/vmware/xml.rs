//! Answers as trees of elements, as far as this store reads them.
//!
//! An answer is bounded by who received it; here only depth is, and nothing is expanded: an answer
//! with a document type is refused.

use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// How deep elements may lie in each other. The deepest answers of vSphere need about 20.
const DEPTH: usize = 100;

/// What came is not the XML that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer makes no sense: {0}")]
pub(super) struct BadAnswer(pub(super) &'static str);

/// An element. Namespaces are ignored: no two names of vSphere differ in nothing else.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    /// The attribute `type`: which kind of object a reference means.
    pub(super) refers_to: String,
    /// The attribute `xsi:type`, without its prefix: which type the content has.
    pub(super) kind: String,
    /// All text that lies directly in it.
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    /// Reads the one element that `document` consists of.
    ///
    /// # Errors
    ///
    /// [`BadAnswer`].
    pub(super) fn parse(document: &[u8]) -> Result<Self, BadAnswer> {
        let document = std::str::from_utf8(document).map_err(|_| BadAnswer("it is not UTF-8"))?;
        let mut reader = Reader::from_str(document);
        // The first stands for the document itself.
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event().map_err(|_| BadAnswer("it is not XML"))? {
                Event::Start(_) if open.len() > DEPTH => return Err(BadAnswer("it is nested too deeply")),
                Event::Start(start) => open.push(Self::of(&start)),
                Event::Empty(start) => close(&mut open, Self::of(&start)),
                Event::End(_) => {
                    let ended = open.pop().ok_or(BadAnswer("it is not XML"))?;
                    close(&mut open, ended);
                }
                Event::Text(text) => write(&mut open, &text.decode().map_err(|_| BadAnswer("its text"))?),
                Event::CData(text) => write(&mut open, &text.decode().map_err(|_| BadAnswer("its text"))?),
                Event::GeneralRef(reference) => resolve(&mut open, &reference)?,
                Event::DocType(_) => return Err(BadAnswer("it has a document type")),
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
                Event::Eof => break,
            }
        }
        let mut document = open.pop().filter(|_| open.is_empty()).ok_or(BadAnswer("it breaks off"))?;
        document.children.pop().ok_or(BadAnswer("it is empty"))
    }

    fn of(start: &BytesStart<'_>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut element = Self { name: text(start.local_name().as_ref()), ..Self::default() };
        for attribute in start.attributes().with_checks(false).flatten() {
            match attribute.key.as_ref() {
                b"type" => element.refers_to = text(&attribute.value),
                key if key.ends_with(b":type") => {
                    let kind = text(&attribute.value);
                    kind.rsplit(':').next().unwrap_or_default().clone_into(&mut element.kind);
                }
                _ => {}
            }
        }
        element
    }

    /// The first child called `name`.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All children called `name`.
    pub(super) fn children_called(&self, name: &'static str) -> impl Iterator<Item = &Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of the first child called `name`; empty if there is none.
    pub(super) fn text_of(&self, name: &str) -> &str {
        self.child(name).map_or("", |child| child.text.trim())
    }
}

fn close(open: &mut [Element], ended: Element) {
    if let Some(parent) = open.last_mut() {
        parent.children.push(ended);
    }
}

fn write(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn resolve(open: &mut [Element], reference: &BytesRef<'_>) -> Result<(), BadAnswer> {
    const UNKNOWN: BadAnswer = BadAnswer("it has an unknown reference");
    if let Some(char) = reference.resolve_char_ref().map_err(|_| UNKNOWN)? {
        write(open, char.encode_utf8(&mut [0; 4]));
        return Ok(());
    }
    let name = reference.decode().map_err(|_| UNKNOWN)?;
    write(open, resolve_xml_entity(&name).ok_or(UNKNOWN)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_answer_is_read_without_its_namespaces() {
        let read = Element::parse(
            br#"<?xml version="1.0"?><s:a xmlns:s="x"><b type="Task" xsi:type="v:Ref">t-&lt;1&#x41;<![CDATA[&]]></b><b/></s:a>"#,
        );
        let read = read.unwrap();
        assert_eq!((read.name.as_str(), read.children_called("b").count()), ("a", 2));
        let b = read.child("b").unwrap();
        assert_eq!((b.refers_to.as_str(), b.kind.as_str(), b.text.as_str()), ("Task", "Ref", "t-<1A&"));
        assert_eq!((read.text_of("b"), read.text_of("c")), ("t-<1A&", ""));
    }

    #[test]
    fn what_would_expand_or_never_end_is_refused() {
        let deep = format!("{}{}", "<a>".repeat(5000), "</a>".repeat(5000));
        let bomb = "<!DOCTYPE a [<!ENTITY b \"bbbbbbbb\">]><a>&b;</a>";
        for bad in ["", "x", "<a>", "<a></b>", "<a>&unknown;</a>", "<a>&#xFFFFFF;</a>", "</a>", &deep, bomb] {
            assert!(Element::parse(bad.as_bytes()).is_err(), "{}", &bad[..bad.len().min(50)]);
        }
        assert!(Element::parse(b"<a>\xff</a>").is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Element::parse(&bytes);
        }

        #[test]
        fn anything_like_xml_is_read_or_refused(text in "(<[/?!a-b:]{0,3}( [a-b:]=\"[&;a]{0,4}\")?/?>|[&;#x0-9a]{0,5}){0,20}") {
            let _ = Element::parse(text.as_bytes());
        }
    }
}
