//! Settings of a gateway under test, as environment variables: the same for a gateway in this
//! process and for the real executable.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

pub(crate) const TOKEN: &str = "test-token-0123456789";
pub(crate) const SIGNING_SECRET: &str = "whsec_dGVzdC1zaWduaW5nLXNlY3JldC0wMTIzNDU2Nzg5";

#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) environment: BTreeMap<String, String>,
    targets: Vec<String>,
    routes: Vec<String>,
    pub(crate) folder: TempDir,
}

impl Settings {
    /// Free ports, a journal in a folder of its own, one webhook secret, nothing delivered.
    pub(crate) fn new(mode: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings =
            Self { environment: BTreeMap::new(), targets: Vec::new(), routes: Vec::new(), folder };
        let journal = settings.journal().display().to_string();
        settings
            .set("mode", mode)
            .set("webhook.listen", "127.0.0.1:0")
            .set("webhook.secrets", r#"[{ label = "test", env = "TOKEN" }]"#)
            .set("admin.listen", "127.0.0.1:0")
            .set("journal.path", &journal)
            .set("eventbridge.wait", "1s")
            .set("compare.grace", "1ms")
            .variable("TOKEN", TOKEN)
            .variable("SECRET", SIGNING_SECRET)
    }

    pub(crate) fn set(self, key: &str, value: &str) -> Self {
        let name = format!("TWINSTREAM__{}", key.replace('.', "__").to_uppercase());
        self.variable(&name, value)
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// As on a machine that has none, such as a minimal container.
    pub(crate) fn without_certificate_authorities(self) -> Self {
        self.variable("SSL_CERT_FILE", "/nowhere").variable("SSL_CERT_DIR", "/nowhere")
    }

    /// Takes from this queue, at a stand-in or an emulator.
    pub(crate) fn queue(self, endpoint_url: &str, queue_url: &str) -> Self {
        self.set("eventbridge.endpoint_url", endpoint_url).set("eventbridge.queue_url", queue_url)
    }

    /// A signed target that retries fast, and a route to it for these types (all when empty).
    pub(crate) fn deliver(self, name: &str, url: &str, types: &[&str]) -> Self {
        let retry = r#"pause_min = "20ms", pause_max = "100ms""#;
        self.deliver_with(name, url, types, retry)
    }

    /// The same, with more settings of the target.
    pub(crate) fn deliver_with(
        mut self,
        name: &str,
        url: &str,
        types: &[&str],
        more: &str,
    ) -> Self {
        self.targets.push(format!(
            r#"{{ name = "{name}", url = "{url}", signing_secret = {{ env = "SECRET" }}, {more} }}"#
        ));
        let pattern = if types.is_empty() {
            String::new()
        } else {
            format!(", pattern = {{ type = {types:?} }}")
        };
        self.routes.push(format!(r#"{{ name = "to-{name}", target = "{name}"{pattern} }}"#));
        self.set_delivery()
    }

    /// More settings of the route that was added last.
    pub(crate) fn routed_with(mut self, more: &str) -> Self {
        let route = self.routes.last_mut().unwrap();
        let end = route.rfind('}').unwrap();
        route.insert_str(end, &format!(", {more} "));
        self.set_delivery()
    }

    fn set_delivery(self) -> Self {
        let (targets, routes) = (self.targets.join(", "), self.routes.join(", "));
        self.set("targets", &format!("[{targets}]")).set("routes", &format!("[{routes}]"))
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.folder.path().join("journal.db")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}
