// Turns every picture of a backward pass on this page into a player.
for (const root of document.querySelectorAll(".autodiff-steps:not([data-ready])")) {
  root.dataset.ready = "";
  const shownFrom = Object.entries(JSON.parse(root.dataset.shownFrom));
  const words = JSON.parse(root.dataset.words);
  const captions = [...root.querySelectorAll("li")];
  const last = captions.length - 1;
  let step = 0;
  let timer = null;

  const list = root.querySelector("ol");
  list.ariaLive = "polite";
  const picture = document.createElement("div");
  picture.className = "picture";
  picture.tabIndex = 0;
  picture.role = "group";
  picture.ariaLabel = words.picture;
  const address = root.querySelector("img").src;
  picture.innerHTML = decodeURIComponent(address.slice(address.indexOf(",") + 1));
  // A head where the arrow begins, and a line in place of the head in which it ends.
  const marker = (id, d) => `<marker id="${id}" orient="auto" markerUnits="userSpaceOnUse"
    markerWidth="12" markerHeight="10" viewBox="-3 -5 12 10"><path d="${d}"/></marker>`;
  picture.firstElementChild.insertAdjacentHTML("beforeend",
    marker("autodiff-back", "M-2,0L8,-4.5V4.5Z") + marker("autodiff-on", "M-1,-1.25H7V1.25H-1Z"));
  const controls = document.createElement("div");
  controls.role = "group";
  controls.ariaLabel = words.controls;
  root.querySelector("details").replaceWith(controls, list, picture);

  function button(name, act) {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = words[name];
    made.onclick = act;
    controls.append(made);
    return made;
  }

  function show(number) {
    step = Math.min(Math.max(number, 0), last);
    captions.forEach((caption, k) => { caption.hidden = k !== step; });
    for (const [id, from] of shownFrom) {
      const element = picture.querySelector(`[id="${id}"]`);
      element.classList.toggle("later", from > step);
      element.classList.toggle("now", from === step);
    }
    bring(picture.querySelector("ellipse.now") ?? picture.querySelector("text.now"));
    previous.disabled = step === 0;
    next.disabled = step === last;
    if (step === last) stop();
  }

  // Scrolls the picture, and never the page, until the operation at work is in its middle.
  function bring(element) {
    if (!element) return;
    const [at, all] = [element, picture].map((each) => each.getBoundingClientRect());
    picture.scrollLeft += at.x + at.width / 2 - all.x - all.width / 2;
    picture.scrollTop += at.y + at.height / 2 - all.y - all.height / 2;
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = words.play;
  }

  const previous = button("previous", () => { stop(); show(step - 1); });
  const next = button("next", () => { stop(); show(step + 1); });
  const play = button("play", () => {
    if (timer !== null) return stop();
    show(step === last ? 0 : step + 1);
    play.textContent = words.pause;
    timer = setInterval(() => show(step + 1), 1500);
  });
  show(0);
}
