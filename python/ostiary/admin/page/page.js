// The page: asks /status every two seconds, and shows it. What comes from the network is only ever set as text.

const PERIOD = 2000;
const KINDS = [
  ["search", "c1", ["search"]], ["bind", "c2", ["bind"]], ["compare", "c3", ["compare"]],
  ["writes", "c4", ["add", "modify", "delete", "modify_dn"]], ["other", "c5", null],
];
const byId = (id) => document.getElementById(id);
const token = {
  get: () => sessionStorage.getItem("ostiary-token"),
  set: (value) => sessionStorage.setItem("ostiary-token", value),
  drop: () => sessionStorage.removeItem("ostiary-token"),
};
let before = null, answered = 0, timer = 0;

function text(node, value) {
  if (node.textContent !== String(value)) node.textContent = value;
}

// Columns: [title, cell, class]; a cell gives text, or { text, class, extra }. Rows are changed in place, so that what a
// reader has selected, or is at, stays.
function table(id, columns, rows, none) {
  const place = byId(id);
  let drawn = place.querySelector("table");
  if (!drawn) {
    drawn = document.createElement("table");
    const head = drawn.createTHead().insertRow();
    for (const [title, , kind] of columns) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = title;
      cell.className = kind ?? "";
      head.append(cell);
    }
    drawn.createTBody();
    const empty = document.createElement("p");
    empty.className = "none";
    empty.textContent = none;
    place.replaceChildren(drawn, empty);
  }
  const body = drawn.tBodies[0];
  drawn.hidden = !rows.length;
  place.lastChild.hidden = rows.length > 0;
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((row, at) => {
    const line = body.rows[at] ?? body.insertRow();
    columns.forEach(([, cell, kind], number) => {
      const told = cell(row), value = typeof told === "object" && told !== null ? told : { text: told };
      const node = line.cells[number] ?? line.insertCell();
      node.className = `${kind ?? ""} ${value.class ?? ""}`;
      if (value.extra) node.replaceChildren(String(value.text), value.extra);
      else if (node.childElementCount) node.replaceChildren(String(value.text));
      else text(node, value.text);
    });
  });
}

// Names with counts, and how often each came since the last look; the busiest of now first.
function top(kind, now) {
  const seconds = before ? now.time - before.time : 0;
  const earlier = new Map(before ? before.top[kind] : []);
  const rows = now.top[kind].map(([name, count]) => {
    const rate = seconds > 0 && earlier.has(name) ? Math.max(0, count - earlier.get(name)) / seconds : null;
    return { name, count, rate };
  });
  const most = Math.max(1, ...rows.map((row) => row.count));
  rows.sort((one, other) => (other.rate ?? 0) - (one.rate ?? 0) || other.count - one.count);
  table(kind, [
    [kind === "clients" ? "address" : "identity", (row) => row.name || "anonymous", "name"],
    ["a second", (row) => short(row.rate), "number"],
    ["in all", (row) => short(row.count), "number"],
    ["", (row) => ({ text: "", extra: bar(row.count / most) }), "wide"],
  ], rows, "Nobody yet.");
}

const plots = [];
function drawPlots(history) {
  if (!plots.length) {
    const rate = (value) => short(value);
    for (const options of [
      { title: "Operations per second", unit: rate, stacked: true },
      { title: "Refusals and failed binds per second", unit: rate },
      { title: "Time of an operation, and the gateway's share", unit: seconds },
      { title: "Octets per second", unit: traffic },
    ]) plots.push(new Plot(byId("plots"), options));
  }
  const times = history.times, none = times.map(() => 0);
  const operations = history.operations ?? {};
  const grouped = new Set(KINDS.flatMap(([, , names]) => names ?? []));
  const kinds = KINDS.map(([name, color, names]) => {
    const members = names ?? Object.keys(operations).filter((each) => !grouped.has(each));
    const values = none.map((_, at) => members.reduce((sum, each) => sum + (operations[each]?.[at] ?? 0), 0));
    return { name, color, values };
  });
  plots[0].show(times, kinds.filter((each, at) => at < 2 || each.values.some((value) => value)));
  plots[1].show(times, [
    { name: "refused", color: "c4", values: history.refusals ?? none },
    { name: "failed binds", color: "c2", values: history.bind_failures ?? none },
  ]);
  plots[2].show(times, [
    { name: "median", color: "c1", values: history.seconds_50 ?? none },
    { name: "99 of 100 below", color: "c2", values: history.seconds_99 ?? none },
    { name: "the gateway's, 99 of 100 below", color: "c3", values: history.overhead_99 ?? none },
  ]);
  const flows = Object.entries(history.bytes ?? {}).sort();
  plots[3].show(times, flows.map(([name, values], at) => ({ name, color: `c${at % 5 + 1}`, values })));
}

