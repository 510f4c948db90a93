//! A browser that no person looks at: headless Chromium, driven by WebDriver through `chromedriver`.
//!
//! Its profile is new and empty, it fetches nothing of its own, and everything it did can be asked of it: requests,
//! messages of its console, screenshots.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    Processes,
    wait::{PATIENCE, until},
};

/// Longest time for one command.
const LONGEST: Duration = Duration::from_secs(60);

/// Script that returns whether the page is whole and every style sheet of it applies.
const STYLED: &str = "return document.readyState === 'complete' && \
    Array.from(document.querySelectorAll('link[rel=stylesheet]')).every((link) => link.sheet !== null);";

/// A browser with one window; dropping it ends both programs.
#[derive(Debug)]
pub struct Browser {
    session: String,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
    // After the session, so that the driver ends before its profile goes.
    _processes: Processes,
    _profile: TempDir,
}

/// How a page is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Width of the window in pixels.
    pub width: u32,
    /// Height of the window in pixels.
    pub height: u32,
    /// Whether the reader prefers dark pages.
    pub is_dark: bool,
}

/// Finds the two programs, or says which one is missing and how it is had.
fn programs() -> anyhow::Result<(PathBuf, PathBuf)> {
    let find = |names: &[&str]| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        let all = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
        all.into_iter().find(|path| path.is_file())
    };
    let missing = |what| format!("{what} is missing: apt-get install chromium chromium-driver");
    let driver = find(&["chromedriver"]).with_context(|| missing("chromedriver"))?;
    let browser = find(&["chromium", "chromium-browser", "google-chrome"]);
    Ok((driver, browser.with_context(|| missing("chromium"))?))
}

/// Returns whether both programs are there; prints loudly that nothing was tested where they are not.
///
/// With `PSEPHOS_REQUIRE_BROWSER` set a missing program is an error, so that continuous integration fails.
pub fn is_there(what: &str) -> anyhow::Result<bool> {
    let Err(error) = programs() else { return Ok(true) };
    if std::env::var_os("PSEPHOS_REQUIRE_BROWSER").is_some_and(|value| !value.is_empty()) {
        return Err(error.context(format!("{what} did not run")));
    }
    use std::io::Write as _;
    let line = format!("\n!!! {what} DID NOT RUN: {error}\n");
    drop(std::io::stderr().lock().write_all(line.as_bytes()));
    Ok(false)
}

impl Browser {
    /// Starts a browser; its log goes to a file in `folder`.
    pub fn start(folder: &Path) -> anyhow::Result<Self> {
        let (driver, browser) = programs()?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let profile = tempfile::Builder::new().prefix("psephos-browser-").tempdir()?;
        let processes = Processes::default();
        let mut command = Command::new(driver);
        command.arg(format!("--port={port}"));
        processes.start(&mut command, &folder.join("chromedriver.log"))?;
        let client = reqwest::Client::builder().timeout(LONGEST).no_proxy().build()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let base = format!("http://127.0.0.1:{port}");
        let capabilities = capabilities(&browser, profile.path());
        let mut this =
            Self { session: base.clone(), client, runtime, _processes: processes, _profile: profile };
        until("chromedriver", PATIENCE, || {
            Ok(this.call(Method::GET, "/status", None).is_ok().then_some(()))
        })?;
        let begun = this.call(Method::POST, "/session", Some(capabilities))?;
        let id = begun.get("sessionId").and_then(Value::as_str).context("chromedriver began no session")?;
        this.session = format!("{base}/session/{id}");
        this.devtools("Network.enable", &json!({}))?;
        // Nobody sits before this window; pages shall think that somebody does.
        this.devtools("Emulation.setFocusEmulationEnabled", &json!({ "enabled": true }))?;
        // What the browser's own first page did is none of the dashboard's.
        this.open("about:blank")?;
        this.requests()?;
        this.console()?;
        Ok(this)
    }

    fn call(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let mut request = self.client.request(method, format!("{}{path}", self.session));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let mut answer: Value = self.runtime.block_on(async { request.send().await?.json().await })?;
        let value = answer.get_mut("value").map(Value::take).unwrap_or_default();
        if let Some(error) = value.get("error") {
            bail!("the browser refused {path}: {error}: {}", value.get("message").unwrap_or(&Value::Null));
        }
        Ok(value)
    }

    /// Sends a command to the browser's developer tools.
    pub fn devtools(&self, command: &str, parameters: &Value) -> anyhow::Result<Value> {
        let body = json!({ "cmd": command, "params": parameters });
        self.call(Method::POST, "/goog/cdp/execute", Some(body))
    }

    /// Opens a page and waits until it is loaded and has its style.
    pub fn open(&self, url: &str) -> anyhow::Result<()> {
        self.call(Method::POST, "/url", Some(json!({ "url": url })))?;
        // On a busy machine the driver returns before the style sheet is there.
        self.wait_for("the page and its style", STYLED)
    }

