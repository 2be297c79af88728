//! The types of Auth0's events.

/// What a stream can be subscribed to, in the order in which pages and streams name it. `connection.*`
/// stands in Auth0's SDKs, and not among what the Management API takes (schema of August 2026). Types not
/// known here pass through everywhere.
pub const EVENT_TYPES: [&str; 22] = [
    "user.created",
    "user.updated",
    "user.deleted",
    "organization.created",
    "organization.updated",
    "organization.deleted",
    "organization.member.added",
    "organization.member.deleted",
    "organization.member.role.assigned",
    "organization.member.role.deleted",
    "organization.connection.added",
    "organization.connection.updated",
    "organization.connection.removed",
    "organization.group.role.assigned",
    "organization.group.role.deleted",
    "group.created",
    "group.updated",
    "group.deleted",
    "group.member.added",
    "group.member.deleted",
    "group.role.assigned",
    "group.role.deleted",
];
