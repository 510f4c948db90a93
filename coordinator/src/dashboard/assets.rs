//! The style sheet, the script and the icon, which are part of the program.

use axum::http::{
    HeaderName,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};

const STYLE: &str = include_str!("../../assets/dashboard.css");
const SCRIPT: &str = include_str!("../../assets/dashboard.js");
const ICON: &str = include_str!("../../assets/icon.svg");

type Asset = ([(HeaderName, &'static str); 2], String);

fn asset(media_type: &'static str, content: String) -> Asset {
    ([(CONTENT_TYPE, media_type), (CACHE_CONTROL, "no-cache")], content)
}

/// Returns the style of the pages, and that of the drawings in them.
pub(super) async fn style() -> Asset {
    asset("text/css; charset=utf-8", format!("{}\n{STYLE}", chart::style()))
}

/// Returns what the pages do better with JavaScript.
pub(super) async fn script() -> Asset {
    asset("text/javascript; charset=utf-8", SCRIPT.to_owned())
}

/// Returns the picture in the browser's tab.
pub(super) async fn icon() -> Asset {
    asset("image/svg+xml", ICON.to_owned())
}
