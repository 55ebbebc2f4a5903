"use strict";

/* Sends files one after the other and shows what Freehold says of them. Names and texts come from strangers: they are
   only ever set as text, with invisible characters made visible. */

const MOST_SHOWN = 1000;
const PARTS = " ▸ ";

const MEANING = {
  infected: ["bad", "Do not open this file."],
  suspicious: ["odd", "Ask your administrator before you open this file."],
  prohibited: ["barred", "A rule of your organisation forbids this."],
  incomplete: ["open", "Nothing was found, but something could not be examined."],
  clean: ["good", "Everything was examined and nothing was found."],
};

const byId = (id) => document.getElementById(id);
const queue = [];
let request = null;
let failed = null;
let most = Infinity;

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function shown(text) {
  const visible = text.replace(/[\p{C}\u2028\u2029]/gu, (letter) => `\\u{${letter.codePointAt(0).toString(16)}}`);
  return visible.length > 1000 ? `${visible.slice(0, 1000)}…` : visible;
}

function size(count) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  for (; count >= 999.95 && unit < 4; unit += 1) count /= 1000;
  return `${unit ? count.toFixed(1) : count} ${units[unit]}`;
}

function say(text) {
  byId("status").textContent = text;
}

function add(files) {
  queue.push(...files);
  if (!request) next();
}

function next() {
  const file = queue.shift();
  byId("working").hidden = !file;
  if (!file) return;
  if (file.size <= most) send(file);
  else finish(`${shown(file.name)} was not examined: this server takes files up to ${size(most)}.`);
}

function send(file) {
  request = new XMLHttpRequest();
  const address = new URL("v1/scan", document.baseURI);
  address.search = new URLSearchParams({ name: file.name.slice(0, 1000), tree: "true", all_matches: "true" });
  request.open("POST", address);
  if (byId("token").value) request.setRequestHeader("Authorization", `Bearer ${byId("token").value}`);
  byId("progress").removeAttribute("value");
  byId("doing").textContent = `Sending ${shown(file.name)}, ${size(file.size)} …`;
  say(`Sending ${shown(file.name)}`);
  request.upload.onprogress = (event) => {
    byId("progress").value = event.loaded / (event.total || 1);
  };
  request.upload.onload = () => {
    byId("progress").removeAttribute("value");
    byId("doing").textContent = `Examining ${shown(file.name)} …`;
  };
  request.onload = () => answered(file, request.status, request.responseText);
  request.onerror = () => answered(file, 0, "");
  request.onabort = () => finish(`${shown(file.name)} was not examined: cancelled.`);
  request.send(file);
}

function answered(file, status, text) {
  let said = null;
  try {
    said = JSON.parse(text);
  } catch {
    said = { detail: status ? `the server answered with status ${status}` : "the server cannot be reached, or has hung up" };
  }
  if (status === 401) {
    askForToken(file);
  } else if (status === 200) {
    show(said);
    finish("");
  } else {
    finish(`${shown(file.name)} was not examined: ${shown(String(said.detail))}.`);
  }
}

function finish(words) {
  request = null;
  if (words) say(words);
  next();
}

function askForToken(file) {
  failed = file;
  request = null;
  byId("working").hidden = true;
  byId("token-field").hidden = false;
  say(byId("token").value ? "The server does not know this token." : "The server asks for a token.");
  byId("token").focus();
}

function show(result) {
  const [tint, words] = MEANING[result.verdict];
  const card = element("article", "card");
  const title = element("h3", "path", shown(result.path));
  title.tabIndex = -1;
  card.append(title, verdictLine(result.verdict, tint, words));
  card.append(element("p", "soft", `${result.type || "unknown type"} · ${size(result.size)}`));
  for (const detection of result.detections.slice(0, MOST_SHOWN)) card.append(finding(detection));
  if (result.problems.length) card.append(element("h4", "", "What could not be examined"), problems(result.problems));
  if (result.artifacts) card.append(inside(result));
  byId("results").hidden = false;
  byId("results-title").after(card);
  say(`${shown(result.path)}: ${result.verdict}. ${words}`);
  if (!queue.length) title.focus();
}

function verdictLine(verdict, tint, words) {
  const line = element("p", `verdict ${tint}`);
  line.append(element("span", `tag ${tint}`, verdict.toUpperCase()), ` ${words}`);
  return line;
}

function finding(detection) {
  const section = element("section", "finding");
  section.append(element("p", "name", shown(detection.name)));
  if (detection.description) section.append(element("p", "", shown(detection.description)));
  const facts = [detection.category, `in ${detection.artifact}`, `signature from ${detection.source}`];
  section.append(element("p", "soft", facts.filter(Boolean).map(shown).join(" · ")));
  return section;
}

function problems(found) {
  const list = element("ul");
  for (const problem of found) {
    list.append(element("li", "", `${problem.kind}: ${shown(problem.detail)} (${shown(problem.artifact)})`));
  }
  return list;
}

function inside(result) {
  const details = element("details");
  const count = result.artifacts.length;
  details.append(element("summary", "", `What is inside: ${count} ${count === 1 ? "artifact" : "artifacts"}`));
  details.open = count > 1 && count <= 50;
  const bad = new Set(result.detections.map((detection) => detection.artifact));
  details.append(tree(result.artifacts.slice(0, MOST_SHOWN), bad));
  if (count > MOST_SHOWN) details.append(element("p", "soft", `${count - MOST_SHOWN} more are not shown.`));
  return details;
}

function tree(artifacts, bad) {
  const lists = [element("ul", "tree")];
  let last = null;
  for (const artifact of artifacts) {
    const depth = Math.min(artifact.depth, lists.length);
    lists.length = Math.min(lists.length, depth + 1);
    if (depth === lists.length && last) {
      lists.push(element("ul"));
      last.append(lists[depth]);
    }
    last = leaf(artifact, bad.has(artifact.artifact));
    lists.at(-1).append(last);
  }
  return lists[0];
}

function leaf(artifact, isBad) {
  const item = element("li");
  const names = artifact.artifact.split(PARTS);
  item.append(element("bdi", "path", shown(names.at(-1))), " ");
  item.append(element("span", "soft", `${artifact.type || "?"}, ${size(artifact.size)}`));
  if (isBad) item.append(" ", element("span", "tag bad", "DETECTED HERE"));
  return item;
}

async function askForLimit() {
  const answer = await fetch(new URL("v1/version", document.baseURI));
  if (answer.ok) most = (await answer.json()).max_bytes;
}

function begin() {
  const drop = byId("drop");
  byId("files").addEventListener("change", (event) => {
    add(event.target.files);
    event.target.value = "";
  });
  byId("form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (failed) queue.unshift(failed);
    failed = null;
    if (!request) next();
  });
  byId("cancel").addEventListener("click", () => request && request.abort());
  for (const kind of ["dragenter", "dragover"]) {
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  for (const kind of ["dragleave", "drop"]) document.addEventListener(kind, () => drop.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    add([...event.dataTransfer.files]);
  });
}

begin();
askForLimit();
