"use strict";
// The page of a graph. Which row of a box everything stands in is decided already
// (symnet/drawing/layers.py); where it stands follows from which boxes are open: `layOut` does what
// symnet/drawing/places.py does for pictures that stand still.

const page = JSON.parse(document.getElementById("data").textContent);
const GAP = 20, ROW = 34, PAD = 14, HEAD = 24, PORT = 8, SWEEPS = 8;
const NS = "http://www.w3.org/2000/svg";
const canvas = document.getElementById("canvas");
const world = document.getElementById("world");
const panel = document.getElementById("panel");
const groupingSelect = document.getElementById("grouping");
const search = document.getElementById("search");

const state = { view: 0, grouping: "", open: new Set(), chosen: null, x: 0, y: 0, scale: 1 };
let faces = [], root = null, layout = null, boxes = [];

// -- layout ---------------------------------------------------------------------------------

function layOut(box) {
  const found = { box, places: [], width: 0, height: 0 };
  for (const item of box.items) {
    const place = { x: 0, y: 0, width: PORT, height: 0, inner: null };
    if (item.box && state.open.has(item.box)) {
      place.inner = layOut(item.box);
      place.width = place.inner.width;
      place.height = place.inner.height;
    } else if (item.face !== undefined) {
      place.width = faces[item.face].width;
      place.height = faces[item.face].height;
    }
    found.places.push(place);
  }
  putColumns(found);
  putRows(found, box === root ? 0 : HEAD);
  if (box !== root) found.width = Math.max(found.width, faces[box.face].width + 24);
  return found;
}

const middle = place => place.x + place.width / 2;

function endAt(found, end) {
  const place = found.places[end[0]];
  if (place.inner && end[1] >= 0) return place.x + middle(place.inner.places[end[1]]);
  return middle(place);
}

function putColumns(found) {
  const { box, places } = found;
  const above = places.map(() => []), below = places.map(() => []);
  for (const link of box.links) {
    below[link.from[0]].push([link.from, link.to]);
    above[link.to[0]].push([link.to, link.from]);
  }
  for (const row of box.rows) {
    let x = 0;
    for (const n of row) { places[n].x = x; x += places[n].width + GAP; }
  }
  const upward = [...box.rows].reverse();
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (const row of sweep % 2 ? upward : box.rows) {
      const wishes = row.map(n => {
        let near = sweep % 2 ? below[n] : above[n];
        if (sweep >= SWEEPS - 2) near = [...above[n], ...below[n]];
        return wishOf(found, n, near);
      });
      putRow(found, row, wishes);
    }
  }
  const left = Math.min(Infinity, ...places.map(p => p.x));
  for (const p of places) { p.x += PAD - left; found.width = Math.max(found.width, p.x + p.width); }
  found.width += PAD;
}

function wishOf(found, n, near) {
  const place = found.places[n], items = found.box.items;
  if (!near.length) return [middle(place), 0.01];
  let total = 0, weight = 0;
  for (const [own, other] of near) {
    const w = [1, 3, 8][(items[n].kind === "bend") + (items[other[0]].kind === "bend")];
    total += w * (endAt(found, other) - (endAt(found, own) - middle(place)));
    weight += w;
  }
  return [total / weight, weight];
}

function putRow(found, row, wishes) {
  const pools = [], offsets = [];
  let offset = 0;
  row.forEach((n, k) => {
    if (k) offset += (found.places[row[k - 1]].width + found.places[n].width) / 2 + GAP;
    offsets.push(offset);
    pools.push([wishes[k][0] - offset, wishes[k][1], 1]);
    while (pools.length > 1 && pools[pools.length - 2][0] > pools[pools.length - 1][0]) {
      const [m2, w2, c2] = pools.pop(), [m1, w1, c1] = pools.pop();
      pools.push([(m1 * w1 + m2 * w2) / (w1 + w2), w1 + w2, c1 + c2]);
    }
  });
  let k = 0;
  for (const [mean, , count] of pools) {
    for (let i = 0; i < count; i++, k++) {
      const place = found.places[row[k]];
      place.x = mean + offsets[k] - place.width / 2;
    }
  }
}

