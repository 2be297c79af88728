//! Style, script and icon: compiled in, named by what is in them.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use sha2::{Digest as _, Sha256};

/// One file that pages load.
#[derive(Debug)]
struct Asset {
    name: &'static str,
    kind: &'static str,
    content: &'static str,
}

const ASSETS: [Asset; 3] = [
    Asset {
        name: "style.css",
        kind: "text/css; charset=utf-8",
        content: include_str!("assets/style.css"),
    },
    Asset {
        name: "live.js",
        kind: "text/javascript; charset=utf-8",
        content: include_str!("assets/live.js"),
    },
    Asset { name: "icon.svg", kind: "image/svg+xml", content: include_str!("assets/icon.svg") },
];

/// Changes when any of them does, so that a browser may keep them for good.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut digest = Sha256::new();
    for asset in &ASSETS {
        digest.update(asset.content);
    }
    let digest: [u8; 32] = digest.finalize().into();
    let [first, second, third, fourth, ..] = digest;
    format!("{:08x}", u32::from_be_bytes([first, second, third, fourth]))
});

/// Where a page finds one.
pub(super) fn url(name: &str) -> String {
    format!("/assets/{name}?v={}", *VERSION)
}

pub(super) async fn asset(Path(name): Path<String>) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let kept = "public, max-age=31536000, immutable";
    let headers = [(header::CONTENT_TYPE, asset.kind), (header::CACHE_CONTROL, kept)];
    (headers, asset.content).into_response()
}