function drawTiles(now, history) {
  const operations = history.times.map((_, at) =>
    Object.values(history.operations ?? {}).reduce((sum, each) => sum + each[at], 0));
  const last = (values) => (values?.length ? values[values.length - 1] : null);
  const connected = now.listeners.reduce((sum, each) => sum + each.connections, 0);
  const tiles = [
    ["Operations", short(last(operations)), "a second", operations],
    ["Clients", short(connected), "connected", history.connections],
    ["Refused", short(last(history.refusals)), "a second", history.refusals],
    ["Failed binds", short(last(history.bind_failures)), "a second", history.bind_failures],
    ["99 of 100 answered in", seconds(last(history.seconds_99)), "", history.seconds_99],
    ["The gateway's own share", seconds(last(history.overhead_50)), "median", history.overhead_50],
  ];
  const place = byId("tiles");
  tiles.forEach(([title, value, unit, values], at) => {
    let tile = place.children[at];
    if (!tile) {
      tile = document.createElement("div");
      tile.className = "tile";
      const head = document.createElement("h3"), number = document.createElement("p");
      number.append(document.createElement("span"), " ", document.createElement("small"));
      tile.append(head, number, svg("svg", { viewBox: "0 0 100 30", preserveAspectRatio: "none", "aria-hidden": "true" }));
      place.append(tile);
    }
    text(tile.querySelector("h3"), title);
    text(tile.querySelector("span"), value);
    text(tile.querySelector("small"), unit);
    spark(tile.querySelector("svg"), values ?? []);
  });
}

function drawAttention(found) {
  const items = found.length ? found : [{ level: "calm", text: "Nothing needs attention." }];
  const list = byId("attention").querySelector("ul");
  while (list.children.length > items.length) list.lastChild.remove();
  items.forEach((each, at) => {
    const item = list.children[at] ?? list.appendChild(document.createElement("li"));
    item.className = { serious: "bad", warning: "", calm: "calm" }[each.level];
    text(item, each.text);
  });
}

function drawRefusals(found) {
  byId("refusals-none").hidden = found.length > 0;
  const list = byId("refusals");
  const lines = found.map((each) => {
    const item = document.createElement("li"), time = document.createElement("time"), rule = document.createElement("b");
    time.textContent = clock(each.time);
    time.dateTime = new Date(each.time * 1000).toISOString();
    rule.textContent = `${each.plugin}: ${each.rule}`;
    const how = each.mode === "monitor" ? "would have been refused" : `refused with ${each.code}`;
    item.append(time, `${each.operation} of ${each.client} at ${each.listener} ${how} by `, rule);
    return item;
  });
  if (list.textContent !== lines.map((each) => each.textContent).join("")) list.replaceChildren(...lines);
}

