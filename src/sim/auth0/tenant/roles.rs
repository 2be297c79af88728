//! Roles, which the tenant has for good.

use serde_json::{Value, json};

/// A role: its id and its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Role {
    pub id: &'static str,
    name: &'static str,
}

pub(super) const ROLES: [Role; 5] = [
    Role { id: "rol_A1dminAcmeDemo11", name: "admin" },
    Role { id: "rol_B2illingAcmeDem1", name: "billing" },
    Role { id: "rol_E3ditorAcmeDemo1", name: "editor" },
    Role { id: "rol_S4upportAcmeDem1", name: "support" },
    Role { id: "rol_V5iewerAcmeDemo1", name: "viewer" },
];

impl Role {
    /// As events carry it.
    pub(super) fn object(self) -> Value {
        json!({ "id": self.id, "name": self.name })
    }
}