    /// Returns the address of the page.
    pub fn url(&self) -> anyhow::Result<String> {
        Ok(self.call(Method::GET, "/url", None)?.as_str().unwrap_or_default().to_owned())
    }

    /// Runs the body of a function in the page and returns what it returns.
    pub fn run(&self, script: &str) -> anyhow::Result<Value> {
        self.call(Method::POST, "/execute/sync", Some(json!({ "script": script, "args": [] })))
    }

    /// Returns the text of an element as a person sees it; empty where there is none.
    pub fn text(&self, selector: &str) -> anyhow::Result<String> {
        let script = format!("return document.querySelector({})?.innerText ?? '';", json!(selector));
        Ok(self.run(&script)?.as_str().unwrap_or_default().to_owned())
    }

    /// Looks at pages from now on in a window of this size, light or dark.
    pub fn look(&self, look: Look) -> anyhow::Result<()> {
        let Look { width, height, is_dark } = look;
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics)?;
        let scheme = if is_dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", &features)?;
        Ok(())
    }

    /// Returns a picture (PNG) of the whole page, or of what fits the window.
    pub fn picture(&self, is_whole: bool) -> anyhow::Result<Vec<u8>> {
        let mut parameters = json!({ "format": "png", "captureBeyondViewport": is_whole });
        if is_whole {
            let size = self.run(
                "const root = document.documentElement; return [root.clientWidth, Math.max(root.scrollHeight, innerHeight)];",
            )?;
            let side = |place: usize| size.get(place).and_then(Value::as_f64).unwrap_or(800.0);
            let clip = json!({ "x": 0, "y": 0, "width": side(0), "height": side(1), "scale": 1 });
            if let Some(map) = parameters.as_object_mut() {
                map.insert("clip".to_owned(), clip);
            }
        }
        let answer = self.devtools("Page.captureScreenshot", &parameters)?;
        let data = answer.get("data").and_then(Value::as_str).context("the browser made no picture")?;
        Ok(STANDARD.decode(data)?)
    }

    fn log(&self, kind: &str) -> anyhow::Result<Vec<Value>> {
        let entries = self.call(Method::POST, "/se/log", Some(json!({ "type": kind })))?;
        Ok(entries.as_array().cloned().unwrap_or_default())
    }

    /// Returns what the console was told since it was asked last: errors, warnings, refusals of the security policy;
    /// what the browser recommends to authors is left out.
    pub fn console(&self) -> anyhow::Result<Vec<String>> {
        let told = self.log("browser")?;
        let is_grave =
            |entry: &&Value| entry.get("level").is_none_or(|level| level != "DEBUG" && level != "INFO");
        Ok(told
            .iter()
            .filter(is_grave)
            .map(|entry| entry.get("message").unwrap_or(entry).to_string())
            .collect())
    }

    /// Returns the address of everything that was requested since it was asked last.
    pub fn requests(&self) -> anyhow::Result<Vec<String>> {
        let mut urls = Vec::new();
        for entry in self.log("performance")? {
            let text = entry.get("message").and_then(Value::as_str).unwrap_or_default();
            let message: Value = serde_json::from_str(text)?;
            let method = message.pointer("/message/method").and_then(Value::as_str).unwrap_or_default();
            if method == "Network.requestWillBeSent" || method == "Network.webSocketCreated" {
                let url = message.pointer("/message/params/request/url");
                let url = url.or_else(|| message.pointer("/message/params/url")).and_then(Value::as_str);
                urls.extend(url.map(str::to_owned));
            }
        }
        Ok(urls)
    }

    /// Waits until a script in the page returns true.
    pub fn wait_for(&self, what: &str, script: &str) -> anyhow::Result<()> {
        until(what, PATIENCE, || Ok(self.run(script)?.as_bool().unwrap_or(false).then_some(())))
    }

    /// Logs in to a dashboard by its form.
    pub fn log_in(&self, url: &str, token: &str) -> anyhow::Result<()> {
        self.open(&format!("{url}/login"))?;
        let fill = format!(
            "const form = document.getElementById('login'); form.elements.token.value = {}; form.submit();",
            json!(token)
        );
        self.run(&fill)?;
        self.wait_for(
            "the login",
            "return location.pathname !== '/login' && document.readyState === 'complete';",
        )?;
        let place = self.url()?;
        ensure!(place == format!("{url}/rounds"), "the login led to {place}");
        Ok(())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver is ended in any case; this lets the browser end by itself.
        drop(self.call(Method::DELETE, "", None));
    }
}

fn capabilities(browser: &Path, profile: &Path) -> Value {
    let profile = format!("--user-data-dir={}", profile.display());
    let flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        "--lang=en-GB",
        &profile,
    ];
    json!({ "capabilities": { "alwaysMatch": {
        "browserName": "chrome",
        "goog:chromeOptions": { "binary": browser, "args": flags },
        "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
    } } })
}
