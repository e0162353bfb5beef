//! Lists of images by their definition, one image after the other: what every database has to agree
//! with, however it goes about it.

use std::cmp::Ordering;

use crate::database::{
    Comparison, Direction, Filter, ImageQuery, NumberField, SeenImage, SortKey, TextField, TimeField, VisibilityFilter,
};
use crate::image::{Image, Status, Visibility};

/// The page of `images` that `query` means.
pub(super) fn page(images: impl Iterator<Item = SeenImage>, query: &ImageQuery) -> Vec<SeenImage> {
    let mut found: Vec<SeenImage> = images
        .filter(|seen| is_listed(seen, query))
        .filter(|seen| query.marker.as_ref().is_none_or(|marker| in_order(marker, &seen.image, query).is_lt()))
        .collect();
    found.sort_by(|a, b| in_order(&a.image, &b.image, query));
    found.truncate(query.limit);
    found
}

fn is_listed(seen: &SeenImage, query: &ImageQuery) -> bool {
    let image = &seen.image;
    image.status != Status::Killed
        && image.hidden == query.hidden
        && is_within_reach(seen, query)
        && is_wanted(image, query)
        && query.filters.iter().all(|filter| holds(filter, image))
        && query.tags.iter().all(|tag| image.tags.contains(tag))
}

fn is_within_reach(seen: &SeenImage, query: &ImageQuery) -> bool {
    let image = &seen.image;
    query.viewer.admin
        || is_own(image, query)
        || match image.visibility {
            Visibility::Public | Visibility::Community => true,
            Visibility::Shared => match (seen.membership, query.member_status) {
                (Some(answer), Some(wanted)) => answer == wanted,
                (membership, None) => membership.is_some(),
                (None, Some(_)) => false,
            },
            Visibility::Private => false,
        }
}

fn is_wanted(image: &Image, query: &ImageQuery) -> bool {
    match query.visibility {
        VisibilityFilter::Usual => image.visibility != Visibility::Community || is_own(image, query),
        VisibilityFilter::All => true,
        VisibilityFilter::Only(wanted) => image.visibility == wanted,
    }
}

fn is_own(image: &Image, query: &ImageQuery) -> bool {
    query.viewer.project.is_some() && image.owner == query.viewer.project
}

fn holds(filter: &Filter, image: &Image) -> bool {
    match filter {
        Filter::Text(field, wanted) => {
            text(*field, image).is_some_and(|text| wanted.iter().any(|wanted| wanted == text))
        }
        Filter::Number(field, comparison, wanted) => {
            number(*field, image).is_some_and(|number| compares(*comparison, number.cmp(&i128::from(*wanted))))
        }
        Filter::Time(TimeField::CreatedAt, comparison, wanted) => compares(*comparison, image.created_at.cmp(wanted)),
        Filter::Time(TimeField::UpdatedAt, comparison, wanted) => compares(*comparison, image.updated_at.cmp(wanted)),
        Filter::Protected(wanted) => image.protected == *wanted,
        Filter::Property(name, wanted) => {
            image.properties.get(name).is_some_and(|value| value.as_ref() == Some(wanted))
        }
        Filter::Nothing => false,
    }
}

fn compares(comparison: Comparison, order: Ordering) -> bool {
    match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::AtMost => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::AtLeast => order.is_ge(),
    }
}

fn text(field: TextField, image: &Image) -> Option<&str> {
    match field {
        TextField::Id => Some(image.id.as_str()),
        TextField::Name => image.name.as_deref(),
        TextField::Status => Some(image.status.as_str()),
        TextField::Visibility => Some(image.visibility.as_str()),
        TextField::Owner => image.owner.as_deref(),
        TextField::DiskFormat => image.disk_format.as_deref(),
        TextField::ContainerFormat => image.container_format.as_deref(),
        TextField::Checksum => image.checksum.as_deref(),
        TextField::OsHashAlgo => image.os_hash_algo.as_deref(),
        TextField::OsHashValue => image.os_hash_value.as_deref(),
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

fn in_order(a: &Image, b: &Image, query: &ImageQuery) -> Ordering {
    query
        .sort
        .iter()
        .map(|(key, direction)| match direction {
            Direction::Ascending => by_key(*key, a, b),
            Direction::Descending => by_key(*key, b, a),
        })
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

fn by_key(key: SortKey, a: &Image, b: &Image) -> Ordering {
    match key {
        SortKey::Name => a.name.cmp(&b.name),
        SortKey::Status => a.status.as_str().cmp(b.status.as_str()),
        SortKey::ContainerFormat => a.container_format.cmp(&b.container_format),
        SortKey::DiskFormat => a.disk_format.cmp(&b.disk_format),
        SortKey::Size => a.size.cmp(&b.size),
        SortKey::Id => a.id.cmp(&b.id),
        SortKey::CreatedAt => a.created_at.cmp(&b.created_at),
        SortKey::UpdatedAt => a.updated_at.cmp(&b.updated_at),
    }
}
