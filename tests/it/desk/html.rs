//! Pages as a browser without scripts takes them: links are followed, forms are filled and sent.

use std::net::SocketAddr;

use crate::support::gateway::Gateway;
use crate::support::http::{self, Response};

/// A form of a page, with what it would send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) method: String,
    pub(super) action: String,
    /// Fields in order; of boxes, those that are ticked.
    pub(super) fields: Vec<(String, String)>,
    /// Names of fields that a browser demands.
    pub(super) required: Vec<String>,
    /// Values of boxes by their field, ticked or not.
    pub(super) boxes: Vec<(String, String)>,
}

/// All forms of a page.
pub(super) fn forms(html: &str) -> Vec<Form> {
    let mut forms = Vec::new();
    for part in html.split("<form").skip(1) {
        let inside = part.split("</form>").next().unwrap();
        let (head, body) = inside.split_once('>').unwrap();
        let mut form = Form {
            method: attribute(head, "method").unwrap_or_else(|| "get".to_owned()),
            action: attribute(head, "action").unwrap(),
            fields: Vec::new(),
            required: Vec::new(),
            boxes: Vec::new(),
        };
        for tag in tags(body, "input") {
            let Some(name) = attribute(&tag, "name") else { continue };
            let value = attribute(&tag, "value").unwrap_or_default();
            if attribute(&tag, "type").as_deref() == Some("checkbox") {
                form.boxes.push((name, value));
                continue;
            }
            if tag.split_whitespace().any(|word| word == "required") {
                form.required.push(name.clone());
            }
            form.fields.push((name, value));
        }
        forms.push(form);
    }
    forms
}

/// The one form that is sent there.
pub(super) fn form(html: &str, action: &str) -> Form {
    let found: Vec<Form> = forms(html).into_iter().filter(|form| form.action == action).collect();
    assert_eq!(found.len(), 1, "forms for {action} in {html}");
    found.into_iter().next().unwrap()
}

fn tags(html: &str, name: &str) -> Vec<String> {
    let opening = format!("<{name} ");
    html.split(&opening).skip(1).map(|rest| rest.split('>').next().unwrap().to_owned()).collect()
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    Some(unescaped(rest.split('"').next().unwrap()))
}

/// Text as it was before it was escaped.
pub(super) fn unescaped(text: &str) -> String {
    let named = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#60;", "<"), ("&#62;", ">")];
    let mut text = text.to_owned();
    for (escape, letter) in named.into_iter().chain([("&#34;", "\""), ("&#39;", "'")]) {
        text = text.replace(escape, letter);
    }
    text.replace("&#38;", "&").replace("&amp;", "&")
}

/// The text of a page, without its tags.
pub(super) fn text(html: &str) -> String {
    let mut text = String::new();
    for part in html.split('<') {
        let after = part.split_once('>').map_or(part, |(_, after)| after);
        text.push(' ');
        text.push_str(after);
    }
    unescaped(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

impl Form {
    /// Fills in a field.
    pub(super) fn fill(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(other, _)| other != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Ticks a box.
    pub(super) fn tick(mut self, value: &str) -> Self {
        let found = self.boxes.iter().find(|(_, other)| other == value);
        self.fields.push(found.unwrap_or_else(|| panic!("no box {value}: {self:?}")).clone());
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(other, _)| other != name);
        self
    }

    pub(super) fn signed(self) -> Self {
        self.fill("who", "Kim").fill("why", "it is mended")
    }

    fn encoded(&self) -> String {
        serde_html_form::to_string(&self.fields).unwrap()
    }

    /// Where a form that asks leads to.
    pub(super) fn url(&self) -> String {
        assert_eq!(self.method, "get");
        format!("{}?{}", self.action, self.encoded())
    }

    /// Sends it as a page of the gateway itself would.
    pub(super) async fn send(&self, gateway: &Gateway) -> Response {
        self.send_with(gateway.admin, &["Origin: http://localhost", "Sec-Fetch-Site: same-origin"])
            .await
    }

    pub(super) async fn send_with(&self, admin: SocketAddr, headers: &[&str]) -> Response {
        assert_eq!(self.method, "post");
        let kind = "Content-Type: application/x-www-form-urlencoded";
        let headers = [&[kind], headers].concat();
        http::send(admin, &http::request("POST", &self.action, &headers, &self.encoded())).await
    }
}

/// A page that is there.
pub(super) async fn page(gateway: &Gateway, path: &str) -> String {
    let response = gateway.get(path).await;
    assert_eq!(response.status, 200, "{path}: {}", text(&response.body));
    assert_eq!(response.header("content-type"), Some("text/html; charset=utf-8"));
    response.body
}

/// The page that an answer leads to.
pub(super) async fn follow(gateway: &Gateway, response: &Response) -> (String, String) {
    assert_eq!(response.status, 303, "{}", text(&response.body));
    let path = response.header("location").unwrap().to_owned();
    let html = page(gateway, &path).await;
    (path, html)
}

#[track_caller]
pub(super) fn says(html: &str, expected: &str) {
    let text = text(html);
    assert!(text.contains(expected), "no {expected:?} in {text}");
}
