// What can be done: moving, choosing, keys; and the start.

function stage(name) {
  if (since !== null) keep();
  since = name === "question" ? performance.now() : null;
  document.body.dataset.stage = name;
  scrollTo(0, 0);
}

function go(index) {
  if (index < 0) return;
  if (since !== null) keep();
  since = null;
  if (index > last) return showEnd();
  state.at = index;
  keep();
  shown = forced && answer() ? answer().choice - 1 : 0;
  drawQuestion();
  stage("question");
  update();
  $("title").focus();
  say(`Case ${index + 1} of ${last + 1}`);
}

function look(index) {
  const n = question().lesions.length;
  shown = (index + n) % n;
  update();
  say(`Lesion ${shown + 1} of ${n}`);
}

function choose(choice) {
  state.answers[question().id] = { ...answer(), choice };
  keep();
  update();
  // Enter must go on now, whichever button had the focus.
  $("main").focus();
  say(forced ? `Lesion ${choice} chosen` : `${choice === 1 ? "Real" : "Synthetic"} chosen`);
}

function beSure(level) {
  if (!answer()) return say("Choose first, then say how sure you are");
  const { confidence, ...rest } = answer();
  state.answers[question().id] = level === confidence || !level ? rest : { ...rest, confidence: level };
  keep();
  update();
  say(answer().confidence ? SURE[answer().confidence] : "No word on how sure");
}

// Whether the button for going on chooses first.
const chooses = () => forced && answer()?.choice !== shown + 1;

function goOn() {
  if (chooses()) choose(shown + 1);
  else if (answer()) go(state.at + 1);
}

// ---- keys

const keys = {
  ArrowLeft: () => (forced ? look(shown - 1) : choose(1)),
  ArrowRight: () => (forced ? look(shown + 1) : choose(2)),
  Enter: goOn,
  o: toggleOutline,
  z: toggleZoom,
  c: () => beSure(((answer()?.confidence || 0) + 1) % 4),
  p: () => go(state.at - 1),
  n: () => go(state.at + 1),
  ...(forced ? {} : { r: () => choose(1), s: () => choose(2) }),
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || $("panel").open) return;
  if (event.target.closest("input, textarea")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (key === "?") {
    event.preventDefault();
    return $("panel").showModal();
  }
  if (document.body.dataset.stage !== "question") return;
  // A button that has the focus takes Enter itself; a lesion in focus is the one in view.
  if (key === "Enter" && (event.repeat || event.target.closest("button:not([role=tab], #main, [aria-pressed=true])"))) return;
  const number = /^[0-9]$/.test(key) ? Number(key) || 10 : null;
  if (!keys[key] && !(number && number <= choices())) return;
  event.preventDefault();
  if (!number) return keys[key]();
  if (forced) look(number - 1);
  choose(number);
}

// ---- start

function words(parent, texts, tag) {
  for (const text of texts) {
    const element = document.createElement(tag);
    element.textContent = text;
    parent.append(element);
  }
}

const listed = forced
  ? [["1 to 9, 0", "choose lesion 1 to 9, 10"], ["← →", "look at another lesion"],
     ["Enter", "choose the lesion shown; once more: next case"]]
  : [["1 or R, ←", "real"], ["2 or S, →", "synthetic"], ["Enter", "next case"]];
listed.push(["O", "outline on and off"], ["Z, or a tap", "enlarge, and back"], ["C", "how sure"], ["P, N", "previous, next case"]);
for (const [key, meaning] of listed) {
  words($("keys"), [key], "dt");
  words($("keys"), [meaning], "dd");
}
words($("task"), study.task, "p");
const side = study.convention === "radiological" ? "left" : "right";
const Convention = study.convention[0].toUpperCase() + study.convention.slice(1);
$("convention").textContent =
  `${Convention} convention: the right of the person is on the ${side} of the picture.`;
$("kept").textContent = store.set("works", "1")
  ? "What you answer is kept in this browser until you save it; you may pause and come back."
  : "This browser keeps nothing: please finish in one go, and save before you close the page.";
$("lesions").hidden = !forced;
$("judge").hidden = forced;
const theme = store.get("theme");
if (theme) document.documentElement.dataset.theme = theme;
$("rater").value = store.get("last") || "";
$("rater").oninput = () => {
  const before = known($("rater").value.trim());
  $("begin").querySelector("button").textContent = before ? "Continue" : "Start";
};

$("begin").onsubmit = (event) => {
  event.preventDefault();
  const name = $("rater").value.trim();
  if (name) begin(name);
};
$("main").onclick = goOn;
$("previous").onclick = () => go(state.at - 1);
$("next").onclick = () => go(state.at + 1);
$("list").onclick = () => go(last + 1);
$("help").onclick = () => $("panel").showModal();
$("close").onclick = () => $("panel").close();
$("theme").onclick = toggleTheme;
$("save").onclick = save;
$("views").onclick = toggleZoom;
$("usual").onclick = () => {
  $("views").classList.remove("near");
  $("brightness").value = $("contrast").value = 1;
  $("outline").checked = true;
  display();
};
for (const id of ["outline", "brightness", "contrast"]) $(id).oninput = display;
for (const button of document.querySelectorAll("[data-choice]")) {
  button.onclick = () => choose(Number(button.dataset.choice));
}
for (const button of document.querySelectorAll("[data-sure]")) {
  button.onclick = () => beSure(Number(button.dataset.sure));
}
addEventListener("keydown", onKey);
addEventListener("pagehide", () => { if (since !== null) keep(); });
document.addEventListener("visibilitychange", () => {
  if (document.body.dataset.stage !== "question") return;
  if (document.hidden) { keep(); since = null; } else since = performance.now();
});
display();
$("rater").oninput();
$("rater").focus();
