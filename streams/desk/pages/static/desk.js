// What a page of the desk does beside what the server has written: it listens, asks again for the parts that
// changed, walks by keys, and sends what somebody decided. Without it all of this works by links and forms.
"use strict";
(() => {
  const $ = (what, within = document) => within.querySelector(what);
  const $$ = (what, within = document) => [...within.querySelectorAll(what)];
  const meta = $("meta[name=desk]");
  const page = document.body.className;
  let place = meta.content;
  let csrf = meta.dataset.csrf;
  document.documentElement.classList.add("scripted");

  // ---- What is remembered on this device: columns, the role, and actions until they are known to be written

  const kept = (name, usual) => {
    try { return JSON.parse(localStorage.getItem(`desk.${name}`)) ?? usual; } catch { return usual; }
  };
  const keep = (name, value) => {
    try { localStorage.setItem(`desk.${name}`, JSON.stringify(value)); return true; } catch { return false; }
  };
  const drop = (name) => {
    try { localStorage.removeItem(`desk.${name}`); } catch { /* nothing was remembered */ }
  };
  const names = () => {
    try { return Object.keys(localStorage).filter((one) => one.startsWith("desk.")).map((one) => one.slice(5)); } catch { return []; }
  };
  const newId = () => {
    const b = crypto.getRandomValues(new Uint8Array(16));
    b[6] = (b[6] & 15) | 64;
    b[8] = (b[8] & 63) | 128;
    const h = [...b].map((one) => one.toString(16).padStart(2, "0")).join("");
    return `desk-${h.slice(0, 8)}-${h.slice(8, 12)}-${h.slice(12, 16)}-${h.slice(16, 20)}-${h.slice(20)}`;
  };

  // ---- The parts of the page that change

  const PATIENCE = 10_000; // of what is asked
  let shown = {};
  let asked = 0;
  async function refresh(address = location.href) {
    const mine = ++asked;
    let parts;
    try {
      const answer = await fetch(address, { headers: { "X-Desk-Parts": "1" }, credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE) });
      if (answer.status === 401 || (answer.status === 404 && $("#story"))) { location.reload(); return; }
      if (answer.status === 404) { found("answers"); return; } // the page says so
      if (!answer.ok) throw new Error(answer.status);
      parts = await answer.json();
    } catch { if (mine === asked) lost("answers"); return; }
    if (mine !== asked) return; // a newer one is under way
    found("answers");
    if (parts.files !== meta.dataset.files) { location.reload(); return; }
    csrf = parts.csrf;
    const focused = document.activeElement?.closest?.("tr[data-id]");
    const at = $$("tr[data-id]").findIndex((row) => row.dataset.id === here);
    const inForm = document.activeElement?.closest?.("#story form");
    const was = document.activeElement;
    const within = focused ? null : was?.closest?.("#part, #rows, #story");
    for (const [id, html] of Object.entries(parts.html)) {
      const part = document.getElementById(id);
      if (!part || shown[id] === html) continue;
      if (id === "story" && inForm) continue; // nobody's choice is taken away
      const begun = $("form[data-begun]", part)?.closest("section"); // nor is what somebody began and left
      part.innerHTML = html; // escaped by the server, all of it
      if (begun) $("section.acting", part)?.replaceWith(begun);
      shown[id] = html;
    }
    showColumns();
    if (here && at >= 0 && !rowOf(here)) here = $$("tr[data-id]").slice(0, at + 1).pop()?.dataset.id ?? null;
    if (focused && !focused.isConnected && here) $("th a", rowOf(here)).focus({ preventScroll: true });
    if (within && !was.isConnected) $$(was.tagName, within).find((one) => same(one, was))?.focus({ preventScroll: true });
    if (saysLost) sayLost(); // it answers, but tells nothing by itself
    sayWord();
    mark();
  }
  const same = (one, other) => JSON.stringify(one.dataset) === JSON.stringify(other.dataset);
  document.addEventListener("input", (event) => event.target.closest?.("#story form")?.setAttribute("data-begun", ""));
  const settle = () => { for (const one of $$("#story form")) delete one.dataset.begun; }; // it was decided
  let waiting = null;
  let refreshedAt = 0;
  function soon() {
    if (waiting !== null || document.hidden) return;
    const wait = Math.max(30, 500 - (performance.now() - refreshedAt));
    waiting = setTimeout(async () => {
      waiting = null;
      refreshedAt = performance.now();
      await refresh();
    }, wait);
  }

  // ---- What is told as it happens

  let source = null;
  let beat = 10; // seconds; the desk says it
  let silence = null;
  function listen() {
    deafen();
    source = new EventSource(`/events?from=${encodeURIComponent(place)}`);
    timeSilence();
    const on = (kind, act) => source.addEventListener(kind, (event) => {
      place = event.lastEventId || place;
      timeSilence();
      found("events");
      act(JSON.parse(event.data));
    });
    on("beat", (seconds) => { beat = seconds; if (amiss.has("answers")) soon(); });
    on("change", (ids) => {
      const story = $("#story");
      if (story ? ids.includes(story.dataset.id) || !ids.length : $("#rows")) soon();
    });
    on("health", (html) => { if (!saysLost) healthLine(html); if ($(".empty")) soon(); });
    on("act", (told) => acted(told));
    on("reset", async () => { await refresh(); sendAgain(); });
    source.onerror = () => {
      if (source?.readyState === EventSource.CLOSED) {
        setTimeout(() => { if (source) listen(); }, 2000); // it does not try again by itself
        refresh(); // which sees whether one has to log in again
      }
      lost("events");
    };
  }
  // A desk that hangs, or a line that went dead, closes nothing: only its silence tells.
  function timeSilence() {
    clearTimeout(silence);
    silence = setTimeout(() => { lost("events"); listen(); }, 2500 * beat);
  }
  function deafen() {
    clearTimeout(silence);
    source?.close();
    source = null;
  }
  function healthLine(html) {
    $("#health").innerHTML = html;
    shown.health = html;
    sayWord();
  }
  // To who hears the page only that the word changed is told: the figures beside it change all the time.
  const wordNow = () => $("#health strong").textContent;
  let word = wordNow();
  function sayWord() {
    if (word === wordNow()) return;
    word = wordNow();
    $("#word").textContent = word;
  }
  const amiss = new Set(); // of "events", which it tells, and "answers", for which it is asked
  let grace = null;
  let saysLost = false;
  function lost(what) {
    amiss.add(what);
    grace ??= setTimeout(sayLost, 2500);
  }
  function found(what) {
    if (!amiss.delete(what) || amiss.size) return;
    clearTimeout(grace);
    grace = null;
    if (!saysLost) return;
    saysLost = false;
    if ($("#rows, #story, #policy table")) refresh(); else location.reload(); // all of it is painted again
  }
  function sayLost() {
    const why = "The desk does not answer: what you see is as it was.";
    saysLost = true;
    healthLine(`<span class="trust none"><strong>Broken</strong> <span>${why}</span></span>`);
    for (const empty of $$(".empty")) {
      empty.className = "empty none";
      empty.innerHTML = `<p><strong>This list is empty because something is broken, or it may be.</strong> It does not mean that customers are happy.</p><p>${why}</p>`;
      for (const head of $$("#part h1")) head.textContent = "What is open is not known";
    }
    shown = {};
  }
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) deafen(); else if (!source) { listen(); soon(); }
  });
  addEventListener("pagehide", deafen);
  setInterval(soon, 60_000); // how long ago, and how long there is, moves by itself
  addEventListener("pageshow", (event) => { if (event.persisted) { listen(); soon(); } });

  // ---- Columns

  function showColumns() {
    const hidden = kept("hidden", []);
    const rows = $("#rows");
    if (!rows) return;
    rows.className = hidden.map((one) => `hide-${one}`).join(" ");
    for (const box of $$("[data-column]", rows)) box.checked = !hidden.includes(box.dataset.column);
    if (columnsOpen) $("details.columns", rows)?.setAttribute("open", "");
  }
  let columnsOpen = false;
  document.addEventListener("toggle", (event) => {
    if (event.target.matches?.("details.columns") && event.target.isConnected) columnsOpen = event.target.open;
  }, true);
  document.addEventListener("change", (event) => {
    const name = event.target.dataset?.column;
    if (!name) return;
    const hidden = new Set(kept("hidden", []));
    if (event.target.checked) hidden.delete(name); else hidden.add(name);
    keep("hidden", [...hidden]);
    showColumns();
  });

  // ---- Filters

  const filters = $("#filters");
  const narrow = matchMedia("(max-width: 860px)");
  const fold = () => $(".fold")?.toggleAttribute("open", !narrow.matches || new URLSearchParams(location.search).size > 0);
  narrow.addEventListener("change", fold); // a wide page has nothing to open it by
  fold();
  function filtered() {
    const said = new URLSearchParams();
    for (const [name, value] of new FormData(filters)) if (value) said.append(name, value);
    if (said.get("view") === "open") said.delete("view");
    if (said.get("sort") === "risk") said.delete("sort");
    history.replaceState(null, "", `/?${said}`);
    refresh();
  }
  let typing = null;
  filters?.addEventListener("input", (event) => {
    if (event.target.type !== "search") return;
    clearTimeout(typing);
    typing = setTimeout(filtered, 15);
  });
  filters?.addEventListener("change", (event) => { if (event.target.type !== "search") filtered(); });
  filters?.addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(typing); filtered(); });
  document.addEventListener("click", (event) => {
    if (event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const more = event.target.closest?.("[data-more]");
    if (more) {
      event.preventDefault();
      history.replaceState(null, "", more.href);
      refresh();
    }
    const other = event.target.closest?.("[data-cancel]");
    if (other) other.closest("dialog").close();
    const days = event.target.closest?.("[data-days]");
    if (days) $("[name=until]", days.form).value = dayIn(Number(days.dataset.days));
  });

  // ---- Walking

  const rowOf = (id) => $$("tr[data-id]").find((row) => row.dataset.id === id);
  let here = null;
  function mark() {
    for (const row of $$("tr.here")) row.classList.remove("here");
    if (here) rowOf(here)?.classList.add("here");
  }
  function walk(step) {
    const rows = $$("tr[data-id]");
    if (!rows.length) return;
    const at = rows.findIndex((row) => row.dataset.id === here);
    const row = rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + step))];
    here = row.dataset.id;
    $("th a", row).focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
    mark();
  }
  document.addEventListener("focusin", (event) => {
    const row = event.target.closest?.("tr[data-id]");
    if (row) { here = row.dataset.id; mark(); }
  });
  const current = () => $("header.case") ?? (here ? rowOf(here) : null);

  const keys = {
    j: () => (page === "page-story" ? $("[data-after]")?.click() : walk(1)),
    k: () => (page === "page-story" ? $("[data-before]")?.click() : walk(-1)),
    o: () => $("th a", current() ?? document.createElement("p"))?.click(),
    q: () => { const back = $("[data-back]"); if (back) back.click(); else location.assign("/"); },
    "/": () => { const search = $("#filters [name=customer]"); search?.focus(); search?.select(); },
    "?": () => $("#help").showModal(),
    a: () => ask("acknowledged"),
    c: () => ask("contacted"),
    s: () => ask("snooze"),
    x: () => ask("closed"),
    u: () => { const last = [...underWay.values()].pop(); if (last) undo(last.action_id, last.alert_id); },
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "Escape" && event.target.closest?.("#filters")) { event.preventDefault(); event.target.blur(); return; } // what was sought stays
    if (event.target.closest?.("input, select, textarea, dialog[open]")) return;
    const act = keys[event.key];
    if (act) { event.preventDefault(); act(); }
  });

  // ---- Acting

  const DAY = 86_400_000;
  const underWay = new Map();
  const said = {
    acknowledged: "Acknowledged", contacted: "Contacted", snooze: "Snoozed", closed: "Closed",
  };
  const dialog = $("#act");
  function dayIn(days) {
    return new Date(Number(meta.dataset.now) + days * DAY).toISOString().slice(0, 10);
  }
  function ask(what) {
    const of = current();
    if (!of || !dialog) return;
    if (what === "contacted" && of.dataset.quiet) {
      change("quiet", "Call nobody: the customer asked not to be contacted.", true, 5000);
      return;
    }
    const form = $("form", dialog);
    dialog.alert = { alert_id: of.dataset.id, seen: of.dataset.seen, customer: of.dataset.customer };
    if (what === "acknowledged") { act({ ...dialog.alert, do: what, role: role() }); return; }
    $("h2", dialog).textContent = { contacted: "Contacted", snooze: "Snooze", closed: "Close" }[what];
    $(".who bdi", dialog).textContent = $("bdi", of).textContent;
    form.elements.do.value = what;
    form.elements.role.value = role();
    for (const part of $$("[data-for]", dialog)) {
      const is = part.dataset.for === what;
      part.hidden = !is;
      for (const field of $$("input, select, button", part)) field.disabled = !is;
    }
    if (what === "snooze") form.elements.until.value = dayIn(7);
    dialog.showModal();
  }
  const role = () => kept("role", "retention desk");
  dialog?.addEventListener("submit", (event) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(event.target));
    keep("role", given.role);
    dialog.close();
    act({ ...dialog.alert, ...given });
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.matches("form.act")) {
      event.preventDefault();
      const head = $("header.case");
      document.activeElement?.blur();
      act({ ...Object.fromEntries(new FormData(form)), customer: head.dataset.customer, role: role() });
    } else if (form.matches("form.undo")) {
      event.preventDefault();
      document.activeElement?.blur();
      undo(form.elements.action_id.value, form.elements.alert_id.value);
    }
  });

  async function post(path, fields) {
    const body = new URLSearchParams({ ...fields, csrf });
    const answer = await fetch(path, { method: "POST", body, headers: { Accept: "application/json" }, credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE) });
    let told = {};
    try { told = await answer.json(); } catch { /* it said nothing */ }
    return { status: answer.status, told };
  }
  async function act(wish) {
    const { customer, csrf: _of, back: _back, ...fields } = wish;
    fields.action_id = newId();
    settle();
    const one = { ...fields, customer, words: said[fields.do], at: Date.now() };
    remember(one);
    rowOf(fields.alert_id)?.classList.add("held"); // at once; the server says the rest
    count(tell(one), Number(meta.dataset.undo));
    await send(one);
  }
  const tell = (one) =>
    show(one.action_id, `${one.words}: ${short(one.customer)}`, "Undo", () => undo(one.action_id, one.alert_id));
  async function posted(path, fields) {
    let answer;
    try { answer = await post(path, fields); } catch { return { status: 0, told: {} }; }
    if (answer.status !== 403) return answer;
    await refresh(); // the secret of a desk that was restarted
    try { return await post(path, fields); } catch { return { status: 0, told: {} }; }
  }
  const silent = (answer) => answer.status === 0 || answer.status >= 500;
  async function send(one) {
    const { customer, words, at, undone, kept: _kept, ...fields } = one;
    const answer = await posted("/act", fields);
    if (one.undone || answer.status === 202) return; // undone meanwhile: `undo` goes on
    if (answer.status === 200) { acted({ id: one.action_id, phase: answer.told.phase }); return; }
    if (silent(answer)) {
      change(one.action_id, `Not sent yet: ${answer.told.error ?? "the desk does not answer"}. ${words}: ${short(customer)}`, true);
      setTimeout(() => { if (underWay.has(one.action_id) && !one.undone) send(one); }, 3000);
      return;
    }
    forget(one.action_id);
    if (answer.status === 409) {
      change(one.action_id, `${short(customer)} has changed since you looked: ${answer.told.now}. Nothing was done; look again.`, true, 15000);
    } else {
      change(one.action_id, `Nothing was done: ${answer.told.error ?? answer.status}`, true, 15000);
    }
    refresh();
  }
  async function undo(id, alert) {
    const one = underWay.get(id);
    settle();
    if (one) { one.undone = true; remember(one); } // it is not sent again, whatever comes
    const answer = await posted("/undo", { action_id: id, alert_id: alert });
    if (silent(answer)) {
      change(id, `Not undone yet: ${answer.told.error ?? "the desk does not answer"}.`, true);
      setTimeout(() => undo(id, alert), 3000);
      return;
    }
    forget(id);
    if (answer.status === 200) change(id, one ? `Undone: ${short(one.customer)}` : "Undone", false, 3000);
    else if (answer.status === 409) change(id, "Too late: it is written already.", true, 8000);
    else change(id, `Not undone: ${answer.told.error ?? answer.status}`, true, 15000);
    refresh();
  }
  function acted(told) {
    const one = underWay.get(told.id);
    if (!one) return;
    if (told.phase === "written") { forget(told.id); change(told.id, `${one.words}: ${short(one.customer)}, written.`, false, 2500); }
    else if (told.phase === "undone") { forget(told.id); change(told.id, `Undone: ${short(one.customer)}`, false, 2500); }
    else if (told.phase === "late") change(told.id, `Kafka does not take it yet; it is tried again. ${one.words}: ${short(one.customer)}`, true);
  }
  function remember(one) {
    underWay.set(one.action_id, one);
    one.kept = true;
    one.kept = keep(`way.${one.action_id}`, one);
  }
  function forget(id) { underWay.delete(id); drop(`way.${id}`); }
  function letGo(id) { forget(id); toastOf(id)?.remove(); }
  // What another tab did about an action counts here: there it may have been undone, or seen written.
  function heed(id, now) {
    const one = underWay.get(id);
    if (one && now) Object.assign(one, now);
    else if (one?.kept) letGo(id);
  }
  addEventListener("storage", (event) => {
    if (event.key?.startsWith("desk.way.")) heed(event.key.slice(9), JSON.parse(event.newValue));
  });
  // What this browser has not seen written, of tabs that were closed as well: an id that is known changes nothing.
  function sendAgain() {
    const before = names().filter((name) => name.startsWith("way.")).map((name) => ({ ...kept(name, {}), action_id: name.slice(4) }));
    for (const id of underWay.keys()) heed(id, before.find((one) => one.action_id === id)); // who slept was not told
    for (const one of before.sort((a, b) => a.at - b.at)) if (!underWay.has(one.action_id)) underWay.set(one.action_id, one);
    for (const one of [...underWay.values()]) {
      if (!(one.at > Date.now() - DAY)) { letGo(one.action_id); continue; }
      if (!toastOf(one.action_id)) tell(one);
      if (one.undone) undo(one.action_id, one.alert_id); else send(one);
    }
  }
  const short = (text) => (text.length > 40 ? `${text.slice(0, 39)}…` : text);

  // ---- Toasts

  function show(id, text, button, pressed) {
    const toast = document.createElement("div");
    toast.className = "toast";
    toast.dataset.action = id;
    const words = document.createElement("p");
    words.textContent = text;
    toast.append(words);
    if (button) {
      const press = document.createElement("button");
      press.type = "button";
      press.textContent = button;
      press.addEventListener("click", pressed);
      toast.append(press);
    }
    const all = $("#toasts");
    all.append(toast);
    while (all.children.length > 4) all.firstChild.remove();
    return toast;
  }
  function count(toast, seconds) {
    const press = $("button", toast);
    const end = performance.now() + seconds * 1000;
    const rest = document.createElement("span");
    rest.ariaHidden = "true"; // it would be read aloud each second
    press.ariaLabel = "Undo";
    press.append(rest);
    const tick = () => {
      const left = Math.ceil((end - performance.now()) / 1000);
      if (!toast.isConnected || !press.isConnected) return;
      if (left <= 0) { press.remove(); return; }
      rest.textContent = ` (${left})`;
      setTimeout(tick, 250);
    };
    tick();
  }
  const toastOf = (id) => $$(".toast").find((one) => one.dataset.action === id);
  function change(id, text, bad, ms) {
    const toast = toastOf(id) ?? show(id, text);
    toast.classList.toggle("bad", bad);
    $("p", toast).textContent = text;
    if (ms) { $("button", toast)?.remove(); setTimeout(() => toast.remove(), ms); }
  }

  sendAgain();
  showColumns();
  listen();
})();
