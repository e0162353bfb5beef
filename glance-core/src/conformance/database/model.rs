//! The rules of a list in plain words, to compare databases with.

use std::cmp::Ordering;

use crate::database::{
    Comparison, Direction, Filter, ImageQuery, NumberField, SortKey, TextField, TimeField, VisibilityFilter,
};
use crate::image::{Image, ImageId, Status, Visibility};
use crate::member::MemberStatus;

/// An image and the projects it is shared with.
#[derive(Debug, Clone)]
pub struct Known {
    /// The image.
    pub image: Image,
    /// What each project answered.
    pub members: Vec<(String, MemberStatus)>,
}

/// The ids of the images that `query` lists out of `images`.
#[must_use]
pub fn listed(query: &ImageQuery, images: &[Known]) -> Vec<ImageId> {
    let mut listed: Vec<&Image> =
        images.iter().filter(|known| is_listed(query, known)).map(|known| &known.image).collect();
    listed.sort_by(|a, b| compare(query, a, b));
    if let Some(marker) = &query.marker {
        listed.retain(|image| compare(query, image, marker) == Ordering::Greater);
    }
    listed.truncate(query.limit);
    listed.into_iter().map(|image| image.id).collect()
}

fn is_listed(query: &ImageQuery, known: &Known) -> bool {
    let image = &known.image;
    let project = query.viewer.project.as_deref();
    let own = project.is_some() && image.owner.as_deref() == project;
    let member = known.members.iter().find(|(member, _)| Some(member.as_str()) == project).map(|(_, status)| *status);
    let accepted = member.is_some_and(|status| query.member_status.is_none_or(|asked| asked == status));
    let seen = query.viewer.admin
        || own
        || matches!(image.visibility, Visibility::Public | Visibility::Community)
        || (image.visibility == Visibility::Shared && accepted);
    let wanted = match query.visibility {
        VisibilityFilter::Usual => own || image.visibility != Visibility::Community,
        VisibilityFilter::All => true,
        VisibilityFilter::Only(visibility) => image.visibility == visibility,
    };
    seen && wanted
        && image.hidden == query.hidden
        && image.status != Status::Killed
        && query.filters.iter().all(|filter| passes(filter, image))
        && query.tags.iter().all(|tag| image.tags.contains(tag))
}

fn passes(filter: &Filter, image: &Image) -> bool {
    match filter {
        Filter::Text(field, values) => text(*field, image).is_some_and(|text| values.contains(&text)),
        Filter::Number(field, comparison, value) => {
            number(*field, image).is_some_and(|number| holds(*comparison, number.cmp(&i128::from(*value))))
        }
        Filter::Time(TimeField::CreatedAt, comparison, moment) => holds(*comparison, image.created_at.cmp(moment)),
        Filter::Time(TimeField::UpdatedAt, comparison, moment) => holds(*comparison, image.updated_at.cmp(moment)),
        Filter::Protected(protected) => image.protected == *protected,
        Filter::Property(name, value) => image.properties.get(name).is_some_and(|found| found.as_ref() == Some(value)),
        Filter::Nothing => false,
    }
}

fn text(field: TextField, image: &Image) -> Option<String> {
    match field {
        TextField::Id => Some(image.id.to_string()),
        TextField::Name => image.name.clone(),
        TextField::Status => Some(image.status.to_string()),
        TextField::Visibility => Some(image.visibility.to_string()),
        TextField::Owner => image.owner.clone(),
        TextField::DiskFormat => image.disk_format.clone(),
        TextField::ContainerFormat => image.container_format.clone(),
        TextField::Checksum => image.checksum.clone(),
        TextField::OsHashAlgo => image.os_hash_algo.clone(),
        TextField::OsHashValue => image.os_hash_value.clone(),
    }
}

fn number(field: NumberField, image: &Image) -> Option<i128> {
    match field {
        NumberField::Size => image.size.map(i128::from),
        NumberField::VirtualSize => image.virtual_size.map(i128::from),
        NumberField::MinDisk => Some(image.min_disk.into()),
        NumberField::MinRam => Some(image.min_ram.into()),
    }
}

fn holds(comparison: Comparison, ordering: Ordering) -> bool {
    match comparison {
        Comparison::Equal => ordering.is_eq(),
        Comparison::NotEqual => ordering.is_ne(),
        Comparison::Less => ordering.is_lt(),
        Comparison::AtMost => ordering.is_le(),
        Comparison::Greater => ordering.is_gt(),
        Comparison::AtLeast => ordering.is_ge(),
    }
}

fn compare(query: &ImageQuery, a: &Image, b: &Image) -> Ordering {
    let by = |(key, direction): &(SortKey, Direction)| {
        let ordering = match key {
            SortKey::Name => a.name.cmp(&b.name),
            SortKey::Status => a.status.as_str().cmp(b.status.as_str()),
            SortKey::ContainerFormat => a.container_format.cmp(&b.container_format),
            SortKey::DiskFormat => a.disk_format.cmp(&b.disk_format),
            SortKey::Size => a.size.cmp(&b.size),
            SortKey::Id => a.id.cmp(&b.id),
            SortKey::CreatedAt => a.created_at.cmp(&b.created_at),
            SortKey::UpdatedAt => a.updated_at.cmp(&b.updated_at),
        };
        match direction {
            Direction::Ascending => ordering,
            Direction::Descending => ordering.reverse(),
        }
    };
    query.sort.iter().map(by).find(|ordering| ordering.is_ne()).unwrap_or(Ordering::Equal)
}
