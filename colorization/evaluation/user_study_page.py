"""The page of a user study: one HTML file without any outside resource. ``__STUDY__`` is replaced by its JSON."""

PAGE = r"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>Photographs: which one?</title>
<style>
:root { color-scheme: dark; }
* { box-sizing: border-box; }
body { margin: 0; padding: 0.75rem; background: #1c1c1c; color: #eee; font: 1rem/1.4 system-ui, sans-serif; }
main { max-width: 75rem; margin: auto; }
h1 { font-size: 1.25rem; margin: 0 0 0.5rem; }
progress { width: 100%; }
#pair { display: grid; grid-template-columns: 1fr 1fr; gap: 0.75rem; margin: 0.75rem 0; }
button { font: inherit; color: inherit; background: #333; border: 2px solid #777; border-radius: 0.4rem;
  padding: 0.5rem 0.9rem; min-height: 2.75rem; cursor: pointer; }
button:hover { border-color: #ccc; }
button:focus-visible { outline: 3px solid #6cf; outline-offset: 2px; }
button:disabled { opacity: 0.5; cursor: default; }
.choice { display: flex; flex-direction: column; align-items: center; gap: 0.4rem; width: 100%; }
.choice img, #gray { max-width: 100%; max-height: 62vh; object-fit: contain; }
#gray { display: block; margin: 0.5rem auto; max-height: 22vh; }
.row { display: flex; flex-wrap: wrap; gap: 0.6rem; }
[hidden] { display: none !important; }
@media (max-width: 40rem) {
  #pair { grid-template-columns: 1fr; }
  .choice img { max-height: 36vh; }
  #gray { max-height: 16vh; }
}
</style>
</head>
<body>
<main>
<h1 id="question" tabindex="-1"></h1>
<p id="status" role="status" aria-live="polite"></p>
<progress id="progress" value="0" max="1" aria-label="pairs done"></progress>
<section id="trial" aria-labelledby="question">
  <img id="gray" alt="The gray photograph" hidden>
  <div id="pair">
    <button class="choice" id="a" type="button" aria-keyshortcuts="A 1 ArrowLeft"><img alt="Picture A"><span>A</span></button>
    <button class="choice" id="b" type="button" aria-keyshortcuts="B 2 ArrowRight"><img alt="Picture B"><span>B</span></button>
  </div>
  <p>Keys: A, 1 or &larr; for A; B, 2 or &rarr; for B; Backspace takes the last choice back.</p>
</section>
<section id="end" hidden>
  <p id="score"></p>
</section>
<div class="row">
  <button id="back" type="button" aria-keyshortcuts="Backspace">Take back</button>
  <button id="finish" type="button">Finish now</button>
  <button id="download" type="button">Download the choices</button>
  <button id="restart" type="button">Start again</button>
</div>
<p id="note" role="alert"></p>
<noscript>This page needs JavaScript.</noscript>
</main>
<script id="study" type="application/json">__STUDY__</script>
<script>
"use strict";
const study = JSON.parse(document.getElementById("study").textContent);
const key = "rechroma-study-" + study.id;
const at = (id) => document.getElementById(id);
let choices = [];
let finished = false;
let shownAt = 0;

// Wilson score interval at 95 %, the same as wilson_interval in Python
function wilson(successes, n) {
  if (n === 0) return [0, 1];
  const z = 1.959963984540054, p = successes / n, s = z * z / n;
  const middle = (p + s / 2) / (1 + s);
  const half = z / (1 + s) * Math.sqrt(p * (1 - p) / n + s / (4 * n));
  return [successes === 0 ? 0 : Math.max(0, middle - half), successes === n ? 1 : Math.min(1, middle + half)];
}

// one sentence, the same as StudyResult.sentence in Python
function sentence(kind, names, successes, n) {
  const [low, high] = wilson(successes, n);
  const percent = (x) => (100 * x).toFixed(1) + " %";
  const what = kind === "real" ? "fooled" : "preferred " + names[0] + " over " + names[1];
  if (n === 0) return "no choices yet";
  return what + ": " + percent(successes / n) + " (" + successes + " of " + n + "; 95 % interval " +
    percent(low) + " to " + percent(high) + ")";
}

// picked: "first" is the colorized picture, or the first method's; "second" is the real one, or the second method's
function choiceOf(trial, side, seconds) {
  return { photo: trial.photo, side: side, picked: side === trial.first ? "first" : "second", seconds: seconds };
}

function load() {
  try {
    const kept = JSON.parse(localStorage.getItem(key) || "[]");
    const fits = Array.isArray(kept) && kept.every((c, i) => study.trials[i] && c && c.photo === study.trials[i].photo);
    choices = fits ? kept : [];
  } catch (error) { choices = []; }
}

function save() {
  try {
    localStorage.setItem(key, JSON.stringify(choices));
    at("note").textContent = "";
  } catch (error) {
    at("note").textContent = "This browser does not keep the choices: download them before you close the page.";
  }
}

function show() {
  const done = choices.length, all = study.trials.length, over = finished || done >= all;
  at("progress").max = all;
  at("progress").value = done;
  at("trial").hidden = over;
  at("end").hidden = !over;
  at("finish").hidden = over;
  at("back").disabled = done === 0;
  at("download").disabled = done === 0;
  at("question").textContent = over ? "Thank you" : study.question;
  at("status").textContent = over ? done + " of " + all + " pairs done" : "Pair " + (done + 1) + " of " + all;
  if (over) {
    const hits = choices.filter((c) => c.picked === "first").length;
    at("score").textContent = sentence(study.kind, study.names, hits, done);
    return;
  }
  const trial = study.trials[done];
  at("a").querySelector("img").src = trial.a;
  at("b").querySelector("img").src = trial.b;
  at("gray").hidden = !trial.gray;
  if (trial.gray) at("gray").src = trial.gray;
  shownAt = Date.now();
}

function choose(side) {
  if (finished || choices.length >= study.trials.length) return;
  choices.push(choiceOf(study.trials[choices.length], side, (Date.now() - shownAt) / 1000));
  save();
  show();
  at("question").focus({ preventScroll: true });
  window.scrollTo(0, 0);
}

function takeBack() {
  if (finished) finished = false;
  else if (choices.length) choices.pop();
  save();
  show();
}

function download() {
  const answer = { study: study.id, kind: study.kind, names: study.names, choices: choices };
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(answer, null, 1)], { type: "application/json" }));
  link.download = "choices-" + study.id + ".json";
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// the second click of a double click would answer a pair that nobody has seen
for (const side of ["a", "b"]) at(side).addEventListener("click", (event) => { if (event.detail < 2) choose(side); });
at("back").addEventListener("click", takeBack);
at("finish").addEventListener("click", () => { finished = true; show(); at("question").focus(); });
at("download").addEventListener("click", download);
at("restart").addEventListener("click", () => {
  if (choices.length && !confirm("Forget all choices?")) return;
  choices = [];
  finished = false;
  save();
  show();
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const pressed = event.key.toLowerCase();
  const side = { a: "a", "1": "a", arrowleft: "a", b: "b", "2": "b", arrowright: "b" }[pressed];
  if (side) choose(side);
  else if (pressed === "backspace") takeBack();
  else return;
  event.preventDefault();
});
load();
show();
</script>
</body>
</html>
"""