function putRows(found, head) {
  const items = found.box.items;
  let y = head;
  found.box.rows.forEach((row, number) => {
    const height = Math.max(0, ...row.map(n => found.places[n].height));
    const ports = row.some(n => items[n].kind === "in" || items[n].kind === "out");
    y += number ? ROW : ports ? 0 : PAD;
    for (const n of row) {
      const place = found.places[n];
      place.y = y + (height - place.height) / 2;
      if (items[n].kind === "bend") { place.y = y; place.height = height; }
    }
    y += height;
  });
  const last = found.box.rows[found.box.rows.length - 1] || [];
  found.height = y + (last.some(n => items[n].kind === "out") ? 0 : PAD);
}

// -- drawing --------------------------------------------------------------------------------

function make(name, attributes, parent, text) {
  const made = document.createElementNS(NS, name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.appendChild(made);
  return made;
}

function draw() {
  layout = layOut(root);
  const content = document.createDocumentFragment();
  drawBox(layout, 0, 0, content);
  world.replaceChildren(content);
  mark();
  move();
}

function drawBox(found, x, y, parent) {
  const { box, places } = found;
  box.items.forEach((item, n) => {
    const p = places[n];
    if (p.inner) drawGround(item.box, x + p.x, y + p.y, p, parent);
  });
  for (const link of box.links) drawLink(found, link, x, y, parent);
  box.items.forEach((item, n) => {
    const p = places[n];
    p.left = x + p.x; p.top = y + p.y;
    if (p.inner) drawBox(p.inner, p.left, p.top, parent);
    else if (item.face !== undefined) drawFace(item, p, parent);
  });
}

function drawGround(box, x, y, p, parent) {
  const face = faces[box.face];
  const g = make("g", { class: "box", "data-face": box.face, style: `--kind:${color(face.kind)}` }, parent);
  make("rect", { class: "ground", x, y, width: p.width, height: p.height, rx: 9 }, g);
  make("rect", { class: "head", x, y, width: p.width, height: HEAD, rx: 9 }, g)
    .addEventListener("click", () => choose(box.face));
  make("text", { class: "title", x: x + 26, y: y + 16.5 }, g, face.title);
  drawSign(box, x + 13, y + 12.5, true, g);
}

function drawSign(box, x, y, open, parent) {
  const g = make("g", { class: "sign", "data-box": box.number, role: "button" }, parent);
  make("title", {}, g, open ? "close" : "open");
  make("circle", { cx: x, cy: y, r: 7 }, g);
  make("path", { d: `M${x - 3.5} ${y}h7` + (open ? "" : `M${x} ${y - 3.5}v7`) }, g);
  g.addEventListener("click", event => { event.stopPropagation(); toggle(box); });
}

function drawFace(item, p, parent) {
  const face = faces[item.face], { left: x, top: y, width, height } = p;
  const g = make("g", {
    class: "face", "data-face": item.face, tabindex: 0, style: `--kind:${color(face.kind)}`,
  }, parent);
  if (item.box) make("rect", { class: "under", x: x + 4, y: y + 4, width, height, rx: 7 }, g);
  make("rect", { class: "sheet", x, y, width, height, rx: 7 }, g);
  make("rect", { class: "bar", x, y, width: 5, height, rx: 2 }, g);
  make("text", { class: "title", x: x + 12, y: y + 17 }, g, face.title);
  if (face.badge) make("text", { class: "badge", x: x + width - 9, y: y + 17 }, g, face.badge);
  if (face.subtitle) make("text", { class: "subtitle", x: x + 12, y: y + 32 }, g, face.subtitle);
  let left = x + 12;
  for (const [text, kind, size] of face.chips) {
    const chip = make("g", { class: "chip", style: `--chip:${color(kind)}` }, g);
    make("rect", { x: left, y: y + height - 22, width: size, height: 16, rx: 8 }, chip);
    make("text", { x: left + size / 2, y: y + height - 10.5 }, chip, text);
    left += size + 4;
  }
  if (face.heat > 0.001) {
    make("rect", { class: "heat", x: x + 5, y: y + height - 3, width: (width - 8) * face.heat, height: 3 }, g);
  }
  if (item.box) drawSign(item.box, x + width - 2, y + height - 2, false, g);
  g.addEventListener("click", () => choose(item.face));
  g.addEventListener("keydown", event => { if (event.key === "Enter") choose(item.face); });
  if (item.box) g.addEventListener("dblclick", () => toggle(item.box));
}

function drawLink(found, link, x, y, parent) {
  const from = found.places[link.from[0]], to = found.places[link.to[0]];
  const kind = found.box.items[link.to[0]].kind;
  // What comes in passes through the head.
  const enters = found.box.items[link.from[0]].kind === "in";
  const x1 = x + endAt(found, link.from), y1 = enters ? y : y + from.y + from.height;
  const x2 = x + endAt(found, link.to), y2 = y + to.y, half = (y2 - y1) / 2;
  const down = kind === "bend" ? `V${y2 + to.height}` : "";
  const d = `M${x1} ${y1}C${x1} ${y1 + half} ${x2} ${y2 - half} ${x2} ${y2}${down}`;
  make("path", { class: link.up ? "link up" : "link", d, "data-value": link.value }, parent);
  if (kind === "node" || kind === "box") {
    make("path", { class: "tip", d: `M${x2 - 3.5} ${y2 - 6}h7L${x2} ${y2}z`, "data-value": link.value }, parent);
  }
  const touch = make("path", { class: "touch", d }, parent);
  make("title", {}, touch, link.label);
  touch.addEventListener("pointerenter", () => light(link.value, true));
  touch.addEventListener("pointerleave", () => light(link.value, false));
}

const color = kind => page.colors[kind] || page.colors.other;

function light(value, on) {
  for (const e of world.querySelectorAll(`[data-value="${value}"]`)) e.classList.toggle("lit", on);
}

// -- looking --------------------------------------------------------------------------------

function move() {
  world.setAttribute("transform", `translate(${state.x} ${state.y}) scale(${state.scale})`);
}

function zoom(factor, x, y) {
  const box = canvas.getBoundingClientRect();
  if (x === undefined) { x = box.width / 2; y = box.height / 2; }
  const scale = Math.min(4, Math.max(0.03, state.scale * factor)), ratio = scale / state.scale;
  state.x = x - (x - state.x) * ratio;
  state.y = y - (y - state.y) * ratio;
  state.scale = scale;
  move();
}

function fit() {
  const box = canvas.getBoundingClientRect();
  state.scale = Math.min(1.25, (box.width - 30) / layout.width, (box.height - 30) / layout.height);
  state.x = (box.width - layout.width * state.scale) / 2;
  state.y = Math.max(15, (box.height - layout.height * state.scale) / 2);
  move();
}

function begin() {
  // As fit, but what stands there can be read: the top of a tall graph.
  fit();
  const box = canvas.getBoundingClientRect();
  if (state.scale < 0.55) {
    state.scale = Math.max(0.55, Math.min(1, (box.width - 30) / layout.width));
    const first = root.rows[0].map(n => middle(layout.places[n]));
    const center = first.reduce((sum, x) => sum + x, 0) / first.length;
    const wide = layout.width * state.scale > box.width;
    state.x = box.width / 2 - (wide ? center : layout.width / 2) * state.scale;
    state.y = 15;
    move();
  }
}

function placeOf(number) {
  let found = null;
  (function seek(l) {
    l.box.items.forEach((item, n) => {
      const p = l.places[n];
      if (item.face === number) found = p;
      if (p.inner) seek(p.inner);
    });
  })(layout);
  return found;
}

function toggle(box) {
  const before = placeOf(box.face);
  const x = before.left * state.scale + state.x, y = before.top * state.scale + state.y;
  if (state.open.has(box)) state.open.delete(box); else state.open.add(box);
  draw();
  const after = placeOf(box.face);  // it stays where it was on the screen
  state.x = x - after.left * state.scale;
  state.y = y - after.top * state.scale;
  move();
}

function openAll(on) {
  state.open = new Set(on ? boxes : []);
  draw();
  begin();
}

function reveal(number) {
  // Open what is around a face, and bring it to the middle.
  (function seek(box) {
    return box.items.some(item => {
      const here = item.face === number || (item.box && seek(item.box) && state.open.add(item.box));
      return Boolean(here);
    });
  })(root);
  draw();
  choose(number);
  const p = placeOf(number), box = canvas.getBoundingClientRect();
  state.scale = Math.max(state.scale, 0.7);
  state.x = box.width / 2 - middle({ x: p.left, width: p.width }) * state.scale;
  state.y = box.height / 2 - p.top * state.scale;
  move();
}

// -- what is said ---------------------------------------------------------------------------

function say(name, parent, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  parent.appendChild(made);
  return made;
}

function choose(number) {
  state.chosen = number;
  const face = faces[number];
  panel.replaceChildren();
  say("h2", panel, face.title);
  say("p", panel, face.subtitle || face.kind, "kind");
  const list = say("dl", panel);
  let last = "";
  for (const [what, value] of face.facts) {
    if (what !== last) say("dt", list, what);
    last = what;
    say("dd", list, value, /at$/.test(what) ? "code" : "");
  }
  if (face.text) {
    say("h3", panel, "code");
    say("pre", panel, face.text);
  }
  mark();
}

function overview() {
  const view = page.views[state.view];
  state.chosen = null;
  panel.replaceChildren();
  say("h2", panel, view.name);
  say("p", panel, view.note);
  const here = new Set();
  (function seek(box) {
    for (const item of box.items) { here.add(item.face); if (item.box) seek(item.box); }
  })(root);
  const hot = faces.map((f, n) => [f, n]).filter(([f, n]) => f.heat > 0.004 && here.has(n))
    .sort((a, b) => b[0].heat - a[0].heat).slice(0, 12);
  if (hot.length) {
    say("h3", panel, "where the time goes");
    for (const [face, number] of hot) {
      const row = say("button", panel, undefined, "hot");
      say("span", row, face.title);
      say("b", row, face.badge);
      say("i", row).style.width = `${Math.max(1, 100 * face.heat / hot[0][0].heat)}%`;
      row.addEventListener("click", () => reveal(number));
    }
  }
  say("h3", panel, "colours");
  const legend = say("div", panel, undefined, "legend");
  const kinds = new Set(faces.flatMap(f => [f.kind, ...f.chips.map(c => c[1])]));
  for (const kind of Object.keys(page.colors).filter(k => kinds.has(k))) {
    const entry = say("span", legend);
    say("b", entry).style.background = color(kind);
    entry.append(kind);
  }
  if (page.facts.length) {
    say("h3", panel, "the function");
    const list = say("dl", panel);
    for (const [what, value] of page.facts) { say("dt", list, what); say("dd", list, value); }
  }
}

function mark() {
  for (const e of world.querySelectorAll(".chosen")) e.classList.remove("chosen");
  if (state.chosen !== null) {
    const e = world.querySelector(`[data-face="${state.chosen}"]`);
    if (e) e.classList.add("chosen");
  }
  const wanted = search.value.trim().toLowerCase();
  world.classList.toggle("dim", Boolean(wanted));
  for (const e of world.querySelectorAll(".face")) {
    e.classList.toggle("found", Boolean(wanted) && matches(faces[e.dataset.face], wanted));
  }
}

function matches(face, wanted) {
  const told = [face.title, face.subtitle, ...face.chips.map(c => c[0]), ...face.facts.map(f => f[1])];
  return told.some(text => text.toLowerCase().includes(wanted));
}

// -- choosing what to see -------------------------------------------------------------------

function unpack(tree) {
  // Links come as lists of numbers, and bends as how many there are.
  const seek = box => {
    if (box.bends) box.items.push(...Array.from({ length: box.bends }, () => ({ kind: "bend" })));
    box.bends = 0;
    if (Array.isArray(box.links[0])) {
      box.links = box.links.map(([from, port, to, other, value, up]) =>
        ({ from: [from, port], to: [to, other], value, up, label: tree.labels[value] }));
    }
    for (const item of box.items) if (item.box) seek(item.box);
  };
  seek(tree.root);
  return tree.root;
}

const pen = document.createElement("canvas").getContext("2d");

function widthOf(text, size, weight) {
  pen.font = `${weight} ${size}px ${getComputedStyle(document.body).fontFamily}`;
  return pen.measureText(text).width;
}

function measure(face) {
  // The letters as they are here: what has been guessed may be too narrow, or too wide.
  const badge = face.badge ? widthOf(face.badge, 10.5, 600) + 16 : 0;
  for (const chip of face.chips) chip[2] = widthOf(chip[0], 10, 500) + 14;
  const chips = face.chips.reduce((sum, chip) => sum + chip[2] + 4, 0);
  const lines = [widthOf(face.title, 12.5, 600) + badge, widthOf(face.subtitle, 10.5, 400), chips];
  face.width = Math.max(44, 24 + Math.max(...lines));
}

function show(number, grouping) {
  const view = page.views[number];
  state.view = number;
  faces = view.faces;
  if (!view.measured) { faces.forEach(measure); view.measured = true; }
  const names = Object.keys(view.trees);
  state.grouping = names.includes(grouping) ? grouping : names[0];
  groupingSelect.replaceChildren();
  for (const name of names) {
    const option = say("option", groupingSelect, name);
    option.selected = name === state.grouping;
  }
  groupingSelect.parentElement.hidden = names.length < 2;
  root = unpack(view.trees[state.grouping]);
  boxes = [];
  (function seek(box) {
    for (const item of box.items) {
      if (item.box) { item.box.number = boxes.length; boxes.push(item.box); seek(item.box); }
    }
  })(root);
  state.open = new Set(view.open ? boxes : []);
  for (const tab of document.querySelectorAll("#views button")) {
    tab.setAttribute("aria-selected", tab.dataset.view === String(number));
  }
  overview();
  draw();
  begin();
}

page.views.forEach((view, number) => {
  const tab = say("button", document.getElementById("views"), view.name);
  tab.dataset.view = number;
  tab.title = view.note;
  tab.setAttribute("role", "tab");
  tab.addEventListener("click", () => show(number, state.grouping));
});
document.getElementById("views").hidden = page.views.length < 2;

let held = null;
canvas.addEventListener("pointerdown", event => {
  held = { x: event.clientX - state.x, y: event.clientY - state.y, id: event.pointerId, far: false };
});
canvas.addEventListener("pointermove", event => {
  if (!held) return;
  const x = event.clientX - held.x, y = event.clientY - held.y;
  if (!held.far && Math.hypot(x - state.x, y - state.y) < 4) return;
  if (!held.far) { held.far = true; canvas.setPointerCapture(held.id); canvas.classList.add("held"); }
  state.x = x; state.y = y;
  move();
});
for (const end of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(end, () => { held = null; canvas.classList.remove("held"); });
}
canvas.addEventListener("click", event => { if (event.target === canvas) { overview(); mark(); } });
canvas.addEventListener("wheel", event => {
  event.preventDefault();
  const box = canvas.getBoundingClientRect();
  zoom(Math.exp(-event.deltaY * 0.0015), event.clientX - box.left, event.clientY - box.top);
}, { passive: false });
groupingSelect.addEventListener("change", () => show(state.view, groupingSelect.value));
search.addEventListener("input", mark);
search.addEventListener("keydown", event => {
  if (event.key !== "Enter") return;
  const wanted = search.value.trim().toLowerCase();
  const nodes = [...faces.slice(0, page.views[state.view].count).keys()];
  const found = nodes.filter(n => wanted && matches(faces[n], wanted));
  // What is called so first; once more, and the next one is shown.
  found.sort((a, b) => faces[b].title.includes(wanted) - faces[a].title.includes(wanted));
  if (found.length) reveal(found[(found.indexOf(state.chosen) + 1) % found.length]);
});
const actions = {
  open: () => openAll(true), close: () => openAll(false), fit,
  more: () => zoom(1.3), less: () => zoom(1 / 1.3),
};
for (const name in actions) document.getElementById(name).addEventListener("click", actions[name]);
const keys = { e: "open", c: "close", 0: "fit", "+": "more", "=": "more", "-": "less" };
document.addEventListener("keydown", event => {
  if (event.target === search || event.ctrlKey || event.metaKey) return;
  if (event.key === "/") { event.preventDefault(); search.focus(); }
  else if (event.key === "Escape") { overview(); mark(); }
  else if (keys[event.key]) actions[keys[event.key]]();
});
window.addEventListener("resize", move);

show(0, "");
