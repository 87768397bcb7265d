//! XML as SAML needs it: UTF-8, no document type, no entities of its own, shallow. Elements are found by
//! walking from a parent to its children, never by an ID.

use std::collections::HashSet;

use uppsala::{Document, NodeId, NodeKind, Parser};

use crate::protocol::{MOST_XML_BYTES, Refusal};

pub(crate) const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
pub(crate) const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
pub(crate) const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
pub(crate) const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";
pub(crate) const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

const DEEPEST: u32 = 40;
const MOST_NODES: usize = 50_000;
/// Attribute names that are IDs somewhere in SAML, XML signatures or XML itself.
const ID_NAMES: [&str; 4] = ["ID", "Id", "id", "AssertionID"];

pub(crate) struct Xml<'a> {
    pub(crate) doc: Document<'a>,
    pub(crate) root: NodeId,
}

impl<'a> Xml<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, Refusal> {
        if text.len() > MOST_XML_BYTES {
            return Err(Refusal::TooLarge);
        }
        // The parser refuses both as well; said first, so that the answer names the cause.
        if text.contains("<!DOCTYPE") || text.contains("<!ENTITY") {
            return Err(Refusal::Dtd);
        }
        let doc = Parser::new()
            .with_forbid_dtd(true)
            .with_forbid_entities(true)
            .with_max_entity_expansion(0)
            .with_max_depth(DEEPEST)
            .parse(text)
            .map_err(|_| Refusal::Xml)?;
        let root = doc.document_element().ok_or(Refusal::Xml)?;
        Ok(Self { doc, root })
    }

    /// Every node below the document, in its order.
    pub(crate) fn all(&self) -> Result<Vec<NodeId>, Refusal> {
        let nodes = self.doc.descendants(self.doc.root());
        if nodes.len() > MOST_NODES {
            return Err(Refusal::TooLarge);
        }
        Ok(nodes)
    }

    /// Neither comment nor processing instruction anywhere: canonicalisation drops comments, so a text
    /// that one cuts in two would be signed as one and read as another.
    pub(crate) fn check_plain(&self) -> Result<(), Refusal> {
        let plain = |id: &NodeId| {
            !matches!(
                self.doc.node_kind(*id),
                Some(NodeKind::Comment(_) | NodeKind::ProcessingInstruction(_))
            )
        };
        if self.all()?.iter().all(plain) {
            Ok(())
        } else {
            Err(Refusal::Comment)
        }
    }

    /// No value is the ID of two elements, whichever of the names it goes by.
    pub(crate) fn check_ids(&self) -> Result<(), Refusal> {
        let mut seen = HashSet::new();
        for id in self.all()? {
            let Some(element) = self.doc.element(id) else {
                continue;
            };
            for attribute in &element.attributes {
                let is_id = ID_NAMES.contains(&attribute.name.local_name.as_ref());
                if is_id && !seen.insert(attribute.value.as_ref()) {
                    return Err(Refusal::DuplicateId);
                }
            }
        }
        Ok(())
    }

    pub(crate) fn is(&self, id: NodeId, space: &str, name: &str) -> bool {
        self.doc
            .element(id)
            .is_some_and(|element| element.matches_name_ns(space, name))
    }

    /// The element's own name, whatever its namespace.
    pub(crate) fn local_name(&self, id: NodeId) -> Option<&str> {
        self.doc
            .element(id)
            .map(|element| element.name.local_name.as_ref())
    }

    /// Child elements. Text between them may be white space alone.
    pub(crate) fn elements(&self, id: NodeId) -> Result<Vec<NodeId>, Refusal> {
        let mut found = Vec::new();
        for child in self.doc.children_iter(id) {
            match self.doc.node_kind(child) {
                Some(NodeKind::Element(_)) => found.push(child),
                Some(NodeKind::Text(text)) if text.trim().is_empty() => {}
                Some(NodeKind::Comment(_) | NodeKind::ProcessingInstruction(_)) => {}
                _ => return Err(Refusal::Shape),
            }
        }
        Ok(found)
    }

    /// Children of that name.
    pub(crate) fn named(
        &self,
        id: NodeId,
        space: &str,
        name: &str,
    ) -> Result<Vec<NodeId>, Refusal> {
        let mut found = self.elements(id)?;
        found.retain(|child| self.is(*child, space, name));
        Ok(found)
    }

    /// The one child of that name, or none; two are refused.
    pub(crate) fn at_most_one(
        &self,
        id: NodeId,
        space: &str,
        name: &str,
    ) -> Result<Option<NodeId>, Refusal> {
        match self.named(id, space, name)?.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(*one)),
            _ => Err(Refusal::Shape),
        }
    }

    /// All of the element's text; it has no child elements.
    pub(crate) fn text(&self, id: NodeId) -> Result<String, Refusal> {
        let mut found = String::new();
        for child in self.doc.children_iter(id) {
            match self.doc.node_kind(child) {
                Some(NodeKind::Text(text) | NodeKind::CData(text)) => found.push_str(text),
                _ => return Err(Refusal::Shape),
            }
        }
        Ok(found)
    }

    /// An attribute that is in no namespace.
    pub(crate) fn attribute(&self, id: NodeId, name: &str) -> Option<&str> {
        let element = self.doc.element(id)?;
        element
            .attributes
            .iter()
            .find(|attribute| {
                attribute.name.namespace_uri.is_none() && attribute.name.local_name == name
            })
            .map(|attribute| attribute.value.as_ref())
    }
}

/// Base64 as XML writes it: broken into lines where it likes.
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let dense: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(dense).ok()
}
