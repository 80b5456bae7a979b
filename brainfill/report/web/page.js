// The slider moves the border between before and after in every plane.
for (const slider of document.querySelectorAll("input[data-cuts]")) {
  const cuts = document.querySelectorAll(`#${slider.dataset.cuts} svg`);
  slider.oninput = () => {
    for (const svg of cuts) {
      const width = svg.viewBox.baseVal.width, at = width * slider.value / 100;
      const shown = svg.querySelector("clipPath rect"), line = svg.querySelector(".cut");
      shown.setAttribute("x", at);
      shown.setAttribute("width", width - at);
      line.setAttribute("x1", at);
      line.setAttribute("x2", at);
    }
    slider.setAttribute("aria-valuetext", `${slider.value} % ${slider.dataset.left}`);
  };
  slider.oninput(); // a browser may remember where it stood
}
