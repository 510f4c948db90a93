// What the pages do better with JavaScript: times of the reader's own place, and news without a reload.
(() => {
  "use strict";

  const words = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

  function localise(root) {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const moment = new Date(time.dateTime);
      if (Number.isNaN(moment.valueOf())) continue;
      time.title = time.textContent;
      time.textContent = words.format(moment);
    }
  }

  // What the server wrote last into each live part, before anything here changed it.
  const written = new Map();
  const parts = (root) => root.querySelectorAll("[data-live][id]");

  function replace(old, fresh) {
    const opened = new Set(Array.from(old.querySelectorAll("details[open][id]"), (part) => part.id));
    const scrolled = Array.from(old.querySelectorAll(".scroll"), (part) => part.scrollLeft);
    const focused = old.contains(document.activeElement) ? Array.from(old.querySelectorAll("a, summary, .scroll")).indexOf(document.activeElement) : -1;
    old.replaceChildren(...document.importNode(fresh, true).childNodes);
    for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
    old.querySelectorAll(".scroll").forEach((part, place) => { part.scrollLeft = scrolled[place] ?? 0; });
    if (focused >= 0) old.querySelectorAll("a, summary, .scroll")[focused]?.focus({ preventScroll: true });
    localise(old);
  }

  let isFetching = false;
  let isDue = false;

  async function refresh() {
    if (isFetching) { isDue = true; return; }
    isFetching = true;
    try {
      const response = await fetch(location.href, { credentials: "same-origin", cache: "no-store" });
      if (response.redirected) { location.reload(); return; }
      if (!response.ok) return;
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      for (const fresh of parts(page)) {
        const old = document.getElementById(fresh.id);
        const text = fresh.innerHTML;
        if (!old || written.get(fresh.id) === text) continue;
        written.set(fresh.id, text);
        replace(old, fresh);
      }
    } catch {
      // The stream says when the service is away.
    } finally {
      isFetching = false;
      if (isDue) { isDue = false; soon(); }
    }
  }

  let timer = 0;
  function soon() {
    clearTimeout(timer);
    timer = setTimeout(refresh, 120);
  }

  function follow() {
    const sign = document.getElementById("following");
    const say = (text, isLive) => {
      sign.textContent = text;
      sign.className = isLive ? "following live" : "following";
    };
    const stream = new EventSource("/api/v1/events");
    // After a break something may have happened, so the first look follows each connection.
    stream.addEventListener("begin", () => { say("Following live.", true); soon(); });
    stream.addEventListener("transcript", soon);
    stream.addEventListener("round", soon);
    stream.addEventListener("error", () => {
      const isOver = stream.readyState === EventSource.CLOSED;
      say(isOver ? "Not followed any more; reload the page." : "The coordinator is away; trying again.", false);
    });
    const seconds = Number(document.body.dataset.refresh);
    if (seconds > 0) setInterval(() => { if (!document.hidden) refresh(); }, seconds * 1000);
    addEventListener("pagehide", () => stream.close());
    addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  }

  // A link may bring the token behind its #, which no browser sends to a server.
  function logIn(form) {
    const token = decodeURIComponent(location.hash.slice(1));
    if (!token) return;
    history.replaceState(null, "", location.pathname + location.search);
    form.elements.token.value = token;
    form.submit();
  }

  for (const part of parts(document)) written.set(part.id, part.innerHTML);
  localise(document);
  const form = document.getElementById("login");
  if (form) logIn(form); else if (document.getElementById("following")) follow();
})();
