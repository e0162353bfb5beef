//! The projects an image is shared with.

use glance_core::member::Member;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;

use glance_core::Moment;

/// One member.
#[derive(Debug)]
pub(in crate::api) struct MemberView<'a> {
    member: &'a Member,
    named: Option<&'a Value>,
}

impl<'a> MemberView<'a> {
    pub(in crate::api) fn new(member: &'a Member) -> Self {
        Self { member, named: None }
    }

    /// Shows the project as the client wrote it, which may have been a number.
    pub(in crate::api) fn named(self, named: &'a Value) -> Self {
        Self { named: Some(named), ..self }
    }
}

impl Serialize for MemberView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let member = self.member;
        let mut map = serializer.serialize_map(Some(6))?;
        match self.named {
            Some(named) => map.serialize_entry("member_id", named)?,
            None => map.serialize_entry("member_id", &member.project)?,
        }
        map.serialize_entry("image_id", member.image_id.as_str())?;
        map.serialize_entry("status", member.status.as_str())?;
        map.serialize_entry("created_at", &Moment(member.created_at))?;
        map.serialize_entry("updated_at", &Moment(member.updated_at))?;
        map.serialize_entry("schema", "/v2/schemas/member")?;
        map.end()
    }
}

/// All members of an image.
#[derive(Debug, Serialize)]
pub(in crate::api) struct MembersView<'a> {
    members: Vec<MemberView<'a>>,
    schema: &'static str,
}

impl<'a> MembersView<'a> {
    pub(in crate::api) fn new(members: &'a [Member]) -> Self {
        Self { members: members.iter().map(MemberView::new).collect(), schema: "/v2/schemas/members" }
    }
}
