// What is seen: cases, lesions, and how they are displayed.

function drawView(view, alt) {
  const figure = $("view").content.firstElementChild.cloneNode(true);
  const img = figure.querySelector("img");
  img.src = `data:image/png;base64,${view.png}`;
  img.alt = alt;
  figure.querySelector("svg").setAttribute("viewBox", `0 0 ${study.pixels} ${study.pixels}`);
  for (const path of figure.querySelectorAll("path")) path.setAttribute("d", view.path);
  ["left", "right", "top", "bottom"].forEach((edge, i) => {
    figure.querySelector(`.${edge}`).textContent = study.edges[view.plane][i];
  });
  figure.style.setProperty("--cm", `${1000 / study.crop_mm}%`);
  figure.querySelector("figcaption").textContent = `${view.contrast} ${view.plane}`;
  return figure;
}

function drawQuestion() {
  const lesions = question().lesions;
  const panels = lesions.map((views, i) => {
    const panel = document.createElement("div");
    const contrasts = new Set(views.map((v) => v.contrast)).size;
    panel.className = "lesion";
    panel.dataset.contrasts = contrasts;
    panel.style.setProperty("--contrasts", contrasts);
    const name = forced ? `Lesion ${i + 1}` : "Lesion";
    panel.append(...views.map((v) => drawView(v, `${name}, ${v.contrast}, ${v.plane} plane`)));
    return panel;
  });
  $("views").replaceChildren(...panels);
  $("lesions").replaceChildren(...(forced ? lesions.map(drawTab) : []));
}

function drawTab(views, i) {
  const tab = document.createElement("button");
  tab.setAttribute("role", "tab");
  tab.setAttribute("aria-controls", "views");
  const img = document.createElement("img");
  // The last contrast is FLAIR where there is one, in which lesions are plain to see.
  const axial = views.filter((v) => v.plane === "axial").at(-1);
  img.src = `data:image/png;base64,${axial.png}`;
  img.alt = "";
  const number = document.createElement("b");
  number.textContent = i + 1;
  tab.append(img, number);
  tab.onclick = () => look(i);
  return tab;
}

function update() {
  const given = answer();
  $("title").textContent = `Case ${state.at + 1} of ${last + 1}`;
  $("progress").max = last + 1;
  $("progress").value = answered();
  $("previous").disabled = state.at === 0;
  [...$("views").children].forEach((panel, i) => { panel.hidden = i !== shown; });
  [...$("lesions").children].forEach((tab, i) => {
    const chosen = given?.choice === i + 1;
    tab.setAttribute("aria-selected", i === shown);
    tab.setAttribute("aria-label", `Lesion ${i + 1}${chosen ? ", chosen" : ""}`);
    tab.classList.toggle("chosen", chosen);
    tab.tabIndex = i === shown ? 0 : -1;
    if (i !== shown) return;
    tab.scrollIntoView({ block: "nearest", inline: "nearest" });
    if ($("lesions").contains(document.activeElement)) tab.focus();
  });
  for (const button of document.querySelectorAll("[data-choice]")) {
    button.setAttribute("aria-pressed", given?.choice === Number(button.dataset.choice));
  }
  for (const button of document.querySelectorAll("[data-sure]")) {
    button.setAttribute("aria-pressed", given?.confidence === Number(button.dataset.sure));
    button.disabled = !given;
  }
  const goes = state.at === last ? "Finish" : "Next case";
  $("main").innerHTML = "<span></span> <kbd>Enter</kbd>";
  $("main").firstChild.textContent = chooses() ? `Choose lesion ${shown + 1}` : goes;
  $("main").disabled = !chooses() && !given;
}

function showEnd() {
  const open = study.questions.length - answered();
  $("title").textContent = "Reader study";
  $("summary").textContent = open
    ? `${answered()} of ${last + 1} answered; ${open} still open.`
    : `All ${last + 1} answered. Thank you!`;
  $("cases").replaceChildren(...study.questions.map(({ id }, i) => {
    const button = document.createElement("button");
    const done = Boolean(state.answers[id]);
    button.textContent = i + 1;
    button.classList.toggle("done", done);
    button.setAttribute("aria-label", `Case ${i + 1}, ${done ? "answered" : "open"}`);
    button.onclick = () => go(i);
    return button;
  }));
  $("save").textContent = open ? "Save answers so far" : "Save answers";
  $("saved").textContent = "";
  $("text").value = JSON.stringify(answersFile(), null, 1);
  stage("end");
  $("title").focus();
}

function save() {
  const text = JSON.stringify(answersFile(), null, 1);
  const link = document.createElement("a");
  const name = rater.replace(/[^\p{L}\p{N}]+/gu, "-");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = `answers_${study.study}_${name}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  $("text").value = text;
  $("saved").textContent = `Saved as ${link.download}. Please send this file back.`;
}

// ---- display

function display() {
  const filter = `brightness(${$("brightness").value}) contrast(${$("contrast").value})`;
  document.documentElement.style.setProperty("--display", filter);
  $("views").classList.toggle("bare", !$("outline").checked);
}

function toggleOutline() {
  $("outline").checked = !$("outline").checked;
  display();
  say(`Outline ${$("outline").checked ? "on" : "off"}`);
}

function toggleZoom() {
  const near = $("views").classList.toggle("near");
  say(near ? "Enlarged twice" : "Usual size");
}

function toggleTheme() {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  root.dataset.theme = (root.dataset.theme || system) === "dark" ? "light" : "dark";
  store.set("theme", root.dataset.theme);
}
