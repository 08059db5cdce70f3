// The chat page: a client of the same API that everybody uses. Model text only ever reaches the page as text nodes.

const $ = id => document.getElementById(id);
const scroller = $("scroller"), list = $("messages"), prompt = $("prompt"), notice = $("notice");

const defaults = { system: "", temperature: "1", topP: "1", maxTokens: "", theme: "system", model: "" };
const settings = { ...defaults, ...readStored() };
const conversation = []; // { role, content }
let running = null; // AbortController of the answer that is being written

function readStored() {
  try {
    return JSON.parse(localStorage.getItem("fathom.settings") ?? "{}");
  } catch {
    return {};
  }
}

function store() {
  localStorage.setItem("fathom.settings", JSON.stringify(settings));
}

// ---- API ----

function headers() {
  const key = sessionStorage.getItem("fathom.key");
  return { "Content-Type": "application/json", ...(key ? { Authorization: `Bearer ${key}` } : {}) };
}

async function failure(response) {
  let message = `The server answered with status ${response.status}.`;
  try {
    message = (await response.json()).error.message ?? message;
  } catch {
    // Not our envelope: the status says it.
  }
  return Object.assign(new Error(message), { status: response.status });
}

async function loadModels() {
  const response = await fetch("v1/models", { headers: headers() });
  if (!response.ok) throw await failure(response);
  const { data } = await response.json();
  const picker = $("model");
  picker.replaceChildren(...data.map(model => new Option(model.id, model.id)));
  if (data.some(model => model.id === settings.model)) picker.value = settings.model;
  picker.disabled = data.length < 2;
}

function number(text) {
  const value = Number(text);
  return text !== "" && Number.isFinite(value) ? value : undefined;
}

/** Yields the data of each server-sent event. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let pending = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      pending += value;
      for (let end; (end = pending.indexOf("\n\n")) >= 0; pending = pending.slice(end + 2)) {
        const event = pending.slice(0, end);
        if (event.startsWith("data: ")) yield event.slice(6);
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

async function* complete(messages, signal) {
  const response = await fetch("v1/chat/completions", {
    method: "POST",
    headers: headers(),
    signal,
    body: JSON.stringify({
      model: $("model").value || undefined,
      messages,
      stream: true,
      stream_options: { include_usage: true },
      temperature: number(settings.temperature),
      top_p: number(settings.topP),
      max_completion_tokens: number(settings.maxTokens),
    }),
  });
  if (!response.ok) throw await failure(response);
  for await (const data of events(response.body)) {
    if (data === "[DONE]") return;
    const chunk = JSON.parse(data);
    if (chunk.error) throw new Error(chunk.error.message);
    yield chunk;
  }
  throw new Error("The connection ended before the answer did.");
}

// ---- Text ----

/** Paragraphs, fenced code and inline code; everything else stays as the model wrote it. */
function render(text) {
  const nodes = [];
  text.split(/^```/m).forEach((part, index) => {
    if (index % 2 === 1) {
      const code = document.createElement("code");
      const lineEnd = part.indexOf("\n");
      code.textContent = lineEnd < 0 ? part : part.slice(lineEnd + 1).replace(/\n$/, "");
      const block = document.createElement("pre");
      block.tabIndex = 0;
      block.append(code);
      nodes.push(block);
      return;
    }
    for (const paragraph of part.split(/\n{2,}/)) {
      if (paragraph.trim() === "") continue;
      const block = document.createElement("p");
      paragraph.replace(/^\n+|\n+$/g, "").split(/(`[^`\n]+`)/).forEach(piece => {
        if (piece.length > 2 && piece.startsWith("`") && piece.endsWith("`")) {
          const code = document.createElement("code");
          code.textContent = piece.slice(1, -1);
          block.append(code);
        } else {
          block.append(piece);
        }
      });
      nodes.push(block);
    }
  });
  return nodes;
}

function show(message) {
  notice.textContent = message ?? "";
  notice.hidden = !message;
}

function addMessage(role) {
  $("welcome").hidden = true;
  const item = document.createElement("li");
  item.className = `message ${role}`;
  item.ariaLabel = role === "user" ? "You" : "Model";
  const body = document.createElement("div");
  body.className = "body";
  item.append(body);
  list.append(item);
  return { item, body };
}

function action(label, run) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = label;
  button.addEventListener("click", run);
  return button;
}

function atBottom() {
  return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
}

function toBottom() {
  scroller.scrollTop = scroller.scrollHeight;
}

// ---- Turns ----

function setRunning(controller) {
  running = controller;
  $("stop").hidden = !controller;
  $("send").hidden = !!controller;
  updateSend();
}

function updateSend() {
  $("send").disabled = prompt.value.trim() === "";
}

