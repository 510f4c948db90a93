// Says what in the page keeps people from reading it: one line for each fault. Its body is run in the page.
const faults = [];
const fault = (what, element) => faults.push(element ? `${what}: ${element.outerHTML.slice(0, 140)}` : what);
const all = (selector) => Array.from(document.querySelectorAll(selector));

if (document.documentElement.lang !== "en") fault("no language");
if (!document.title.trim()) fault("no title");
if (all("h1").length !== 1) fault(`${all("h1").length} first headings`);
if (all("main").length !== 1) fault(`${all("main").length} main landmarks`);
if (all("header").length !== 1 || all("footer").length !== 1 || all("nav").length < 1) fault("a landmark is missing");
for (const nav of all("nav, aside")) if (!nav.getAttribute("aria-label")) fault("a landmark without a name", nav);

let level = 0;
for (const heading of all("h1, h2, h3, h4, h5, h6")) {
  const here = Number(heading.tagName[1]);
  if (here > level + 1) fault("a heading skips a level", heading);
  if (!heading.textContent.trim()) fault("an empty heading", heading);
  level = here;
}

const ids = all("[id]").map((element) => element.id);
for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) fault(`the id ${id} stands twice`);
for (const element of all("[aria-labelledby], [for]")) {
  const id = element.getAttribute("aria-labelledby") ?? element.getAttribute("for");
  if (!document.getElementById(id)) fault("a name that is not there", element);
}
for (const input of all("input:not([type=hidden]):not([hidden]), progress, select, textarea")) {
  if (!input.labels || input.labels.length === 0) fault("a field without a label", input);
}
for (const button of all("button, a[href]")) {
  if (!(button.textContent.trim() || button.getAttribute("aria-label"))) fault("a control without a name", button);
}
for (const image of all("img")) if (!image.hasAttribute("alt")) fault("a picture without words", image);
for (const svg of all("svg")) {
  if (svg.getAttribute("role") !== "img" || !svg.querySelector(":scope > title")?.textContent.trim()) fault("a drawing without words", svg);
}
for (const table of all("table")) {
  if (!table.caption?.textContent.trim()) fault("a table without a caption", table);
}
for (const cell of all("th")) if (!["row", "col"].includes(cell.scope)) fault("a heading cell without scope", cell);
for (const time of all("time")) if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(time.dateTime)) fault("a time that programs cannot read", time);
if (!document.querySelector("[role=status], [aria-live]") && !document.getElementById("login")) fault("nothing is announced to those who listen");
for (const element of all("[tabindex]")) if (element.tabIndex > 0) fault("an order of its own", element);
for (const element of all(".scroll")) {
  if (element.tabIndex !== 0 || !element.getAttribute("aria-label")) fault("a part that scrolls but cannot be reached by keys", element);
}

// Contrast of text as WCAG 2 computes it, from the colours as they are painted.
const channels = (text) => (text.match(/[\d.]+/g) ?? []).map(Number);
const luminance = ([red, green, blue]) => {
  const part = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  return 0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue);
};
const ground = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const colour = channels(getComputedStyle(at).backgroundColor);
    if (colour.length === 3 || colour[3] === 1) return colour;
  }
  return [255, 255, 255];
};
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
  const element = texts.currentNode.parentElement;
  if (!texts.currentNode.data.trim() || element.closest("svg") || element.getClientRects().length === 0) continue;
  const style = getComputedStyle(element);
  const [light, dark] = [luminance(channels(style.color)), luminance(ground(element))].sort((a, b) => b - a);
  const isLarge = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 700);
  const ratio = (light + 0.05) / (dark + 0.05);
  if (ratio < (isLarge ? 3 : 4.5)) fault(`contrast ${ratio.toFixed(2)}`, element);
}
for (const words of all("svg text")) {
  const back = words.ownerSVGElement.querySelector(".back");
  const over = words.classList.contains("over") ? null : back;
  if (!over) continue;
  const [light, dark] = [luminance(channels(getComputedStyle(words).fill)), luminance(channels(getComputedStyle(over).fill))].sort((a, b) => b - a);
  if ((light + 0.05) / (dark + 0.05) < 4.5) fault("contrast in a drawing", words);
}

// Focus must be seen wherever it can come to.
for (const element of all("a[href], button, input:not([type=hidden]), summary, .scroll")) {
  if (element.getClientRects().length === 0 || !element.checkVisibility()) continue;
  element.focus({ focusVisible: true, preventScroll: true });
  const style = getComputedStyle(element);
  if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) fault("focus is not seen", element);
}
document.activeElement?.blur();

const root = document.documentElement;
if (root.scrollWidth > root.clientWidth) {
  fault(`the page is ${root.scrollWidth} wide in a window of ${root.clientWidth}`);
  for (const element of all("body *")) {
    if (!element.closest(".scroll") && element.getBoundingClientRect().right > root.clientWidth + 1) { fault("too wide", element); break; }
  }
}
return faults;
