// What is known: the study, the rater, the answers so far; kept in the browser, and written into a file.

const $ = (id) => document.getElementById(id);
const study = JSON.parse($("data").textContent);
const forced = study.form === "forced";
const last = study.questions.length - 1;
const SURE = ["", "Guess", "Likely", "Sure"];
const shelf = `brainfill-study/${study.study}/`;

// Browsers may refuse to store anything; the study works without, and says so.
const store = {
  get(name) {
    try { return localStorage.getItem(shelf + name); } catch { return null; }
  },
  set(name, value) {
    try { localStorage.setItem(shelf + name, value); return true; } catch { return false; }
  },
};

const fresh = () => ({ at: 0, answers: {}, seconds: {} });
let rater = "";
let state = fresh();
let shown = 0; // lesion in view
let since = null; // when the question in view was last seen to begin

const question = () => study.questions[state.at];
const answer = () => state.answers[question().id];
const answered = () => study.questions.filter((q) => state.answers[q.id]).length;
const choices = () => (forced ? question().lesions.length : 2);
const say = (words) => { $("said").textContent = words; };

function countTime() {
  if (since === null) return;
  const id = question().id;
  state.seconds[id] = (state.seconds[id] || 0) + (performance.now() - since) / 1000;
  since = performance.now();
}

function keep() {
  countTime();
  store.set(`rater/${rater}`, JSON.stringify(state));
}

function known(name) {
  try { return JSON.parse(store.get(`rater/${name}`)); } catch { return null; }
}

function begin(name) {
  rater = name;
  state = { ...fresh(), ...known(name) };
  store.set("last", rater);
  go(Math.min(state.at, last));
}

function answersFile() {
  const answers = {};
  for (const { id } of study.questions) {
    const given = state.answers[id];
    if (given) answers[id] = { ...given, seconds: Math.round(10 * (state.seconds[id] || 0)) / 10 };
  }
  return {
    study: study.study,
    key_sha256: study.key_sha256,
    form: study.form,
    rater,
    saved: new Date().toISOString(),
    answers,
  };
}