async function answer() {
  list.querySelectorAll(".regenerate").forEach(button => button.remove());
  show();
  const controller = new AbortController();
  setRunning(controller);
  const { item, body } = addMessage("assistant");
  item.classList.add("writing");
  toBottom();

  const messages = settings.system.trim() ? [{ role: "system", content: settings.system }, ...conversation] : [...conversation];
  const started = performance.now();
  let text = "", usage, reason, stale = false;
  const paint = () => {
    stale = false;
    const follow = atBottom();
    body.replaceChildren(...render(text));
    if (follow) toBottom();
  };

  try {
    for await (const chunk of complete(messages, controller.signal)) {
      usage = chunk.usage ?? usage;
      reason = chunk.choices[0]?.finish_reason ?? reason;
      text += chunk.choices[0]?.delta?.content ?? "";
      if (!stale) {
        // One repaint a frame, however fast tokens come.
        stale = true;
        requestAnimationFrame(paint);
      }
    }
  } catch (error) {
    if (controller.signal.aborted) {
      reason = "stopped";
    } else {
      reason = "failed";
      show(error.message);
      if (error.status === 401) openSettings("api-key");
    }
  }

  setRunning(null);
  if (!item.isConnected) return; // A new chat began meanwhile.
  const follow = atBottom();
  paint();
  item.classList.remove("writing");
  if (text === "" && reason === "failed") {
    item.remove();
    takeBack();
  } else {
    conversation.push({ role: "assistant", content: text });
    item.append(meta(usage, reason, (performance.now() - started) / 1000, text));
  }
  if (follow) toBottom();
}

function meta(usage, reason, seconds, text) {
  const line = document.createElement("div");
  line.className = "meta";
  line.append(action("Copy", async event => {
    await navigator.clipboard?.writeText(text);
    event.target.textContent = "Copied";
  }), regenerateButton());
  const facts = [];
  if (usage) facts.push(`${usage.completion_tokens} tokens`, `${(usage.completion_tokens / seconds).toFixed(1)} tokens/s`);
  if (reason === "length") facts.push("cut at the token limit");
  if (reason === "stopped") facts.push("stopped");
  if (reason === "failed") facts.push("broken off");
  if (facts.length) line.append(Object.assign(document.createElement("span"), { textContent: facts.join(" · ") }));
  return line;
}

/** Puts the last message back into the composer: a message that was refused would only be refused again in every later turn. */
function takeBack() {
  const { content } = conversation.pop();
  list.lastElementChild.remove();
  $("welcome").hidden = list.childElementCount > 0;
  prompt.value = prompt.value === "" ? content : `${content}\n${prompt.value}`;
  fitPrompt();
}

function regenerateButton() {
  const button = action("Regenerate", () => {
    if (running) return;
    if (conversation.at(-1)?.role === "assistant") {
      conversation.pop();
      list.lastElementChild.remove();
    }
    answer();
  });
  button.classList.add("regenerate");
  return button;
}

function send() {
  const text = prompt.value.trim();
  if (!text || running) return;
  conversation.push({ role: "user", content: text });
  addMessage("user").body.textContent = text;
  prompt.value = "";
  fitPrompt();
  answer();
}

function clear() {
  running?.abort();
  conversation.length = 0;
  list.replaceChildren();
  $("welcome").hidden = false;
  show();
  prompt.focus();
}

function fitPrompt() {
  prompt.style.height = "auto";
  prompt.style.height = `${prompt.scrollHeight}px`;
  updateSend();
}

// ---- Settings ----

const fields = { system: "system-prompt", temperature: "temperature", topP: "top-p", maxTokens: "max-tokens", theme: "theme" };

function applyTheme() {
  if (settings.theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = settings.theme;
}

function fillSettings() {
  for (const [name, id] of Object.entries(fields)) $(id).value = settings[name];
  $("api-key").value = sessionStorage.getItem("fathom.key") ?? "";
}

function openSettings(focus) {
  fillSettings();
  if (!$("settings").open) $("settings").showModal();
  if (focus) $(focus).focus();
}

for (const [name, id] of Object.entries(fields)) {
  $(id).addEventListener("change", event => {
    if (!event.target.checkValidity()) return event.target.reportValidity();
    settings[name] = event.target.value;
    store();
    applyTheme();
  });
}

$("api-key").addEventListener("change", event => sessionStorage.setItem("fathom.key", event.target.value.trim()));
$("model").addEventListener("change", event => {
  settings.model = event.target.value;
  store();
});
$("reset-settings").addEventListener("click", () => {
  Object.assign(settings, defaults, { model: settings.model });
  store();
  applyTheme();
  fillSettings();
});
$("open-settings").addEventListener("click", () => openSettings());
$("settings").addEventListener("close", () => {
  prompt.focus();
  if ($("model").options.length === 0) start();
});
$("new-chat").addEventListener("click", clear);
$("stop").addEventListener("click", () => running?.abort());
$("composer").addEventListener("submit", event => {
  event.preventDefault();
  send();
});
prompt.addEventListener("input", fitPrompt);
prompt.addEventListener("keydown", event => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    send();
  }
});
document.addEventListener("keydown", event => {
  if (event.key === "Escape" && !$("settings").open) running?.abort();
});

async function start() {
  try {
    await loadModels();
    show();
  } catch (error) {
    show(error.message);
    if (error.status === 401) openSettings("api-key");
  }
}

applyTheme();
fitPrompt();
prompt.focus();
start();
