// Sorting by the column that is pressed; those that stand out alone.
const table = document.querySelector("table.people");
const rows = [...table.tBodies[0].rows];

function compare(a, b) {
  if (a === "" || b === "") return (a === "") - (b === "");
  return isNaN(a) || isNaN(b) ? a.localeCompare(b, "en", { numeric: true }) : a - b;
}

function sort(head) {
  const up = head.getAttribute("aria-sort") !== "ascending";
  for (const other of table.querySelectorAll("th")) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  const value = row => row.cells[head.cellIndex].dataset.value;
  const known = row => value(row) !== "";
  rows.sort((a, b) => (known(a) && known(b) && !up ? -1 : 1) * compare(value(a), value(b)));
  table.tBodies[0].append(...rows);
}

for (const button of table.querySelectorAll("th button")) {
  button.onclick = () => sort(button.closest("th"));
}

document.getElementById("only").onchange = event => {
  for (const row of rows) row.hidden = event.target.checked && !("odd" in row.dataset);
  document.getElementById("shown").textContent = `${rows.filter(r => !r.hidden).length} people shown`;
};