function drawTables(now) {
  const number = (title, cell, kind = "") => [title, cell, `number ${kind}`];
  table("operations", [
    ["operation", (row) => row.operation], number("a second", (row) => short(row.rate)),
    number("in all", (row) => short(row.count)),
    number("failed", (row) => ({ text: short(row.failed), class: row.failed ? "warn" : "" })),
    number("median", (row) => seconds(row.seconds_50), "wide"), number("99 of 100", (row) => seconds(row.seconds_99)),
    ["results", (row) => Object.entries(row.results).sort((one, other) => other[1] - one[1])
      .map(([name, count]) => `${name} ${short(count)}`).join(", "), "wide"],
  ], now.operations, "None yet.");
  const servers = now.upstreams.flatMap((each) => each.servers.map((server) => ({ ...server, upstream: each })));
  table("upstreams", [
    ["server", (row) => row.server, "name"],
    ["", (row) => row.up === null ? "asked" : { text: row.up ? "up" : "down", class: row.up ? "good" : "bad" }],
    ["since", (row) => (row.since ? duration(now.time - row.since) : NONE)],
    number("connects in", (row) => seconds(row.connect_seconds)),
    number("connections", (row) => short(Object.values(row.connections).reduce((sum, each) => sum + each, 0))),
    ["upstream", (row) => row.upstream.name, "wide"],
    number("its operations", (row) => short(row.upstream.operations), "wide"),
    number("99 of 100", (row) => seconds(row.upstream.seconds_99), "wide"),
  ], servers, "None.");
  table("listeners", [
    ["name", (row) => row.name], ["address", (row) => row.address, "wide"], ["tls", (row) => row.tls, "wide"],
    number("connected", (row) => short(row.connections)), number("accepted", (row) => short(row.accepted)),
    number("failed binds", (row) => short(row.bind_failures)),
    number("binds in the clear", (row) => ({ text: short(row.plaintext_binds), class: row.plaintext_binds ? "warn" : "" }), "wide"),
    number("failed handshakes", (row) => short(row.handshake_failures), "wide"),
  ], now.listeners, "None.");
  table("plugins", [
    ["rule", (row) => `${row.plugin}: ${row.rule}`, "name"], ["mode", (row) => row.mode, "wide"],
    number("decided", (row) => short(row.count)),
  ], now.plugins.flatMap((each) => each.rules.map((rule) => ({ ...rule, plugin: each.name }))), "Nothing was refused yet.");
  table("certificates", [
    ["shown to", (row) => ({ client: "clients", upstream: "servers", admin: "you" }[row.side] ?? row.side), "wide"],
    ["name", (row) => row.name, "name"],
    number("days left", (row) => ({ text: digits(Math.floor(row.days)), class: row.days < 7 ? "bad" : row.days < 21 ? "warn" : "" })),
    ["ends", (row) => new Date(row.expires * 1000).toISOString().slice(0, 10)],
  ], now.certificates, "None is shown to anybody.");
  table("violations", [
    ["by", (row) => row.peer], ["kind", (row) => row.kind, "name"], number("count", (row) => short(row.count)),
  ], now.violations, "None.");
  table("processes", [
    ["process", ([name]) => name], number("id", ([, row]) => row.pid), number("memory", ([, row]) => octets(row.resident_bytes)),
    number("processor", ([, row]) => seconds(row.cpu_seconds)), number("descriptors", ([, row]) => short(row.open_fds), "wide"),
  ], Object.entries(now.processes), "None.");
}

function draw(now) {
  const pill = byId("state");
  text(pill, now.ready ? "ready" : "not ready");
  pill.className = now.ready ? "pill" : "pill bad";
  text(byId("version"), now.version);
  const workers = now.workers.length === 1 ? "1 worker" : `${now.workers.length} workers`;
  text(byId("facts"), `up ${duration(now.time - now.started)}, ${workers}, as of ${clock(now.time)}`);
  drawAttention(now.attention);
  drawTiles(now, now.history);
  drawPlots(now.history);
  top("identities", now);
  top("clients", now);
  drawTables(now);
  drawRefusals(now.refusals);
  before = now;
}

function asks(isWrong) {
  byId("main").hidden = true;
  byId("ask").hidden = false;
  byId("wrong").hidden = !isWrong;
  byId("state").className = "pill unknown";
  text(byId("state"), "token needed");
  if (!byId("ask").contains(document.activeElement)) byId("token").focus();
}

function lost(why) {
  byId("main").classList.add("stale");
  byId("lost").hidden = false;
  byId("state").className = "pill bad";
  text(byId("state"), "no answer");
  text(byId("lost"), `${answered ? `No answer since ${clock(answered / 1000)}` : "No answer yet"} (${why}); asking again.`);
}

async function ask() {
  clearTimeout(timer);
  const known = token.get();
  let now = null;
  try {
    const headers = known === null ? {} : { Authorization: `Bearer ${known}` };
    const answer = await fetch("status", { headers, cache: "no-store", credentials: "omit" });
    if (answer.status === 401) {
      token.drop();
      return asks(known !== null);
    }
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    now = await answer.json();
  } catch (error) {
    lost(error.message);
  }
  timer = setTimeout(ask, PERIOD);
  if (now === null) return;
  answered = Date.now();
  byId("lost").hidden = byId("ask").hidden = true;
  byId("main").hidden = false;
  byId("main").classList.remove("stale");
  draw(now);
}

byId("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  token.set(byId("token").value.trim());
  byId("token").value = "";
  ask();
});
// A page that nobody sees asks nothing.
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : ask()));
ask();
